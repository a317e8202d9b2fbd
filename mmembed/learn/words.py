"""Words and pairs of words that captions are made of, and which pictures they are said of: what people type into a search box."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from mmembed.learn.data import CaptionRow
from mmembed.learn.vocabulary import frequent_words

_WORD = re.compile(r"[^\W\d_]{3,}")
_LONGEST_CHINESE = 4


@dataclass(frozen=True)
class WordCounts:
    """Which words are learned.

    Attributes:
        least: pictures that a word is said of, at the least.
        most: share of the pictures that a word is said of, at the most; function words are said of more.
    """

    least: int = 8
    most: float = 0.25


def said_of(captions: Iterable[CaptionRow], pictures: Sequence[str], counts: WordCounts) -> tuple[list[str], np.ndarray]:
    """Words and pairs of adjacent words.

    Args:
        captions: those of other pictures than `pictures` do not count.

    Returns:
        The words in lower case, and which pictures they are said of, bool `[words, pictures]`.
    """
    place = {picture: i for i, picture in enumerate(pictures)}
    found: dict[tuple[str, str], set[int]] = defaultdict(set)
    for row in captions:
        if row.picture in place:
            for word in _words(row.text.lower(), row.language):
                found[row.language, word].add(place[row.picture])
    kept = {key: rows for key, rows in found.items() if counts.least <= len(rows) <= counts.most * len(pictures)}
    kept = {(code, text): rows for (code, text), rows in kept.items() if all((code, word) in kept for word in text.split())}
    shown = np.zeros((len(kept), len(pictures)), bool)
    for index, rows in enumerate(kept.values()):
        shown[index, list(rows)] = True
    return [text for _, text in kept], shown


def _words(text: str, language: str) -> Iterator[str]:
    if language == "zh":  # is written without spaces
        for start in range(len(text)):
            yield from (text[start:end] for end in range(start + 1, start + 1 + _LONGEST_CHINESE) if text[start:end] in _chinese())
        return
    words = _WORD.findall(text)
    yield from words
    yield from (f"{left} {right}" for left, right in pairwise(words))


@cache
def _chinese() -> frozenset[str]:
    return frozenset(word for word in frequent_words(["zh"], 20_000) if "\u4e00" <= word[0] <= "\u9fff")
