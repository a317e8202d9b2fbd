"""What somebody said about a hit: right or wrong. One mark a question and picture, in the store."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

_COLUMNS = "words, without, picture, fingerprint, is_right, marked"
ALL = f"SELECT {_COLUMNS} FROM marks ORDER BY marked, rowid"
OF_QUESTION = f"SELECT {_COLUMNS} FROM marks WHERE question = ? ORDER BY marked, rowid"
COUNTS = "SELECT is_right, count(*) FROM marks GROUP BY is_right"


@dataclass(frozen=True)
class Asked:
    """What was looked for.

    Attributes:
        words: as they were written.
        without: unwanted terms, as they were written.
        picture: fingerprint of the picture that was looked for, of the gallery or not; empty if there was none.
    """

    words: str = ""
    without: tuple[str, ...] = ()
    picture: str = ""

    @property
    def key(self) -> str:
        """The same for what counts as the same question: case, spaces and the order of unwanted terms do not matter."""
        return json.dumps([_plain(self.words), sorted(set(map(_plain, self.without))), self.picture], ensure_ascii=False)


@dataclass(frozen=True)
class Mark:
    """That a picture is a right or a wrong hit for a question, and when that was said (with time zone)."""

    asked: Asked
    fingerprint: str
    right: bool
    when: datetime


def add(db: sqlite3.Connection, mark: Mark) -> None:
    """Insert, in place of the picture's earlier mark for that question; inside the caller's transaction."""
    asked, when = mark.asked, mark.when.astimezone(timezone.utc).isoformat(timespec="seconds")
    without = json.dumps(asked.without, ensure_ascii=False)
    row = (asked.key, asked.words, without, asked.picture, mark.fingerprint, mark.right, when)
    db.execute(f"INSERT OR REPLACE INTO marks (question, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def from_row(row: Sequence[Any]) -> Mark:
    """A Mark from the columns that ALL and OF_QUESTION select."""
    words, without, picture, fingerprint, right, when = row
    return Mark(Asked(words, tuple(json.loads(without)), picture), fingerprint, bool(right), datetime.fromisoformat(when))


def _plain(words: str) -> str:
    return " ".join(unicodedata.normalize("NFC", words).casefold().split())
