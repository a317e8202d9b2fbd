"""Filters → one SQL statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mmembed.gallery import captions
from mmembed.gallery.items import Filters
from mmembed.gallery.places import name_of

_SQUARE = 1.05  # a longer side is up to this many times the shorter one

Ranges = Callable[[Sequence[str]], Iterable[tuple[str, tuple[str | bytes, ...]]]]


def statement(filters: Filters, ranges: Ranges) -> tuple[str, list[Any]]:
    """SELECT of the sorted numbers of all items that pass, and its parameters. `ranges` selects the paths below folders."""
    conditions = ["EXISTS (SELECT 1 FROM paths WHERE paths.item = items.id)"]
    parameters: list[Any] = []
    if filters.folder is not None:
        below = list(ranges([name_of(filters.folder)]))
        conditions.append(f"id IN ({' UNION '.join(f'SELECT item FROM paths {condition}' for condition, _ in below)})")
        parameters += [value for _, values in below for value in values]
    if filters.since is not None:
        conditions.append("taken >= ?")
        parameters.append(filters.since.isoformat())
    if filters.until is not None:
        conditions.append("taken < ?")
        parameters.append(filters.until.isoformat())
    if filters.shorter_side is not None:
        conditions.append("min(width, height) >= ?")
        parameters.append(filters.shorter_side)
    if filters.orientation is not None:
        conditions.append(_SHAPES[filters.orientation])
    if filters.caption is not None:
        conditions.append(f"fingerprint IN ({captions.FINGERPRINTS_BY_WORDS})")
        parameters.append(captions.match_expression(filters.caption) or '""')
    return f"SELECT id FROM items WHERE {' AND '.join(conditions)} ORDER BY id", parameters


_SHAPES = {
    "landscape": f"width > {_SQUARE} * height",
    "portrait": f"height > {_SQUARE} * width",
    "square": f"max(width, height) <= {_SQUARE} * min(width, height)",
}
