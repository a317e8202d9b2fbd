"""Kinds of things that a space knows by sight."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmembed.space.kinds import Kinds
from tests.fakes import FakeSpace, colour_kinds, colour_picture


def test_the_nearest_kinds_come_first_and_a_name_comes_once() -> None:
    red, blue = FakeSpace().embed_pictures([colour_picture("red"), colour_picture("blue")])
    kinds = colour_kinds()
    assert kinds.nearest(np.stack([red, blue]), 2).tolist() == [[0, 1], [3, 2]]
    assert kinds.looks_like(np.stack([red, blue]), "en", 2) == [("cherry", "rose"), ("sky", "rose")]
    assert kinds.looks_like(blue[None], "de", 3) == [("Abendhimmel", "Himmel", "Rose")]
    assert kinds.looks_like(blue[None], "en", 9) == [("sky", "rose", "cherry")], "there are no more"
    assert kinds.looks_like(blue[None], "fr") == [()]
    assert kinds.looks_like(np.zeros((0, 4), np.float32), "en") == []


def test_what_is_written_is_read(tmp_path: Path) -> None:
    kinds = colour_kinds()
    kinds.save(tmp_path / "kinds.npz")
    read = Kinds.read(tmp_path / "kinds.npz")
    assert np.allclose(read.vectors, kinds.vectors, atol=1e-3) and read.vectors.dtype == np.float32
    assert (read.names, read.synonyms) == (kinds.names, kinds.synonyms)
