"""Galleries of every released version open with everything in them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from mmembed.errors import GalleryError
from mmembed.gallery import Asked, Gallery
from mmembed.gallery.database import DATABASE
from mmembed.gallery.migrations import APPLICATION_ID, MIGRATIONS
from tests.fakes import FakeSpace


def made_by_the_first_version(folder: Path) -> None:
    folder.mkdir()
    db = sqlite3.connect(folder / DATABASE)
    for statement in MIGRATIONS[0]:
        db.execute(statement)
    red, blue = (np.array(vector, np.float32).tobytes() for vector in ([1, 0, 0, 0.05], [0, 0, 1, 0.05]))
    db.executemany(
        "INSERT INTO items (fingerprint, size, width, height, taken) VALUES (?, 10, 4, 3, ?)",
        [("red", "2019-07-14T10:20:30"), ("blue", None), ("orphan", None)],
    )
    db.executemany("INSERT INTO paths VALUES (?, ?, 10, 5)", [("/p/red.png", "red"), ("/p/copy.png", "red"), (b"/p/\xff.png", "blue")])
    db.executemany(
        "INSERT INTO vectors VALUES (?, ?, ?, ?)",
        [("fake-0", "red", 4, red), ("fake-0", "blue", 4, blue), ("fake-0", "orphan", 4, blue), ("old-1", "red", 1, red[:4])],
    )
    db.execute("INSERT INTO captions VALUES (7, 'red', 'en', 'a red wall', -0.5, 0.5, '[\"wall\"]')")
    db.execute("INSERT INTO caption_words (rowid, words) VALUES (7, 'a red wall')")
    db.execute("PRAGMA user_version = 1")
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.commit()
    db.close()


def test_a_gallery_of_the_first_version_keeps_everything(tmp_path: Path) -> None:
    made_by_the_first_version(tmp_path / "g")
    with Gallery(tmp_path / "g", FakeSpace()) as gallery:
        best, other = gallery.search("red")
        assert [str(path) for path in best.item.paths] == ["/p/copy.png", "/p/red.png"]
        assert best.similarity == pytest.approx(1, abs=2e-3) and str(best.item.taken) == "2019-07-14 10:20:30"
        assert [bytes(path) for path in other.item.paths] == [b"/p/\xff.png"]
        assert gallery.captions("red")[0].alternatives == ("wall",)
        assert [caption.text for _, caption in gallery.find_captions("wall")] == ["a red wall"]
        assert gallery.spaces() == {"fake-0": 3, "old-1": 1}
        assert len(gallery) == 2
        gallery.remove(["/p/red.png"])
        assert gallery.spaces() == {"fake-0": 2, "old-1": 1}, "what no path held goes with the next removal"
        assert gallery.store.check() == []


def test_a_gallery_of_the_second_version_gains_marks_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_by_the_first_version(tmp_path / "g")
    monkeypatch.setattr("mmembed.gallery.migrations.MIGRATIONS", MIGRATIONS[:2])
    Gallery(tmp_path / "g", FakeSpace()).close()
    db = sqlite3.connect(tmp_path / "g" / DATABASE)
    assert db.execute("PRAGMA user_version").fetchone() == (2,)
    db.close()
    monkeypatch.undo()
    with Gallery(tmp_path / "g", FakeSpace()) as gallery:
        assert gallery.marks() == []
        assert gallery.captions("red")[0].text == "a red wall" and len(gallery) == 2
        gallery.mark(Asked("wall"), "red", True)
        assert [mark.fingerprint for mark in gallery.marks(Asked("Wall"))] == ["red"]
        assert gallery.store.check() == []


def test_a_step_that_fails_leaves_the_gallery_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made_by_the_first_version(tmp_path / "g")
    monkeypatch.setattr("mmembed.gallery.migrations.MIGRATIONS", (*MIGRATIONS, ("CREATE TABLE new (x)", "nonsense")))
    with pytest.raises(GalleryError, match="syntax error"):
        Gallery(tmp_path / "g", FakeSpace())
    monkeypatch.undo()
    with Gallery(tmp_path / "g", FakeSpace()) as gallery:
        assert len(gallery) == 2
