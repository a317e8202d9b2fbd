"""`caption` of galleries that cannot keep captions."""

from pathlib import Path

import pytest

from mmembed.errors import GalleryError
from mmembed.gallery import Gallery
from mmembed.gallery.sqlite import SqliteStore
from tests.commands.conftest import Run


def test_a_gallery_that_may_only_be_read_is_refused_at_once(run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("index", photos)
    monkeypatch.setattr(SqliteStore, "read_only", True)
    found = run("caption", "photos.mm")
    assert found.exit_code == 1
    assert len(found.stderr.splitlines()) == 1 and "may only be read" in found.stderr


def test_a_gallery_that_takes_no_caption_is_a_failure(run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise GalleryError("The disk is full.")

    run("index", photos)
    assert run("caption", "photos.mm").exit_code == 0
    monkeypatch.setattr(Gallery, "add_caption", refuse)
    found = run("caption", "photos.mm", "--again")
    assert found.exit_code == 1 and "None of the 4 photos of photos.mm" in found.stderr
