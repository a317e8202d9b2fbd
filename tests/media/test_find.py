"""Walking folders: what is found, what is passed over, and what is reported instead of crashing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from mmembed.media import find
from mmembed.media.find import find_pictures

links = pytest.mark.skipif(sys.platform == "win32", reason="making links needs rights on Windows")


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"12345")


def names(root: Path, **options: bool) -> list[str]:
    return [file.path.relative_to(root).as_posix() for file in find_pictures([root], **options).files]


def test_by_suffix_recursively_and_sorted(tmp_path: Path) -> None:
    touch(tmp_path / "b.JPG", tmp_path / "deep/er/a.webp", tmp_path / "notes.txt", tmp_path / "noending", tmp_path / "a.png")
    assert names(tmp_path) == ["a.png", "b.JPG", "deep/er/a.webp"]
    file = find_pictures([tmp_path]).files[0]
    assert (file.size, file.mtime_ns) == (5, file.path.stat().st_mtime_ns)


def test_hidden_is_passed_over_unless_asked_for(tmp_path: Path) -> None:
    touch(tmp_path / ".cache/a.jpg", tmp_path / "._b.jpg", tmp_path / "c.jpg")
    assert names(tmp_path) == ["c.jpg"]
    assert names(tmp_path, hidden=True) == ["._b.jpg", ".cache/a.jpg", "c.jpg"]
    assert [file.path.name for file in find_pictures([tmp_path / ".cache"]).files] == ["a.jpg"], "a hidden root was asked for"


def test_a_single_file_is_taken_whatever_its_name(tmp_path: Path) -> None:
    touch(tmp_path / "picture")
    assert [file.path for file in find_pictures([tmp_path / "picture"]).files] == [tmp_path / "picture"]


def test_overlapping_roots_give_each_path_once_and_paths_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "in/a.jpg")
    monkeypatch.chdir(tmp_path)
    finding = find_pictures([".", "in", tmp_path / "in/a.jpg"])
    assert [file.path for file in finding.files] == [tmp_path / "in/a.jpg"]


@links
def test_link_loops_end_and_real_paths_win(tmp_path: Path) -> None:
    touch(tmp_path / "real/a.jpg")
    (tmp_path / "real/loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "another").symlink_to(tmp_path / "real", target_is_directory=True)
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    finding = find_pictures([tmp_path])
    assert [file.path for file in finding.files] == [tmp_path / "real/a.jpg"]
    assert [problem.path.name for problem in finding.problems] == ["self.jpg"]


@links
def test_links_to_folders_elsewhere_are_followed(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere/a.jpg")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert names(tmp_path / "root") == ["link/a.jpg"]


@links
def test_broken_links_and_pipes_are_reported(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    (tmp_path / "b.jpg").symlink_to(tmp_path / "nowhere.jpg")
    os.mkfifo(tmp_path / "c.jpg")
    finding = find_pictures([tmp_path])
    assert [file.path.name for file in finding.files] == ["a.jpg"]
    assert [(problem.path.name, problem.reason) for problem in finding.problems] == [
        ("b.jpg", "it is a link that leads nowhere"),
        ("c.jpg", "it is not a regular file"),
    ]


def test_an_unreadable_folder_is_reported_and_the_rest_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path / "a/a.jpg", tmp_path / "locked/b.jpg", tmp_path / "z/c.jpg")
    scandir = os.scandir

    def refusing(folder: Path) -> object:
        if Path(folder).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(find.os, "scandir", refusing)
    finding = find_pictures([tmp_path])
    assert [file.path.name for file in finding.files] == ["a.jpg", "c.jpg"]
    assert [(problem.path.name, "Permission denied" in problem.reason) for problem in finding.problems] == [("locked", True)]


def test_missing_roots_are_named(tmp_path: Path) -> None:
    touch(tmp_path / "a.jpg")
    finding = find_pictures([tmp_path, tmp_path / "none"])
    assert finding.missing == (tmp_path / "none",)
    assert [problem.path for problem in finding.problems] == [tmp_path / "none"]
    assert len(finding.files) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only there may names be any bytes")
def test_names_that_are_not_unicode(tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), b"caf\xe9\n.jpg")
    with open(path, "wb") as file:
        file.write(b"12345")
    assert [os.fsencode(found.path) for found in find_pictures([tmp_path]).files] == [path]
