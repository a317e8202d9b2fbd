from __future__ import annotations

import numpy as np
import pytest

from mmembed.space.pixels import square, views


def test_square_squashes_the_whole_picture_and_keeps_left_and_right() -> None:
    pixels = np.zeros((40, 100, 3), np.uint8)
    pixels[:, 50:] = 255
    small = square(pixels, 20)
    assert small.shape == (20, 20, 3)
    assert small[:, :8].max() < 10
    assert small[:, 12:].min() > 245


def test_a_square_of_the_right_size_is_left_alone() -> None:
    pixels = np.arange(12 * 12 * 3, dtype=np.uint8).reshape(12, 12, 3)
    assert np.array_equal(square(pixels, 12), pixels)


@pytest.mark.parametrize(("shape", "count"), [((300, 400), 1), ((200, 400), 1), ((100, 401), 6), ((401, 100), 6), ((1, 3000), 9)])
def test_only_very_wide_or_tall_pictures_are_looked_at_in_parts(shape: tuple[int, int], count: int) -> None:
    seen = views(np.zeros((*shape, 3), np.uint8), 16)
    assert len(seen) == count
    assert {view.shape for view in seen} == {(16, 16, 3)}


def test_the_parts_of_a_panorama_cover_both_ends() -> None:
    pixels = np.zeros((50, 300, 3), np.uint8)
    pixels[:, :30, 0], pixels[:, -30:, 2] = 255, 255
    _, first, *_, last = views(pixels, 16)
    assert first[..., 0].max() > 200
    assert last[..., 2].max() > 200
