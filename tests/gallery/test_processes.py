"""Death and company: killed at any moment a gallery is whole, and two processes may fill one at once."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from mmembed.gallery import Gallery
from mmembed.gallery.database import DATABASE
from tests.fakes import FakeSpace
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
        ("INSERT OR REPLACE INTO vectors", 6, 4),
        ("INSERT OR REPLACE INTO paths", 9, 8),
        ("COMMIT", 1, 0),
        ("COMMIT", 5, 8),
        ("DELETE FROM items", 1, 20),
    ],
)
def test_killed_while_indexing(tmp_path: Path, photos: Path, paint: Paint, words: str, times: int, survivors: int) -> None:
    for number in range(20):
        paint(f"{number:02}.png", "red", number)
    folder = tmp_path / "g"
    process = start(folder, photos, words=words, times=times)
    out, errors = process.communicate(timeout=120)
    assert process.returncode in (-9, 9), errors
    assert int(out.split()[-1]) == survivors, "what was reported as done is done, and at most a batch is lost"
    check_whole(folder)
    with Gallery(folder, FakeSpace()) as gallery:
        assert len(gallery) == survivors == len(gallery.search("red", 100))
        report = gallery.index([photos])
        assert (report.unchanged, report.embedded, len(gallery)) == (survivors, 20 - survivors, 20)


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
