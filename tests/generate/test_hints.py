"""Hints: names become likelier, nothing else does, and what is taken back leaves no trace."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import cast

import numpy as np
import pytest
from sentencepiece import SentencePieceProcessor

from mmembed.generate.base import Hint
from mmembed.generate.bundled import beam_search
from mmembed.generate.hints import Hinting, Spelled, agreeing, going_on, hinted

START, END = 0, 2
PIECES = ["<s>", "<pad>", "</s>", "▁a", "▁back", "pack", "er", "▁dog", "▁lens", "▁cap", "▁A", "s", "背", "包"]
A, BACK, PACK, ER, DOG, LENS, CAP, CAPITAL = 3, 4, 5, 6, 7, 8, 9, 10
IDS = np.arange(len(PIECES))
BACKPACK = Spelled(((CAPITAL, BACK, PACK),), ((BACK, PACK),), 6.0)
BACKPACK_3 = replace(BACKPACK, weight=3.0)


class Uniform:
    """A decoder to which all pieces are alike."""

    def step(self, ids: np.ndarray, position: int) -> np.ndarray:
        return np.full((len(ids), len(PIECES)), -np.log(len(PIECES)), np.float32)

    def reorder(self, order: np.ndarray) -> None:
        pass


class Vocabulary:
    """As much of a SentencePieceProcessor as spelling needs."""

    def encode(self, text: str, out_type: type) -> list[str]:
        return {
            "backpack": ["▁back", "pack"],
            "Backpack": ["▁A", "▁back", "pack"],
            "背包": ["▁", "背", "包"],
            "弹丸": ["▁", "<0xE5>", "<0xBC>"],
        }[text]

    def piece_to_id(self, piece: str) -> int:
        return PIECES.index(piece) if piece in PIECES else 1


def hinting(*hints: Spelled, lanes: int = 1) -> Hinting:
    return Hinting(Uniform().step, Uniform().reorder, IDS, going_on(PIECES), [hints], lanes)


def followed(hints: tuple[Spelled, ...], text: list[int]) -> float:
    """What the hints add to a text on the way, its end included."""
    guided, last, total = hinting(*hints), START, 0.0
    for position, piece in enumerate([*text, END]):
        total += float((guided.step(np.array([last]), position) - Uniform().step(np.array([last]), 0))[0, piece])
        last = piece
    return total


@pytest.mark.parametrize(
    ("text", "added"),
    [
        ([A, BACK, PACK], 6.0),
        ([A, BACK, PACK, DOG], 6.0),
        ([A, BACK, PACK, ER], 0.0),  # another word
        ([A, BACK, PACK, ER, BACK, PACK], 6.0),
        ([A, BACK, DOG], 0.0),
        ([A, BACK, BACK, PACK], 6.0),
        ([BACK, PACK, DOG], 0.0),  # a sentence does not begin like that
        ([CAPITAL, BACK, PACK], 6.0),
        ([A, BACK, PACK, A, BACK, PACK], 6.0),  # once is enough
        ([A, DOG], 0.0),
        ([], 0.0),
    ],
)
def test_only_a_text_that_says_the_name_becomes_likelier(text: list[int], added: float) -> None:
    assert followed((BACKPACK,), text) == pytest.approx(added, abs=1e-5)
    assert hinting(BACKPACK).added(0, text) == pytest.approx(added)


def test_what_is_added_on_the_way_is_what_the_text_has_in_the_end() -> None:
    hints = (BACKPACK, Spelled((), ((LENS,),), 2.0), Spelled((), ((LENS, CAP),), 5.0))
    for text in product((A, BACK, PACK, ER, LENS, CAP), repeat=4):
        assert followed(hints, list(text)) == pytest.approx(hinting(*hints).added(0, text), abs=1e-5), [PIECES[i] for i in text]


def test_a_longer_name_counts_for_what_it_is() -> None:
    hints = (Spelled((), ((LENS,),), 2.0), Spelled((), ((LENS, CAP),), 5.0))
    assert followed(hints, [A, LENS, DOG]) == pytest.approx(2.0, abs=1e-5)
    assert followed(hints, [A, LENS, CAP]) == pytest.approx(5.0, abs=1e-5)


def test_a_search_keeps_the_name_that_a_row_was_hinted_at() -> None:
    plain = Spelled((), (), 0.0)
    guided = Hinting(Uniform().step, Uniform().reorder, IDS, going_on(PIECES), [[BACKPACK], [plain], []], 2)
    found = beam_search(guided.step, guided.reorder, 3, START, IDS, 2, 5)
    first = found[0][0][0]
    assert any(first[at : at + 2] == [BACK, PACK] for at in range(len(first)))
    for others in found[1:]:
        assert all(BACK not in ids for ids, _ in others)


def test_names_are_spelled_with_a_capital_first_and_without_a_space_where_there_are_none() -> None:
    vocabulary = cast(SentencePieceProcessor, Vocabulary())
    assert Spelled.of(Hint("backpack", 3.0), "cs", vocabulary) == BACKPACK_3
    assert Spelled.of(Hint("backpack", 3.0), "en", vocabulary) == replace(BACKPACK_3, opening=()), "an article belongs there"
    chinese = Spelled.of(Hint("背包", 3.0), "zh", vocabulary)
    assert PIECES.index("背") in {way[0] for way in chinese.later}
    assert Spelled.of(Hint("弹丸", 3.0), "zh", vocabulary) == Spelled((), (), 3.0), "characters are not written byte by byte"


def test_names_that_cannot_be_written_are_passed_over() -> None:
    unknown = Spelled(((99,),), ((99, BACK), (1, 98)), 6.0)
    assert followed((unknown,), [A, BACK, PACK]) == 0


@pytest.mark.parametrize(
    ("text", "name", "language", "wanted"),
    [
        ("A woman plays a accordion.", "accordion", "en", "A woman plays an accordion."),
        ("A accordion on a table.", "accordion", "en", "An accordion on a table."),
        ("An backpack and an unicycle.", "backpack", "en", "A backpack and an unicycle."),
        ("A man on an unicycle.", "unicycle", "en", "A man on a unicycle."),
        ("A hourglass.", "hourglass", "en", "An hourglass."),
        ("Il y a accordion.", "accordion", "fr", "Il y a accordion."),
        ("A accordionist.", "accordion", "en", "A accordionist."),
    ],
)
def test_the_article_goes_with_the_name(text: str, name: str, language: str, wanted: str) -> None:
    assert agreeing(text, language, [Hint(name, 1.0)]) == wanted


def test_only_writers_that_take_hints_are_given_some() -> None:
    class Deaf:
        pass

    class Taking:
        takes_hints = True

    hints = [[Hint("dog", 1.0)], []]
    assert hinted(Taking(), hints) == {"hints": hints}
    assert hinted(Taking(), [[], []]) == {}
    assert hinted(Deaf(), hints) == {}
