"""The store opens what is a gallery, refuses in one sentence what is not, and keeps captions findable."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmembed.errors import GalleryError
from mmembed.gallery import Gallery, SqliteStore
from mmembed.gallery.database import DATABASE
from mmembed.gallery.migrations import APPLICATION_ID, MIGRATIONS
from mmembed.gallery.store import Content, NewPath
from mmembed.generate.base import Caption
from tests.fakes import FakeSpace
from tests.gallery.conftest import Paint


def content(fingerprint: str, vector: list[float]) -> Content:
    return Content(fingerprint, 1, 2, 3, None, np.array(vector, np.float32))


def path(name: str, fingerprint: str) -> NewPath:
    return NewPath(os.path.abspath(name), fingerprint, 1, 1)


def vectors(store: SqliteStore, space: str, dim: int) -> dict[str, list[float]]:
    """By fingerprint."""
    changes = store.changes(space, dim, None)
    items = store.items_by_id(changes.ids.tolist())
    return {items[number].fingerprint: row.tolist() for number, row in zip(changes.ids.tolist(), changes.vectors, strict=True)}


def test_a_missing_gallery_is_not_made_for_a_search(tmp_path: Path) -> None:
    folder = tmp_path / "photos.mm"
    with pytest.raises(GalleryError) as caught:
        Gallery(folder, FakeSpace(), create=False)
    assert str(caught.value) == f"There is no gallery at {folder}; make one with: mmembed index FOLDER --gallery {folder}"
    assert not folder.exists()


def test_a_new_database_is_marked_as_ours_and_uses_wal(tmp_path: Path) -> None:
    SqliteStore(tmp_path).close()
    db = sqlite3.connect(tmp_path / DATABASE)
    assert db.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
    assert db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    db.close()


def test_a_newer_schema_is_refused_untouched(tmp_path: Path) -> None:
    SqliteStore(tmp_path).close()
    db = sqlite3.connect(tmp_path / DATABASE)
    db.execute("PRAGMA user_version = 1000")
    db.close()
    with pytest.raises(GalleryError, match="newer version of mmembed.*schema 1000"):
        SqliteStore(tmp_path)
    db = sqlite3.connect(tmp_path / DATABASE)
    assert db.execute("PRAGMA user_version").fetchone()[0] == 1000
    db.close()


def test_files_that_are_no_galleries_are_refused_untouched(tmp_path: Path) -> None:
    text = tmp_path / "notes"
    text.write_text("hello")
    with pytest.raises(GalleryError, match="is a file, but a gallery is a folder"):
        SqliteStore(text)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / DATABASE).write_text("no database " * 1000)
    with pytest.raises(GalleryError, match="damaged or no database"):
        SqliteStore(tmp_path / "a")
    assert (tmp_path / "a" / DATABASE).read_text() == "no database " * 1000
    (tmp_path / "b").mkdir()
    db = sqlite3.connect(tmp_path / "b" / DATABASE)
    db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(GalleryError, match="another program's database"):
        SqliteStore(tmp_path / "b")
    with pytest.raises(GalleryError, match="cannot be made"):
        SqliteStore(text / "below")


def test_a_closed_gallery_says_so(gallery: Gallery) -> None:
    gallery.close()
    gallery.close()
    with pytest.raises(GalleryError, match="closed"):
        gallery.search("red")


def test_a_write_is_whole_or_not_at_all(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    broken = NewPath("/b", "two", "not a number" * 3, None)  # type: ignore[arg-type]
    with pytest.raises(GalleryError):
        store.write("s", [content("one", [1]), content("two", [2])], [path("/a", "one"), broken])
    assert store.items() == [] and store.embedded("s", ["one", "two"]) == set() and store.paths_below(["/"], "s") == {}
    assert store.write("s", [content("one", [1])], [path("/a", "one"), path("/c", "unknown")]) == {os.path.abspath("/c")}
    assert len(store) == 1
    store.close()


def test_vectors_of_spaces_are_kept_apart_bit_by_bit(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    vector = [1e-30, -0.1, 3.0]
    store.write("s", [content("one", vector)], [path("/a", "one")])
    store.write("t", [content("one", [5, 6])], [path("/a", "one")])
    assert vectors(store, "s", 3) == {"one": np.array(vector, np.float32).tolist()}
    assert vectors(store, "t", 2) == {"one": [5, 6]}
    assert store.changes("u", 2, None).vectors.shape == (0, 2)
    assert store.spaces() == {"s": 1, "t": 1}
    store.remove([os.path.abspath("/a")])
    assert store.spaces() == {}
    store.close()


def test_more_items_than_one_statement_takes(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    names = [f"{number:04}" for number in range(1234)]
    store.write("s", [content(name, [1]) for name in names], [path(f"/{name}", name) for name in names])
    assert [item.fingerprint for item in store.items(names)] == names
    assert [item.fingerprint for item in store.items()] == names
    store.close()


def captioned(gallery: Gallery, photos: Path, paint: Paint, *captions: Caption) -> str:
    paint("a.png")
    gallery.index([photos])
    fingerprint = gallery.items()[0].fingerprint
    for caption in captions:
        gallery.add_caption(fingerprint, caption)
    return fingerprint


def test_captions_come_back_whole_one_a_language(gallery: Gallery, photos: Path, paint: Paint) -> None:
    old, new = Caption("a dog", "en", -1.5, 0.5), Caption("two dogs", "en", -0.5, 0.75, ("dogs", 'a "dog"'))
    german = Caption("zwei Hunde", "de", -1.0, 0.25)
    fingerprint = captioned(gallery, photos, paint, old, german, new)
    assert gallery.captions(fingerprint) == [german, new]
    assert gallery.find_captions("a dog") == [], "the replaced caption is not found any more"
    with pytest.raises(GalleryError, match="no picture"):
        gallery.add_caption("0" * 64, old)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("hunde", True),
        ("SCHONE hunde", True),
        ("hunde katze", False),
        ("草地", True),
        ("地草", False),
        ("狗", True),
        ('zwei" OR "katze', False),
        ("NOT hunde*", False),
        ("zwei AND", False),
        ("***", False),
        ("", False),
    ],
)
def test_captions_are_found_by_words_in_any_script(gallery: Gallery, photos: Path, paint: Paint, words: str, found: bool) -> None:
    captioned(gallery, photos, paint, Caption("Zwei schöne Hunde", "de", 0, 0), Caption("一只狗在草地上", "zh", 0, 0))
    assert bool(gallery.find_captions(words)) is found


def test_captions_leave_with_their_picture(gallery: Gallery, photos: Path, paint: Paint) -> None:
    captioned(gallery, photos, paint, Caption("two dogs", "en", 0, 0))
    (photos / "a.png").unlink()
    paint("b.png", "blue")
    gallery.index([photos])
    assert gallery.find_captions("dogs") == []


def test_captions_do_not_make_searches_load_again(gallery: Gallery, photos: Path, paint: Paint) -> None:
    fingerprint = captioned(gallery, photos, paint)
    matrix = gallery.vectors()[1]
    gallery.add_caption(fingerprint, Caption("two dogs", "en", 0, 0))
    assert gallery.vectors()[1] is matrix


def test_importing_the_gallery_is_light() -> None:
    code = (
        "import sys, mmembed.gallery; print([m for m in ('torch', 'transformers', 'gradio', 'onnxruntime', 'pandas') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
