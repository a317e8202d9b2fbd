"""Foils swap one word for a wrong one that fits, and scores tell captions from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmembed.evaluate.concepts import Concept, Concepts
from mmembed.evaluate.foils import FoilScores, evaluate_foils, make_foils
from mmembed.evaluate.pictures import PictureFolder
from mmembed.evaluate.tables import CaptionRow
from tests.fakes import fake_model


def rows(**captions: list[str]) -> list[CaptionRow]:
    return [CaptionRow(f"{image}.jpg", "en", text) for image, texts in captions.items() for text in texts]


def lists(**kinds: dict[str, Concept]) -> Concepts:
    return Concepts(kinds, tuple(kinds), (), (), ())


ANIMALS = {"dog": Concept("dogs", ("puppy",)), "elephant": Concept("elephants"), "sheep": Concept("sheep"), "cow": Concept("cows")}


def test_number_article_and_capital_fit() -> None:
    animals = lists(animals={"dog": Concept("dogs"), "elephant": Concept("elephants")})
    given = rows(one=["A dog runs .", "Dogs", "the dog"], two=["an elephant", "two elephants", "An Elephant"])
    assert [foil.foil for foil in make_foils(given, animals)] == [
        "An elephant runs .", "Elephants", "the elephant", "a dog", "two dogs", "A Dog",
    ]  # fmt: skip
    assert {foil.kind for foil in make_foils(given, animals)} == {"animals"}


def test_what_any_caption_of_the_picture_names_is_not_swapped_in() -> None:
    given = rows(one=["a dog", "a cow with a puppy"], two=["an elephant"], three=["a cow"], four=["a sheep"])
    for foil in make_foils(given, lists(animals=ANIMALS)):
        if foil.image == "one.jpg":
            assert foil.foil.split()[1] in ("elephant", "sheep")


def test_what_may_be_there_is_not_swapped_in() -> None:
    kinds = lists(animals={"dog": Concept(), "cow": Concept(near=("herd",)), "cat": Concept()})
    given = rows(one=["a dog", "a herd"], two=["a cow"], three=["a cat"])
    assert {foil.foil for foil in make_foils(given, kinds) if foil.image == "one.jpg"} == {"a cat"}


def test_what_no_picture_shows_is_not_swapped_in() -> None:
    assert {foil.foil for foil in make_foils(rows(one=["a dog"] * 20, two=["a cow"]), lists(animals=ANIMALS))} == {"a cow", "a dog"}
    assert make_foils(rows(one=["a dog"]), lists(animals=ANIMALS)) == []


def test_a_word_of_unclear_number_is_swapped_in_only() -> None:
    foils = make_foils(rows(one=["a sheep"], two=["two dogs"]), lists(animals=ANIMALS))
    assert [foil.foil for foil in foils] == ["two sheep"]


def test_one_word_of_a_caption_is_swapped_and_every_kind_gets_its_turn() -> None:
    kinds = lists(animals=ANIMALS, colours={"red": Concept(), "blue": Concept()})
    given = rows(one=["a red dog"] * 40, two=["a blue cow"])
    foils = make_foils(given, kinds)
    assert foils == make_foils(given, kinds)
    assert {foil.foil for foil in foils[:40]} == {"a blue dog", "a red cow"}
    assert all(foil.caption == "a red dog" for foil in foils[:40])


def test_others_words_are_never_swapped() -> None:
    assert make_foils(rows(one=["a puppy"], two=["a cow"]), lists(animals=ANIMALS))[0].image == "two.jpg"


def test_scores(pictures: Path) -> None:
    colours = lists(colours={name: Concept() for name in ("red", "green", "blue")}, animals=ANIMALS)
    captions = rows(red=["red wall"], green=["green wall"], blue=["red wall"])
    with PictureFolder(pictures) as folder:
        total, by_colour = evaluate_foils(fake_model(), folder, captions, colours)
        # Two captions are right and their foils are not. The third says "red" of a blue picture: it is as far off as
        # "green", or further off than "blue", which another of its captions would have forbidden.
        assert (total.kind, by_colour.kind, total.foils) == ("all", "colours", 3)
        assert total == FoilScores("all", *vars_of(by_colour))
        right = evaluate_foils(fake_model(), folder, captions[:2], colours)[0]
        assert right == FoilScores("all", 2, 100, 1, 1)
        wrong = evaluate_foils(fake_model(), folder, rows(red=["blue wall"], blue=["red wall"]), colours)[0]
        assert wrong == FoilScores("all", 2, 0, 0, 0)
        assert evaluate_foils(fake_model(), folder, rows(red=["a wall"]), colours) == []
    assert right.as_dict()["pairwise"] == 100


def vars_of(scores: FoilScores) -> tuple[float, ...]:
    return tuple(value for name, value in scores.as_dict().items() if name != "kind")


@pytest.mark.parametrize("caption", ["a hotdog", "doggy", "dog's"])
def test_parts_of_words(caption: str) -> None:
    foils = make_foils(rows(one=[caption], two=["a cow"]), lists(animals=ANIMALS))
    assert [foil.foil for foil in foils if foil.image == "one.jpg"] == (["cow's"] if caption == "dog's" else [])
