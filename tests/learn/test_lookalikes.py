"""Tables of what things look like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmembed.errors import InvalidData
from mmembed.learn.classes import ClassRow, read_classes
from mmembed.learn.glossary import glossary_of
from mmembed.learn.lookalikes import Thing, likenesses_of, read_things
from tests import ROOT

LANGUAGES = ("en", "de", "fr", "cs", "zh", "ar")
TABLES = ROOT / "configs" / "train"


def row(name: str, looks_like: str = "") -> ClassRow:
    return ClassRow(0, "n1", {"en": name}, {}, name, looks_like=looks_like)


def test_things_are_numbered_on_from_the_classes(tmp_path: Path) -> None:
    table = tmp_path / "things.tsv"
    table.write_text("en\tde\tlooks_like\nsturgeon, beluga\tStör\tgar=9; sun fish=2;\nghost\tGespenst\t\n", encoding="utf-8")
    things = read_things(table, ("en", "de"))
    assert [thing.names for thing in things] == [{"en": ("sturgeon", "beluga"), "de": ("Stör",)}, {"en": ("ghost",), "de": ("Gespenst",)}]
    found = likenesses_of([row("gar", "sun fish=3"), row("sun fish"), row("sun fish")], things)
    assert found is not None
    looks = [
        {int(kind): int(weight) for kind, weight in zip(*pair, strict=True) if weight}
        for pair in zip(found.kinds, found.weights, strict=True)
    ]
    assert looks == [{1: 3, 2: 3}, {}, {}, {0: 9, 1: 2, 2: 2}, {}], "two classes are called sun fish"


def test_nothing_looks_like_anything_without_tables() -> None:
    assert likenesses_of([row("gar")], []) is None


@pytest.mark.parametrize("cell", ["gar", "gar=0", "gar=12", "pike=4", "gar=3, pike=4"])
def test_what_cannot_be_read_is_named(cell: str) -> None:
    with pytest.raises(InvalidData, match="looks like"):
        likenesses_of([row("gar")], [Thing({"en": ("sturgeon",)}, cell)])


def test_what_classes_are_called_means_no_further_thing() -> None:
    known = glossary_of([row("gar")], [], [{"en": ["sturgeon", "gar"]}, {"en": ["beluga", "sturgeon"]}], [], ("en",))
    assert known.find("gar")[0].kinds == (0,)
    assert (known.find("sturgeons")[0].kinds, known.find("a beluga")[0].kinds) == ((1, 2), (2,))


def test_the_tables_of_the_recipe_go_together() -> None:
    rows, things = read_classes(TABLES / "classes.tsv", LANGUAGES), read_things(TABLES / "lookalikes.tsv", LANGUAGES)
    found = likenesses_of(rows, things)
    assert found is not None and len(found.kinds) == len(rows) + len(things)
    assert (found.weights.max(1) > 0).all(), "something is known of everything"
    for number in range(len(rows)):
        assert number not in found.kinds[number][found.weights[number] > 0], "what looks like itself tells nothing"
    lacking = [thing.names["en"][0] for thing in things if not all(thing.names.values())]
    assert len(lacking) < 5, "a name is left out where it mostly means something else"
    assert np.unique([thing.names["en"][0] for thing in things]).size == len(things)
