from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("wordfreq")

from mmembed.learn.alignment import Sentence, align, split_words
from mmembed.learn.features import Ragged
from mmembed.learn.grammar import Language
from mmembed.learn.phrases import Phrase, PhraseLimits, PhraseTable, choose, phrase_pairs, phrase_table, typed

pytestmark = pytest.mark.torch

MEANING = {
    "a": 0, "ein": 0, "einen": 0, "eine": 0, "man": 1, "mann": 1, "red": 2, "roter": 2, "roten": 2, "rotes": 2, "car": 3, "auto": 3,
    "hat": 4, "hut": 4, "sees": 5, "sieht": 5, "in": 6, "im": 6, "park": 7, "runs": 8, "rennt": 8, "teddy": 9, "bear": 10, "teddybär": 10,
    "stands": 11, "steht": 11,
}  # fmt: skip
PAIRS = [
    ("A man runs.", "Ein Mann rennt."),
    ("A man runs in a park.", "Ein Mann rennt im Park."),
    ("A red car in a park.", "Ein rotes Auto im Park."),
    ("A red car stands in a park.", "Ein rotes Auto steht im Park."),
    ("A man in a park.", "Ein Mann im Park."),
    ("A man in a park.", "Ein Mann im Park."),
    ("A man sees a car.", "Ein Mann sieht ein Auto."),
    ("A man sees a man.", "Ein Mann sieht einen Mann."),
    ("A man sees a red hat.", "Ein Mann sieht einen roten Hut."),
    ("A man sees a red hat.", "Ein Mann sieht einen roten Hut."),
    ("A man sees a teddy bear.", "Ein Mann sieht einen Teddybär."),
    ("A man sees a teddy bear.", "Ein Mann sieht einen Teddybär."),
]


def lemma(word: str) -> str:
    return {"roten": "rot", "rotes": "rot", "runs": "run", "rennt": "rennen"}.get(word, word)


def language(code: str, texts: Sequence[str]) -> tuple[Language, Ragged]:
    sentences = [split_words(text)[0] for text in texts]
    words = [word for sentence in sentences for word in sentence.words]
    offsets = np.concatenate([[0], np.cumsum([len(sentence.words) for sentence in sentences])])
    return Language(code, sentences, lemma), Ragged(np.eye(12, dtype=np.float32)[[MEANING[word.lower()] for word in words]], offsets)


@pytest.fixture
def both() -> dict[str, tuple[Language, Ragged]]:
    return {code: language(code, [pair[side] for pair in PAIRS]) for side, code in enumerate(("en", "de"))}


@pytest.fixture
def table(both: dict[str, tuple[Language, Ragged]]) -> PhraseTable:
    return phrase_table(both["en"][0], both["de"][0], (both["en"][1], both["de"][1]), 5)


def test_words_are_split_from_punctuation() -> None:
    sentence, places = split_words("Two young, (t-shirt) - men.")
    assert sentence == Sentence(("Two", "young", "t-shirt", "men"), (True, False, True, True, True))
    assert places == [0, 1, 2, 4]


def test_words_that_prefer_each_other_are_linked_others_in_a_second_round() -> None:
    unit = np.eye(4, dtype=np.float32)
    near = np.array([0.6, 0.8, 0, 0], np.float32)
    assert align(unit[:3], unit[[1, 0, 3]]) == [(0, 1), (1, 0)]
    assert align(np.stack([unit[0], near]), np.stack([unit[0], near]), rounds=1) == [(0, 0), (1, 1)]
    assert align(np.stack([unit[0], near]), np.stack([unit[0] * 0.9 + unit[2] * 0.4, unit[0] * 0.5]), rounds=2) == [(0, 0), (1, 1)]
    assert align(unit[:0], unit) == []


def test_phrases_of_subjects_are_told_from_objects(table: PhraseTable) -> None:
    assert table.opening["a man", "ein Mann"] == 10
    assert table.free["a man", "einen Mann"] == 0, "after a verb it is the wrong case"
    assert table.opening["a red car", "ein rotes Auto"] == 2


def test_no_phrase_ends_within_another_nor_with_half_a_compound(table: PhraseTable) -> None:
    every = set(table.opening) | set(table.free) | set(table.words)
    assert not [pair for pair in every if pair[0].split()[-1] in ("a", "red", "in")]
    assert ("bear", "Teddybär") not in every


def test_the_best_pairs_are_chosen_in_both_directions(both: dict[str, tuple[Language, Ragged]]) -> None:
    languages, vectors = {code: it[0] for code, it in both.items()}, {code: it[1] for code, it in both.items()}
    found = phrase_pairs(["en-de", "de-en"], languages, vectors, PhraseLimits())
    there = {phrase.source: phrase.target for phrase in found["en-de"]}
    assert there["a man"] == "ein Mann"
    assert there["man"] == "Mann"
    assert there["red car"] == "rotes Auto", "without articles"
    assert "a red hat" not in there, "it was only seen as an object"
    assert all(phrase.times >= 2 for phrase in found["en-de"])
    assert {phrase.source: phrase.target for phrase in found["de-en"]}["ein rotes Auto"] == "a red car"


def test_a_word_has_its_dictionary_form_where_there_are_cases() -> None:
    words: Counter[tuple[str, str]] = Counter({("red", "roten"): 8, ("red", "rotes"): 2})
    english, german = Language("en", [Sentence(("red",), (True, True))], lemma), Language("de", [Sentence(("rot",), (True, True))], lemma)
    assert choose(PhraseTable(words=words), english, german, PhraseLimits()) == [Phrase("red", "rot", 10)]
    french = Language("fr", [Sentence(("roten",), (True, True))], lemma)
    assert choose(PhraseTable(words=words), english, french, PhraseLimits()) == [Phrase("red", "roten", 10)]


def test_first_words_get_the_capital_that_they_have_elsewhere() -> None:
    texts = ["Hunde sehen junge Hunde.", "Junge Hunde sehen.", "Ein Hund."]
    assert [words[0] for words in Language("de", [split_words(text)[0] for text in texts], lemma).sentences] == ["Hunde", "junge", "ein"]


def test_phrases_are_typed_alike_in_both_languages() -> None:
    texts = typed([Phrase("a red car", "ein rotes Auto", 9)] * 200, seed=1)
    assert len(texts) == 600, "the square root of the count"
    assert set(texts) == {
        ("a red car", "ein rotes Auto"), ("A red car", "Ein rotes Auto"), ("a red car.", "ein rotes Auto."),
        ("A red car.", "Ein rotes Auto."),
    }  # fmt: skip
    assert 0.25 < np.mean([source.endswith(".") for source, _ in texts]) < 0.42
    assert typed([Phrase("dog", "Hund", 4)], 1) == typed([Phrase("dog", "Hund", 4)], 1)
