"""What things look like, told by kinds that are known by sight."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmembed.space.kinds import Kinds
from mmembed.space.likeness import Likenesses
from tests.fakes import colour_kinds

# Cherry, rose, sky, evening sky; then a plum, which is a cherry in the evening, and a ghost, which looks like none.
LOOKS = Likenesses(
    np.array([[1, 3], [0, 0], [3, 0], [2, 0], [0, 3], [0, 0]], np.int16),
    np.array([[9, 1], [5, 0], [9, 0], [9, 0], [4, 4], [0, 0]], np.uint8),
)
PLUM, GHOST = 4, 5


def kinds() -> Kinds:
    return replace(colour_kinds(), likenesses=LOOKS)


def test_a_thing_lies_between_what_it_looks_like() -> None:
    known = kinds()
    cherry, evening, plum = (known.direction([thing]) for thing in (0, 3, PLUM))
    assert np.linalg.norm(plum) == pytest.approx(1)
    assert plum @ cherry == pytest.approx(plum @ evening, abs=1e-6)
    assert plum @ cherry > cherry @ evening
    assert not known.direction([GHOST]).any()
    assert np.allclose(known.direction([0, PLUM]), (cherry + plum) / 2), "a name may mean either"


def test_an_unknown_kind_is_told_by_others_and_tells_nothing() -> None:
    known = kinds()
    blind = known.without([0])
    assert np.allclose(known.direction([0]), colour_kinds().direction([0])), "what is known by sight needs no likeness"
    expected = 9 * known.direction([1]) + known.direction([3])
    assert np.allclose(blind.direction([0]), expected / np.linalg.norm(expected), atol=1e-6)
    assert np.allclose(blind.direction([PLUM]), known.direction([3]), atol=1e-6)
    assert np.allclose(blind.direction([1]), known.direction([1])), "which is known itself"
    assert not blind.without([1]).direction([1]).any(), "a rose looks like a cherry alone"
    assert not blind.without([1, 3]).direction([0]).any()
    assert not colour_kinds().without([0]).direction([0]).any(), "nothing is known of what it looks like"


def test_likenesses_are_kept_with_the_kinds(tmp_path: Path) -> None:
    kinds().save(tmp_path / "kinds.npz")
    read = Kinds.read(tmp_path / "kinds.npz").likenesses
    assert read is not None and np.array_equal(read.kinds, LOOKS.kinds) and np.array_equal(read.weights, LOOKS.weights)
    colour_kinds().save(tmp_path / "kinds.npz")
    assert Kinds.read(tmp_path / "kinds.npz").likenesses is None
