"""What flows through a gallery: items, queries, hits, and the report of an indexing run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mmembed.errors import InvalidQuery
from mmembed.media.picture import Picture


@dataclass(frozen=True)
class Item:
    """One indexed content. Several paths may hold the same bytes.

    Attributes:
        fingerprint: SHA-256 (hex) of the file's bytes.
        paths: absolute paths that hold this content, sorted.
        size: bytes.
        width: upright width in pixels.
        height: upright height in pixels.
        taken: when it was taken, from EXIF; None if unknown.
    """

    fingerprint: str
    paths: tuple[Path, ...]
    size: int
    width: int
    height: int
    taken: datetime | None


@dataclass(frozen=True)
class Term:
    """One part of a query: a text or a picture, with a weight; a negative weight pushes matches down."""

    content: str | Picture
    weight: float = 1.0


@dataclass(frozen=True)
class Query:
    """Weighted terms. `Query.of("dog", like=[picture], without=["grass"])` is the usual way to make one."""

    terms: tuple[Term, ...]

    def __post_init__(self) -> None:
        if not any(term.weight > 0 for term in self.terms):
            raise InvalidQuery("A search needs a text or a picture to look for.")
        if any(isinstance(term.content, str) and not term.content.strip() for term in self.terms):
            raise InvalidQuery("A search text must not be empty.")

    @classmethod
    def of(cls, text: str | None = None, like: Sequence[Picture] = (), without: Sequence[str] = ()) -> Query:
        """Look for `text` and pictures `like` these, `without` those texts."""
        positive = [Term(text)] if text is not None else []
        return cls((*positive, *(Term(picture) for picture in like), *(Term(words, -1.0) for words in without)))


@dataclass(frozen=True)
class Hit:
    """One result: the item, its cosine similarity to the query, and the calibrated probability that it is a match."""

    item: Item
    similarity: float
    confidence: float


@dataclass(frozen=True)
class Skipped:
    """A file that was not indexed, and why, in words."""

    path: Path
    reason: str


@dataclass(frozen=True)
class IndexReport:
    """What an indexing run did: counts of files, and what it skipped."""

    found: int
    embedded: int
    reused: int
    unchanged: int
    removed: int
    skipped: tuple[Skipped, ...]
    seconds: float
