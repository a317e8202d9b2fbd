"""What a gallery keeps, as a narrow protocol: SQLite serves it here, something else may serve it elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from mmembed.gallery.items import Filters, Item
from mmembed.gallery.marks import Asked, Mark
from mmembed.generate.base import Caption


class HeldPath(NamedTuple):
    """What was at a path when it was last read: size in bytes, modification time; and whether that has a vector of the space."""

    size: int
    mtime_ns: int
    embedded: bool


class NewPath(NamedTuple):
    """A path to keep: absolute, as text; its content's fingerprint; size in bytes and modification time when it was read."""

    name: str
    fingerprint: str
    size: int
    mtime_ns: int


class Failure(NamedTuple):
    """A file that could not be decoded: path, size, modification time, the reason in words, and which decoders were there."""

    name: str
    size: int
    mtime_ns: int
    reason: str
    abilities: str


class Root(NamedTuple):
    """A folder or file that was indexed: absolute path, whether with hidden files, and the patterns that were passed over."""

    name: str
    hidden: bool
    exclude: tuple[str, ...]


@dataclass(frozen=True)
class Content:
    """A new content with its vector, float32 `[dim]`; the other fields are those of `Item`."""

    fingerprint: str
    size: int
    width: int
    height: int
    taken: datetime | None
    vector: np.ndarray


class Version(NamedTuple):
    """`changes` grows whenever paths or vectors change, in whichever process; `removals` when vectors leave."""

    changes: int
    removals: int


@dataclass(frozen=True)
class Changes:
    """How the vectors of a space differ from an earlier version.

    Attributes:
        version: of the store now.
        ids: the new vectors' items, int64 `[N]`.
        vectors: float32 `[N, dim]`.
        left: all items that have a vector now, int64, sorted; None if none left since.
    """

    version: Version
    ids: np.ndarray
    vectors: np.ndarray
    left: np.ndarray | None


class Store(Protocol):
    """Where items, paths, vectors and captions live. All methods may be called from any thread. Items are known by number."""

    @property
    def read_only(self) -> bool:
        """Whether nothing can be written."""
        ...

    def version(self) -> Version:
        """What a search compares to know whether it has the newest vectors."""
        ...

    def paths_below(self, roots: Sequence[str], space: str) -> dict[str, HeldPath]:
        """All paths that are one of the roots or below one."""
        ...

    def has_path(self, path: Path) -> bool:
        """Whether exactly this path is in the gallery."""
        ...

    def embedded(self, space: str, fingerprints: Sequence[str]) -> set[str]:
        """Those fingerprints that have a vector of the space with this identity."""
        ...

    def spaces(self) -> dict[str, int]:
        """Identities of all spaces, with the number of their vectors."""
        ...

    def dims(self) -> dict[str, int]:
        """Identities of all spaces that have vectors, with the length of these."""
        ...

    def write(self, space: str, contents: Sequence[Content], paths: Sequence[NewPath]) -> set[str]:
        """Add contents with their vectors, then paths, at once or not at all; those paths failed no longer.

        Returns the paths not added because their content has no vector of this space, such as when another process just removed it.
        """
        ...

    def remove(self, names: Sequence[str]) -> None:
        """Drop paths, then all contents that no path holds any more, with their vectors and captions."""
        ...

    def remove_space(self, space: str) -> int:
        """Drop all vectors of a space; returns how many."""
        ...

    def write_failures(self, failures: Sequence[Failure]) -> None:
        """Remember files that could not be decoded."""
        ...

    def forget_failures(self, names: Sequence[str]) -> None:
        """Forget the failures at these paths, which are gone."""
        ...

    def failures_below(self, roots: Sequence[str]) -> dict[str, Failure]:
        """All failures at or below the roots."""
        ...

    def roots(self) -> list[Root]:
        """What was indexed, by path."""
        ...

    def drives(self) -> list[str]:
        """Folders that were on another device than the folder they are in."""
        ...

    def remember(self, roots: Sequence[Root], drives: Sequence[str]) -> None:
        """Keep what was indexed, and the drives seen there."""
        ...

    def forget(self, places: Sequence[str]) -> None:
        """Drop roots and drives at or below these places."""
        ...

    def items(self, fingerprints: Sequence[str] | None = None, count: int | None = None) -> list[Item]:
        """Those items (or all, or the first `count`) that have a path, in the order they came."""
        ...

    def items_by_id(self, ids: Sequence[int]) -> dict[int, Item]:
        """Those items that have a path, by number."""
        ...

    def matching(self, filters: Filters) -> np.ndarray:
        """Numbers of the items that pass the filters, int64, sorted."""
        ...

    def changes(self, space: str, dim: int, since: Version | None) -> Changes:
        """What is new since a version, or all there is."""
        ...

    def all_vectors(self, space: str, dim: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All vectors of a space in parts: items, int64 `[N]`, and vectors, float32 `[N, dim]`."""
        ...

    def has_vectors(self, space: str) -> bool:
        """Whether a space has any."""
        ...

    def count_vectors(self, space: str) -> int:
        """How many vectors a space has."""
        ...

    def vectors_of(self, space: str, dim: int, ids: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Those items that have a vector, int64 `[N]`, and the vectors, float32 `[N, dim]`."""
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

    def captioned(self, words: str, count: int) -> list[int]:
        """Numbers of the items whose captions match the words that tell captions apart, best first."""
        ...

    def caption_languages(self) -> dict[str, int]:
        """How many captions there are in each language."""
        ...

    def mark(self, mark: Mark) -> None:
        """Keep a mark in place of any of the same picture for the same question."""
        ...

    def unmark(self, asked: Asked, fingerprint: str) -> None:
        """Forget the picture's mark for that question, if there is one."""
        ...

    def marks(self, asked: Asked | None = None) -> list[Mark]:
        """All marks, or those for one question, in the order they were made."""
        ...

    def count_marks(self) -> tuple[int, int]:
        """How many hits are marked right, and how many wrong."""
        ...

    def check(self) -> list[str]:
        """What is wrong with the store itself, in words; empty if nothing is."""
        ...

    def count_paths(self) -> int:
        """Number of paths."""
        ...

    def __len__(self) -> int:
        """Number of items."""
        ...

    def close(self) -> None:
        """Give everything back; a second call does nothing."""
        ...
