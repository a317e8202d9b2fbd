"""Sentences come apart and together again."""

from __future__ import annotations

import pytest

from mmembed.generate.sentences import join, split


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A dog.  Two men!", ["A dog.", "Two men!"]),
        ("A dog", ["A dog"]),
        ("Dr. Smith waves. He is 3.5 m tall.", ["Dr. Smith waves.", "He is 3.5 m tall."]),
        ("J. R. R. Tolkien reads. Wow!", ["J. R. R. Tolkien reads.", "Wow!"]),
        ('He says "Hi." She waves.', ['He says "Hi."', "She waves."]),
        ("Am 3. mai, z.B. heute. Gut.", ["Am 3. mai, z.B. heute.", "Gut."]),
        ("What?! No... Yes", ["What?!", "No...", "Yes"]),
        ("一只狗。两个人！", ["一只狗。", "两个人！"]),
        ("One\nTwo\n\nThree", ["One", "Two", "Three"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_split(text: str, expected: list[str]) -> None:
    assert [sentence.text for sentence in split(text)] == expected


@pytest.mark.parametrize("text", ["A dog.  Two men!\n\nThree.", "One, two. Three", "x " * 500, "word" * 300, "a, b; c " * 90])
def test_nothing_gets_lost(text: str) -> None:
    sentences = split(text)
    assert "".join(sentence.text + sentence.space for sentence in sentences) == text.strip()
    assert all(len(sentence.text) <= 500 for sentence in sentences)
    assert join([sentence.text for sentence in sentences], sentences).split() or not text.strip()


def test_order_and_white_space_are_kept() -> None:
    sentences = split("A dog.\n\nTwo men. Three.")
    assert join(["1.", "2.", "3."], sentences) == "1.\n\n2. 3."
    assert join(["One.", "Two."], split("一。二。")) == "One. Two."
