"""A small world of plain colours, as the evaluations read it: pictures in a folder or a zip file, captions in a table."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.fakes import COLOURS, colour_picture

PICTURES = ("red", "green", "blue", "yellow")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with red.webp, green.webp, blue.webp and yellow.webp."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name in PICTURES:
        Image.fromarray(colour_picture(name).pixels).save(folder / f"{name}.webp", lossless=True)
    return folder


@pytest.fixture
def zipped(pictures: Path, tmp_path: Path) -> Path:
    """The same pictures in a zip file."""
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(pictures.iterdir()):
            archive.write(file, file.name)
    return path


@pytest.fixture
def write_table(tmp_path: Path) -> Callable[..., Path]:
    """Writes a tab-separated file: a name, a header, and rows."""

    def write(name: str, header: str, *rows: str) -> Path:
        path = tmp_path / name
        path.write_text("\n".join([header, *rows, ""]).replace(" | ", "\t"), encoding="utf-8")
        return path

    return write


@pytest.fixture
def captions(write_table: Callable[..., Path]) -> Path:
    """English and German captions of the four pictures, under their former names, in .jpg."""
    assert set(PICTURES) <= set(COLOURS)
    return write_table(
        "captions.tsv",
        "image | lang | source | caption",
        *(f"{name}.jpg | en | a | {name} {word}" for name in PICTURES for word in ("wall", "door")),
        *(f"{name}.jpg | de | b | {name} Wand" for name in PICTURES[:3]),
    )
