"""Folders of plain colours, and galleries that know colours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmembed.gallery import Gallery
from tests.fakes import COLOURS, FakeSpace

Paint = Callable[..., Path]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder for photos."""
    folder = tmp_path / "photos"
    folder.mkdir()
    return folder


@pytest.fixture
def paint(photos: Path) -> Paint:
    """`paint("a/b.png", "red", 7)` writes a plain picture below `photos`; another number gives another content."""

    def write(name: str, colour: str = "red", number: int = 0) -> Path:
        file = photos / name
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.zeros((24, 32, 3), np.uint8) + np.array(COLOURS[colour], np.uint8) * np.uint8(255)
        pixels[0, 0] = (*divmod(number, 256), 0)
        Image.fromarray(pixels).save(file)
        return file

    return write


@pytest.fixture
def space() -> FakeSpace:
    return FakeSpace()


@pytest.fixture
def gallery(tmp_path: Path, space: FakeSpace) -> Iterator[Gallery]:
    with Gallery(tmp_path / "photos.mm", space) as opened:
        yield opened
