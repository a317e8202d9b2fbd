"""Photographs and their names in the world of colours."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from mmembed.errors import InvalidData
from mmembed.evaluate.names import LookScores, NameScores, evaluate_looks, evaluate_names
from mmembed.evaluate.pictures import PictureFolder
from mmembed.evaluate.tables import LabelRow, read_labels
from mmembed.generate.base import Captioning, Naming
from mmembed.space.base import Space
from tests.fakes import FakeSpace, colour_kinds, fake_model


def test_right_names_rank_first(pictures: Path) -> None:
    rows = [LabelRow("red.webp", "red"), LabelRow("blue.jpg", "blue")]
    with PictureFolder(pictures) as folder:
        assert evaluate_names(fake_model(), folder, rows) == NameScores(2, 2, *[100] * 7)
        # White is nearer to yellow than red is, and both are further from it than yellow itself.
        assert evaluate_names(fake_model(), folder, rows, ["yellow", "white", "green"]) == NameScores(2, 5, *[100] * 7)


def test_wrong_names_count_by_their_rank(pictures: Path) -> None:
    rows = [LabelRow("red.webp", "red"), LabelRow("red.webp", "green"), LabelRow("red.webp", "blue"), LabelRow("red.webp", "white")]
    with PictureFolder(pictures) as folder:
        result = evaluate_names(fake_model(), folder, rows, ["yellow", "grey"])
    # From red: red, yellow, white, the unknown word, then green and blue, which tie at the fifth and sixth place.
    assert result == NameScores(4, 6, 25, 100, 25, 25, 100, 25, 100)
    with PictureFolder(pictures) as folder:
        far = evaluate_names(fake_model(), folder, [LabelRow("red.webp", "green")], ["red", "yellow", "white", "red yellow", "red white"])
    assert (far.top1, far.top5) == (0, 0)


def test_what_is_not_known_by_sight_is_told_by_what_it_looks_like(pictures: Path) -> None:
    """A space that knows two kinds, and turns what they are called wholly towards them, or else towards what they look like."""

    class Seeing(FakeSpace):
        kinds = replace(colour_kinds(), synonyms=["cherry", "rose", "sky", "evening sky"])
        looks: ClassVar = {"cherry": "red", "sky": "blue"}

        def as_queries(self, texts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
            return self.embed_texts([self.looks.get(text, text) for text in texts])

        def without(self, kinds: Collection[int]) -> Space:
            blind = Seeing()
            blind.looks = {"cherry": "blue", "sky": "red"} if set(kinds) == {0, 2, 3} else {}  # type: ignore[misc]
            return blind

        def standardise(self, queries: np.ndarray, similarities: np.ndarray) -> np.ndarray:
            return similarities - (queries[:, 2:3] > 0.5)  # blue names are never the best

    rows = [LabelRow("red.webp", "cherry"), LabelRow("blue.jpg", "sky")]
    with PictureFolder(pictures) as folder:
        result = evaluate_names(replace(fake_model(), space=Seeing()), folder, rows)
    assert (result.sight1, result.unseen1, result.found) == (50, 50, 100)
    assert (result.top5, result.sight5, result.unseen5) == (100, 100, 100)


def test_what_pictures_look_like_is_compared_with_their_labels(pictures: Path) -> None:
    rows = [LabelRow("red.webp", "fruit"), LabelRow("blue.jpg", "sky"), LabelRow("red.webp", "blue or sky")]
    unknown = [LabelRow("red.webp", "unknown")]
    model = fake_model()
    with PictureFolder(pictures) as folder:
        with pytest.raises(InvalidData, match="does not know"):
            evaluate_looks(model, folder, rows)
        model.space.kinds = colour_kinds()  # type: ignore[attr-defined]
        result = evaluate_looks(model, folder, [*rows, *unknown])
        expected = LookScores(3, 4, 66.7, 100.0, 0.0, 0, 0.0, 0.0, 0, 0.0, 0.0, 0, 0.0, None)
        assert result == expected, "red is a cherry, of which fruit is a name; no caption says so"
        model.space.familiarity = lambda vectors: vectors[:, 0] - 1  # type: ignore[attr-defined]
        strange = evaluate_looks(replace(model, captioning=Captioning(unfamiliar_below=-0.5)), folder, rows[:2])
        assert (strange.unfamiliar, strange.unfamiliar_top3, strange.plain) == (1, 100.0, 0)
        naming = Captioning(unfamiliar_below=2.0, naming=Naming(0.0, 1.0, 0.0))
        named = evaluate_looks(replace(model, captioning=naming), folder, [*rows[:2], *unknown])
        assert (named.unmarked, named.unmarked_right) == (3, 66.7)
        assert (named.pictures, named.plain, named.plain_right, named.plain_stated) == (2, 3, 66.7, 50.0), "usual kinds are not known"
        assert named.naming is not None, "two are right, one is wrong"
        model.space.kinds = replace(colour_kinds(), synonyms=["cherry, reds", "red", "sky, blue thing", "blue"])  # type: ignore[attr-defined]
        said = evaluate_looks(model, folder, [LabelRow("red.webp", "red"), LabelRow("red.webp", "blue")])
        assert said.said == 50.0, "its caption is red"
        with pytest.raises(InvalidData, match="None of the labels"):
            evaluate_looks(model, folder, unknown)


def test_one_name_is_no_choice(pictures: Path) -> None:
    with PictureFolder(pictures) as folder, pytest.raises(InvalidData, match="two different"):
        evaluate_names(fake_model(), folder, [LabelRow("red.webp", "red")] * 2)


def test_labels_are_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.tsv"
    path.write_text("image\tlabel\n a.jpg \tbell pepper\n", encoding="utf-8")
    assert read_labels(path) == [LabelRow("a.jpg", "bell pepper")]
    path.write_text("image\tlabel\na.jpg\t\n", encoding="utf-8")
    with pytest.raises(InvalidData, match="line 2"):
        read_labels(path)
