"""The store in one SQLite file."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np

from mmembed.errors import GalleryError
from mmembed.gallery import captions, filtering, marks
from mmembed.gallery.database import Database
from mmembed.gallery.items import Filters, Item
from mmembed.gallery.marks import Asked, Mark
from mmembed.gallery.store import Changes, Content, Failure, HeldPath, NewPath, Root, Version
from mmembed.generate.base import Caption

_CHUNK = 500  # parameters in one statement; every SQLite allows 999
_REMOVED_AT_ONCE = 1000  # a removal of any size lets others write in between
_LOADED_AT_ONCE = 2000
_PART = 20_000  # vectors handed out at once

_ITEMS = "SELECT i.id, i.fingerprint, i.size, width, height, taken, path FROM items i JOIN paths p ON p.item = i.id "


class SqliteStore:
    """A folder with one SQLite file; other threads and processes may use the same folder. See `Store` for the methods."""

    def __init__(self, folder: Path, create: bool = True) -> None:
        """
        Raises:
            GalleryError: there is none and `create` is False; it cannot be made; or what is there is no gallery, or too new.
        """
        self.database = Database(folder, create)
        self._rows = self.database.rows

    @property
    def read_only(self) -> bool:
        return self.database.read_only

    def version(self) -> Version:
        return Version(*self._rows("SELECT version, removals FROM state")[0])

    def paths_below(self, roots: Sequence[str], space: str) -> dict[str, HeldPath]:
        held = (
            "SELECT path, size, mtime_ns, EXISTS (SELECT 1 FROM embeddings e WHERE e.item = paths.item AND e.space = "
            "(SELECT id FROM spaces WHERE identity = ?)) FROM paths "
        )
        found = {}
        for condition, parameters in _ranges(roots):
            for name, size, mtime_ns, embedded in self._rows(held + condition, (space, *parameters)):
                found[_to_name(name)] = HeldPath(size, mtime_ns, embedded)
        return found

    def has_path(self, path: Path) -> bool:
        return bool(self._rows("SELECT 1 FROM paths WHERE path = ?", (_from_name(os.fspath(path)),)))

    def embedded(self, space: str, fingerprints: Sequence[str]) -> set[str]:
        statement = (
            "SELECT fingerprint FROM items JOIN embeddings ON item = items.id JOIN spaces ON spaces.id = space "
            "WHERE identity = ? AND fingerprint IN ({marks})"
        )
        return {row[0] for row in self._rows_in(statement, fingerprints, space)}

    def spaces(self) -> dict[str, int]:
        return dict(
            self._rows("SELECT identity, count(*) FROM embeddings JOIN spaces ON spaces.id = space GROUP BY space ORDER BY identity")
        )

    def dims(self) -> dict[str, int]:
        return dict(
            self._rows("SELECT identity, dim FROM spaces WHERE EXISTS (SELECT 1 FROM embeddings WHERE space = id) ORDER BY identity")
        )

    def write(self, space: str, contents: Sequence[Content], paths: Sequence[NewPath]) -> set[str]:
        left_out = set()
        with self.database.writing() as db:
            db.execute("UPDATE state SET version = version + 1")
            for new in contents:
                taken = new.taken.isoformat() if new.taken else None
                db.execute(
                    "INSERT OR IGNORE INTO items (fingerprint, size, width, height, taken) VALUES (?, ?, ?, ?, ?)",
                    (new.fingerprint, new.size, new.width, new.height, taken),
                )
                vector = np.ascontiguousarray(new.vector, "<f4")
                db.execute("INSERT OR IGNORE INTO spaces (identity, dim) VALUES (?, ?)", (space, len(vector)))
                db.execute(
                    "INSERT OR IGNORE INTO embeddings SELECT items.id, spaces.id, version, ? FROM items, spaces, state "
                    "WHERE fingerprint = ? AND identity = ?",
                    (vector.tobytes(), new.fingerprint, space),
                )
            for held in paths:
                name = _from_name(held.name)
                db.execute("INSERT OR IGNORE INTO orphans SELECT item FROM paths WHERE path = ?", (name,))
                done = db.execute(
                    "INSERT OR REPLACE INTO paths SELECT ?, items.id, ?, ? FROM items JOIN embeddings ON item = items.id "
                    "JOIN spaces ON spaces.id = space WHERE identity = ? AND fingerprint = ?",
                    (name, held.size, held.mtime_ns, space, held.fingerprint),
                )
                if done.rowcount:
                    db.execute("DELETE FROM failures WHERE path = ?", (name,))
                else:
                    left_out.add(held.name)
        return left_out

    def remove(self, names: Sequence[str]) -> None:
        for start in range(0, len(names), _REMOVED_AT_ONCE):
            with self.database.writing() as db:
                some = [(_from_name(name),) for name in names[start : start + _REMOVED_AT_ONCE]]
                db.executemany("INSERT OR IGNORE INTO orphans SELECT item FROM paths WHERE path = ?", some)
                if db.executemany("DELETE FROM paths WHERE path = ?", some).rowcount:
                    db.execute("UPDATE state SET version = version + 1")
                _sweep(db)
        if self._rows("SELECT 1 FROM orphans LIMIT 1"):
            with self.database.writing() as db:
                _sweep(db)

    def remove_space(self, space: str) -> int:
        with self.database.writing() as db:
            count = int(db.execute("DELETE FROM embeddings WHERE space = (SELECT id FROM spaces WHERE identity = ?)", (space,)).rowcount)
            if count:
                db.execute("UPDATE state SET version = version + 1, removals = removals + 1")
        return count

    def write_failures(self, failures: Sequence[Failure]) -> None:
        with self.database.writing() as db:
            rows = [(_from_name(name), *rest) for name, *rest in failures]
            db.executemany("INSERT OR REPLACE INTO failures VALUES (?, ?, ?, ?, ?)", rows)

    def forget_failures(self, names: Sequence[str]) -> None:
        if names:
            with self.database.writing() as db:
                db.executemany("DELETE FROM failures WHERE path = ?", [(_from_name(name),) for name in names])

    def failures_below(self, roots: Sequence[str]) -> dict[str, Failure]:
        found = {}
        for condition, parameters in _ranges(roots):
            for name, *rest in self._rows(f"SELECT path, size, mtime_ns, reason, abilities FROM failures {condition}", parameters):
                found[_to_name(name)] = Failure(_to_name(name), *rest)
        return found

    def roots(self) -> list[Root]:
        rows = self._rows("SELECT path, hidden, exclude FROM roots ORDER BY path")
        return [Root(_to_name(name), bool(hidden), tuple(json.loads(exclude))) for name, hidden, exclude in rows]

    def drives(self) -> list[str]:
        return [_to_name(row[0]) for row in self._rows("SELECT path FROM drives ORDER BY path")]

    def remember(self, roots: Sequence[Root], drives: Sequence[str]) -> None:
        if set(roots) <= set(self.roots()) and set(drives) <= set(self.drives()):
            return
        with self.database.writing() as db:
            rows = [(_from_name(root.name), root.hidden, json.dumps(root.exclude)) for root in roots]
            db.executemany("INSERT OR REPLACE INTO roots VALUES (?, ?, ?)", rows)
            db.executemany("INSERT OR IGNORE INTO drives VALUES (?)", [(_from_name(drive),) for drive in drives])

    def forget(self, places: Sequence[str]) -> None:
        with self.database.writing() as db:
            for condition, parameters in _ranges(places):
                db.execute(f"DELETE FROM roots {condition}", parameters)
                db.execute(f"DELETE FROM drives {condition}", parameters)

    def items(self, fingerprints: Sequence[str] | None = None, count: int | None = None) -> list[Item]:
        if fingerprints is not None:
            rows = self._rows_in(_ITEMS + "WHERE i.fingerprint IN ({marks}) ORDER BY i.id, path", fingerprints)
        elif count is not None:
            first = "WHERE i.id IN (SELECT id FROM items WHERE EXISTS (SELECT 1 FROM paths WHERE item = id) ORDER BY id LIMIT ?) "
            rows = self._rows(_ITEMS + first + "ORDER BY i.id, path", (count,))
        else:
            rows = self._rows(_ITEMS + "ORDER BY i.id, path")
        return list(_to_items(rows).values())

    def items_by_id(self, ids: Sequence[int]) -> dict[int, Item]:
        return _to_items(self._rows_in(_ITEMS + "WHERE i.id IN ({marks}) ORDER BY i.id, path", [int(one) for one in ids]))

    def matching(self, filters: Filters) -> np.ndarray:
        statement, parameters = filtering.statement(filters, _ranges)
        return np.array([row[0] for row in self._rows(statement, parameters)], np.int64)

    def changes(self, space: str, dim: int, since: Version | None) -> Changes:
        with self.database.reading() as db:
            version = Version(*db.execute("SELECT version, removals FROM state").fetchone())
            found = db.execute("SELECT id FROM spaces WHERE identity = ? AND dim = ?", (space, dim)).fetchone()
            number, after = found[0] if found else -1, since.changes if since else -1
            condition = "WHERE space = ? AND revision > ?"
            count = db.execute(f"SELECT count(*) FROM embeddings {condition}", (number, after)).fetchone()[0]
            ids, vectors = _load(
                db.execute(f"SELECT item, vector FROM embeddings {condition} ORDER BY revision", (number, after)), count, dim
            )
            left = None
            if since and since.removals != version.removals:
                items = db.execute("SELECT item FROM embeddings WHERE space = ? ORDER BY item", (number,)).fetchall()
                left = np.array([row[0] for row in items], np.int64)
        return Changes(version, ids, vectors, left)

    def all_vectors(self, space: str, dim: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        of_space = "space = (SELECT id FROM spaces WHERE identity = ?)"
        statement = f"SELECT item, vector FROM embeddings WHERE {of_space} AND item > ? ORDER BY item LIMIT ?"
        last = -1
        while rows := self._rows(statement, (space, last, _PART)):
            last = rows[-1][0]
            yield _load(iter(rows), len(rows), dim)

    def has_vectors(self, space: str) -> bool:
        statement = "SELECT 1 FROM embeddings WHERE space = (SELECT id FROM spaces WHERE identity = ?) LIMIT 1"
        return bool(self._rows(statement, (space,)))

    def count_vectors(self, space: str) -> int:
        return int(self._rows("SELECT count(*) FROM embeddings WHERE space = (SELECT id FROM spaces WHERE identity = ?)", (space,))[0][0])

    def vectors_of(self, space: str, dim: int, ids: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        statement = "SELECT item, vector FROM embeddings WHERE space = (SELECT id FROM spaces WHERE identity = ?) AND item IN ({marks})"
        rows = self._rows_in(statement, [int(one) for one in ids], space)
        return _load(iter(rows), len(rows), dim)

    def add_caption(self, fingerprint: str, caption: Caption) -> None:
        with self.database.writing() as db:
            self._refuse_unknown(db, fingerprint)
            captions.add(db, fingerprint, caption)

    def captions(self, fingerprint: str) -> list[Caption]:
        return [captions.from_row(row) for row in self._rows(captions.OF_ITEM, (fingerprint,))]

    def find_captions(self, words: str, count: int) -> list[tuple[str, Caption]]:
        expression = captions.match_expression(words)
        rows = self._rows(captions.BY_WORDS, (expression, count)) if expression else []
        return [(fingerprint, captions.from_row(row)) for fingerprint, *row in rows]

    def captioned(self, words: str, count: int) -> list[int]:
        with self.database.reading() as db:
            expression = captions.telling_expression(db, words)
            rows = db.execute(captions.ITEMS_BY_WORDS, (expression, count)).fetchall() if expression else []
        return list(dict.fromkeys(row[0] for row in rows))

    def caption_languages(self) -> dict[str, int]:
        return dict(self._rows("SELECT language, count(*) FROM captions GROUP BY language ORDER BY language"))

    def mark(self, mark: Mark) -> None:
        with self.database.writing() as db:
            self._refuse_unknown(db, mark.fingerprint)
            marks.add(db, mark)

    def unmark(self, asked: Asked, fingerprint: str) -> None:
        with self.database.writing() as db:
            db.execute("DELETE FROM marks WHERE question = ? AND fingerprint = ?", (asked.key, fingerprint))

    def marks(self, asked: Asked | None = None) -> list[Mark]:
        rows = self._rows(marks.ALL) if asked is None else self._rows(marks.OF_QUESTION, (asked.key,))
        return [marks.from_row(row) for row in rows]

    def count_marks(self) -> tuple[int, int]:
        counts = dict(self._rows(marks.COUNTS))
        return counts.get(1, 0), counts.get(0, 0)

    def check(self) -> list[str]:
        with self.database.reading() as db:
            wrong = [row[0] for row in db.execute("PRAGMA integrity_check").fetchall() if row[0] != "ok"]
            wrong += [f"a row of {row[0]} refers to a row of {row[2]} that is not there" for row in db.execute("PRAGMA foreign_key_check")]
            sizes = "SELECT count(*) FROM embeddings JOIN spaces ON spaces.id = space WHERE length(vector) != 4 * dim"
            if count := db.execute(sizes).fetchone()[0]:
                wrong.append(f"{count} vectors have another length than their space says")
        return wrong

    def count_paths(self) -> int:
        return int(self._rows("SELECT count(*) FROM paths")[0][0])

    def __len__(self) -> int:
        return int(self._rows("SELECT count(DISTINCT item) FROM paths")[0][0])

    def close(self) -> None:
        self.database.close()

    def _refuse_unknown(self, db: sqlite3.Connection, fingerprint: str) -> None:
        if not db.execute("SELECT 1 FROM items WHERE fingerprint = ?", (fingerprint,)).fetchone():
            raise GalleryError(f"The gallery {self.database.folder} has no picture with the fingerprint {fingerprint}.")

    def _rows_in(self, statement: str, values: Sequence[Any], *before: Any) -> list[tuple[Any, ...]]:
        """Rows of a statement with `IN ({marks})`, for any number of values."""
        rows = []
        for start in range(0, len(values), _CHUNK):
            some = tuple(values[start : start + _CHUNK])
            rows += self._rows(statement.format(marks=", ".join("?" * len(some))), (*before, *some))
        return rows


def _sweep(db: sqlite3.Connection) -> None:
    """Drop the items that have lost their last path."""
    gone = "DELETE FROM items WHERE id IN (SELECT item FROM orphans) AND NOT EXISTS (SELECT 1 FROM paths WHERE paths.item = items.id)"
    if db.execute(gone).rowcount:
        db.execute("UPDATE state SET version = version + 1, removals = removals + 1")
    db.execute("DELETE FROM orphans")


def _load(rows: Iterator[tuple[int, bytes]] | sqlite3.Cursor, count: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` rows of item and vector as int64 `[N]` and float32 `[N, dim]`, without a second copy of all of them."""
    ids, vectors = np.empty(count, np.int64), np.empty((count, dim), np.float32)
    start = 0
    while some := list(islice(rows, _LOADED_AT_ONCE)):
        stop = start + len(some)
        ids[start:stop] = [row[0] for row in some]
        vectors[start:stop] = np.frombuffer(b"".join(row[1] for row in some), "<f4").reshape(-1, dim)
        start = stop
    return ids, vectors


