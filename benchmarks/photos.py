"""Photos to index: random, but with the detail and the file size of real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image


def make_photos(folder: Path, count: int, width: int, height: int) -> Path:
    """`count` JPEG files of one size below `folder`, the same on every run; those that are there already are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [number for number in range(count) if not (folder / f"{number:05}.jpg").exists()]
    if not missing:
        return folder
    rng = np.random.default_rng(0)
    wide, tall = width * 5 // 4, height * 5 // 4
    canvas = np.zeros((tall, wide, 3), np.float32)
    for octave in range(2, 10):  # ever finer and fainter, as in nature
        coarse = Image.fromarray(rng.integers(0, 256, (2**octave, 2**octave, 3), np.uint8))
        canvas += np.asarray(coarse.resize((wide, tall), Image.Resampling.BICUBIC), np.float32) * 0.6**octave
    canvas += rng.standard_normal(canvas.shape, np.float32) * (canvas[::8, ::8].std() / 20)
    low, high = np.percentile(canvas[::8, ::8], (1, 99))
    pixels = np.clip((canvas - low) * 255 / (high - low), 0, 255).astype(np.uint8)
    for number in missing:
        top, left = np.random.default_rng(number).integers(0, (tall - height, wide - width))
        part = pixels[top : top + height, left : left + width, :: 1 if number % 2 else -1]
        unlike = str(number).encode()  # the others, even where two parts are the same
        Image.fromarray(np.ascontiguousarray(part)).save(folder / f"{number:05}.jpg", quality=90, comment=unlike)
    return folder
