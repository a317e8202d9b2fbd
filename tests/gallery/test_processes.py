"""Death and company: killed at any moment a gallery is whole, and two processes may fill one at once."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mmembed.errors import GalleryError
from mmembed.gallery import Gallery, indexing
from mmembed.gallery.database import DATABASE
from mmembed.generate.base import Caption
from tests.fakes import COLOURS, FakeSpace
from tests.gallery.conftest import Paint

ROOT = Path(__file__).parents[2]

# An indexing run that kills itself, as the kernel would, at the start of the nth statement that begins with some words.
INDEX = """
import os, signal, sys, time
from mmembed.gallery import Gallery, indexing
from tests.fakes import FakeSpace
indexing.BATCH = 2
gallery_folder, words, times, *folders = sys.argv[1:]
left = int(times)
def die(statement):
    global left
    left -= statement.startswith(words)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL) if hasattr(signal, "SIGKILL") else os._exit(9)
class Slow(FakeSpace):
    def embed_pictures(self, pictures):
        time.sleep(0.02)
        return super().embed_pictures(pictures)
with Gallery(gallery_folder, Slow()) as gallery:
    if words:
        gallery.store.database.writer.set_trace_callback(die)
    report = gallery.index(folders, lambda done, total, message: print(done, flush=True))
print("report", report.found, flush=True)
"""


def start(gallery: Path, *folders: Path, words: str = "", times: int = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", INDEX, str(gallery), words, str(times), *map(str, folders)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def check_whole(gallery: Path) -> None:
    db = sqlite3.connect(gallery / DATABASE)
    assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    db.close()


@pytest.mark.parametrize(
    ("words", "times", "survivors"),
    [
        ("BEGIN", 1, 0),
        ("INSERT OR IGNORE INTO embeddings", 6, 4),
        ("INSERT OR REPLACE INTO paths", 9, 8),
        ("COMMIT", 1, 0),
        ("COMMIT", 5, 8),
        ("INSERT OR REPLACE INTO roots", 1, 20),
    ],
)
def test_killed_while_indexing(tmp_path: Path, photos: Path, paint: Paint, words: str, times: int, survivors: int) -> None:
    for number in range(20):
        paint(f"{number:02}.png", "red", number)
    folder = tmp_path / "g"
    process = start(folder, photos, words=words, times=times)
    out, errors = process.communicate(timeout=120)
    assert process.returncode in (-9, 9), errors
    assert survivors - 4 <= int(out.split()[-1]) <= survivors, "what was reported as done is done"
    check_whole(folder)
    with Gallery(folder, FakeSpace()) as gallery:
        assert len(gallery) == survivors == len(gallery.search("red", 100))
        report = gallery.index([photos])
        assert (report.unchanged, report.embedded, len(gallery)) == (survivors, 20 - survivors, 20)


# Indexes thirty times, each time in a child that dies at a random moment; in between, photos go.
MORTALS = """
import os, random, signal, sys, time
from mmembed.gallery import Gallery, indexing
from tests.fakes import FakeSpace
indexing.BATCH = 4
folder, photos, seed = sys.argv[1:]
random.seed(int(seed))
class Slow(FakeSpace):
    def embed_pictures(self, pictures):
        time.sleep(0.002)
        return super().embed_pictures(pictures)
def index(pipe):
    with Gallery(folder, Slow()) as gallery:
        gallery.index([photos], lambda done, total, message: os.write(pipe, b"%d\\n" % done))
