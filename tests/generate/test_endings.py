"""The final mark of a translation is that of its source."""

from __future__ import annotations

import pytest

from mmembed.generate.endings import ended_as


@pytest.mark.parametrize(
    ("translation", "source", "to", "expected"),
    [
        ("Ein Hund", "A dog.", "de", "Ein Hund."),
        ("Ein Hund.", "A dog", "de", "Ein Hund"),
        ("Ein Hund.", "Is it a dog?", "de", "Ein Hund?"),
        ("Ein Hund", "A dog!", "de", "Ein Hund!"),
        ("Ein Hund...", "A dog…", "de", "Ein Hund..."),
        ("Ein Hund.", "A dog?!", "de", "Ein Hund?!"),
        ("Un chien.", "A dog!", "fr", "Un chien\u202f!"),
        ("Un chien !", "A dog!", "fr", "Un chien !"),
        ("Un chien !", "A dog.", "fr", "Un chien."),
        ("一只狗", "A dog.", "zh", "一只狗。"),
        ("一只狗。", "A dog", "zh", "一只狗"),
        ("A dog.", "一只狗。", "en", "A dog."),
        ("A dog", "一只狗？", "en", "A dog?"),
        ("Er sagt “Hallo”", 'He says "Hello."', "de", "Er sagt “Hallo”."),
        ("Er sagt “Hallo.”", 'He says "Hello"', "de", "Er sagt “Hallo”"),
        ('Er sagt "Hallo".', 'He says "Hello."', "de", 'Er sagt "Hallo".'),
        ("Ein Hund.", "A dog,", "de", "Ein Hund,"),
        ("Männer, Frauen usw.", "Men, women and so on", "de", "Männer, Frauen usw."),
        ("3.5", "3.5", "de", "3.5"),
        ("", "A dog.", "de", ""),
    ],
)
def test_the_mark_of_the_source(translation: str, source: str, to: str, expected: str) -> None:
    assert ended_as(translation, source, to) == expected
