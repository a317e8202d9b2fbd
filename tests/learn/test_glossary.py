"""What classes and groups of them are called in searches."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmembed.errors import InvalidData
from mmembed.learn.classes import ClassRow
from mmembed.learn.data import CaptionRow
from mmembed.learn.glossary import glossary_of, read_groups
from tests import ROOT

ROWS = [
    ClassRow(10, "n1", {"en": "great owl", "de": "Bartkauz"}, {}, "great owl, grey owl"),
    ClassRow(11, "n2", {"en": "barn owl", "de": "Schleiereule"}, {}, "barn owl"),
    ClassRow(12, "n3", {"en": "swing", "de": "Schaukel"}, {}, "swing"),
]


def test_groups_and_what_captions_say(tmp_path: Path) -> None:
    table = tmp_path / "groups.tsv"
    table.write_text("classes\ten\tde\nn1 n2\towl, night bird\tEule\n\tgrey owl\t\n", encoding="utf-8")
    captions = [CaptionRow("a", "en", "", "Children on swings."), CaptionRow("a", "de", "", "Kinder.")]
    known = glossary_of(ROWS, read_groups(table, ("en", "de")), [], captions, ("en", "de"))
    assert known.find("owls")[0].kinds == known.find("Eulen")[0].kinds == known.find("night bird")[0].kinds == (0, 1)
    assert known.find("a great owl")[0].kinds == (0,)
    assert known.find("grey owl") == [], "most people mean something else"
    assert known.find("swing") == [] and known.find("Schaukel")[0].kinds == (2,), "only English captions say it"


def test_what_captions_say_within_longer_names_counts() -> None:
    things = [{"en": ["swing set"], "de": []}]
    captions = [CaptionRow("a", "en", "", "A swing set.")]
    known = glossary_of(ROWS, [], things, captions, ("en", "de"))
    assert known.find("swing") == [] and known.find("swing set") == [], "both are said often"


def test_a_group_needs_its_classes(tmp_path: Path) -> None:
    table = tmp_path / "groups.tsv"
    table.write_text("classes\ten\nn9\tghost\n", encoding="utf-8")
    with pytest.raises(InvalidData, match="n9"):
        glossary_of(ROWS, read_groups(table, ("en",)), [], [], ("en",))


def test_the_groups_of_the_recipe_have_names_in_all_languages() -> None:
    groups = read_groups(ROOT / "configs" / "train" / "groups.tsv", ("en", "de", "fr", "cs", "zh", "ar"))
    assert all(all(group.names.values()) for group in groups if group.classes)
