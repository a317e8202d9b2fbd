"""The gallery's SQLite file: opened for writing or, where that is not allowed, for reading; every complaint of it a sentence."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmembed.errors import GalleryError
from mmembed.gallery.migrations import MIGRATIONS, migrate, schema

DATABASE = "gallery.sqlite"
_WAIT_SECONDS = 30.0


class Database:
    """A folder with one SQLite file in WAL mode: readers never wait, writers wait for each other.

    Any thread may use it. There is one connection for writing and, for each read that goes on at the same time, one more.

    Attributes:
        folder: where the file is.
        read_only: whether it could be opened for reading only.
    """

    def __init__(self, folder: Path, create: bool = True) -> None:
        """
        Raises:
            GalleryError: there is none and `create` is False; it cannot be made; or what is there is no gallery, or too new.
        """
        self.folder = folder
        self.read_only = False
        self._file = folder / DATABASE
        self._address = str(self._file)
        self._one_writes = threading.RLock()
        self._lock = threading.Lock()  # of what is below, and only for moments
        self._idle: list[sqlite3.Connection] = []
        self._closed = False
        if folder.exists() and not folder.is_dir():
            raise GalleryError(f"{folder} is a file, but a gallery is a folder; choose another place for the gallery.")
        if not self._file.exists() and not create:
            raise GalleryError(f"There is no gallery at {folder}; make one with: mmembed index FOLDER --gallery {folder}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GalleryError(f"The gallery {folder} cannot be made: {error.strerror or error}.") from error
        with self._named_errors():
            self.writer = self._open()

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of one statement that only reads."""
        with self.reading() as db:
            return db.execute(statement, parameters).fetchall()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection on which all statements see the same moment, whatever others write meanwhile."""
        with self._named_errors():
            connection = self._idle_connection()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._give_back(connection)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes happen at once or not at all."""
        with self._one_writes, self._named_errors():
            try:
                self.writer.execute("BEGIN IMMEDIATE")
                yield self.writer
                self.writer.execute("COMMIT")
            except BaseException:  # Ctrl-C too
                if not self._closed and self.writer.in_transaction:  # after a full disk, for one, SQLite has rolled back itself
                    self.writer.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Give everything back; reads that still go on do so when they end. A second call does nothing."""
        with self._one_writes, self._lock:
            self._closed = True
            for connection in (*self._idle, self.writer):
                connection.close()
            self._idle.clear()

    def _idle_connection(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise sqlite3.ProgrammingError("closed database")
            if self._idle:
                return self._idle.pop()
        return self._connect(self._address)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()

    def _open(self) -> sqlite3.Connection:
        """The writing connection to an up-to-date schema; to a gallery that may only be read, one that reads."""
        if self._file.exists() and not (os.access(self._file, os.W_OK) and os.access(self.folder, os.W_OK)):
            return self._open_for_reading()
        connection = None
        try:
            connection = self._connect(str(self._file))
            migrate(connection, str(self.folder))
            self._use_wal(connection)
            return connection
        except BaseException as error:
            if connection is not None:
                connection.close()
            if self._file.exists() and isinstance(error, sqlite3.OperationalError) and _forbids_writing(error):
                return self._open_for_reading()
            raise

    def _open_for_reading(self) -> sqlite3.Connection:
        """With the log that others write beside the file if that is possible, else the file alone, as if nobody wrote to it."""
        address = self._file.absolute().as_uri()
        for self._address in (f"{address}?mode=ro", f"{address}?mode=ro&immutable=1"):
            try:
                connection = self._connect(self._address)
                found = schema(connection, str(self.folder))
                break
            except sqlite3.OperationalError:
                continue
        else:
            raise GalleryError(f"The gallery {self.folder} cannot be read; check the permissions of the folder and of {DATABASE} in it.")
        if found < len(MIGRATIONS):
            connection.close()
            raise GalleryError(
                f"The gallery {self.folder} was made by an older version of mmembed and may only be read here; "
                "open it once where it may be written, such as with: mmembed gallery info"
            )
        self.read_only = True
        return connection

    def _connect(self, address: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False, uri=address.startswith("file:")
        )
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = NORMAL")  # with WAL: a crash never corrupts, a power cut may lose the last commits
        except BaseException:
            connection.close()
            raise
        return connection

    def _use_wal(self, connection: sqlite3.Connection) -> None:
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:  # SQLite does not wait by itself when two processes switch to WAL at once
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        """Whatever SQLite complains about becomes a sentence that names the gallery and what to do."""
        try:
            yield
        except sqlite3.Error as error:
            raise GalleryError(f"The gallery {self.folder} cannot be used: {_explained(error)}.") from error


def _forbids_writing(error: sqlite3.Error) -> bool:
    return any(words in str(error) for words in ("readonly", "unable to open"))


def _explained(error: sqlite3.Error) -> str:
    words = str(error)
    if "closed database" in words:
        return "it was closed; open it again"
    if "not a database" in words or "malformed" in words:
        return f"its file {DATABASE} is damaged or no database ({words}); move it away and run `mmembed index` again"
    if "disk is full" in words or "disk I/O" in words:
        return f"the disk is full or failing ({words}); make room and run the same command again, what was written before is kept"
    if "unable to open" in words:
        return f"its file {DATABASE} can neither be opened nor made; check the permissions of the folder"
    if "readonly" in words:
        return "it may only be read; index into another one with --gallery, or allow writing to its folder"
    if "locked" in words:
        return f"another program has been writing to it for more than {_WAIT_SECONDS:.0f} seconds; try again"
    return words
