"""Indexing does no work twice, forgets what is gone and keeps what it could not look at."""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmembed.errors import GalleryError, InvalidData
from mmembed.gallery import Gallery, indexing
from mmembed.media import find, read
from mmembed.media.find import Finding
from tests.fakes import FakeSpace
from tests.gallery.conftest import Paint
from tests.gallery.reports import counts, held


def test_a_second_run_opens_no_file(gallery: Gallery, photos: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch) -> None:
    paint("a.png", "red")
    paint("sub/b.png", "blue")
    assert counts(gallery.index([photos])) == (2, 2, 0, 0, 0)

    def refuse(path: Path) -> bytes:
        raise AssertionError(f"{path} was opened")

    monkeypatch.setattr(read, "file_content", refuse)
    assert counts(gallery.index([photos])) == (2, 0, 0, 2, 0)
    assert len(gallery) == 2


def test_items_say_what_the_files_are(gallery: Gallery, photos: Path, paint: Paint) -> None:
    file = paint("a.png")
    gallery.index(photos)
    (item,) = gallery.items()
    assert (item.paths, item.size, item.width, item.height, item.taken) == ((file,), file.stat().st_size, 32, 24, None)
    assert gallery.item(item.fingerprint) == item
    assert gallery.has_path(file) and not gallery.has_path(photos) and not gallery.has_path(photos / "b.png")
    with pytest.raises(GalleryError, match="no picture with the fingerprint"):
        gallery.item("0" * 64)


def test_a_moved_file_keeps_its_vector(gallery: Gallery, photos: Path, paint: Paint, space: FakeSpace) -> None:
    file = paint("a.png")
    paint("b.png", "blue")
    gallery.index([photos])
    (photos / "new").mkdir()
    file.rename(photos / "new/c.png")
    assert counts(gallery.index([photos])) == (2, 0, 1, 1, 1)
    assert space.embedded == 2
    assert held(gallery) == ["b.png", "c.png"]


def test_copies_share_one_item_and_one_vector(gallery: Gallery, photos: Path, paint: Paint, space: FakeSpace) -> None:
    file = paint("a.png")
    shutil.copy(file, photos / "b.png")
    assert counts(gallery.index([photos])) == (2, 1, 1, 0, 0)
    shutil.copy(file, photos / "c.png")
    assert counts(gallery.index([photos])) == (3, 0, 1, 2, 0)
    assert space.embedded == 1
    (item,) = gallery.items()
    assert [path.name for path in item.paths] == ["a.png", "b.png", "c.png"]
    file.unlink()
    assert counts(gallery.index([photos])) == (2, 0, 0, 2, 1)
    assert len(gallery) == 1 and len(gallery.search("red")) == 1


