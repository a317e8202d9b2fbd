"""`gallery`: list, info, marks, remove, check, export."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmembed.gallery import Asked, Gallery
from mmembed.generate.base import Caption
from tests.commands.conftest import Run, lines
from tests.fakes import FakeSpace


@pytest.fixture(autouse=True)
def indexed(run: Run, photos: Path) -> None:
    (photos / "bad.png").write_bytes(b"bad")
    assert run("index", photos).exit_code == 0


def test_list(run: Run, photos: Path) -> None:
    listed = run("gallery", "list").stdout.splitlines()
    assert sorted(listed) == sorted(str(file) for file in photos.rglob("*.png") if file.name != "bad.png")
    assert len(lines(run("gallery", "list", "--json", "--folder", photos / "album"))) == 3
    first = lines(run("gallery", "list", "--json"))[0]
    assert set(first) == {"path", "paths", "fingerprint", "size", "width", "height", "taken"}
    [failure] = lines(run("gallery", "list", "--unreadable", "--json"))
    assert failure == {"path": str(photos / "bad.png"), "reason": "it is not a picture in a format that can be read"}


def test_info(run: Run, photos: Path) -> None:
    [info] = lines(run("gallery", "info", "--json"))
    assert (info["pictures"], info["files"], info["unreadable"], info["spaces"]) == (4, 5, 1, {"fake-0": 4})
    assert info["roots"] == [{"path": str(photos), "files": 5, "there": True, "hidden": False, "exclude": []}]
    assert info["bytes"] > 1000
    photos.rename(photos.parent / "away")
    text = run("gallery", "info").stdout
    assert "4 photos in 5 files" in text and "not there now" in text and "4 vectors of fake-0" in text


def test_marks(run: Run, photos: Path) -> None:
    for form in ((), ("--json",)):
        nothing = run("gallery", "marks", *form)
        assert (nothing.exit_code, nothing.stdout) == (0, "") and "No hits of photos.mm were marked" in nothing.stderr
    with Gallery("photos.mm", FakeSpace()) as gallery:
        red, blue = (next(hit.item for hit in gallery.search(words, k=1)) for words in ("red", "blue"))
        gallery.mark(Asked("a wall", ("grass",)), red.fingerprint, True)
        gallery.mark(Asked(picture=red.fingerprint), blue.fingerprint, False)
    first, second = lines(run("gallery", "marks", "--json"))
    assert set(first) == {"right", "words", "without", "picture", "path", "fingerprint", "marked"}
    assert (first["right"], first["words"], first["without"], first["picture"]) == (True, "a wall", ["grass"], None)
    assert (second["right"], second["words"], second["picture"]) == (False, "", red.fingerprint)
    assert second["path"] == str(blue.paths[0])
    said = run("gallery", "marks").stdout.splitlines()
    assert said[0].startswith("right  ") and said[0].endswith(f"a wall, without grass  {red.paths[0]}")
    assert f"like picture {red.fingerprint[:12]}" in said[1]
    assert lines(run("gallery", "info", "--json"))[0]["marks"] == {"right": 1, "wrong": 1}
    assert "1 hits marked right, 1 wrong" in run("gallery", "info").stdout


def test_remove(run: Run, photos: Path) -> None:
    result = run("gallery", "remove", photos / "album")
    assert "3 files forgotten, 3 photos left the gallery" in result.stdout
    assert (photos / "album/blue.png").exists()
    assert "holds nothing at" in run("gallery", "remove", photos / "album").stderr
    assert run("gallery", "remove").exit_code == 2
    assert "no vectors of 'x'" in run("gallery", "remove", "--space", "x").stderr
    assert "1 vectors of fake-0 forgotten" in run("gallery", "remove", "--space", "fake-0").stdout
    assert lines(run("gallery", "info", "--json"))[0]["spaces"] == {}


def test_check(run: Run, photos: Path) -> None:
    assert "is sound" in run("gallery", "check").stdout
    (photos / "red.png").unlink()
    os.utime(photos / "album/blue.png", ns=(1, 1))
    [found] = lines(run("gallery", "check", "--json"))
    assert found == {"damage": [], "missing": [str(photos / "red.png")], "changed": [str(photos / "album/blue.png")]}
    db = sqlite3.connect("photos.mm/gallery.sqlite")
    db.execute("UPDATE embeddings SET vector = ? WHERE item = 1", (np.full(4, np.nan, np.float32).tobytes(),))
    db.commit()
    db.close()
    result = run("gallery", "check")
    assert result.exit_code == 1 and "1 vectors of fake-0 are not of length 1" in result.stderr


def test_export_to_npy(run: Run, photos: Path, tmp_path: Path) -> None:
    with Gallery("photos.mm", FakeSpace()) as gallery:
        gallery.add_caption(gallery.items()[0].fingerprint, Caption("ein Bild", "de", 0, 0))
        items, vectors = gallery.vectors()
    assert run("gallery", "export", "out").exit_code == 0
    rows = [json.loads(line) for line in (tmp_path / "out/items.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["fingerprint"] for row in rows] == [item.fingerprint for item in items]
    assert (np.load(tmp_path / "out/vectors.npy") == vectors).all()
    assert rows[0]["captions"] == {"de": "ein Bild"}
    assert "exists already" in run("gallery", "export", "out").stderr


@pytest.mark.parametrize("form", ["parquet", "datasets"])
def test_export_to_other_programs(run: Run, photos: Path, tmp_path: Path, form: str) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    datasets = pytest.importorskip("datasets") if form == "datasets" else None
    result = run("gallery", "export", "out.parquet", "--format", form)
    assert result.exit_code == 0, result.stderr
    assert result.stderr == "4 photos written to out.parquet.\n", "no progress bars of other programs"
    if datasets:
        assert datasets.utils.is_progress_bar_enabled()
        rows = datasets.load_from_disk(str(tmp_path / "out.parquet"))
        assert rows[0]["image"].size == (rows[0]["width"], rows[0]["height"])
    else:
        table = parquet.read_table(tmp_path / "out.parquet")
        assert table.schema.metadata[b"space"] == b"fake-0"
        rows = table.to_pylist()
    with Gallery("photos.mm", FakeSpace()) as gallery:
        items, vectors = gallery.vectors()
    assert len(rows) == 4
    for row, item, vector in zip(rows, items, vectors, strict=True):
        assert row["fingerprint"] == item.fingerprint and row["paths"] == [str(path) for path in item.paths]
        assert np.allclose(row["vector"], vector)


def test_a_missing_gallery_and_no_model(run: Run, tmp_path: Path) -> None:
    for command in (["list"], ["info"], ["marks"], ["check"], ["remove", "x"], ["export", "x"]):
        result = run("gallery", *command, "--gallery", "none.mm")
        assert result.exit_code == 1 and "no gallery at none.mm" in result.stderr
    heavy = ("onnxruntime", "torch", "gradio", "datasets", "pyarrow")
    code = "import sys; from mmembed.cli import cli; cli(['gallery', 'info'], standalone_mode=False)"
    code += f"; print([m for m in {heavy} if m in sys.modules])"
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": root})
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.torch
def test_exporting_photos_that_are_no_files(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    from mmembed.gallery import Gallery
    from mmembed.gallery.export import export
    from mmembed.gallery.items import Row
    from tests.datasets_on_disk import parquet, png, webdataset
    from tests.fakes import FakeSpace

    table, shard, part = parquet(tmp_path, ["blue"]), webdataset(tmp_path, ["red"]), "hf:/datasets/a/b/train/image"
    with Gallery(tmp_path / "g", FakeSpace()) as gallery:
        gallery.index([table, shard])
        gallery.index_rows(part, [Row(f"{part}/00000000", png("white"))])
        assert export(gallery.store, gallery.space.identity, "datasets", tmp_path / "out") == 3
    images = {row["path"]: row["image"] for row in datasets.load_from_disk(str(tmp_path / "out"))}
    assert images[str(shard / "red.png")].getpixel((0, 0)) == (255, 0, 0)
    assert sorted(str(image and image.getpixel((0, 0))) for image in images.values()) == ["(0, 0, 255)", "(255, 0, 0)", "None"]
