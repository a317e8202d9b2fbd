"""How near are copies, and strangers: `python -m benchmarks.near_identical FOLDER`.

Every photo of a folder is made smaller, recompressed and cropped; printed is which share of these, and of pairs of different
photos, reaches a cosine, to choose the threshold of folding by.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import click
import numpy as np
from PIL import Image

import mmembed
from mmembed.gallery.ranking import NEAR_IDENTICAL
from mmembed.media.find import find_pictures


@click.command()
@click.argument("folder", type=click.Path(exists=True, path_type=Path))
@click.option("--count", default=200, show_default=True, help="So many photos.")
def main(folder: Path, count: int) -> None:
    """Shares of copies and of strangers above each cosine."""
    space = mmembed.load("mini").space
    files = find_pictures([folder]).files
    chosen = [files[row] for row in np.random.default_rng(0).permutation(len(files))[:count]]
    originals = [mmembed.Picture.open(file.path) for file in chosen]
    kinds = {"half the size, quality 50": (0.5, 1.0), "nine tenths cropped out": (1.0, 0.9), "eight tenths cropped out": (1.0, 0.8)}
    vectors = space.embed_pictures(originals)
    between = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    limits = (0.90, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)
    print(f"{len(originals)} photos; folding begins at {NEAR_IDENTICAL}")
    print("cosine at least".ljust(28), *(f"{limit:8.2f}" for limit in limits))
    for name, (scale, share) in kinds.items():
        copies = space.embed_pictures([_copy(picture, scale, share) for picture in originals])
        _print(name, (copies * vectors).sum(1), limits)
    _print("different photos", between, limits)


def _copy(picture: mmembed.Picture, scale: float, share: float) -> mmembed.Picture:
    height, width = picture.pixels.shape[:2]
    image = Image.fromarray(picture.pixels)
    left, top = width * (1 - share) / 2, height * (1 - share) / 2
    image = image.crop((round(left), round(top), round(width - left), round(height - top)))
    image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    buffer = BytesIO()
    image.save(buffer, "JPEG", quality=50)
    return mmembed.Picture.from_bytes(buffer.getvalue())


def _print(name: str, cosines: np.ndarray, limits: tuple[float, ...]) -> None:
    print(name.ljust(28), *(f"{(cosines >= limit).mean() * 100:7.2f}%" for limit in limits))


if __name__ == "__main__":
    main()