def test_copies_read_ahead_are_embedded_once(tmp_path: Path, photos: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BATCH", 1)
    shutil.copy(paint("a.png"), photos / "b.png")

    class Slow(FakeSpace):
        def embed_pictures(self, pictures):  # type: ignore[no-untyped-def]
            threading.Event().wait(0.05)  # meanwhile the copy is decoded, for its content is not known yet
            return super().embed_pictures(pictures)

    space = Slow()
    with Gallery(tmp_path / "g", space) as gallery:
        assert counts(gallery.index([photos])) == (2, 1, 1, 0, 0)
    assert space.embedded == 1


def test_a_changed_file_is_embedded_again(gallery: Gallery, photos: Path, paint: Paint) -> None:
    file = paint("a.png", "red")
    gallery.index([photos])
    paint("a.png", "blue")
    os.utime(file, ns=(1, 1))
    assert counts(gallery.index([photos])) == (1, 1, 0, 0, 0)
    assert len(gallery) == 1
    (hit,) = gallery.search("blue")
    assert hit.similarity > 0.99


def test_a_touched_file_is_read_but_not_embedded(gallery: Gallery, photos: Path, paint: Paint) -> None:
    file = paint("a.png")
    gallery.index([photos])
    os.utime(file, ns=(1, 1))
    assert counts(gallery.index([photos])) == (1, 0, 1, 0, 0)
    assert counts(gallery.index([photos])) == (1, 0, 0, 1, 0)


def test_two_files_that_swap_their_contents(gallery: Gallery, photos: Path, paint: Paint, space: FakeSpace) -> None:
    first, second = paint("a.png", "red"), paint("b.png", "blue")
    gallery.index([photos])
    first.rename(photos / "c")
    second.rename(first)
    (photos / "c").rename(second)
    os.utime(first, ns=(1, 1))
    os.utime(second, ns=(1, 1))
    assert counts(gallery.index([photos])) == (2, 0, 2, 0, 0)
    assert gallery.search("blue", 1)[0].item.paths == (first,)


def test_removed_files_leave_and_other_folders_stay(gallery: Gallery, photos: Path, paint: Paint) -> None:
    paint("one/a.png", "red", 1)
    gone = paint("one/b.png", "red", 2)
    paint("two/c.png", "blue", 3)
    gallery.index([photos / "one", photos / "two"])
    gone.unlink()
    assert counts(gallery.index([photos / "one"])) == (1, 0, 0, 1, 1)
    assert held(gallery) == ["a.png", "c.png"]
    assert gallery.spaces() == {"fake-0": 2}, "the vector goes with the last path"


def test_a_sibling_with_the_same_beginning_is_another_folder(gallery: Gallery, photos: Path, paint: Paint) -> None:
    paint("trip/a.png", "red", 1)
    paint("trip2/b.png", "red", 2)
    gallery.index([photos])
    gallery.index([photos / "trip"])
    assert held(gallery) == ["a.png", "b.png"]


def test_a_missing_root_is_an_error_and_its_items_stay(gallery: Gallery, photos: Path, paint: Paint) -> None:
    paint("drive/a.png", "red", 1)
    paint("disk/b.png", "red", 2)
    gallery.index([photos])
    (photos / "drive").rename(photos / "unplugged")
    with pytest.raises(GalleryError, match="does not exist"):
        gallery.index([photos / "drive"])
    report = gallery.index([photos / "drive", photos / "disk"])
    assert [skipped.path.name for skipped in report.skipped] == ["drive"]
    assert held(gallery) == ["a.png", "b.png"]


def test_photos_deleted_from_a_folder_leave_even_if_all_do(gallery: Gallery, photos: Path, paint: Paint) -> None:
    file = paint("trip/a.png", "red", 1)
    paint("disk/b.png", "red", 2)
    gallery.index([photos / "trip", photos / "disk"])
    file.unlink()
    report = gallery.index([photos / "trip"])
    assert counts(report) == (0, 0, 0, 0, 1)
    assert [(skipped.path.name, skipped.reason) for skipped in report.skipped] == [("trip", "there are no pictures in it")]
    assert held(gallery) == ["b.png"]
    with pytest.raises(InvalidData, match="There are no pictures in"):
        gallery.index([photos / "trip"])


@pytest.mark.parametrize("below", ["", "album"])
def test_an_unmounted_drive_keeps_its_items(
    gallery: Gallery, photos: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    file = paint("drive/album/a.png", "red", 1)
    paint("disk/b.png", "red", 2)
    mounted = [photos / "drive"]

    def finding(*arguments: Any) -> Finding:
        return replace(find.find_pictures(*arguments), drives=tuple(mounted))

    monkeypatch.setattr(indexing, "find_pictures", finding)
    gallery.index([photos / "drive" / below, photos / "disk"])
    shutil.rmtree(photos / "drive")
    (photos / "drive").mkdir()  # as unmounting leaves it
    mounted.clear()
    report = gallery.index([photos])
    assert report.removed == 0
    assert [(skipped.path.name, skipped.reason) for skipped in report.skipped] == [
        ("drive", "it was a drive of its own, which is not there now; 1 from there stays in the gallery")
    ]
    mounted.append(photos / "drive")  # mounted again, and now empty in truth
    assert gallery.index([photos]).removed == 1
    assert not file.exists() and held(gallery) == ["b.png"]


def test_a_link_that_leads_nowhere_now_keeps_its_items(gallery: Gallery, photos: Path, paint: Paint, tmp_path: Path) -> None:
    paint("b.png", "red", 2)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.move(paint("a.png", "red", 1), elsewhere)
    (photos / "link").symlink_to(elsewhere, target_is_directory=True)
    assert gallery.index([photos]).found == 2
    elsewhere.rename(tmp_path / "unplugged")
    report = gallery.index([photos])
    assert [skipped.path.name for skipped in report.skipped] == ["link"]
    assert held(gallery) == ["a.png", "b.png"]


def test_a_gallery_from_before_drives_were_noted_keeps_what_an_empty_root_held(gallery: Gallery, photos: Path, paint: Paint) -> None:
    file = paint("mount/a.png", "red", 1)
    paint("disk/b.png", "red", 2)
    gallery.index([photos])
    gallery.store.forget([str(photos)])
    file.unlink()
    report = gallery.index([photos / "mount", photos / "disk"])
    expected = "there are no pictures in it; 1 from there stays in the gallery"
    assert [(skipped.path.name, skipped.reason) for skipped in report.skipped] == [("mount", expected)]
    assert held(gallery) == ["a.png", "b.png"]


def test_what_lies_in_an_unreadable_folder_stays(gallery: Gallery, photos: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch) -> None:
    paint("locked/a.png", "red", 1)
    gone = paint("open/b.png", "red", 2)
    paint("open/c.png", "red", 3)
    gallery.index([photos])
    gone.unlink()
    scandir = os.scandir

    def refusing(folder: Path) -> object:
        if Path(folder).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(find.os, "scandir", refusing)
    report = gallery.index([photos])
    assert (report.removed, [skipped.path.name for skipped in report.skipped]) == (1, ["locked"])
    assert held(gallery) == ["a.png", "c.png"]


def test_other_weights_keep_the_first_vectors(tmp_path: Path, photos: Path, paint: Paint) -> None:
    paint("a.png")
    for digest in ("0", "1"):
        with Gallery(tmp_path / "g", FakeSpace(digest=digest)) as gallery:
            assert counts(gallery.index([photos])) == (1, 1, 0, 0, 0)
    first = FakeSpace(digest="0")
    with Gallery(tmp_path / "g", first) as gallery:
        assert gallery.spaces() == {"fake-0": 1, "fake-1": 1}
        assert counts(gallery.index([photos])) == (1, 0, 0, 1, 0)
        assert len(gallery.search("red")) == 1
        assert first.embedded == 0


def test_progress_ends_at_the_total(gallery: Gallery, photos: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BATCH", 2)
    for number in range(5):
        paint(f"{number}.png", "red", number)
    (photos / "bad.png").touch()
    steps: list[tuple[int, int, str]] = []
    gallery.index([photos], lambda *step: steps.append(step))
    done = [step[0] for step in steps]
    assert done == sorted(done) and done[0] == 0 and done[-1] == 6
    assert all(total == 6 and message for _, total, message in steps)


def test_interrupting_keeps_what_was_written(gallery: Gallery, photos: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BATCH", 2)
    for number in range(6):
        paint(f"{number}.png", "red", number)

    def interrupt(done: int, total: int, message: str) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gallery.index([photos], interrupt)
    kept = len(gallery)
    assert 4 <= kept <= 6 and len(gallery.search("red")) == kept
    assert counts(gallery.index([photos])) == (6, 6 - kept, 0, kept, 0)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mmembed-")]


def test_pictures_do_not_pile_up_in_memory(photos: Path, paint: Paint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BATCH", 4)
    for number in range(40):
        paint(f"{number:02}.png", "red", number)
    decoded = [0]
    decode = read.decode

    def counting(*args: object) -> object:
        decoded[0] += 1
        return decode(*args)  # type: ignore[arg-type]

    ahead: list[int] = []

    class Slow(FakeSpace):
        def embed_pictures(self, pictures):  # type: ignore[no-untyped-def]
            threading.Event().wait(0.02)  # time in which the readers could run away
            ahead.append(decoded[0] - self.embedded)
            return super().embed_pictures(pictures)

    monkeypatch.setattr(read, "decode", counting)
    with Gallery(tmp_path / "g", Slow()) as gallery:
        gallery.index([photos])
    assert max(ahead) <= 2 * 4 + 1


def test_content_that_another_process_removed_is_embedded_again(tmp_path: Path, photos: Path, paint: Paint) -> None:
    """B copies a file and deletes the original; between A's look at what is known and A's write, B's run drops the content."""
    original = paint("in/a.png")
    space = FakeSpace()
    with Gallery(tmp_path / "g", space) as gallery, Gallery(tmp_path / "g", FakeSpace()) as other:
        gallery.index([photos])
        shutil.copytree(photos / "in", photos / "out")
        paint("in/b.png", "blue", 9)
        original.unlink()
        removed: list[int] = []

        def meanwhile(done: int, total: int, message: str) -> None:
            if not removed:
                removed.append(other.index([photos / "in"]).removed)

        report = gallery.index([photos / "out"], meanwhile)
        assert removed == [1]
        assert counts(report) == (1, 1, 0, 0, 0)
        assert held(gallery) == ["a.png", "b.png"]
        assert len(gallery.search("red")) == 2


def test_vectors_follow_their_items(gallery: Gallery, photos: Path, paint: Paint) -> None:
    for colour in ("red", "green", "blue"):
        paint(f"{colour}.png", colour)
    gallery.index([photos])
    items, vectors = gallery.vectors()
    assert vectors.dtype == np.float32 and vectors.shape == (3, 4)
    assert items == gallery.items()
    for item, vector in zip(items, vectors, strict=True):
        assert "red green blue".split()[int(vector[:3].argmax())] == item.paths[0].stem
