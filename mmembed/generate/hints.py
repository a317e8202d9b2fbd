"""Hints at what a text may name, for a decoder while it writes: contextual biasing, as in speech recognition.

Somebody knows what belongs in a text better than the decoder does: here the space, of what it sees. `Hinting` stands between a search
and its decoder as `steering.Rules` does, and makes texts likelier that say the name. Its weight is paid with the first piece of the
name and taken back where the text does not go on with it, so that no beam is lost before the name is written (Zhao et al. 2019,
"Shallow-Fusion End-to-End Contextual Biasing", https://www.isca-archive.org/interspeech_2019/zhao19d_interspeech.html).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mmembed.generate.base import Hint
from mmembed.generate.steering import Reorder, Step

if TYPE_CHECKING:
    import sentencepiece as spm

_CONTINUES = re.compile("[^\\W_\u3400-\u9fff\uf900-\ufaff]")
_BYTE = re.compile(r"<0x..>")  # a part of a character that the vocabulary lacks
_ARTICLES = ("en", "de", "fr")
_VOWEL = re.compile(r"(?!uni|eu|ewe|one\b|us|uk)[aeiou]|hour|heir|honest", re.IGNORECASE)


def hinted(writer: object, hints: Sequence[Sequence[Hint]]) -> dict[str, Any]:
    """What to add to a call of a decoder or captioner so that it takes hints; nothing if it takes none, or there are none."""
    return {"hints": hints} if getattr(writer, "takes_hints", False) and any(hints) else {}


def going_on(pieces: Sequence[str]) -> np.ndarray:
    """Which pieces of a SentencePiece vocabulary go on with the word before them, bool `[V]`; Chinese characters are words."""
    return np.array([bool(_CONTINUES.match(piece)) for piece in pieces])


@dataclass(frozen=True)
class Spelled:
    """A hint in pieces: the ways to write its name where a text begins, and where it goes on."""

    opening: tuple[tuple[int, ...], ...]
    later: tuple[tuple[int, ...], ...]
    weight: float

    @classmethod
    def of(cls, hint: Hint, language: str, pieces: spm.SentencePieceProcessor) -> Spelled:
        """Within a text as the hint has it; with a capital where it begins, in a language where no article belongs there."""
        opening, later = (pieces.encode(name, out_type=str) for name in (hint.name[:1].upper() + hint.name[1:], hint.name))
        ways = [later]
        if not _CONTINUES.match(hint.name):  # without spaces between words, a name may follow any piece
            ways.append([piece for piece in (later[0].removeprefix("▁"), *later[1:]) if piece])
        first = [] if language in _ARTICLES else [opening]
        return cls(_ids(first, pieces), _ids(ways, pieces), hint.weight)


def _ids(ways: Sequence[Sequence[str]], pieces: spm.SentencePieceProcessor) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(pieces.piece_to_id(piece) for piece in way) for way in ways if not any(map(_BYTE.match, way)))


@dataclass(frozen=True)
class _Begun:
    """A name, or what is left of it to be written."""

    left: tuple[int, ...]
    weight: float


class Hinting:
    """A decoder's step and reorder, with names made likelier, one a text: what has said one is left alone.

    Only whole words count: "backpacker" is no backpack.
    """

    def __init__(
        self, step: Step, reorder: Reorder, pieces: np.ndarray, going_on: np.ndarray, hints: Sequence[Sequence[Spelled]], lanes: int
    ) -> None:
        """
        Args:
            step: the decoder's, or that of `steering.Rules`.
            reorder: the same's.
            pieces: the id behind each of the V columns that `step` returns, `[V]`.
            going_on: which columns' pieces go on with a word, `[V]`; see `going_on`.
            hints: of each row.
            lanes: how many texts of each row are written side by side.
        """
        self._step, self._reorder, self._going_on = step, reorder, going_on
        self._column = {int(piece): column for column, piece in enumerate(pieces)}
        self._opening = [self._names(row, [one.opening for one in row]) for row in hints]
        self._later = [self._names(row, [one.later for one in row]) for row in hints]
        self._rows = np.arange(len(hints)).repeat(lanes)
        self._begun: list[list[_Begun] | None] = [[] for _ in self._rows]  # None where a name was said

    def _names(self, row: Sequence[Spelled], ways: Sequence[Sequence[Sequence[int]]]) -> list[_Begun]:
        """Those that can be written with the pieces there are, in columns."""
        return [
            _Begun(tuple(self._column[piece] for piece in way), one.weight)
            for one, each in zip(row, ways, strict=True)
            for way in each
            if way and all(piece in self._column for piece in way)
        ]

    def step(self, ids: np.ndarray, position: int) -> np.ndarray:
        """The decoder's log-probabilities, with what the hints add."""
        logs = self._step(ids, position)
        for lane, row in enumerate(self._rows):
            names = self._later[row] if position else self._opening[row]
            if position:
                before = self._later[row] if position > 1 else self._opening[row]
                self._begun[lane] = self._after(self._begun[lane], before, self._column[int(ids[lane])])
            if (begun := self._begun[lane]) is not None and (names or begun):
                logs[lane] += self._change(begun, names)
        return logs

    def _after(self, begun: list[_Begun] | None, names: Sequence[_Begun], column: int) -> list[_Begun] | None:
        """What is begun once a piece is written; None if by then a name is said."""
        if begun is None:
            return None
        whole = any(not name.left for name in begun)
        if whole and not self._going_on[column] and not any(name.left[:1] == (column,) for name in begun):
            return None
        starting = () if whole else names
        return [_Begun(name.left[1:], name.weight) for name in (*begun, *starting) if name.left[:1] == (column,)]

    def _change(self, begun: Sequence[_Begun], names: Sequence[_Begun]) -> np.ndarray:
        """What the next piece adds, `[V]`: the weight of the names that it begins or goes on with, less what is paid already."""
        weights = np.zeros(len(self._going_on), np.float32)
        whole = max((name.weight for name in begun if not name.left), default=0.0)
        weights[~self._going_on] = whole
        for name in (*begun, *(() if whole else names)):
            if name.left:
                weights[name.left[0]] = max(weights[name.left[0]], name.weight)
        return weights - max((name.weight for name in begun), default=0.0)

    def reorder(self, order: np.ndarray) -> None:
        """Move what is begun along with the decoder's state."""
        self._begun = [self._begun[lane] for lane in order]
        self._reorder(order)

    def added(self, row: int, ids: Sequence[int]) -> float:
        """What the hints added to the log-probability of a text of a row."""
        begun: list[_Begun] = []
        names = self._opening[row]
        for piece in ids:
            after = self._after(begun, names, self._column[int(piece)])
            if after is None:
                break
            begun, names = after, self._later[row]
        return max((name.weight for name in begun if not name.left), default=0.0)


def agreeing(text: str, language: str, hints: Sequence[Hint]) -> str:
    """A text whose English indefinite article goes with the name behind it: "a accordion" becomes "an accordion"."""
    for hint in hints if language == "en" else ():
        fitting = "n" if _VOWEL.match(hint.name) else ""
        text = re.sub(rf"\b(a)n? (?={re.escape(hint.name)}\b)", rf"\1{fitting} ", text, flags=re.IGNORECASE)
    return text
