"""Hundreds of bad files among good ones: each is skipped with its reason, and everything else is indexed."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import mmembed
from mmembed.cli import cli
from mmembed.gallery import Gallery
from mmembed.media import find, read
from tests.fakes import FakeSpace, fake_model
from tests.gallery.conftest import Paint
from tests.hostile import KINDS

EACH = 12
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """EACH files of every kind."""
    folder = tmp_path_factory.mktemp("zoo")
    for kind, (suffix, make, _) in KINDS.items():
        (folder / kind).mkdir()
        for number in range(EACH if kind != "panorama" else 2):
            (folder / kind / f"{number}{suffix}").write_bytes(make(np.random.default_rng(number)))
    return folder


def expected(kind: str) -> str | None:
    """A pattern for the reason; None if files of this kind have to be indexed."""
    if kind == "JPEG called raw" and not find_spec("rawpy"):
        return "pip install rawpy"
    return KINDS[kind][2]


def test_every_kind_is_skipped_with_its_reason_or_indexed(zoo: Path, tmp_path: Path) -> None:
    with Gallery(tmp_path / "g", FakeSpace()) as gallery:
        report = gallery.index([zoo])
        held = {path for item in gallery.items() for path in item.paths}
        again = gallery.index([zoo])
    reasons = {skipped.path: skipped.reason for skipped in report.skipped}
    for file in zoo.glob("*/*"):
        pattern = expected(file.parent.name)
        if pattern is None:
            assert file in held, f"{file}: {reasons.get(file)}"
        else:
            assert file not in held and re.search(pattern, reasons.get(file, "not even mentioned")), f"{file}: {reasons.get(file)}"
    assert len(reasons) == len(report.skipped) >= 25 * EACH
    assert report.found == len(held) + len(reasons) == report.embedded + report.reused + len(reasons)
    assert (again.embedded, again.unchanged, len(again.skipped)) == (0, len(held), len(reasons))
    assert all(skipped.known for skipped in again.skipped)


def test_the_command_names_what_it_skipped_and_ends_well(zoo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmembed, "load", lambda name="mini": fake_model(), raising=False)
    folders = [str(zoo / kind) for kind in ("one pixel", "cut PNG", "empty")]
    result = CliRunner().invoke(cli, ["index", *folders, "--gallery", str(tmp_path / "g"), "--json"])
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["found"], report["pictures"], len(report["skipped"])) == (3 * EACH, EACH, 2 * EACH)
    assert all(f"cut PNG{os.sep}{number}.png: it is damaged" in result.stderr for number in range(EACH))
    assert f"{2 * EACH} skipped: {EACH} because " in result.stderr and f"{EACH} because the file is empty" in result.stderr
    only_bad = CliRunner().invoke(cli, ["index", str(zoo / "empty"), "--gallery", str(tmp_path / "h")])
    assert only_bad.exit_code == 1 and f"None of the {EACH} files could be read" in only_bad.stderr
    nothing_new = CliRunner().invoke(cli, ["index", *folders, "--gallery", str(tmp_path / "g")])
    assert nothing_new.exit_code == 0
    assert "empty" not in nothing_new.stderr, "what was said once is not said again"
    assert f"{2 * EACH} unreadable as before" in nothing_new.stdout


@posix
def test_things_that_are_no_files(gallery: Gallery, photos: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch) -> None:
    paint("good.png")
    os.mkfifo(photos / "pipe.jpg")
    (photos / "zero.jpg").symlink_to("/dev/zero")
    (photos / "null.png").symlink_to("/dev/null")
    (photos / "nowhere.jpg").symlink_to(photos / "missing.jpg")
    (photos / "self.jpg").symlink_to(photos / "self.jpg")
    (photos / "one.jpg").symlink_to(photos / "two.jpg")
    (photos / "two.jpg").symlink_to(photos / "one.jpg")
    (photos / "up").symlink_to(photos, target_is_directory=True)
    (photos / "folder.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as plug:
        monkeypatch.chdir(photos)  # a socket's path may have only about 100 bytes
        plug.bind("plug.jpg")
        report = gallery.index([photos])
    reasons = {skipped.path.name: skipped.reason for skipped in report.skipped}
    no_file = dict.fromkeys(("pipe.jpg", "zero.jpg", "null.png", "plug.jpg"), "it is not a regular file")
    assert no_file.items() <= reasons.items()
    assert reasons["nowhere.jpg"] == "it is a link that leads nowhere"
    assert set(reasons) == {*no_file, "nowhere.jpg", "self.jpg", "one.jpg", "two.jpg"}
    assert (report.found, len(gallery)) == (1, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="only there may names be any bytes")
def test_names_that_no_encoding_has(gallery: Gallery, photos: Path, paint: Paint) -> None:
    names = [b"\xff\xfe.png", b"new\nline.png", b"tab\t.png", b"-k.png", b" .png", b"\xe2\x80\xae.png", b"%s{}.png", b"x" * 251 + b".png"]
    for number, name in enumerate(names):
        os.rename(paint("next.png", "red", number), os.path.join(os.fsencode(photos), name))
    assert gallery.index([photos]).embedded == len(names)
    assert {os.fsencode(path.name) for item in gallery.items() for path in item.paths} == set(names)
    assert gallery.index([photos]).unchanged == len(names)


def test_a_file_that_vanishes_or_changes_between_looking_and_reading(
    gallery: Gallery, photos: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint("a.png", "red", 1)
    changing = paint("b.png", "red", 2)
    vanishing = paint("c.png", "red", 3)
    content = read.file_content

    def racing(name: str) -> read.FileContent:
        if name == str(vanishing):
            vanishing.unlink()
        if name == str(changing):
            paint("b.png", "blue", 400)
            os.utime(changing, ns=(1, 1))
        return content(name)

    monkeypatch.setattr(read, "file_content", racing)
    report = gallery.index([photos])
    assert [(skipped.path.name, skipped.reason) for skipped in report.skipped] == [("c.png", "there is no such file")]
    monkeypatch.setattr(read, "file_content", content)
    assert gallery.index([photos]).unchanged == 2, "what was read is what is remembered"
    assert gallery.search("blue", 1)[0].item.paths == (changing,)


def test_a_file_that_is_still_being_written_is_read_when_it_is_whole(gallery: Gallery, photos: Path, paint: Paint) -> None:
    file = paint("a.png")
    whole = file.read_bytes()
    file.write_bytes(whole[:50])
    assert len(gallery.index([photos]).skipped) == 1
    file.write_bytes(whole)
    assert gallery.index([photos]).embedded == 1


def test_a_folder_tree_deeper_than_pythons_stack(gallery: Gallery, photos: Path, paint: Paint) -> None:
    deep = "/".join("d" * 900)
    file = paint(f"{deep}/a.png")
    assert gallery.index([photos]).embedded == 1
    assert gallery.items()[0].paths == (file,)


def test_unreadable_folders_and_files(
    gallery: Gallery, photos: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch, refusing: Callable[..., object]
) -> None:
    paint("locked/a.png", "red", 1)
    paint("open/b.png", "red", 2)
    paint("open/c.png", "red", 3)
    monkeypatch.setattr(find.os, "scandir", refusing(os.scandir, "locked"))
    monkeypatch.setattr(read.os, "open", refusing(os.open, "c.png"))
    reasons = {skipped.path.name: skipped.reason for skipped in gallery.index([photos]).skipped}
    assert reasons == {"locked": "the folder cannot be read: Permission denied", "c.png": "the file cannot be read: Permission denied"}
    assert len(gallery) == 1


@pytest.fixture
def refusing() -> Callable[..., object]:
    """Wraps a function of `os` so that one name is refused: root, who runs some tests, may read everything."""

    def wrap(function: Callable[..., object], name: str) -> Callable[..., object]:
        def refuse(path: str, *rest: object) -> object:
            if os.path.basename(path) == name:
                raise PermissionError(13, "Permission denied")
            return function(path, *rest)

        return refuse

    return wrap
