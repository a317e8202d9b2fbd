"""Datasets in the formats that others use, made and read without network."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmembed.errors import InvalidData, UnavailableModel
from mmembed.hub.dataset import read_dataset, read_files
from tests.datasets_on_disk import NAMES, parquet
from tests.fakes import colour_picture

pytest.importorskip("datasets")
pytestmark = pytest.mark.torch


def png(name: str, turned: bool = False) -> bytes:
    """A 32 × 24 picture of one colour; with `turned`, noted as lying on its side."""
    buffer, exif = io.BytesIO(), Image.Exif()
    if turned:
        exif[0x0112] = 6
    Image.fromarray(colour_picture(name).pixels).save(buffer, "PNG", exif=exif)
    return buffer.getvalue()


def test_a_folder_of_pictures_with_captions(tmp_path: Path) -> None:
    for name in ("red", "blue"):
        (tmp_path / f"{name}.png").write_bytes(png(name, turned=name == "red"))
    lines = [json.dumps({"file_name": f"{name}.png", "caption": f"something {name}"}) for name in ("red", "blue")]
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    rows = {row.name: row for row in read_dataset(str(tmp_path))}
    assert {name: row.values["caption"] for name, row in rows.items()} == {"red.png": "something red", "blue.png": "something blue"}
    red = rows["red.png"].picture
    assert red is not None and (red.width, red.height) == (24, 32)  # upright
    assert np.array_equal(red.pixels[0, 0], [255, 0, 0])


def test_parquet_with_a_broken_picture(tmp_path: Path) -> None:
    import datasets

    content = {
        "photo": [{"bytes": png("red"), "path": "a.png"}, {"bytes": b"no picture", "path": "b.png"}, None],
        "text": ["one", "two", "three"],
    }
    features = datasets.Features({"photo": datasets.Image(decode=False), "text": datasets.Value("string")})
    table = datasets.Dataset.from_dict(content, features=features).cast_column("photo", datasets.Image())
    table.to_parquet(str(tmp_path / "table.parquet"))
    first, second, third = read_dataset(str(tmp_path / "table.parquet"), column="photo")
    assert (first.name, first.values) == ("a.png", {"text": "one"})
    assert first.picture is not None
    assert second.picture is None and "not a picture" in second.problem
    assert (third.picture, third.problem, third.values["text"]) == (None, "", "three")
    with pytest.raises(InvalidData, match="no column 'image'; it has photo, text"):
        list(read_dataset(str(tmp_path / "table.parquet"), column="image"))
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no table PAR1")
    with pytest.raises(InvalidData, match="cannot be read as a dataset"):
        list(read_dataset(str(tmp_path / "broken.parquet")))


def test_webdataset(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "shard.tar", "w") as archive:
        for name in ("red", "blue"):
            for ending, data in (("png", png(name)), ("txt", f"something {name}".encode())):
                entry = tarfile.TarInfo(f"{name}.{ending}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
    rows = list(read_dataset(str(tmp_path / "shard.tar")))
    (tmp_path / "broken.tar").write_bytes(b"no archive")
    with pytest.raises(InvalidData, match="broken.tar cannot be read as a dataset"):
        list(read_dataset(str(tmp_path / "broken.tar")))
    assert [row.values["txt"] for row in rows] == ["something red", "something blue"]
    assert all(row.picture is not None for row in rows)


def test_a_folder_as_on_the_hub(tmp_path: Path) -> None:
    for number, part in enumerate(("train", "test")):
        (tmp_path / "data").mkdir(exist_ok=True)
        shutil.move(parquet(tmp_path, NAMES[number : number + 1]), tmp_path / "data" / f"{part}-00000-of-00001.parquet")
    assert [row.name for row in read_dataset(str(tmp_path), "test")] == ["green.png", "green.png", "2"]
    assert [row.name for row in read_dataset(str(tmp_path), "train")] == ["red.png", "red.png", "2"]


def test_what_is_no_dataset_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InvalidData, match="no folder, no file and no name"):
        list(read_dataset("no such thing"))
    with pytest.raises(InvalidData, match="no folder, no file and no name"):
        list(read_dataset("data/nowhere.parquet"))
    with pytest.raises(UnavailableModel, match="offline nothing is downloaded"):
        list(read_dataset("owner/name"))
    (tmp_path / "x.docx").write_text("")
    with pytest.raises(InvalidData, match="is no dataset; known are .parquet"):
        list(read_dataset(str(tmp_path / "x.docx")))


def test_pictures_beside_the_dataset_wherever_that_is(tmp_path: Path) -> None:
    import pyarrow as arrow
    from pyarrow import parquet as files

    kind = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.writestr("red.png", png("red"))
    (tmp_path / "blue.png").write_bytes(png("blue"))
    paths = [f"zip://red.png::{tmp_path / 'pictures.zip'}", str(tmp_path / "blue.png"), f"zip://none.png::{tmp_path / 'pictures.zip'}"]
    rows = arrow.table({"image": arrow.array([{"bytes": None, "path": path} for path in paths], kind)})
    files.write_table(rows, tmp_path / "paths.parquet")
    red, blue, none = read_files(str(tmp_path / "paths.parquet"), column="image")
    assert (red.name, red.content, blue.name, blue.content) == ("red.png", png("red"), "blue.png", png("blue"))
    assert none.content is None and none.problem.startswith("the file cannot be had")
