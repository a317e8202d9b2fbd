"""For large galleries: a FAISS file derived from the store, which finds candidates that exact vectors then rank.

The file may be deleted at any time; the next indexing run makes it again. What was indexed since it was made is searched
exactly beside it, so that it is never out of date, only slower.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from mmembed.gallery.matrix import Matrix, Rows
from mmembed.gallery.search import Candidates, EmbeddedQuery, nearest
from mmembed.gallery.store import Store, Version
from mmembed.space.base import Space

LARGE = 200_000
"""From so many vectors on, an exact scan takes longer than people notice."""

_STALE = 0.2  # of the vectors new since the file was made: then it is made again
_FEW = 20_000  # items that passed filters are rather compared one by one
_LEAST_RANKED = 400  # candidates compared exactly, at least
_RANKED = 8  # candidates for each result asked for
_TRAINING = 50  # vectors for each cell
_PROBED = 1 / 32  # of the cells
_FORM = 1  # of the description


@dataclass(frozen=True)
class _Description:
    """Beside the FAISS file: what it was made of."""

    form: int
    space: str
    dim: int
    file: str
    count: int
    changes: int
    removals: int


class Approximate:
    """The derived file of one space: `IVF,SQ8` by inner product (Jégou, Douze and Schmid 2011), looked into without loading it."""

    def __init__(self, folder: Path, store: Store, space: Space) -> None:
        self._folder, self._store, self._space = folder, store, space
        self._name = "vectors-" + hashlib.sha256(space.identity.encode()).hexdigest()[:16]
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._index: Any = None
        self._since: Matrix | None = None

    def nearest(self, query: EmbeddedQuery, count: int, among: np.ndarray | None = None) -> Candidates | None:
        """Like `search.nearest`, nearly exactly; None if there is no file, or FAISS is not installed."""
        index, since = self._opened()
        if index is None or since is None:
            return None
        if among is not None and len(among) <= _FEW:
            ids = among
        else:
            ids = self._looked_up(index, query, max(_LEAST_RANKED, _RANKED * count), among)
        recent = since.rows()
        new = nearest(self._space, recent, query, count, among)
        ids = np.union1d(ids, new.ids)
        searched = index.ntotal + len(recent.ids) if among is None else len(among)  # counting in the store takes longer than searching
        rows = Rows(*self._store.vectors_of(self._space.identity, self._space.dim, ids.tolist()))
        return nearest(self._space, rows, query, count, searched=searched)

    def bring_up_to_date(self, progress: Callable[[int, int, str], None] | None = None) -> None:
        """Make the file, or make it again, if the gallery is large and the file too old."""
        if not find_spec("faiss") or self._store.count_vectors(self._space.identity) < LARGE:
            return
        old = self._description()
        if old is None or self._store.count_vectors(self._space.identity) - old.count > _STALE * old.count:
            self._make(progress or (lambda done, total, message: None))

    def _make(self, progress: Callable[[int, int, str], None]) -> None:
        import faiss

        space, dim = self._space.identity, self._space.dim
        version, count = self._store.version(), self._store.count_vectors(space)
        cells = int(4 * count**0.5)
        index = faiss.index_factory(dim, f"IVF{cells},SQ8", faiss.METRIC_INNER_PRODUCT)
        progress(0, count, "sorting vectors for fast search")
        index.train(self._sample(cells * _TRAINING, count))
        done = 0
        for ids, vectors in self._store.all_vectors(space, dim):
            index.add_with_ids(vectors, ids)
            done += len(ids)
            progress(min(done, count), count, "sorting vectors for fast search")
        file = f"{self._name}-{version.changes}.faiss"
        unfinished = self._folder / f"{file}.{os.getpid()}"
        old = self._description()
        try:
            faiss.write_index(index, str(unfinished))
            os.replace(unfinished, self._folder / file)
        finally:
            unfinished.unlink(missing_ok=True)
        description = _Description(_FORM, space, dim, file, done, version.changes, version.removals)
        written = self._folder / f"{self._name}.json.{os.getpid()}"
        written.write_text(json.dumps(asdict(description)), encoding="utf-8")
        os.replace(written, self._folder / f"{self._name}.json")
        if old is not None and old.file != file:
            (self._folder / old.file).unlink(missing_ok=True)

    def _sample(self, wanted: int, count: int) -> np.ndarray:
        """float32 `[wanted, dim]`, evenly from all the store has."""
        step = max(1, count // wanted)
        parts = [vectors[::step].copy() for _, vectors in self._store.all_vectors(self._space.identity, self._space.dim)]
        return np.concatenate(parts)[:wanted]

    def _looked_up(self, index: Any, query: EmbeddedQuery, count: int, among: np.ndarray | None) -> np.ndarray:
        import faiss

        settings: dict[str, Any] = {"nprobe": max(8, int(index.nlist * _PROBED))}
        if among is not None:
            settings["sel"] = faiss.IDSelectorBatch(among)
        direction = np.ascontiguousarray(query.direction[None], np.float32)
        _, ids = index.search(direction, min(count, index.ntotal), params=faiss.SearchParametersIVF(**settings))
        return ids[0][ids[0] >= 0]

    def _description(self) -> _Description | None:
        try:
            found = _Description(**json.loads((self._folder / f"{self._name}.json").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        fits = (found.form, found.space, found.dim) == (_FORM, self._space.identity, self._space.dim)
        return found if fits and (self._folder / found.file).exists() else None

    def _opened(self) -> tuple[Any, Matrix | None]:
        """The newest file that any process has made, and the vectors that came since."""
        try:
            status = os.stat(self._folder / f"{self._name}.json")
        except OSError:
            return None, None
        with self._lock:
            if self._seen != (status.st_mtime_ns, status.st_ino):
                self._index = self._since = None
                if find_spec("faiss") and (found := self._description()):
                    import faiss

                    try:
                        self._index = faiss.read_index(str(self._folder / found.file), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
                    except RuntimeError:  # damaged; the exact search does without it
                        return None, None
                    version = Version(found.changes, found.removals)
                    self._since = Matrix(self._store, self._space.identity, self._space.dim, version)
                self._seen = (status.st_mtime_ns, status.st_ino)
            return self._index, self._since