for _ in range(30):
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        index(writing)
        os._exit(0)
    os.close(writing)
    with open(reading) as pipe:
        reported = [0]
        for _ in range(random.randint(0, 8)):
            reported.append(int(pipe.readline() or 0))
        time.sleep(random.uniform(0, 0.01))
        os.kill(child, signal.SIGKILL)
        died = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        reported += map(int, pipe)
    print(int(died), max(reported), flush=True)
    os.remove(os.path.join(photos, random.choice(os.listdir(photos))))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_thirty_random_moments(tmp_path: Path, photos: Path, paint: Paint) -> None:
    colours = list(COLOURS)
    for number in range(700):
        paint(f"{number:03}.png", colours[number % len(colours)], number)
    shutil.copy(photos / "007.png", photos / "copy.png")
    folder = tmp_path / "g"
    command = [sys.executable, "-c", MORTALS, str(folder), str(photos), "5"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stderr
    deaths = [line.split() for line in run.stdout.splitlines()]
    assert sum(died == "1" for died, _ in deaths) == 30
    assert len({reported for _, reported in deaths}) > 10, "they died at very different moments"
    check_whole(folder)
    with Gallery(folder, FakeSpace()) as gallery, Gallery(tmp_path / "h", FakeSpace()) as uninterrupted:
        report = gallery.index([photos])
        last = int(deaths[-1][1])
        assert report.unchanged >= last - 1, "what was reported as done is there, but for the photo that went after it"
        uninterrupted.index([photos])
        ours, theirs = keys(gallery), keys(uninterrupted)
        assert ours.keys() == theirs.keys()
        assert {path for path, _ in ours} == set(photos.iterdir())
        assert all(float(ours[key] @ theirs[key]) >= 0.9999 for key in theirs)
        assert len(gallery) == len(uninterrupted) == sum(gallery.spaces().values())
        assert gallery.store.check() == []


def keys(gallery: Gallery) -> dict[tuple[Path, str], np.ndarray]:
    """Path and fingerprint → vector."""
    items, vectors = gallery.vectors()
    return {(path, item.fingerprint): vector for item, vector in zip(items, vectors, strict=True) for path in item.paths}


def test_searches_and_other_runs_do_not_wait_for_a_long_write(tmp_path: Path, photos: Path, paint: Paint) -> None:
    paint("a.png")
    folder = tmp_path / "g"
    with Gallery(folder, FakeSpace()) as gallery, Gallery(folder, FakeSpace()) as other:
        gallery.index([photos])
        with gallery.store.database.writing() as db:
            db.execute("UPDATE state SET version = version + 1")
            done: list[int] = []
            # Within this process, and as another one would see it; both would wait for 30 seconds at a lock.

            def search(one: Gallery) -> None:
                done.append(len(one.search("red")))

            threads = [threading.Thread(target=search, args=[one], daemon=True) for one in (gallery, other)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
            assert done == [1, 1]
            with Gallery(folder, FakeSpace()) as third:
                assert len(third.search("red")) == 1


def as_nobody(work: Callable[[], str]) -> str:
    """What `work` returns in a child process that may write nowhere it should not."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            os.write(writing, work().encode())
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with open(reading) as pipe:
        return pipe.read()


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="needs users and rights as Unix has them")
def test_a_gallery_that_may_only_be_read_is_searched_and_not_written(paint: Paint, photos: Path) -> None:
    paint("a.png")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "g"
        with Gallery(folder, FakeSpace()) as gallery:
            gallery.index([photos])
        os.chmod(name, 0o755)
        os.chmod(folder / DATABASE, 0o444)
        os.chmod(folder, 0o555)
        try:

            def search() -> str:
                with Gallery(folder, FakeSpace()) as gallery:
                    return f"{len(gallery.search('red'))} {gallery.store.database.read_only}"

            def write() -> str:
                with Gallery(folder, FakeSpace()) as gallery:
                    gallery.store.remove(["/nowhere"])
                    gallery.add_caption(gallery.items()[0].fingerprint, Caption("red", "en", 0, 0))
                    return "written"

            assert as_nobody(search) == "1 True"
            refused = as_nobody(write)
            assert refused.startswith("GalleryError") and "may only be read" in refused, refused
            new = as_nobody(lambda: str(Gallery(folder / "below", FakeSpace())))
            assert new.startswith("GalleryError") and "cannot be made" in new, new
        finally:
            os.chmod(folder, 0o755)


def test_a_full_disk_is_a_sentence_and_nothing_is_lost(tmp_path: Path, photos: Path, paint: Paint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "BATCH", 4)
    for number in range(200):
        paint(f"{number:03}.png", "red", number)
    folder = tmp_path / "g"
    done = [0]
    with Gallery(folder, FakeSpace()) as gallery:
        db = gallery.store.database.writer
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages + 6}")  # SQLite then says what it says of a full disk
        with pytest.raises(GalleryError, match="disk is full.*make room.*kept"):
            gallery.index([photos], lambda so_far, total, message: done.append(so_far))
        kept = len(gallery)
        assert 0 < done[-1] <= kept < 200
        assert len(gallery.search("red", 300)) == kept
    check_whole(folder)
    with Gallery(folder, FakeSpace()) as gallery:
        report = gallery.index([photos])
        assert (report.unchanged, report.embedded) == (kept, 200 - kept)


def test_two_processes_fill_one_new_gallery(tmp_path: Path, photos: Path, paint: Paint) -> None:
    for number in range(20):
        paint(f"one/{number:02}.png", "red", number)
        paint(f"two/{number:02}.png", "blue", number)
        paint(f"both/{number:02}.png", "green", number)
    folder = tmp_path / "g"
    first, second = start(folder, photos / "one", photos / "both"), start(folder, photos / "two", photos / "both")
    for process in (first, second):
        out, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        assert out.splitlines()[-1].startswith("report 40")
    check_whole(folder)
    space = FakeSpace()
    with Gallery(folder, space) as gallery:
        assert len(gallery) == 60
        report = gallery.index([photos])
        assert (report.unchanged, report.removed, space.embedded) == (60, 0, 0)
