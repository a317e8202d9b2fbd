"""Present against absent in the world of colours, where the confidences are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmembed.errors import InvalidData
from mmembed.evaluate.concepts import Concept, Concepts
from mmembed.evaluate.confidence import ConfidenceScores, best_hit, evaluate_confidence
from mmembed.evaluate.pictures import PictureFolder
from mmembed.evaluate.probabilities import Bin
from mmembed.evaluate.reliability_plot import check_plot, plot_reliability
from mmembed.evaluate.searches import Search
from mmembed.evaluate.tables import CaptionRow
from tests.fakes import FakeSpace, colour_picture, fake_model

COLOURS = Concepts({"colours": {name: Concept() for name in ("red", "green", "blue", "white")}}, (), (), (), ("colours",))
ROWS = [CaptionRow(f"{name}.jpg", "en", f"{name} wall") for name in ("red", "green", "blue", "yellow")]


def test_known_confidences(pictures: Path) -> None:
    with PictureFolder(pictures) as folder:
        captions, _, words, _ = evaluate_confidence(fake_model(), folder, ROWS, COLOURS, sizes=(2, 3, 4))
    # Own colours have similarity 1 and confidence 0.98; others at most 0.71 and 0.14.
    for scores, queries, searches in ((captions, "captions", 8), (words, "words", 3 * 2 * 20)):
        assert (scores.queries, scores.size, scores.searches) == (queries, 2, searches)
        assert (scores.auroc, scores.first, scores.found, scores.refused) == (1, 100, 100, 100)
        assert sum(group.count for group in scores.bins) == searches
        assert scores.bins[-1].true == 1
        assert scores.bins[0].true == 0
    assert 1 < captions.error < 10


def test_sizes_that_need_more_pictures_are_left_out(pictures: Path) -> None:
    with PictureFolder(pictures) as folder:
        results = evaluate_confidence(fake_model(), folder, ROWS, COLOURS, sizes=(3, 4, 1000))
        assert [(result.queries, result.size) for result in results] == [("captions", 3), ("words", 3)]
        assert evaluate_confidence(fake_model(), folder, ROWS, COLOURS, sizes=(4,)) == []


class Blind(FakeSpace):
    """Is always sure of whatever comes first."""

    def embed_texts(self, texts: object) -> np.ndarray:
        return np.repeat(FakeSpace().embed_texts(["red"]), len(texts), 0)  # type: ignore[arg-type]

    def confidence(self, query: np.ndarray, similarities: np.ndarray, among: int | None = None, commonness: float = 0.0) -> np.ndarray:
        return np.full(len(similarities), 0.9)


def test_a_space_that_sees_nothing(pictures: Path) -> None:
    with PictureFolder(pictures) as folder:
        captions, _ = evaluate_confidence(replace(fake_model(), space=Blind()), folder, ROWS, COLOURS, sizes=(2,))
    # Sure in all eight searches, and right at most where red is there to be found.
    assert (captions.auroc, captions.found, captions.refused) == (0.5, 100, 0)
    assert captions.first < 100
    [group] = captions.bins
    assert group.count == 8
    assert captions.error == pytest.approx(100 * abs(0.9 - group.true), abs=0.01)
    assert group.true == captions.first / 200


def test_best_hit() -> None:
    space = FakeSpace()
    pictures = space.embed_pictures([colour_picture(name) for name in ("white", "green", "red", "yellow")])
    query = space.embed_texts(["red"])[0]
    confidence, right = best_hit(space, query, pictures, Search(0, np.array([1, 3, 2]), np.array([False, False, True])))
    assert right is True
    assert confidence == pytest.approx(1 / (1 + np.exp(-4)), abs=0.01)
    assert best_hit(space, query, pictures, Search(0, np.array([1, 3]), np.array([True, False])))[1] is False


SCORES = ConfidenceScores("words", 12, 30, 0.9, 5, 85, 80, 90, [Bin(20, 0.1, 0.2), Bin(10, 0.9, 0.8)])


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_plot(tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib", reason="the extra `eval` is not installed")
    path = tmp_path / f"reliability{suffix}"
    plot_reliability([SCORES, replace(SCORES, queries="captions", size=1000)], path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")
    if suffix == ".svg":
        assert content.count(b"best hit for") >= 2


def test_plots_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match=r"\.png"):
        check_plot(tmp_path / "plot.txt")
    with pytest.raises(InvalidData, match="nowhere"):
        check_plot(tmp_path / "nowhere" / "plot.png")
