"""Datasets as files that evaluations and training read; nothing of it touches the network."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmembed.errors import InvalidData
from mmembed.hub.layout import Layout, Wanted, lay_out
from tests.datasets_on_disk import FORMS, NAMES, parquet, png, webdataset

pytest.importorskip("datasets")
pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def unplugged(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refused(self: Any, address: Any) -> None:
        raise AssertionError(f"{address} was asked")

    monkeypatch.setattr(socket.socket, "connect", refused)


def table(path: Path) -> list[tuple[str, ...]]:
    with open(path, encoding="utf-8", newline="") as file:
        return [tuple(row) for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]


def pictures(layout: Layout) -> dict[str, bytes]:
    with zipfile.ZipFile(layout.pictures) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_comes_out_the_same(tmp_path: Path, form: Callable[[Path], Path]) -> None:
    layout = lay_out(Wanted(str(form(tmp_path)), {"train": "val"}), tmp_path / "out")
    assert pictures(layout) == {f"{name}.png": png(name) for name in NAMES}
    header, *captions = table(layout.captions)
    assert header == ("image", "lang", "caption")
    assert {(f"{name}.png", "en", f"{name} wall") for name in NAMES} <= set(captions)
    assert len(captions) == layout.told
    assert table(layout.splits) == [("image", "split"), *((name, "val") for name in pictures(layout))]


def test_named_columns_and_rows(tmp_path: Path) -> None:
    wanted = Wanted(str(parquet(tmp_path)), {"train": "train"}, "image", {"en": ("caption",), "de": ("german",)})
    layout = lay_out(wanted, tmp_path / "out")
    captions = table(layout.captions)[1:]
    assert captions.count(("red.png", "de", "red Wand")) == 2, "a picture that comes twice is one picture"
    assert ("red.png", "en", "red door") in captions
    assert layout.told == len(captions) == 15
    assert layout.lost == ("row 5 of train: there is no picture in it",)
    few = lay_out(Wanted(str(parquet(tmp_path)), {"train": "train"}, rows=2), tmp_path / "few")
    assert list(pictures(few)) == ["red.png", "green.png"]
    told = lay_out(Wanted(str(webdataset(tmp_path)), {"train": "train"}, captions={"de": ("german",)}), tmp_path / "told")
    assert ("red.png", "de", "red Wand") in table(told.captions)
    with pytest.raises(InvalidData, match="no column 'x'; beside pictures it has caption, german"):
        lay_out(Wanted(str(parquet(tmp_path)), {"train": "train"}, captions={"en": ("x",)}), tmp_path / "none")


def test_a_layout_is_made_once_and_nothing_else_is_overwritten(tmp_path: Path) -> None:
    wanted = Wanted(str(parquet(tmp_path)), {"train": "train"}, captions={"en": ("caption",)})
    first = lay_out(wanted, tmp_path / "out")
    made = first.pictures.stat().st_mtime_ns
    assert lay_out(wanted, tmp_path / "out") == first
    assert first.pictures.stat().st_mtime_ns == made
    for other in (Wanted(wanted.dataset, {"train": "test"}), Wanted(str(webdataset(tmp_path)), {"train": "train"})):
        with pytest.raises(InvalidData, match="name another folder"):
            lay_out(other, tmp_path / "out")
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"pictures.zip", "captions.tsv", "splits.tsv", "dataset.json"}
    with pytest.raises(InvalidData, match="cannot be copied to"):
        lay_out(wanted, first.pictures / "below")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "captions.tsv").write_text("mine")
    with pytest.raises(InvalidData, match="not made here"):
        lay_out(wanted, mine)
    assert (mine / "captions.tsv").read_text() == "mine"
