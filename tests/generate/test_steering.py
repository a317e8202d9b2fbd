"""Rules while writing, seen from outside: whatever a decoder prefers, forbidden things do not come out."""

from __future__ import annotations

import numpy as np
import pytest

from mmembed.generate.base import Style
from mmembed.generate.steering import Rules, closing, sample, words_begun

END, START = 2, 0
PIECES = ["<s>", "<pad>", "</s>", "▁a", "▁dog", "▁and", "s", ".", "两只"]
IDS = np.arange(len(PIECES))


class Table:
    """A decoder whose next piece depends on the last alone."""

    def __init__(self, prefer: dict[int, int], rows: int = 1, seed: int = 0) -> None:
        logits = np.random.default_rng(seed).normal(size=(len(PIECES), len(PIECES)))
        for last, following in prefer.items():
            logits[last, following] += 8
        self.table = logits - np.log(np.exp(logits).sum(-1, keepdims=True))

    def step(self, ids: np.ndarray, position: int) -> np.ndarray:
        return self.table[ids]

    def reorder(self, order: np.ndarray) -> None:
        pass


def greedy(table: Table, style: Style, max_length: int = 40) -> list[int]:
    rules = Rules(table.step, table.reorder, IDS, words_begun(PIECES), closing(PIECES), END, style, max_length)
    text, last = [], START
    for position in range(max_length):
        last = int(rules.step(np.array([last]), position)[0].argmax())
        if last == END:
            return text
        text.append(last)
    raise AssertionError("it never ended")


LOOP = {START: 3, 3: 4, 4: 5, 5: 3}  # a dog and a dog and ...


def test_a_loop_is_broken() -> None:
    text = greedy(Table(LOOP), Style())
    runs = [text[at : at + n] == text[at + n : at + 2 * n] for n in range(2, 9) for at in range(len(text) - 2 * n + 1)]
    assert not any(runs)
    assert text[:5] == [3, 4, 5, 3, 4]


def test_one_piece_stands_at_most_twice_in_a_row() -> None:
    text = greedy(Table({START: 4, 4: 4}), Style())
    assert text[:2] == [4, 4]
    assert all(len(set(text[at : at + 3])) > 1 for at in range(len(text) - 2))


@pytest.mark.parametrize(("shortest", "longest"), [(5, 0), (0, 3), (4, 4)])
def test_length_in_words(shortest: int, longest: int) -> None:
    eager, tireless = Table(dict.fromkeys(range(len(PIECES)), END)), Table(LOOP)
    for table in (eager, tireless):
        words = int(words_begun(PIECES)[greedy(table, Style(shortest, longest))].sum())
        assert words >= shortest
        assert words <= (longest or 1000)


def test_no_word_begins_near_the_end_and_the_text_ends_in_time() -> None:
    text = greedy(Table(LOOP, seed=3), Style(), max_length=12)
    assert len(text) <= 11
    assert not words_begun(PIECES)[text[6:]].any()


def test_what_was_written_follows_the_beams() -> None:
    table = Table(LOOP)
    rules = Rules(table.step, table.reorder, IDS, words_begun(PIECES), closing(PIECES), END, Style(), 40)
    rules.step(np.array([START, START]), 0)
    rules.step(np.array([4, 3]), 1)
    rules.reorder(np.array([1, 1]))
    logs = rules.step(np.array([3, 4]), 2)  # the beams hold: a a | a dog
    assert logs[0, 3] < -1e8 < logs[1, 3]


def test_words_are_counted_where_they_begin() -> None:
    assert words_begun(PIECES).tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 2]


def test_a_full_stop_closes_a_text_that_has_its_length() -> None:
    table = Table({START: 3, 3: 4, 4: 5, 7: END})
    table.table[4, [7, END]] = np.log([0.05, 0.001])  # both unlikely, but the stop is the better end
    assert greedy(table, Style(longest=2)) == [3, 4, 7]


def test_samples_follow_the_seed_and_not_the_neighbours() -> None:
    table = Table({})
    one = sample(table.step, 1, START, IDS, END, 3, 10, Style(seed=7))
    assert one == sample(table.step, 1, START, IDS, END, 3, 10, Style(seed=7))
    assert sample(table.step, 2, START, IDS, END, 3, 10, Style(seed=7))[1] == one[0]
    assert one != sample(table.step, 1, START, IDS, END, 3, 10, Style(seed=8))
    assert [score for _, score in one[0]] == sorted((score for _, score in one[0]), reverse=True)


def test_a_cold_sample_is_the_likeliest_text() -> None:
    table = Table({START: 3, 3: 4, 4: END})
    [[(text, score)]] = sample(table.step, 1, START, IDS, END, 1, 10, Style(seed=1, temperature=0.1))
    assert text == [3, 4]
    assert score == pytest.approx((table.table[START, 3] + table.table[3, 4] + table.table[4, END]) / 3, abs=1e-5)
