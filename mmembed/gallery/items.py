"""What flows through a gallery: items, queries, hits, and the report of an indexing run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from mmembed.errors import InvalidQuery
from mmembed.media.picture import Picture

GOOD_MATCH = 0.5
"""Confidence is a calibrated probability: below one half a hit is more likely wrong than right, and is no good match."""

ORIENTATIONS = ("landscape", "portrait", "square")

_DATES = {"%Y": 366, "%Y-%m": 31, "%Y-%m-%d": 1}  # and days, of which no year, month or day has more


def time_span(written: str) -> tuple[datetime, datetime]:
    """When a year, a month or a day (`2019`, `2019-07`, `2019-07-14`) begins, and when what follows does.

    Raises:
        ValueError: it is none of these, or the last that can be told.
    """
    for form, days in _DATES.items():
        try:
            begin = datetime.strptime(written, form)
            after = begin + timedelta(days=days)
        except (ValueError, OverflowError):
            continue
        if form == "%Y":
            return begin, after.replace(year=begin.year + 1, month=1, day=1)
        return begin, after.replace(day=1) if form == "%Y-%m" else after
    raise ValueError(f"{written!r} is no date; write 2019, 2019-07 or 2019-07-14.")


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
    """One part of a query: a text, a picture or a vector of the space, float32 `[dim]`, normalised; with a weight.

    A negative weight pushes matches down.
    """

    content: str | Picture | np.ndarray
    weight: float = 1.0


@dataclass(frozen=True)
class Filters:
    """What a picture must be to be considered at all; whatever is None does not matter.

    Attributes:
        folder: one of its paths is in this folder or below it.
        since: it was taken at this time or later. A picture that does not say when it was taken never passes.
        until: it was taken before this time.
        shorter_side: its shorter side has at least so many pixels.
        orientation: "landscape", "portrait" or "square" (sides that differ by at most 5 %).
        caption: a stored caption holds all these words.
    """

    folder: Path | None = None
    since: datetime | None = None
    until: datetime | None = None
    shorter_side: int | None = None
    orientation: str | None = None
    caption: str | None = None

    def __post_init__(self) -> None:
        if self.orientation is not None and self.orientation not in ORIENTATIONS:
            raise InvalidQuery(
                f"A picture's orientation is {', '.join(ORIENTATIONS[:-1])} or {ORIENTATIONS[-1]}, not {self.orientation!r}."
            )

    def __bool__(self) -> bool:
        return self != Filters()


@dataclass(frozen=True)
class Query:
    """Weighted terms and filters. `Query.of("dog", like=[picture], without=["grass"])` is the usual way to make one."""

    terms: tuple[Term, ...]
    filters: Filters = Filters()

    def __post_init__(self) -> None:
        if not any(term.weight > 0 for term in self.terms):
            raise InvalidQuery("A search needs a text or a picture to look for.")
        if any(isinstance(term.content, str) and not term.content.strip() for term in self.terms):
            raise InvalidQuery("A search text must not be empty.")

    @classmethod
    def of(
        cls, text: str | None = None, like: Sequence[Picture] = (), without: Sequence[str] = (), filters: Filters | None = None
    ) -> Query:
        """Look for `text` and pictures `like` these, `without` those texts."""
        positive = [Term(text)] if text is not None else []
        terms = (*positive, *(Term(picture) for picture in like), *(Term(words, -1.0) for words in without))
        return cls(terms, filters or Filters())


@dataclass(frozen=True)
class Hit:
    """One result.

    Attributes:
        item: the picture.
        similarity: its cosine similarity to the query, less that of unwanted terms.
        confidence: the calibrated probability that it is a match.
        similar: near-identical pictures that were folded into this hit, best first.
    """

    item: Item
    similarity: float
    confidence: float
    similar: tuple[Item, ...] = ()


@dataclass(frozen=True)
class Row:
    """A picture that is no file here, such as a row of a dataset on a hub.

    Attributes:
        name: what it goes by, as if it were a path.
        content: the picture's file, or None.
        problem: why it cannot be had now, in words; empty if it can, or if there is none.
    """

    name: str
    content: bytes | None
    problem: str = ""


@dataclass(frozen=True)
class Skipped:
    """A file or folder that was not indexed, and why, in words; `known` if an earlier run has said so already."""

    path: Path
    reason: str
    known: bool = False


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

    @classmethod
    def of_all(cls, reports: Sequence[IndexReport], seconds: float) -> IndexReport:
        """Several runs, or the shares of one, as one that took so long."""
        found, embedded, reused, unchanged, removed = (
            sum(getattr(report, name) for report in reports) for name in ("found", "embedded", "reused", "unchanged", "removed")
        )
        skipped = tuple(sorted((lost for report in reports for lost in report.skipped), key=lambda lost: lost.path))
        return cls(found, embedded, reused, unchanged, removed, skipped, seconds)