def _ranges(roots: Sequence[str]) -> Iterator[tuple[str, tuple[str | bytes, ...]]]:
    """Conditions that together select the paths at and below the roots, whether they are stored as text or as bytes."""
    for root in roots:
        inside = os.path.join(root, "")
        after = inside[:-1] + chr(ord(inside[-1]) + 1)
        if isinstance(_from_name(root), str):
            yield "WHERE path = ? OR (path >= ? AND path < ?)", (root, inside, after)
        yield "WHERE path = ? OR (path >= ? AND path < ?)", (os.fsencode(root), os.fsencode(inside), os.fsencode(after))


def _from_name(name: str) -> str | bytes:
    try:
        name.encode()
        return name
    except UnicodeEncodeError:  # a file name that is not Unicode
        return os.fsencode(name)


def _to_name(stored: str | bytes) -> str:
    return stored if isinstance(stored, str) else os.fsdecode(stored)


def _to_items(rows: list[tuple[Any, ...]]) -> dict[int, Item]:
    items = {}
    for (number, fingerprint, size, width, height, taken), group in groupby(rows, key=lambda row: row[:6]):
        paths = tuple(Path(_to_name(row[6])) for row in group)
        items[number] = Item(fingerprint, paths, size, width, height, datetime.fromisoformat(taken) if taken else None)
    return items
