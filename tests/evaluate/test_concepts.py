"""Which things captions name, and that the shipped lists hold together."""

from __future__ import annotations

import pytest

from mmembed.errors import InvalidConfig
from mmembed.evaluate.concepts import Concept, Concepts, any_word, shipped_concepts

ANIMALS = {"dog": Concept("dogs", ("puppy", "pit bull")), "cat": Concept("cats")}


def concepts(**kinds: dict[str, Concept]) -> Concepts:
    kinds = kinds or {"animals": ANIMALS, "colours": {"red": Concept()}}
    return Concepts(kinds, tuple(kinds), tuple(kinds), tuple(kinds), tuple(kinds))


def test_any_caption_and_any_word_counts() -> None:
    assert concepts().shown(["A Puppy .", "Two red cats"]) == {"dog", "red", "cat"}
    assert concepts().shown(["a pit bull runs"]) == {"dog"}


def test_near_words_leave_it_open() -> None:
    lists = concepts(animals={"dog": Concept("dogs", ("puppy",), ("animal",)), "cat": Concept()})
    assert lists.shown(["an animal", "a cat"]) == {"cat"}
    assert lists.possible(["an animal", "a cat"]) == {"dog", "cat"}


def test_only_whole_words_count() -> None:
    assert concepts().shown(["a hotdog , categories , bored", "a pit", "bull"]) == frozenset()
    assert any_word([]).search("a dog") is None
    assert any_word(["dog", "dogs"]).findall("dogs, dog-like, doggy") == ["dogs", "dog"]


def test_concepts_of_some_kinds() -> None:
    assert concepts().of(["colours", "animals"]) == ["dog", "cat", "red"]
    assert concepts().of([]) == []


def test_mistakes_in_the_lists_are_named() -> None:
    with pytest.raises(InvalidConfig, match="'plants'"):
        Concepts({"animals": ANIMALS}, ("plants",), (), (), ())
    with pytest.raises(InvalidConfig, match="'dog'"):
        concepts(animals=ANIMALS, toys={"dog": Concept()})


def test_shipped_lists() -> None:
    shipped = shipped_concepts()
    assert {"animals", "colours"} <= set(shipped.foils)
    assert "dog" in shipped.of(shipped.searched)
    for kind, listed in shipped.kinds.items():
        words = [word for name, concept in listed.items() for word in (name, concept.plural, *concept.others, *concept.near) if word]
        assert all(word == word.lower() for word in words)
        # A foil would be true if its word stood for two things of one kind.
        forms = [form for name, concept in listed.items() for form in {name, concept.plural} - {None}]
        assert len(forms) == len(set(forms)), kind
