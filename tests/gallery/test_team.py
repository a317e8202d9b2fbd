"""Two real processes, started as `accelerate launch` and `torchrun` start them, fill one gallery."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from mmembed.errors import InvalidConfig
from mmembed.gallery import Gallery
from mmembed.gallery.team import Alone, Launched, launched
from tests.fakes import FakeSpace
from tests.gallery.conftest import Paint
from tests.gallery.test_processes import ROOT, check_whole

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

# The command on the fake model, whose second process may be told to die over its work. Each notes how much it embedded.
INDEX = """
import os, sys
import mmembed
from mmembed.cli import main
from mmembed.gallery import indexing
from tests.fakes import FakeSpace, fake_model
indexing.BATCH = 4
notes, dies, *sys.argv[1:] = sys.argv[1:]
class Noting(FakeSpace):
    def embed_pictures(self, pictures):
        if dies == os.environ["RANK"]:
            os._exit(9)
        with open(os.path.join(notes, os.environ["RANK"]), "a") as file:
            file.write("x" * len(pictures))
        return super().embed_pictures(pictures)
import dataclasses
mmembed.load = lambda name, threads: dataclasses.replace(fake_model(), space=Noting())
main()
"""


def index(notes: Path, *arguments: str | Path, dies: str = "") -> list[tuple[int, str, str]]:
    """Exit code, output and errors of both processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", INDEX, str(notes), dies, "index", *map(str, arguments)]
    running = []
    for rank in ("0", "1"):
        ours = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        environment = {**os.environ, **ours, "OMP_NUM_THREADS": "1"}
        running.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    outputs = [process.communicate(timeout=300) for process in running]
    return [(process.returncode, *output) for process, output in zip(running, outputs, strict=True)]


def test_two_processes_share_one_run(tmp_path: Path, photos: Path, paint: Paint) -> None:
    for number in range(40):
        paint(f"{number:02}.png", "red", number)
    (photos / "bad.png").write_bytes(b"bad")
    notes, folder = tmp_path / "notes", tmp_path / "g"
    notes.mkdir()
    (code, out, errors), (second, silence, _) = index(notes, photos, "--gallery", folder, "--json")
    assert (code, second) == (0, 0), errors
    report = json.loads(out)
    assert (report["found"], report["embedded"], report["pictures"], len(report["skipped"])) == (41, 40, 40, 1)
    assert silence == "", "one speaks for both"
    shares = [len((notes / rank).read_text()) for rank in ("0", "1")]
    assert sum(shares) == 40 and min(shares) > 5
    check_whole(folder)
    for number in range(3):
        (photos / f"{number:02}.png").unlink()
    paint("new.png", "blue")
    (code, out, errors), _ = index(notes, photos, "--gallery", folder, "--json")
    assert code == 0, errors
    report = json.loads(out)
    assert (report["found"], report["unchanged"], report["embedded"], report["removed"], report["pictures"]) == (39, 37, 1, 3, 38)
    with Gallery(folder, FakeSpace()) as gallery:
        assert gallery.index([photos]).unchanged == 38


def test_when_one_dies_the_other_says_so_and_what_is_written_stays(tmp_path: Path, photos: Path, paint: Paint) -> None:
    for number in range(20):
        paint(f"{number:02}.png", "red", number)
    folder = tmp_path / "g"
    (code, _, errors), (second, _, _) = index(tmp_path, photos, "--gallery", folder, dies="1")
    assert (code, second) == (1, 9)
    assert "Another process of this run has failed" in errors
    assert "Traceback" not in errors
    check_whole(folder)
    with Gallery(folder, FakeSpace()) as gallery:
        share = len((tmp_path / "0").read_text())
        assert 0 < len(gallery) == share < 20
        assert gallery.index([photos]).embedded == 20 - share


def test_shares_are_disjoint_complete_and_even() -> None:
    team = [Launched(rank, 3, 3, None) for rank in range(3)]
    names = [f"/photos/{number}.jpg" for number in range(999)] + ["/photos/\udce4.jpg"]
    counts = Counter(sum(one.takes(name) for one in team) for name in names)
    assert counts == {1: 1000}
    assert min(sum(one.takes(name) for name in names) for one in team) > 250


def test_who_is_alone_needs_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(variable, raising=False)
    with launched() as team:
        assert isinstance(team, Alone)
    monkeypatch.setenv("WORLD_SIZE", "many")
    with pytest.raises(InvalidConfig, match="must be numbers"), launched():
        pass
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InvalidConfig, match="accelerate launch or torchrun"), launched():
        pass
