"""A gallery: a folder of vectors that is filled from folders of pictures and searched with words and pictures."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, cast

import numpy as np

from mmembed.errors import GalleryError
from mmembed.gallery.indexing import Indexing, Progress
from mmembed.gallery.items import Hit, IndexReport, Item, Query
from mmembed.gallery.search import search
from mmembed.gallery.store import SqliteStore, Store
from mmembed.generate.base import Caption
from mmembed.space.base import Space

if TYPE_CHECKING:
    from mmembed.model import Model


class Gallery:
    """What one space knows about the pictures of some folders. Usable from several threads and processes at once.

    Attributes:
        path: the gallery's own folder, such as `photos.mm`.
        space: the space it embeds and searches with.
    """

    def __init__(self, path: str | Path, model: Model | Space, create: bool = True) -> None:
        """Open the gallery at `path`, or make an empty one there.

        Args:
            path: the gallery's folder.
            model: what embeds pictures and texts.
            create: whether to make the gallery if there is none.

        Raises:
            GalleryError: there is none and `create` is False, or what is there cannot be used.
        """
        self.path = Path(path)
        self.space: Space = cast("Model", model).space if hasattr(model, "space") else model
        self._store: Store = SqliteStore(self.path, create)
        self._lock = threading.Lock()
        self._loaded: tuple[int, list[str], np.ndarray] | None = None

    def index(self, folders: str | Path | Sequence[str | Path], progress: Progress | None = None) -> IndexReport:
        """Bring the gallery up to date with folders (and single files).

        A file that kept its size and modification time is not even opened; a moved or copied one keeps its vector; one that
        left a folder leaves the gallery. Pictures from folders not given, or not there now, stay. May be stopped at any time:
        what was written stays, and the next run goes on from there.

        Args:
            folders: where to look, recursively; hidden files and folders are passed over.
            progress: called with (files done, files found, a message) after each batch, from this thread.

        Raises:
            GalleryError: none of the folders can be looked at, or the gallery cannot be written.
            InvalidData: there is no picture file in any of the folders.
        """
        roots = [folders] if isinstance(folders, (str, Path)) else list(folders)
        return Indexing(self._store, self.space, progress).run(roots)

    def search(self, query: str | Query, k: int = 20) -> list[Hit]:
        """The `k` pictures that fit best, best first; none if the gallery is empty. Exact, over all vectors of the space.

        Raises:
            InvalidQuery: the query is empty, or `k` is less than 1.
            GalleryError: all vectors come from other spaces or other weights.
        """
        query = Query.of(query) if isinstance(query, str) else query
        fingerprints, matrix = self._matrix()
        found = search(self.space, matrix, query, k)
        items = {item.fingerprint: item for item in self._store.items([fingerprints[one.row] for one in found])}
        named = [(items.get(fingerprints[one.row]), one) for one in found]
        return [Hit(item, one.similarity, one.confidence) for item, one in named if item is not None]

    def items(self) -> list[Item]:
        """All items, in the order they came."""
        return self._store.items()

    def vectors(self) -> tuple[list[Item], np.ndarray]:
        """The items that have a vector of this space, and the vectors, float32 `[N, dim]`, not to be written to.

        Raises:
            GalleryError: all vectors come from other spaces or other weights.
        """
        fingerprints, matrix = self._matrix()
        items = {item.fingerprint: item for item in self._store.items()}
        rows = [row for row, fingerprint in enumerate(fingerprints) if fingerprint in items]
        return [items[fingerprints[row]] for row in rows], matrix if len(rows) == len(matrix) else matrix[rows]

    def item(self, fingerprint: str) -> Item:
        """One item.

        Raises:
            GalleryError: no picture in the gallery has this fingerprint.
        """
        for item in self._store.items([fingerprint]):
            return item
        raise GalleryError(f"The gallery {self.path} has no picture with the fingerprint {fingerprint}.")

    def has_path(self, path: str | Path) -> bool:
        """Whether exactly this absolute path was indexed; what may be shown to others and what not."""
        return self._store.has_path(Path(path))

    def spaces(self) -> dict[str, int]:
        """The identities of all spaces the gallery has vectors of, with their number."""
        return self._store.spaces()

    def add_caption(self, fingerprint: str, caption: Caption) -> None:
        """Keep a caption of an item, in place of the one it has in that language.

        Raises:
            GalleryError: no picture in the gallery has this fingerprint.
        """
        self._store.add_caption(fingerprint, caption)

    def captions(self, fingerprint: str) -> list[Caption]:
        """The captions of an item, by language code."""
        return self._store.captions(fingerprint)

    def find_captions(self, words: str, k: int = 20) -> list[tuple[Item, Caption]]:
        """Captions that hold all the words, best match first, with their items; accents and case do not matter."""
        found = self._store.find_captions(words, k)
        items = {item.fingerprint: item for item in self._store.items(list(dict.fromkeys(fingerprint for fingerprint, _ in found)))}
        return [(items[fingerprint], caption) for fingerprint, caption in found if fingerprint in items]

    def close(self) -> None:
        """Give everything back; a second call does nothing."""
        self._loaded = None
        self._store.close()

    def __len__(self) -> int:
        return len(self._store)

    def __enter__(self) -> Gallery:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _matrix(self) -> tuple[list[str], np.ndarray]:
        """All vectors of the space, loaded once and again whenever anyone, in any process, has changed them."""
        with self._lock:
            version = self._store.version()
            if self._loaded is None or self._loaded[0] != version:
                fingerprints, matrix = self._store.vectors(self.space.identity, self.space.dim)
                matrix.flags.writeable = False  # it is shared by all callers
                self._loaded = (version, fingerprints, matrix)
            _, fingerprints, matrix = self._loaded
        if not len(matrix) and (others := self._store.spaces()):
            held = ", ".join(f"{identity} ({count} pictures)" for identity, count in others.items())
            raise GalleryError(
                f"The gallery {self.path} has no vectors of {self.space.identity}, only of {held}; "
                f"run mmembed index FOLDER --gallery {self.path} again, nothing is lost by it."
            )
        return fingerprints, matrix
