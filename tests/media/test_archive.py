"""Tar files with pictures in them, such as the shards of a webdataset."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from mmembed.errors import UnreadablePicture
from mmembed.gallery import Gallery
from mmembed.gallery.upkeep import check
from mmembed.media.archive import Place, place
from mmembed.media.find import find_pictures
from mmembed.media.picture import Picture
from tests.fakes import COLOURS, FakeSpace
from tests.hostile import saved


def packed(file: Path, contents: dict[str, bytes]) -> Path:
    with tarfile.open(file, "w") as archive:
        for name, data in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return file


def colours() -> dict[str, bytes]:
    return {f"a/{name}.png": saved(Image.new("RGB", (8, 6), name), "PNG") for name in COLOURS}


def test_members_are_indexed_searched_and_forgotten_like_files(tmp_path: Path) -> None:
    others = {"a/red.txt": b"a red thing", "./bad.jpg": b"bad", "._x.png": b"x", "a/.hidden.png": b"x", "copy.PNG": colours()["a/red.png"]}
    file = packed(tmp_path / "shard.tar", {**colours(), **others})
    with Gallery(tmp_path / "g", FakeSpace()) as gallery:
        report = gallery.index([file], exclude=["yell*"])
        assert (report.found, report.embedded, report.reused) == (6, 4, 1)
        assert [skipped.path for skipped in report.skipped] == [file / "bad.jpg"]
        (hit,) = gallery.search("blue", 1)
        assert hit.item.paths == (file / "a" / "blue.png",)
        assert Picture.open(hit.item.paths[0]).pixels[0, 0].tolist() == [0, 0, 255]
        assert check(gallery.store).missing == () and check(gallery.store).changed == ()
        assert gallery.index([file], exclude=["yell*"]).unchanged == 5
        packed(file, dict(list(colours().items())[:2]))
        os.utime(file, ns=(1, 1))
        report = gallery.index([file])
        assert (report.found, report.embedded, report.removed, len(gallery)) == (2, 0, 3, 2)
        file.unlink()
        gallery.index([packed(tmp_path / "other.tar", {"white.png": colours()["a/white.png"]}), file])
        assert len(gallery) == 3, "an archive that is not there keeps its pictures"


def test_archives_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "text.tar").write_text("hello")
    (tmp_path / "packed.tar").write_bytes(gzip.compress(packed(tmp_path / "x.tar", colours()).read_bytes()))
    packed(tmp_path / "cut.tar", colours())
    os.truncate(tmp_path / "cut.tar", 700)
    finding = find_pictures([tmp_path / "text.tar", tmp_path / "packed.tar", tmp_path / "cut.tar"])
    assert {problem.path.name for problem in finding.problems} == {"text.tar", "packed.tar", "cut.tar"}
    assert all("no readable .tar file" in problem.reason for problem in finding.problems)
    with pytest.raises(UnreadablePicture, match="no such file"):
        Picture.open(tmp_path / "x.tar" / "none.png")


def test_places(tmp_path: Path) -> None:
    file = packed(tmp_path / "x.tar", colours())
    assert place(file / "a" / "red.png") == Place(str(file), "a/red.png")
    folder = tmp_path / "folder.tar"
    folder.mkdir()
    (folder / "red.png").write_bytes(colours()["a/red.png"])
    inner = packed(folder / "in.tar", colours())
    assert place(inner / "a" / "red.png") == Place(str(inner), "a/red.png")
    for other in (file, folder / "red.png", tmp_path / "no.tar" / "red.png"):
        assert place(other) is None
    assert Picture.open(folder / "red.png").width == 8
