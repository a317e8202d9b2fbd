"""Vectors on disk: store, incremental indexing, queries, search."""

from mmembed.gallery.gallery import Gallery
from mmembed.gallery.items import Filters, Hit, IndexReport, Item, Query, Skipped, Term
from mmembed.gallery.marks import Asked, Mark
from mmembed.gallery.sqlite import SqliteStore
from mmembed.gallery.store import Store

__all__ = ["Asked", "Filters", "Gallery", "Hit", "IndexReport", "Item", "Mark", "Query", "Skipped", "SqliteStore", "Store", "Term"]
