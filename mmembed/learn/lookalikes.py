"""What the classes of a classifier look like to one that does not know them, and things that are no class: `Likenesses`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmembed.errors import InvalidData
from mmembed.evaluate.tables import read_table
from mmembed.learn.classes import ClassRow
from mmembed.learn.glossary import listed
from mmembed.space.likeness import Likenesses

_PAIR = re.compile(r"(.+)=([1-9])")


@dataclass(frozen=True)
class Thing:
    """What is no class: its names in each language, and classes that it looks like, by their English names, with how much from 1 to 9:
    "gar=9; coho=6"."""

    names: dict[str, tuple[str, ...]]
    looks_like: str


def read_things(path: Path, languages: Sequence[str]) -> list[Thing]:
    """Things of a table with the columns `looks_like` and, for each language, names, separated by commas."""
    rows = read_table(path, ("looks_like", *languages))
    return [Thing({code: listed(row[code]) for code in languages}, row["looks_like"]) for row in rows]


def likenesses_of(rows: Sequence[ClassRow], things: Sequence[Thing]) -> Likenesses | None:
    """What each class looks like, numbered as in `rows`, and after them each thing; None where nothing is known of any.

    Raises:
        InvalidData: something looks like what is not among them, or this is written otherwise.
    """
    named: defaultdict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        named[row.names["en"] if "en" in row.names else row.synonyms.split(",")[0]].append(number)
    cells = [*(row.looks_like for row in rows), *(thing.looks_like for thing in things)]
    looks = [_looks(cell, named) for cell in cells]
    most = max(map(len, looks), default=0)
    if not most:
        return None
    kinds, weights = np.zeros((len(looks), most), np.int16), np.zeros((len(looks), most), np.uint8)
    for thing, like in enumerate(looks):
        like.pop(thing, None)  # of two classes of one name, each looks like the other
        kinds[thing, : len(like)], weights[thing, : len(like)] = list(like), list(like.values())
    return Likenesses(kinds, weights)


def _looks(cell: str, named: Mapping[str, Sequence[int]]) -> dict[int, int]:
    """Numbers of classes, and how much something looks like each."""
    looks: dict[int, int] = {}
    for part in filter(None, map(str.strip, cell.split(";"))):
        pair = _PAIR.fullmatch(part)
        if pair is None or pair[1] not in named:
            raise InvalidData(f"Something looks like {part!r}, which is not the English name of a class, = and a digit from 1 to 9.")
        looks |= dict.fromkeys(named[pair[1]], int(pair[2]))
    return looks
