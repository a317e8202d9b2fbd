"""What a visitor asks the gallery, as the inputs of the Search page hold it → the filters and unwanted terms of a query."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mmembed.app.labels import Labels
from mmembed.errors import InvalidQuery
from mmembed.gallery.items import Filters, time_span

ANY = "any"
"""What a choice holds that leaves everything through."""

_COMMAS = re.compile("[,，、،;\n]")  # Chinese, Japanese and Arabic have commas of their own


@dataclass(frozen=True)
class Question:
    """A search; in the order of the page's inputs.

    Attributes:
        text: words to look for.
        like: file of an uploaded picture to look for.
        without: unwanted terms with commas between them.
        count: results a page.
        likely_only: whether to leave out what is no good match.
        folder: only photos in this folder or below it; ANY or nothing for all.
        since: only photos taken then or later: `2019`, `2019-07` or `2019-07-14`.
        until: only photos taken then or earlier, written likewise.
        orientation: one of `mmembed.gallery.items.ORIENTATIONS`; ANY or nothing for all.
        caption: only photos with a stored caption that holds all these words.
        fold: whether to show near-identical photos as one.
        item: fingerprint of a picture of the gallery to look for.
    """

    text: str | None = ""
    like: str | Path | None = None
    without: str | None = ""
    count: int = 12
    likely_only: bool = False
    folder: str | None = ANY
    since: str | None = ""
    until: str | None = ""
    orientation: str | None = ANY
    caption: str | None = ""
    fold: bool = False
    item: str = ""

    @property
    def unwanted(self) -> list[str]:
        """The terms of `without`."""
        return [words for part in _COMMAS.split(self.without or "") if (words := part.strip())]

    def filters(self, labels: Labels) -> Filters:
        """What a photo must be to be looked at.

        Raises:
            InvalidQuery: a day is none, or there is no such orientation.
        """
        since, until = (_day(written, labels) for written in (self.since, self.until))
        folder, orientation = _chosen(self.folder), _chosen(self.orientation)
        return Filters(
            folder=Path(folder).expanduser() if folder else None,
            since=since[0] if since else None,
            until=until[1] if until else None,
            orientation=orientation,
            caption=(self.caption or "").strip() or None,
        )


def _chosen(choice: str | None) -> str | None:
    choice = (choice or "").strip()
    return choice if choice and choice != ANY else None


def _day(written: str | None, labels: Labels) -> tuple[datetime, datetime] | None:
    """Beginning and end of a year, a month or a day; None if nothing is written."""
    written = (written or "").strip()
    if not written:
        return None
    try:
        return time_span(written)
    except ValueError as error:
        raise InvalidQuery(labels.search.no_day.format(day=written)) from error
