"""Vectors on disk: store, incremental indexing, queries, search."""

from mmembed.gallery.gallery import Gallery
from mmembed.gallery.items import Hit, IndexReport, Item, Query, Skipped, Term
from mmembed.gallery.store import SqliteStore, Store

__all__ = ["Gallery", "Hit", "IndexReport", "Item", "Query", "Skipped", "SqliteStore", "Store", "Term"]
