"""What a gallery keeps and how: a narrow protocol, and SQLite behind it as the one truth."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mmembed.errors import GalleryError
from mmembed.gallery import captions
from mmembed.gallery.items import Item
from mmembed.gallery.migrations import migrate
from mmembed.generate.base import Caption

DATABASE = "gallery.sqlite"
_WAIT_SECONDS = 30.0
_CHUNK = 500  # parameters in one statement; every SQLite allows 999


@dataclass(frozen=True)
class StoredPath:
    """A path and what was there when it was last read: the content's fingerprint, size in bytes, modification time."""

    path: Path
    fingerprint: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Content:
    """A new content with its vector, float32 `[dim]`; the other fields are those of `Item`."""

    fingerprint: str
    size: int
    width: int
    height: int
    taken: datetime | None
    vector: np.ndarray


class Store(Protocol):
    """Where items, paths, vectors and captions live. All methods may be called from any thread."""

    def version(self) -> int:
        """Grows whenever paths or vectors change, in whichever process."""
        ...

    def paths(self) -> dict[Path, StoredPath]:
        """All paths."""
        ...

    def has_path(self, path: Path) -> bool:
        """Whether exactly this path is in the gallery."""
        ...

    def embedded(self, space: str) -> set[str]:
        """Fingerprints that have a vector of the space with this identity."""
        ...

    def spaces(self) -> dict[str, int]:
        """Identities of all spaces, with the number of their vectors."""
        ...

    def write(self, space: str, contents: Sequence[Content], paths: Sequence[StoredPath]) -> list[Path]:
        """Add contents with their vectors, then paths, at once or not at all.

        Returns the paths not added because their content has no vector of this space, such as when another process just removed it.
        """
        ...

    def remove(self, paths: Sequence[Path]) -> None:
        """Drop paths, then all contents that no path holds any more, with their vectors and captions."""
        ...

    def items(self, fingerprints: Sequence[str] | None = None) -> list[Item]:
        """Those items (or all) that have a path, in the order they came."""
        ...

    def vectors(self, space: str, dim: int) -> tuple[list[str], np.ndarray]:
        """Fingerprints and float32 `[N, dim]` of one space, in the order of `items`."""
        ...

    def add_caption(self, fingerprint: str, caption: Caption) -> None:
        """Keep a caption in place of any in the same language."""
        ...

    def captions(self, fingerprint: str) -> list[Caption]:
        """All captions of an item, by language."""
        ...

    def find_captions(self, words: str, count: int) -> list[tuple[str, Caption]]:
        """Fingerprint and caption of the best matches that hold all the words."""
        ...

    def __len__(self) -> int:
        """Number of items."""
        ...

    def close(self) -> None:
        """Give everything back; a second call does nothing."""
        ...


