"""Indexing passes over what it cannot or shall not read, and says why."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmembed.errors import InvalidData, UnreadablePicture
from mmembed.gallery import Gallery
from mmembed.media import read
from tests.fakes import FakeSpace
from tests.gallery.conftest import Paint
from tests.gallery.reports import counts, held


def test_bad_files_are_skipped_with_reasons_and_the_rest_is_indexed(gallery: Gallery, photos: Path, paint: Paint) -> None:
    good = paint("good.png")
    (photos / "cut.png").write_bytes(good.read_bytes()[:60])
    (photos / "empty.jpg").touch()
    (photos / "text.jpg").write_text("hello")
    report = gallery.index([photos])
    assert counts(report) == (4, 1, 0, 0, 0)
    assert not any(skipped.known for skipped in report.skipped)
    reasons = {skipped.path.name: skipped.reason for skipped in report.skipped}
    assert set(reasons) == {"cut.png", "empty.jpg", "text.jpg"}
    assert "empty" in reasons["empty.jpg"] and "not a picture" in reasons["text.jpg"] and "damaged" in reasons["cut.png"]


def test_a_file_that_broke_leaves_the_gallery(gallery: Gallery, photos: Path, paint: Paint) -> None:
    file = paint("a.png", "red", 1)
    paint("b.png", "red", 2)
    gallery.index([photos])
    file.write_bytes(b"broken")
    assert gallery.index([photos]).removed == 1
    assert held(gallery) == ["b.png"]


def test_a_broken_file_is_tried_again_only_when_it_or_the_decoders_change(
    gallery: Gallery, photos: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = paint("good.png"), photos / "bad.png"
    bad.write_bytes(b"broken")
    opened: list[str] = []
    content = read.file_content

    def counting(name: str) -> object:
        opened.append(os.path.basename(name))
        return content(name)

    monkeypatch.setattr(read, "file_content", counting)
    (first,) = gallery.index([photos]).skipped
    (second,) = gallery.index([photos]).skipped
    assert opened == ["bad.png", "good.png"]
    assert (first.known, second.known) == (False, True) and first.reason == second.reason
    monkeypatch.setattr(read, "reading_abilities", lambda: "better")
    assert not gallery.index([photos]).skipped[0].known
    assert gallery.index([photos]).skipped[0].known
    bad.write_bytes(good.read_bytes())
    assert counts(gallery.index([photos])) == (2, 0, 1, 1, 0)
    assert gallery.store.failures_below([str(photos)]) == {}
    bad.write_bytes(b"broken")
    gallery.index([photos])
    bad.unlink()
    gallery.index([photos])
    assert gallery.store.failures_below([str(photos)]) == {}


def test_what_may_come_right_by_itself_is_tried_again(
    gallery: Gallery, photos: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = paint("a.png", "red", 1)
    paint("b.png", "red", 2)
    gallery.index([photos])
    os.utime(file, ns=(1, 1))
    content = read.file_content

    def refuse(name: str) -> object:
        if name.endswith("a.png"):
            raise UnreadablePicture("the file cannot be read: Permission denied", lasting=False)
        return content(name)

    monkeypatch.setattr(read, "file_content", refuse)
    for _ in range(2):
        report = gallery.index([photos])
        assert [(skipped.path.name, skipped.known) for skipped in report.skipped] == [("a.png", False)]
        assert held(gallery) == ["a.png", "b.png"], "what could not be looked at stays"
    monkeypatch.setattr(read, "file_content", content)
    assert counts(gallery.index([photos])) == (2, 0, 1, 1, 0)


def test_pictures_that_the_model_cannot_embed_are_skipped(tmp_path: Path, photos: Path, paint: Paint) -> None:
    class Dark(FakeSpace):
        def embed_pictures(self, pictures):  # type: ignore[no-untyped-def]
            vectors = super().embed_pictures(pictures)
            vectors[[picture.pixels.max() < 255 for picture in pictures]] = np.nan
            return vectors

    paint("a.png", "red")
    Image.new("RGB", (8, 8)).save(photos / "black.png")
    with Gallery(tmp_path / "g", Dark()) as gallery:
        report = gallery.index([photos])
        assert counts(report) == (2, 1, 0, 0, 0)
        assert [(skipped.path.name, skipped.reason) for skipped in report.skipped] == [
            ("black.png", "the model makes no valid vector of it")
        ]
        assert held(gallery) == ["a.png"]


def test_excluded_and_hidden_files(gallery: Gallery, photos: Path, paint: Paint) -> None:
    for number, name in enumerate(("a.png", "b_small.png", ".c.png", "cache/d.png", "x/y/e.png", "x/z/f.png")):
        paint(name, "red", number)
    gallery.index([photos], exclude=["*_small.*", "cache", "x/y"])
    assert held(gallery) == ["a.png", "f.png"]
    assert gallery.roots() == [(str(photos), False, ("*_small.*", "cache", "x/y"))]
    report = gallery.index([photos], hidden=True, exclude=["a.*"])
    assert report.removed == 1
    assert held(gallery) == [".c.png", "b_small.png", "d.png", "e.png", "f.png"]


def test_only_unreadable_files_is_a_report_not_a_crash(gallery: Gallery, photos: Path) -> None:
    for number in range(3):
        (photos / f"{number}.jpg").touch()
    report = gallery.index([photos])
    assert (report.found, report.embedded, len(report.skipped)) == (3, 0, 3)


def test_nothing_to_index(gallery: Gallery) -> None:
    with pytest.raises(InvalidData, match="give at least one folder"):
        gallery.index([])


def test_a_single_file_and_a_plain_string(gallery: Gallery, photos: Path, paint: Paint) -> None:
    file = paint("a.png", "red", 1)
    paint("b.png", "red", 2)
    assert gallery.index(file).found == 1
    assert gallery.index(str(photos)).found == 2


@pytest.mark.skipif(sys.platform != "linux", reason="only there may names be any bytes")
def test_names_that_are_not_unicode(gallery: Gallery, photos: Path, paint: Paint) -> None:
    odd = os.path.join(os.fsencode(photos), b"caf\xe9 \xff.png")
    os.rename(paint("a.png"), odd)
    gallery.index([photos])
    (item,) = gallery.items()
    assert os.fsencode(item.paths[0]) == odd
    assert gallery.has_path(item.paths[0])
    assert gallery.index([photos]).unchanged == 1
    os.unlink(odd)
    paint("b.png")
    assert gallery.index([photos]).removed == 1
