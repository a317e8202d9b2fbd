"""No loops, no doubles, nothing empty."""

from __future__ import annotations

import pytest

from mmembed.generate.base import Candidate, Style
from mmembed.generate.polish import echoes, loops, unlooped, usable, word_count


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("A dog and a dog and a dog.", "A dog and a dog."),
        ("A man man man runs.", "A man man runs."),
        ("Ein Puzzzzzzt.", "Ein Puzt."),
        ("A red car on a red car on a street.", "A red car on a street."),
        ("Two men in a red house, two men in a red house.", None),
        ("一只狗在跑在跑在跑", "一只狗在跑在跑"),
    ],
)
def test_loops_are_found_and_taken_out(text: str, mended: str | None) -> None:
    assert loops(text)
    assert not loops(unlooped(text))
    if mended:
        assert unlooped(text) == mended


@pytest.mark.parametrize(
    "text",
    [
        "A man in a black shirt and a man in a white shirt.",
        "Vous vous promenez.",
        "A dog and a dog.",
        "Number 10000.",
        "他一步一步走。",
        "慢慢地走",
        "",
    ],
)
def test_what_people_say_twice_is_no_loop(text: str) -> None:
    assert not loops(text)
    assert unlooped(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A man on a motorcycle is sitting on a motorcycle.", True),
        ("Un chien brun et un chien brun.", True),
        ("A boy in a red shirt and a girl in a blue shirt.", False),
        ("A baby is holding a baby.", False),
        ("一个男人和一个男人", False),
        ("", False),
    ],
)
def test_three_words_said_twice_are_an_echo(text: str, expected: bool) -> None:
    assert echoes(text) is expected


def test_usable_candidates_keep_their_order_without_loops_doubles_and_empty_ones() -> None:
    texts = ["", "A dog a dog a dog.", "A  dog.", "A dog.", "Two dogs run."]
    found = usable([Candidate(text, -float(rank)) for rank, text in enumerate(texts)], Style())
    assert [one.text for one in found] == ["A dog.", "Two dogs run."]
    assert found[0].score == -2


def test_the_asked_length_comes_first_and_nothing_is_lost_for_it() -> None:
    found = usable(
        [Candidate("A dog.", -1), Candidate("A dog runs on grass.", -2), Candidate("A dog runs.", -3)], Style(shortest=3, longest=4)
    )
    assert [one.text for one in found] == ["A dog runs.", "A dog.", "A dog runs on grass."]


def test_if_all_loop_the_best_is_mended() -> None:
    assert [one.text for one in usable([Candidate("a b a b a b", -1), Candidate("c d c d", -2)], Style())] == ["a b"]


def test_words_of_scripts_without_spaces_are_characters() -> None:
    assert word_count("Two dogs, it's snow.") == 4
    assert word_count("两只狗") == 3
