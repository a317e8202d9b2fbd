"""Parquet files with pictures in their rows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mmembed.errors import UnreadablePicture
from mmembed.gallery import Gallery
from mmembed.gallery.upkeep import check
from mmembed.media.find import find_pictures
from mmembed.media.picture import Picture
from mmembed.media.table import Place, place
from tests.fakes import COLOURS, FakeSpace
from tests.hostile import saved

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def written(file: Path, pictures: list[bytes | None], plain: bool = False) -> Path:
    column = pictures if plain else [{"bytes": data, "path": "x.png"} for data in pictures]
    parquet.write_table(arrow.table({"label": [1] * len(pictures), "photo": column}), file, row_group_size=2)
    return file


def colours() -> list[bytes]:
    from PIL import Image

    return [saved(Image.new("RGB", (8, 6), name), "PNG") for name in COLOURS]


@pytest.mark.parametrize("plain", [False, True])
def test_rows_are_indexed_searched_and_forgotten_like_files(tmp_path: Path, plain: bool) -> None:
    file = written(tmp_path / "a.parquet", [*colours(), b"bad", colours()[0], None], plain)
    with Gallery(tmp_path / "g", FakeSpace()) as gallery:
        report = gallery.index([file])
        assert (report.found, report.embedded, report.reused) == (8, 5, 1)
        assert sorted(skipped.path.name for skipped in report.skipped) == ["00000005", "00000007"]
        (hit,) = gallery.search("blue", 1)
        assert hit.item.paths == (file / "photo" / "00000002",)
        assert (hit.item.size, hit.item.width) == (len(colours()[2]), 8)
        assert Picture.open(hit.item.paths[0]).pixels[0, 0].tolist() == [0, 0, 255]
        assert check(gallery.store).missing == () and check(gallery.store).changed == ()
        assert gallery.index([file]).unchanged == 6
        written(file, colours()[:3], plain)
        os.utime(file, ns=(1, 1))
        report = gallery.index([file])
        assert (report.found, report.embedded, report.reused, report.removed, len(gallery)) == (3, 0, 3, 3, 3)
        file.rename(tmp_path / "away.parquet")
        gallery.index([tmp_path / "away.parquet", file])
        assert len(gallery) == 3, "a table that is not there keeps its pictures"
        assert gallery.remove([file]) == 3


def test_what_datasets_writes(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    from PIL import Image

    rows = {"image": [Image.new("RGB", (8, 6), name) for name in COLOURS]}
    features = datasets.Features({"image": datasets.Image()})
    datasets.Dataset.from_dict(rows, features=features).to_parquet(str(tmp_path / "a.parquet"))
    with Gallery(tmp_path / "g", FakeSpace()) as gallery:
        assert gallery.index([tmp_path / "a.parquet"]).embedded == len(COLOURS)


def test_tables_that_hold_no_pictures(tmp_path: Path) -> None:
    parquet.write_table(arrow.table({"a": [1], "b": ["x"]}), tmp_path / "numbers.parquet")
    (tmp_path / "text.parquet").write_text("hello")
    finding = find_pictures([tmp_path / "numbers.parquet", tmp_path / "text.parquet"])
    reasons = {problem.path.name: problem.reason for problem in finding.problems}
    assert reasons["numbers.parquet"] == "it has no image column; its columns are a, b"
    assert "no readable Parquet file" in reasons["text.parquet"]


def test_places() -> None:
    assert place("/a/b.parquet/image/00000012") == Place("/a/b.parquet", "image", 12)
    for other in ("/a/b.parquet", "/a/b.parquet/image/12", "/a/b.jpg", "/a/b.parquet/image/00000012/c.jpg"):
        assert place(other) is None
    with pytest.raises(UnreadablePicture, match="cannot be read"):
        Picture.open("/nowhere/b.parquet/image/00000012")
