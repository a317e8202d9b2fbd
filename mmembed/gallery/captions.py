"""Captions in the store, findable by their words with FTS5."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from typing import Any

from mmembed.generate.base import Caption

_COLUMNS = "text, language, score, similarity, alternatives"
OF_ITEM = f"SELECT {_COLUMNS} FROM captions WHERE fingerprint = ? ORDER BY language"
BY_WORDS = (
    f"SELECT fingerprint, {_COLUMNS} FROM caption_words JOIN captions ON captions.id = caption_words.rowid "
    "WHERE caption_words MATCH ? ORDER BY rank, captions.id LIMIT ?"
)
FINGERPRINTS_BY_WORDS = (
    "SELECT fingerprint FROM caption_words JOIN captions ON captions.id = caption_words.rowid WHERE caption_words MATCH ?"
)
ITEMS_BY_WORDS = (
    "SELECT items.id FROM caption_words JOIN captions ON captions.id = caption_words.rowid JOIN items USING (fingerprint) "
    "WHERE caption_words MATCH ? ORDER BY rank, items.id LIMIT ?"
)
_COMMON = 0.2  # words in more than this share of the captions, such as "a", tell nothing apart
_FEW = 20  # captions of which no share means anything

# Scripts written without spaces: FTS5 would take a whole sentence for one word.
_UNSPACED = re.compile("([\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])")


def add(db: sqlite3.Connection, fingerprint: str, caption: Caption) -> None:
    """Insert, in place of the item's caption in the same language; inside the caller's transaction."""
    db.execute("DELETE FROM captions WHERE fingerprint = ? AND language = ?", (fingerprint, caption.language))
    alternatives = json.dumps(caption.alternatives, ensure_ascii=False)
    row = (fingerprint, caption.text, caption.language, caption.score, caption.similarity, alternatives)
    inserted = db.execute(f"INSERT INTO captions (fingerprint, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", row)
    db.execute("INSERT INTO caption_words (rowid, words) VALUES (?, ?)", (inserted.lastrowid, _spaced(caption.text)))


def from_row(row: Sequence[Any]) -> Caption:
    """A Caption from the columns that OF_ITEM and BY_WORDS select."""
    text, language, score, similarity, alternatives = row
    return Caption(text, language, score, similarity, tuple(json.loads(alternatives)))


def match_expression(words: str) -> str:
    """What FTS5 shall match: all the words, none of them taken for its operators. Empty if there is no word."""
    found = re.findall(r"\w+", words)
    return " ".join(f'"{_spaced(word).strip()}"' for word in found)


def telling_expression(db: sqlite3.Connection, words: str) -> str:
    """Like `match_expression`, without the words that are in very many captions."""
    total = db.execute("SELECT count(*) FROM captions").fetchone()[0]
    parts = [f'"{_spaced(word).strip()}"' for word in dict.fromkeys(re.findall(r"\w+", words))]
    if total > _FEW:
        count = "SELECT count(*) FROM caption_words WHERE caption_words MATCH ?"
        parts = [part for part in parts if db.execute(count, (part,)).fetchone()[0] <= _COMMON * total]
    return " ".join(parts) if total else ""


def _spaced(text: str) -> str:
    return _UNSPACED.sub(r" \1 ", text)
