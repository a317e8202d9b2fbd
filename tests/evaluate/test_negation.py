"""`--not` against the same search without it, on pictures that show two things at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmembed.evaluate.concepts import Concept, Concepts
from mmembed.evaluate.negation import HITS, TEMPTING, WAYS, NegationScores, evaluate_negation, fair_pairs
from mmembed.evaluate.pictures import PictureFolder
from mmembed.evaluate.tables import CaptionRow
from tests.fakes import fake_model

COLOURS = Concepts({"colours": {name: Concept() for name in ("red", "green", "blue")}}, (), ("colours",), ("colours",), ())


@pytest.fixture
def mixed(tmp_path: Path) -> tuple[Path, list[CaptionRow]]:
    """Ten yellow pictures (red and green), then ten of magenta (red and blue), which are as near to red."""
    rows = []
    for number in range(20):
        colour, words = ((255, 255, 0), "red and green") if number < HITS else ((255, 0, 255), "red and blue")
        pixels = np.zeros((8, 8, 3), np.uint8) + np.array(colour, np.uint8)
        pixels[0, 0] = number  # no two files are the same
        Image.fromarray(pixels).save(tmp_path / f"{number:02}.png")
        rows.append(CaptionRow(f"{number:02}.png", "en", words))
    return tmp_path, rows


def test_what_is_not_wanted_goes_down(mixed: tuple[Path, list[CaptionRow]]) -> None:
    folder, rows = mixed
    with PictureFolder(folder) as pictures:
        results = {result.way: result for result in evaluate_negation(fake_model(), pictures, rows, COLOURS)}
    # Red without green, and red without blue: without --not, one of the two kinds comes first in both.
    assert list(results) == list(WAYS)
    alone, sentence, apart = results.values()
    assert alone == NegationScores("dog", 2, 20, 50, 50)
    assert sentence.unwanted == 100  # the sentence names both colours, and is nearest to the pictures that have both
    assert (apart.unwanted, apart.right) == (0, 100)


def test_fair_pairs() -> None:
    both, wanted = frozenset({"red", "green"}), frozenset({"red"})
    assert fair_pairs([both] * TEMPTING + [wanted] * HITS, COLOURS) == [("red", "green")]
    assert fair_pairs([both] * (TEMPTING - 1) + [wanted] * HITS, COLOURS) == []
    assert fair_pairs([both] * TEMPTING + [wanted] * (HITS - 1), COLOURS) == []


def test_nothing_to_ask(pictures: Path) -> None:
    with PictureFolder(pictures) as folder:
        assert evaluate_negation(fake_model(), folder, [CaptionRow("red.jpg", "en", "red")], COLOURS) == []
