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

POSSIBLE_MATCH = 0.1
"""A search whose best hit is less likely than that has found nothing; from here to `GOOD_MATCH`, it is only not sure."""

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
        size: of the file, in bytes.
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
    """One part of a query, with a weight.

    Attributes:
        content: a text, a picture, or a vector of the space, float32 `[dim]`, L2-normalised.
        weight: how much it counts beside the others; a negative weight pushes matches down.
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
    """What to look for: weighted terms and filters. `Query.of("dog", without=["grass"])` is the usual way to make one.

    Attributes:
        terms: what is wanted, and with negative weights what is not; at least one is wanted.
        filters: what a picture must be to be considered at all.
    """

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
        """The query that a search box means.

        Args:
            text: words, in any of the model's languages.
            like: pictures that the hits shall resemble.
            without: texts that the hits shall not show.
            filters: what a picture must be to be considered at all.

        Raises:
            InvalidQuery: there is neither a text nor a picture, or a text is empty.
        """
        positive = [Term(text)] if text is not None else []
        terms = (*positive, *(Term(picture) for picture in like), *(Term(words, -1.0) for words in without))
        return cls(terms, filters or Filters())


@dataclass(frozen=True)
class Hit:
    """One result.

    Attributes:
        item: the picture.
        similarity: its cosine similarity to the query, less that of unwanted terms; at most 1.
        confidence: the calibrated probability that it is a match, 0 to 1; from 0.5 on it is a good match.
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
    """A file or folder that was not indexed.

    Attributes:
        path: the file or folder.
        reason: why, in words.
        known: whether an earlier run has said so already.
    """

    path: Path
    reason: str
    known: bool = False


@dataclass(frozen=True)
class IndexReport:
    """What an indexing run did.

    Attributes:
        found: how many picture files were seen.
        embedded: how many of them were read and embedded, because their content was new.
        reused: how many were read, but had a vector already, such as moved and copied files.
        unchanged: how many were as the last run left them, and not even opened.
        removed: how many paths left the gallery because their files are gone.
        skipped: what could not be indexed, and why.
        seconds: how long it took.
    """

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
