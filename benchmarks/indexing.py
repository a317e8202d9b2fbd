"""Indexing: `python -m benchmarks.indexing`.

Baseline: Pillow decodes each photo in full, it is squashed to the tower's square, and batches of 16 go through the same
network, with the same weights, in eager torch (float32, inference mode, the fastest number of threads). Ours: an indexing
run into a new gallery, which also hashes the files and writes the vectors.
"""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import time
from functools import partial
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image, ImageOps

import mmembed
from benchmarks.photos import make_photos
from benchmarks.ratios import compare
from benchmarks.torch_tower import TorchTower
from mmembed.gallery import Gallery
from mmembed.model import Model

_BATCH = 16


@click.command()
@click.option("--photos", type=click.Path(path_type=Path), default=Path(tempfile.gettempdir()) / "mmembed-benchmark", show_default=True)
@click.option("--small", default=1000, show_default=True, help="Photos of 0.5 megapixels.")
@click.option("--large", default=100, show_default=True, help="Photos of 12 megapixels.")
@click.option("--rounds", default=3, show_default=True)
def main(photos: Path, small: int, large: int, rounds: int) -> None:
    """Photos a second, against plain torch."""
    model = mmembed.load("mini")
    tower = TorchTower(Path(mmembed.__file__).parent / "weights" / "mini" / "picture.onnx")
    _tune(tower, model.space.picture_size)
    print(f"{os.cpu_count()} cores; the baseline is fastest with {torch.get_num_threads()} thread(s)")
    for count, width, height in ((small, 816, 612), (large, 4000, 3000)):
        if not count:
            continue
        folder = make_photos(photos / f"{width}x{height}", count, width, height)
        files = sorted(folder.glob("*.jpg"))[:count]
        difference = _largest_difference(tower, model, files[:_BATCH])
        result = compare(partial(_index, model, files), partial(_plain, tower, files, model.space.picture_size), rounds)
        print(f"{count} photos of {width * height / 1e6:.1f} megapixels: {result}; {count / result.ours:.1f} photos a second")
        print(f"  cosine between the two at least {1 - difference:.5f} for the first {_BATCH}")
    print(f"largest memory in use: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def _index(model: Model, files: list[Path]) -> None:
    folder = tempfile.mkdtemp()
    try:
        with Gallery(folder, model) as gallery:
            assert gallery.index(files).embedded == len(files)
    finally:
        shutil.rmtree(folder)


def _plain(tower: TorchTower, files: list[Path], size: int) -> np.ndarray:
    vectors = []
    for start in range(0, len(files), _BATCH):
        squares = []
        for file in files[start : start + _BATCH]:
            with Image.open(file) as image:
                squares.append(np.asarray(ImageOps.exif_transpose(image.convert("RGB")).resize((size, size), Image.Resampling.BICUBIC)))
        vectors.append(tower(np.stack(squares)))
    return np.concatenate(vectors)


def _tune(tower: TorchTower, size: int) -> None:
    """The fastest number of threads, up to that of the cores."""
    batch = np.zeros((_BATCH, size, size, 3), np.uint8)
    seconds = {}
    for threads in range(1, (os.cpu_count() or 1) + 1):
        torch.set_num_threads(threads)
        tower(batch)
        started = time.perf_counter()
        tower(batch)
        seconds[threads] = time.perf_counter() - started
    torch.set_num_threads(min(seconds, key=lambda threads: seconds[threads]))


def _largest_difference(tower: TorchTower, model: Model, files: list[Path]) -> float:
    ours = model.space.embed_pictures([mmembed.Picture.open(file, model.space.picture_size) for file in files])
    theirs = _plain(tower, files, model.space.picture_size)
    return float(1 - (ours * theirs).sum(1).min())


if __name__ == "__main__":
    main()
