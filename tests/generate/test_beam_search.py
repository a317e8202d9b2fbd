"""The beam search against an exhaustive one, on a language small enough to enumerate."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mmembed.generate.bundled import beam_search

END, PIECES = 2, 5


class Bigrams:
    """Log-probabilities that depend on the last piece only, one table a row, with a cache that notices wrong reordering."""

    def __init__(self, rows: int, beams: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        logits = random.normal(size=(rows, PIECES, PIECES)) * 2
        self.tables = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        self.row = np.repeat(np.arange(rows), beams)
        self.history = np.zeros((rows * beams, 0), np.int64)

    def step(self, ids: np.ndarray, position: int) -> np.ndarray:
        assert self.history.shape[1] == position
        self.history = np.concatenate([self.history, ids[:, None]], 1)
        return self.tables[self.row, self.history[:, -1]]

    def reorder(self, order: np.ndarray) -> None:
        assert (self.row[order] == self.row).all(), "beams must stay in their row"
        self.history = self.history[order]


def best_by_enumeration(table: np.ndarray, start: int, length: int) -> tuple[list[int], float]:
    found = []
    for count in range(length):
        for body in itertools.product([p for p in range(PIECES) if p != END], repeat=count):
            path = [start, *body, END]
            found.append((list(body), sum(table[a, b] for a, b in itertools.pairwise(path)) / (count + 1)))
    return max(found, key=lambda one: one[1])


@pytest.mark.parametrize("seed", range(6))
def test_a_wide_search_finds_the_best_finished_text(seed: int) -> None:
    rows, beams, length = 3, 16, 3
    model = Bigrams(rows, beams, seed)
    found = beam_search(model.step, model.reorder, rows, 0, np.arange(PIECES), beams, length)
    for row in range(rows):
        text, score = best_by_enumeration(model.tables[row], 0, length)
        finished = [(ids, value) for ids, value in found[row] if len(ids) < length]
        assert finished[0][0] == text
        assert finished[0][1] == pytest.approx(score, abs=1e-5)


def test_rows_do_not_influence_each_other() -> None:
    beams, length = 4, 6
    model = Bigrams(2, beams, 1)
    both = beam_search(model.step, model.reorder, 2, 0, np.arange(PIECES), beams, length)
    for row in range(2):
        alone = Bigrams(1, beams, 1)
        alone.tables = Bigrams(2, beams, 1).tables[row : row + 1]
        assert beam_search(alone.step, alone.reorder, 1, 0, np.arange(PIECES), beams, length)[0] == both[row]


def test_scores_fall_and_texts_hold_neither_start_nor_end() -> None:
    model = Bigrams(1, 5, 3)
    found = beam_search(model.step, model.reorder, 1, 0, np.arange(PIECES), 5, 8)[0]
    assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)
    assert all(END not in ids and len(ids) <= 8 for ids, _ in found)


def test_columns_are_the_pieces_that_may_follow() -> None:
    """With a permuted subset of pieces the ids in the texts are those pieces, not column numbers."""
    model, pieces = Bigrams(1, 4, 2), np.array([4, 2, 0, 3, 1])[:PIECES]
    plain = beam_search(model.step, model.reorder, 1, 0, np.arange(PIECES), 4, 5)[0]
    other = Bigrams(1, 4, 2)

    def step(ids: np.ndarray, position: int) -> np.ndarray:
        return other.step(ids, position)[:, pieces]

    if len(pieces) == PIECES:
        assert beam_search(step, other.reorder, 1, 0, pieces, 4, 5)[0] == plain
