"""Captions with known mistakes: which are right, and what their cosines are worth."""

from __future__ import annotations

import numpy as np
import pytest

from mmembed.evaluate.concepts import Concept, Concepts
from mmembed.evaluate.trust import DOUBTED, trust

THINGS = Concepts({"things": {"dog": Concept("dogs", near=("animal",)), "ball": Concept("balls"), "red": Concept()}}, (), (), (), ())


def test_a_caption_is_right_if_nobody_speaks_against_what_it_names() -> None:
    people = ["An animal runs after balls", "It is quick"]
    written = ["a dog with a ball", "something runs", "a red ball"]
    found = trust(written, np.array([0.5, 0.4, 0.1]), [people] * 3, THINGS)
    assert found is not None
    assert (found.captions, found.right, found.auroc) == (3, 66.7, 1.0)
    assert found.slope > 0
    assert found.marked == 100, "the wrong one has the lowest cosine"
    assert found.unfamiliar_below == -1, "nothing is known of the pictures"


def test_the_curve_comes_true() -> None:
    random = np.random.default_rng(0)
    cosines = random.uniform(0.2, 0.8, 20_000)
    right = random.random(20_000) < 1 / (1 + np.exp(-(6 * cosines - 3)))
    found = trust(np.where(right, "a dog", "a ball").tolist(), cosines, [["a dog"]] * 20_000, THINGS, cosines / 2)
    assert found is not None
    assert (found.slope, found.offset) == pytest.approx((6, -3), abs=0.3)
    sure = 1 / (1 + np.exp(-(found.slope * cosines + found.offset)))
    assert (sure[right] < found.doubtful_below).mean() == pytest.approx(DOUBTED, abs=0.002)
    assert (sure[~right] < found.doubtful_below).mean() * 100 == pytest.approx(found.marked, abs=0.05)
    assert found.marked > 5
    assert (cosines[right] / 2 < found.unfamiliar_below).mean() == pytest.approx(DOUBTED, abs=0.002)


def test_nothing_to_tell_apart() -> None:
    assert trust(["a dog", "a dog"], np.array([0.1, 0.2]), [["a dog"]] * 2, THINGS) is None
    assert trust(["a dog", "a dog"], np.array([0.1, 0.2]), [["a ball"]] * 2, THINGS) is None
