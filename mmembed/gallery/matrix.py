"""All vectors of a space in memory, kept up to date by reading only what changed: for exact search."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from mmembed.gallery.store import Changes, Store, Version


@dataclass(frozen=True)
class Rows:
    """Items, int64 `[N]`, and their vectors, float32 `[N, dim]`, not to be written to; both stay as they are."""

    ids: np.ndarray
    vectors: np.ndarray


class Matrix:
    """The vectors of one space. New ones are appended, so that a search while a gallery is filled costs no reloading."""

    def __init__(self, store: Store, space: str, dim: int, since: Version | None = None) -> None:
        """With `since`, only the vectors that came after that version."""
        self._store, self._space, self._dim = store, space, dim
        self._lock = threading.Lock()
        self._version = since
        self._ids = np.empty(0, np.int64)
        self._vectors = np.empty((0, dim), np.float32)
        self._rows = Rows(self._ids, self._vectors)

    def rows(self) -> Rows:
        """All vectors there are now, whoever, in whichever process, wrote them."""
        with self._lock:
            if self._store.version() != self._version:
                self._take(self._store.changes(self._space, self._dim, self._version))
            return self._rows

    def _take(self, changes: Changes) -> None:
        self._version = changes.version
        ids, vectors = self._rows.ids, self._rows.vectors
        if changes.left is not None and not (kept := np.isin(ids, changes.left, assume_unique=True)).all():
            ids, vectors = ids[kept], vectors[kept]
            self._ids, self._vectors = ids, vectors
        elif not len(changes.ids):
            return
        count = len(ids) + len(changes.ids)
        if not len(ids):
            self._ids, self._vectors = changes.ids, changes.vectors
        else:
            if count > len(self._ids):
                self._ids, self._vectors = _with_room(ids, count), _with_room(vectors, count)
            self._ids[len(ids) : count], self._vectors[len(ids) : count] = changes.ids, changes.vectors
        ids, vectors = self._ids[:count], self._vectors[:count]
        ids.flags.writeable = vectors.flags.writeable = False  # views that all callers share; rows behind their end may still be written
        self._rows = Rows(ids, vectors)


def _with_room(old: np.ndarray, count: int) -> np.ndarray:
    """A copy for at least `count` rows, and for more to come, so that many small changes copy the whole only now and then."""
    new = np.empty((count + count // 8 + 256, *old.shape[1:]), old.dtype)
    new[: len(old)] = old
    return new