class SqliteStore:
    """A folder with one SQLite file in WAL mode. One connection, one lock; other processes may use the same folder."""

    def __init__(self, folder: Path, create: bool = True) -> None:
        """
        Raises:
            GalleryError: there is none and `create` is False; it cannot be made; or what is there is no gallery, or too new.
        """
        self.folder = folder
        self._lock = threading.RLock()
        database = folder / DATABASE
        if folder.exists() and not folder.is_dir():
            raise GalleryError(f"{folder} is a file, but a gallery is a folder; choose another place for the gallery.")
        if not database.exists() and not create:
            raise GalleryError(f"There is no gallery at {folder}; make one with: mmembed index FOLDER --gallery {folder}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GalleryError(f"The gallery {folder} cannot be made: {error.strerror or error}.") from error
        with self._named_errors():
            self._db = sqlite3.connect(database, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                migrate(self._db, str(folder))
                self._set_up()
            except BaseException:
                self._db.close()
                raise

    def version(self) -> int:
        return int(self._rows("SELECT version FROM state")[0][0])

    def paths(self) -> dict[Path, StoredPath]:
        rows = self._rows("SELECT path, fingerprint, size, mtime_ns FROM paths")
        return {(path := _to_path(name)): StoredPath(path, *rest) for name, *rest in rows}

    def has_path(self, path: Path) -> bool:
        return bool(self._rows("SELECT 1 FROM paths WHERE path = ?", (_from_path(path),)))

    def embedded(self, space: str) -> set[str]:
        return {row[0] for row in self._rows("SELECT fingerprint FROM vectors WHERE space = ?", (space,))}

    def spaces(self) -> dict[str, int]:
        return dict(self._rows("SELECT space, count(*) FROM vectors GROUP BY space ORDER BY space"))

    def write(self, space: str, contents: Sequence[Content], paths: Sequence[StoredPath]) -> list[Path]:
        left_out = []
        with self._transaction() as db:
            for new in contents:
                taken = new.taken.isoformat() if new.taken else None
                db.execute(
                    "INSERT OR IGNORE INTO items (fingerprint, size, width, height, taken) VALUES (?, ?, ?, ?, ?)",
                    (new.fingerprint, new.size, new.width, new.height, taken),
                )
                vector = np.ascontiguousarray(new.vector, "<f4")
                row = (space, new.fingerprint, len(vector), vector.tobytes())
                db.execute("INSERT OR REPLACE INTO vectors (space, fingerprint, dim, vector) VALUES (?, ?, ?, ?)", row)
            for held in paths:
                done = db.execute(
                    "INSERT OR REPLACE INTO paths (path, fingerprint, size, mtime_ns) SELECT ?, fingerprint, ?, ? "
                    "FROM vectors WHERE space = ? AND fingerprint = ?",
                    (_from_path(held.path), held.size, held.mtime_ns, space, held.fingerprint),
                )
                if not done.rowcount:
                    left_out.append(held.path)
            db.execute("UPDATE state SET version = version + 1")
        return left_out

    def remove(self, paths: Sequence[Path]) -> None:
        with self._transaction() as db:
            before = db.total_changes
            db.executemany("DELETE FROM paths WHERE path = ?", [(_from_path(path),) for path in paths])
            db.execute("DELETE FROM items WHERE NOT EXISTS (SELECT 1 FROM paths WHERE paths.fingerprint = items.fingerprint)")
            if db.total_changes > before:
                db.execute("UPDATE state SET version = version + 1")

    def items(self, fingerprints: Sequence[str] | None = None) -> list[Item]:
        select = "SELECT i.fingerprint, i.size, width, height, taken, path FROM items i JOIN paths p ON p.fingerprint = i.fingerprint "
        if fingerprints is None:
            return _to_items(self._rows(select + "ORDER BY i.id, path"))
        items = []
        for start in range(0, len(fingerprints), _CHUNK):
            some = tuple(fingerprints[start : start + _CHUNK])
            marks = ", ".join("?" * len(some))
            items += _to_items(self._rows(f"{select} WHERE i.fingerprint IN ({marks}) ORDER BY i.id, path", some))
        return items

    def vectors(self, space: str, dim: int) -> tuple[list[str], np.ndarray]:
        rows = self._rows(
            "SELECT v.fingerprint, vector FROM vectors v JOIN items i ON i.fingerprint = v.fingerprint WHERE space = ? AND dim = ? "
            "AND EXISTS (SELECT 1 FROM paths p WHERE p.fingerprint = v.fingerprint) ORDER BY i.id",
            (space, dim),
        )
        matrix = np.empty((len(rows), dim), np.float32)
        for row, (_, blob) in enumerate(rows):
            matrix[row] = np.frombuffer(blob, "<f4")
        return [fingerprint for fingerprint, _ in rows], matrix

    def add_caption(self, fingerprint: str, caption: Caption) -> None:
        with self._transaction() as db:
            if not db.execute("SELECT 1 FROM items WHERE fingerprint = ?", (fingerprint,)).fetchone():
                raise GalleryError(f"The gallery {self.folder} has no picture with the fingerprint {fingerprint}.")
            captions.add(db, fingerprint, caption)

    def captions(self, fingerprint: str) -> list[Caption]:
        return [captions.from_row(row) for row in self._rows(captions.OF_ITEM, (fingerprint,))]

    def find_captions(self, words: str, count: int) -> list[tuple[str, Caption]]:
        expression = captions.match_expression(words)
        rows = self._rows(captions.BY_WORDS, (expression, count)) if expression else []
        return [(fingerprint, captions.from_row(row)) for fingerprint, *row in rows]

    def __len__(self) -> int:
        return int(self._rows("SELECT count(DISTINCT fingerprint) FROM paths")[0][0])

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _set_up(self) -> None:
        self._db.execute("PRAGMA foreign_keys = ON")
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:  # SQLite does not wait by itself when two processes switch to WAL at once
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self._db.execute("PRAGMA synchronous = NORMAL")  # with WAL: a crash never corrupts, a power cut may lose the last commits

    def _rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock, self._named_errors():
            return self._db.execute(statement, parameters).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._named_errors():
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:  # Ctrl-C too
                if self._db.in_transaction:  # after a full disk, for one, SQLite has rolled back itself
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Whatever SQLite complains about becomes a sentence that names the gallery."""
        try:
            yield
        except sqlite3.Error as error:
            if "closed database" in str(error):
                hint = "it was closed; open it again"
            elif "not a database" in str(error) or "malformed" in str(error):
                hint = f"its file {DATABASE} is damaged or no database ({error}); move it away and run `mmembed index` again"
            else:
                hint = f"{error}"
            raise GalleryError(f"The gallery {self.folder} cannot be used: {hint}.") from error


def _from_path(path: Path) -> str | bytes:
    name = os.fspath(path)
    try:
        name.encode()
        return name
    except UnicodeEncodeError:  # a file name that is not Unicode
        return os.fsencode(name)


def _to_path(name: str | bytes) -> Path:
    return Path(os.fsdecode(name))


def _to_items(rows: list[tuple[Any, ...]]) -> list[Item]:
    items = []
    for (fingerprint, size, width, height, taken), group in groupby(rows, key=lambda row: row[:5]):
        paths = tuple(_to_path(row[5]) for row in group)
        items.append(Item(fingerprint, paths, size, width, height, datetime.fromisoformat(taken) if taken else None))
    return items
