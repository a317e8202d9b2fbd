"""What words look like: where pictures lie whose captions say them, learned word by word and apart from the text tower."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mmembed.space.glossary import CHINESE, stems
from mmembed.space.unit import unit

_CODES, _SCALES, _AXES, _RARITIES, _WORDS = "codes", "scales", "axes", "rarities", "words-"
_UNLIKELY = 0.05


@dataclass(frozen=True)
class Reading:
    """A text, read word by word in one language.

    Attributes:
        direction: where pictures of it lie, float32 `[dim]`, L2-normalised.
        share: of what the words tell, rare ones telling more, how much is known, times how likely the text is in this language; up to 1.
        language: its code.
    """

    direction: np.ndarray
    share: float
    language: str


@dataclass(frozen=True)
class Lexicon:
    """Words of several languages, and a vector of each among those of pictures.

    A text is the mean of its words, each counting by its rarity. That knows no order, and no word that captions do not say; but it errs
    where a text tower does not, so that both together find more than either.

    Attributes:
        words: by language, as `stems` makes them; one language after the other they are the rows of the arrays.
        rarities: of each, minus the natural logarithm of the share of its language's captions that say it, more than 0, float32 `[W]`.
        codes: whole-numbered coordinates of each word's vector, int8 `[W, rank]`.
        scales: what each word's coordinates are multiplied with, float32 `[W]`.
        axes: of the coordinates, float32 `[rank, dim]`.
    """

    words: Mapping[str, Sequence[str]]
    rarities: np.ndarray
    codes: np.ndarray
    scales: np.ndarray
    axes: np.ndarray

    def readings(self, text: str) -> list[Reading]:
        """The text in each language that it may be in, as far as words of it are known there."""
        found = {language: self._found(text, language) for language in self.words}
        known = {language: [row for row in rows if row is not None] for language, rows in found.items()}
        spoken = [language for language in self.words if known[language]]
        if not spoken:
            return []
        told = np.array([self.rarities[known[language]].sum() for language in spoken])
        untold = np.array([self._unseen * found[language].count(None) for language in spoken])
        likely = np.exp((told + untold).min() - told - untold)  # of words that are said independently of each other
        chances = likely / likely.sum()
        shares = chances * told / (told + untold)
        return [
            Reading(self._mean(known[language]), float(share), language)
            for language, chance, share in zip(spoken, chances, shares, strict=True)
            if chance >= _UNLIKELY
        ]

    def knows(self, words: str, language: str) -> bool:
        """Whether captions of a language say all of some words."""
        return None not in self._found(words, language)

    def commonness(self, text: str) -> float:
        """The share of captions that say all words of a text, were they said independently of each other; 0 for no words."""
        found = [rows for language in self.words if (rows := self._found(text, language))]
        surprises = [sum(self._unseen if row is None else float(self.rarities[row]) for row in rows) for rows in found]
        return float(np.exp(-min(surprises))) if surprises else 0.0

    def _found(self, text: str, language: str) -> list[int | None]:
        """The row of each word of a text, None for those that are not known."""
        return [self._rows[language].get(word) for word in _words(text, language)]

    def _mean(self, rows: Sequence[int]) -> np.ndarray:
        """Of some words, `[dim]`, L2-normalised."""
        weights = self.rarities[rows] * self.scales[rows]
        return unit(weights @ self.codes[rows].astype(np.float32) @ self.axes)

    @cached_property
    def _rows(self) -> dict[str, dict[str, int]]:
        """By language, the row of each word."""
        starts = itertools.accumulate(map(len, self.words.values()), initial=0)
        numbered = zip(self.words.items(), starts, strict=False)  # the last start is the end
        return {language: {word: row for row, word in enumerate(words, start)} for (language, words), start in numbered}

    @cached_property
    def _unseen(self) -> float:
        """The rarity of a word that no caption says."""
        return float(self.rarities.max()) + 1.0

    def save(self, path: Path) -> None:
        """Write it to `path` (.npz), the axes and scales in half precision."""
        stored: dict[str, Any] = {f"{_WORDS}{language}": np.array(words) for language, words in self.words.items()}
        halves = {_RARITIES: self.rarities, _SCALES: self.scales, _AXES: self.axes}
        stored |= {name: values.astype(np.float16) for name, values in halves.items()}
        np.savez_compressed(path, codes=self.codes, **stored)

    @classmethod
    def read(cls, path: Path) -> Lexicon:
        """What `save` wrote."""
        with np.load(path) as stored:
            words = {name.removeprefix(_WORDS): stored[name].tolist() for name in stored.files if name.startswith(_WORDS)}
            rarities, scales, axes = (stored[name].astype(np.float32) for name in (_RARITIES, _SCALES, _AXES))
            return cls(words, rarities, stored[_CODES], scales, axes)


def _words(text: str, language: str) -> list[str]:
    """The stems of a text; of Chinese also the words in other letters, which no Chinese caption has."""
    return stems(text, language) + (stems(CHINESE.sub(" ", text), "") if language == "zh" else [])
