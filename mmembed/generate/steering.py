"""Rules for a decoder while it writes, piece by piece: no loops, a length, whole words; and sampling beside beam search.

`Rules` stands between a search and its decoder: it has the two functions a search calls, and forbids pieces on the way. So the
same rules serve beam search and sampling, and neither knows of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from mmembed.generate.base import Style

# (ids [R], position) -> log-probabilities [R, V], and a function that reorders the cache by row
Step = Callable[[np.ndarray, int], np.ndarray]
Reorder = Callable[[np.ndarray], None]

_NEVER = np.float32(-1e9)  # not infinite, so that sums and differences of it stay numbers
_LONGEST_RUN = 8  # pieces
_ONCE = 8  # a run of this many pieces is not written twice
_LAST_WORD = 6  # so many pieces before the end no new word begins
_LIKELY = np.float32(np.log(0.1))  # a word is only gone on with by pieces likelier than this when no other may begin
_UNSPACED = re.compile("[\u3400-\u9fff\uf900-\ufaff]")


def words_begun(pieces: Sequence[str]) -> np.ndarray:
    """How many words each piece of a SentencePiece vocabulary begins, int `[V]`; Chinese characters count as words."""
    return np.array([len(_UNSPACED.findall(piece)) or int(bool(re.match(r"▁\w", piece))) for piece in pieces])


def closing(pieces: Sequence[str]) -> np.ndarray:
    """Which pieces close a sentence, bool `[V]`."""
    return np.array([bool(re.fullmatch(r"▁?[.!?。！？؟]", piece)) for piece in pieces])


class Rules:
    """A decoder's step and reorder, with what must not be written taken out.

    - No run of 2 to 8 pieces directly follows itself, no piece stands three times in a row, no run of 8 occurs twice.
    - The end comes not before `style.shortest` words, and no word begins after `style.longest`. An end that comes only because it
      must keeps its own low probability, so that a search prefers texts that end well within the length.
    - Near the greatest number of pieces no new word begins, so that none is cut.
    """

    def __init__(
        self,
        step: Step,
        reorder: Reorder,
        pieces: np.ndarray,
        begun: np.ndarray,
        closes: np.ndarray,
        end: int,
        style: Style,
        max_length: int,
    ) -> None:
        """
        Args:
            step: the decoder's.
            reorder: the decoder's.
            pieces: the id behind each of the V columns that `step` returns, `[V]`.
            begun: how many words each column's piece begins, `[V]`; see `words_begun`.
            closes: which columns' pieces close a sentence, `[V]`; see `closing`.
            end: id that ends a text.
            style: the length asked for.
            max_length: greatest number of ids in a text, its end included.
        """
        self._step, self._reorder = step, reorder
        self._begun, self._closes, self._style, self._max_length = begun, closes, style, max_length
        self._column = {int(piece): column for column, piece in enumerate(pieces)}
        self._end = self._column[end]
        self._texts: list[list[int]] = []  # columns written so far, for every row of the batch
        self._words = np.zeros(0, np.int64)

    def step(self, ids: np.ndarray, position: int) -> np.ndarray:
        """The decoder's log-probabilities, with forbidden pieces made all but impossible."""
        logs = np.array(self._step(ids, position), np.float32)
        if position == 0:
            self._texts, self._words = [[] for _ in ids], np.zeros(len(ids), np.int64)
        else:
            columns = [self._column[int(piece)] for piece in ids]
            for text, column in zip(self._texts, columns, strict=True):
                text.append(column)
            self._words += self._begun[columns]
        for row, text in enumerate(self._texts):
            kept = logs[row, self._end]
            logs[row, _repeating(text)] = _NEVER
            room = self._style.longest - self._words[row] if self._style.longest else len(self._begun)
            if position >= self._max_length - _LAST_WORD:
                room = 0
            over = self._begun > room
            logs[row, over | ((logs[row] < _LIKELY) & ~self._closes) if room <= 0 else over] = _NEVER
            logs[row, self._end] = kept
            if self._words[row] < self._style.shortest and position < self._max_length - _LAST_WORD:
                logs[row, self._end] = _NEVER
            elif position >= self._max_length - 1:
                logs[row] = _NEVER
                logs[row, self._end] = kept
        return logs

    def reorder(self, order: np.ndarray) -> None:
        """Move what was written along with the decoder's state."""
        self._texts = [list(self._texts[row]) for row in order]
        self._words = self._words[order]
        self._reorder(order)


def sample(
    step: Step, rows: int, start: int, pieces: np.ndarray, end: int, count: int, max_length: int, style: Style
) -> list[list[tuple[list[int], float]]]:
    """Nucleus sampling: `count` texts for each row, drawn by `style.seed`, best first.

    Args:
        step: gives log-probabilities `[rows · count, V]` of the `pieces` that may follow the ids `[rows · count]` at a position.
        rows: how many texts side by side are to be written about.
        start: id every text begins with; not part of the result.
        pieces: the ids behind the columns of `step`, `[V]`.
        end: id that ends a text.
        count: draws a row.
        max_length: greatest number of ids in a text, its end included.
        style: seed, temperature and top_p.

    Returns:
        For each row its draws: ids without start and end, and the mean log-probability under the decoder itself, so that draws
        at different temperatures compare. A row's draws do not depend on the other rows.
    """
    randoms = [np.random.default_rng([style.seed or 0, lane]) for _ in range(rows) for lane in range(count)]
    texts: list[list[int]] = [[] for _ in randoms]
    totals, lengths = [0.0] * len(randoms), [0] * len(randoms)
    ids, running = np.full(len(randoms), start, np.int64), np.ones(len(randoms), bool)
    for position in range(max_length):
        logs = step(ids, position)
        for lane in np.flatnonzero(running):
            column = _drawn(logs[lane], randoms[lane], style)
            totals[lane] += float(logs[lane, column])
            lengths[lane] += 1
            ids[lane] = pieces[column]
            if pieces[column] == end:
                running[lane] = False
            else:
                texts[lane].append(int(pieces[column]))
        if not running.any():
            break
    drawn = [(text, total / max(length, 1)) for text, total, length in zip(texts, totals, lengths, strict=True)]
    return [sorted(drawn[row * count : (row + 1) * count], key=lambda one: -one[1]) for row in range(rows)]


def _drawn(logs: np.ndarray, random: np.random.Generator, style: Style) -> int:
    scaled: np.ndarray = logs.astype(np.float64) / max(style.temperature, 1e-3)
    chances = np.exp(scaled - scaled.max())
    chances /= chances.sum()
    order = np.argsort(-chances, kind="stable")
    likely = order[: int(np.searchsorted(np.cumsum(chances[order]), style.top_p)) + 1]
    return int(random.choice(likely, p=chances[likely] / chances[likely].sum()))


def _repeating(text: Sequence[int]) -> list[int]:
    """What must not come next, because it would say again what was just said."""
    forbidden = []
    if len(text) >= 2 and text[-1] == text[-2]:
        forbidden.append(text[-1])
    for run in range(2, _LONGEST_RUN + 1):
        if len(text) >= 2 * run - 1 and list(text[len(text) - run + 1 :]) == list(text[len(text) - 2 * run + 1 : len(text) - run]):
            forbidden.append(text[-run])
    if len(text) >= _ONCE:
        last = list(text[len(text) - _ONCE + 1 :])
        forbidden += [text[at + _ONCE - 1] for at in range(len(text) - _ONCE + 1) if list(text[at : at + _ONCE - 1]) == last]
    return forbidden
