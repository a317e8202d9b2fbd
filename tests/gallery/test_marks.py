"""Hits that were marked right or wrong stay with the question, until they are unmarked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from mmembed.errors import GalleryError
from mmembed.gallery import Asked, Gallery
from tests.gallery.conftest import Paint


@pytest.fixture
def known(gallery: Gallery, photos: Path, paint: Paint) -> list[str]:
    """Fingerprints of two photos in the gallery."""
    paint("a.png")
    paint("b.png", "blue")
    gallery.index([photos])
    return [item.fingerprint for item in gallery.items()]


def test_a_mark_is_there_when_the_same_is_asked_again(gallery: Gallery, known: list[str]) -> None:
    asked = Asked("two Dogs", ("grass", "people"))
    gallery.mark(asked, known[0], True)
    gallery.mark(asked, known[1], False)
    for again in (asked, Asked("  Two\tdogs ", ("People", "grass"))):
        assert {mark.fingerprint: mark.right for mark in gallery.marks(again)} == {known[0]: True, known[1]: False}
    for other in (Asked("two dogs"), Asked("two dogs", ("grass",)), Asked("two dogs", ("grass", "people"), "0" * 64)):
        assert gallery.marks(other) == []
    [first, _] = gallery.marks()
    assert first.asked == asked, "as it was written"
    assert first.when.utcoffset() == timedelta(0)


def test_letters_written_in_two_ways_are_the_same_question(gallery: Gallery, known: list[str]) -> None:
    gallery.mark(Asked("ein grünes Schild"), known[0], True)
    assert len(gallery.marks(Asked("ein gru\u0308nes Schild"))) == 1


def test_a_mark_is_changed_and_taken_back(gallery: Gallery, known: list[str]) -> None:
    asked = Asked(picture=known[1])
    gallery.mark(asked, known[0], True)
    gallery.mark(asked, known[0], False)
    assert [mark.right for mark in gallery.marks(asked)] == [False]
    gallery.mark(asked, known[0], None)
    gallery.mark(asked, known[0], None)
    assert gallery.marks() == []
    with pytest.raises(GalleryError, match="no picture"):
        gallery.mark(asked, "0" * 64, True)


def test_marks_leave_with_their_picture_and_not_before(gallery: Gallery, photos: Path, known: list[str]) -> None:
    for fingerprint in known:
        gallery.mark(Asked("sea"), fingerprint, True)
    (photos / "b.png").rename(photos / "moved.png")
    gallery.index([photos])
    assert len(gallery.marks()) == 2
    (photos / "a.png").unlink()
    gallery.index([photos])
    assert [mark.fingerprint for mark in gallery.marks()] == known[1:]
    assert gallery.store.check() == []


def test_marks_are_in_the_file_and_another_process_sees_them(gallery: Gallery, known: list[str]) -> None:
    with Gallery(gallery.path, gallery.space) as other:
        gallery.mark(Asked("sea"), known[0], True)
        assert other.marks() == gallery.marks() != []
        assert other.store.count_marks() == (1, 0)
