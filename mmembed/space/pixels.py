"""From an RGB picture of any shape to the squares a picture tower sees."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

# Training pictures were squashed from at most this aspect ratio, so squashing more would show unseen distortion.
_WIDEST = 2.0


def square(pixels: np.ndarray, size: int) -> np.ndarray:
    """Squash uint8 `[H, W, 3]` to `[size, size, 3]`.

    The bundled tower was trained on squashed squares, so squashing, not cropping, is what it expects.
    """
    if pixels.shape[0] == size and pixels.shape[1] == size:
        return np.ascontiguousarray(pixels)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    return np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=3.0))


def views(pixels: np.ndarray, size: int) -> list[np.ndarray]:
    """The squares to look at: the whole picture squashed; for panoramas and strips also overlapping 4:3 parts."""
    whole = [square(pixels, size)]
    height, width = pixels.shape[:2]
    long, short = max(height, width), min(height, width)
    if long <= _WIDEST * short:
        return whole
    part = max(1, round(short * 4 / 3))
    count = min(8, math.ceil(long / part) + 1)
    starts = np.linspace(0, max(0, long - part), count).astype(int)
    if width >= height:
        return whole + [square(pixels[:, start : start + part], size) for start in starts]
    return whole + [square(pixels[start : start + part], size) for start in starts]
