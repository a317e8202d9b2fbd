"""`search`: weights, filters, pages, folding, sheets and paths for pipes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from PIL import Image

import mmembed
from tests.commands.conftest import Run, lines
from tests.fakes import fake_model


@pytest.fixture(autouse=True)
def indexed(run: Run, photos: Path) -> None:
    assert run("index", photos).exit_code == 0


def names(run: Run, *arguments: object) -> list[str]:
    return [Path(line["path"]).name for line in lines(run("search", *arguments, "--json"))]


def test_weights(run: Run, photos: Path) -> None:
    assert names(run, "--also", "red^0.1", "--also", "blue^2", "-k", 1) == ["blue.png"]
    assert names(run, "red", "--like", f"{photos / 'album/green.png'}^9", "-k", 1) == ["green.png"]
    assert names(run, "red blue", "--not", "red^2", "-k", 1) == ["blue.png"]
    assert names(run, "red", "--like", photos / "red.png", "--like", photos / "album/red2.png", "-k", 1)[0].startswith("red")
    odd = photos / "odd^2.png"
    odd.write_bytes((photos / "album/blue.png").read_bytes())
    assert names(run, "--like", odd, "-k", 1) == ["blue.png"], "a file of that name is a file of that name"
    for wrong in ("red^x", "red^-1", "red^0"):
        assert run("search", "--also", wrong).exit_code == 2


def test_filters(run: Run, photos: Path) -> None:
    assert names(run, "red", "--orientation", "portrait") == ["blue.png"]
    assert set(names(run, "red", "--folder", photos / "album")) == {"blue.png", "green.png", "red2.png"}
    assert names(run, "red", "--larger", 40) == ["green.png"]
    none = run("search", "red", "--since", "2019-07")
    assert (none.exit_code, none.stdout, none.stderr) == (0, "", "No photo passes the filters.\n")
    assert run("search", "red", "--until", "July").exit_code == 2
    assert run("search", "red", "--caption", "wall").stdout == ""


def test_pages(run: Run) -> None:
    every = names(run, "red")
    assert [names(run, "red", "-k", 3, "--page", page) for page in (1, 2)] == [every[:3], every[3:]]
    assert run("search", "red", "--page", 9).stderr == "There are no more results.\n"


def test_folding(run: Run) -> None:
    first, *others = lines(run("search", "red", "--fold", "--json"))
    assert len(first["similar"]) == 1 and len(others) == 2
    assert "(+1 alike)" in run("search", "red", "--fold").stdout


def test_paths_for_pipes(run: Run, photos: Path) -> None:
    assert run("search", "blue", "-k", 1, "--paths").stdout == f"{photos / 'album/blue.png'}\n"
    assert run("search", "blue", "-k", 1, "-0").stdout_bytes == os.fsencode(photos / "album/blue.png") + b"\0"


@pytest.mark.skipif(sys.platform != "linux", reason="only there may names be any bytes")
def test_paths_keep_their_bytes(run: Run, photos: Path) -> None:
    odd = os.path.join(os.fsencode(photos), b"\xff\xfe.png")
    os.rename(photos / "album/blue.png", odd)
    run("index", photos)
    assert run("search", "blue", "-k", 1, "-0").stdout_bytes == odd + b"\0"


def test_a_sheet(run: Run, tmp_path: Path) -> None:
    assert run("search", "red", "--sheet", "sheet.png").exit_code == 0
    assert Image.open(tmp_path / "sheet.png").width > 500
    assert "cannot be written" in run("search", "red", "--sheet", "none/sheet.png").stderr


def test_a_sheet_takes_no_photos_place(run: Run, photos: Path) -> None:
    photo = photos / "album/blue.png"
    before = photo.read_bytes()
    found = run("search", "red", "--sheet", photo)
    assert found.exit_code == 1 and "exists already" in found.stderr
    assert photo.read_bytes() == before


def test_of_several_spaces_it_is_said_which_was_searched(run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("index", photos)
    assert "Searched with" not in run("search", "red").stderr, "one space needs no word"
    monkeypatch.setattr(mmembed, "load", lambda name="mini": fake_model("second", "1"))
    run("index", photos)
    found = run("search", "red", "--json")
    assert found.stderr == "Searched with second (second-1); the gallery also has vectors of fake-0.\n"
    assert {line["space"] for line in lines(found)} == {"second-1"}
    monkeypatch.setattr(mmembed, "load", lambda name="mini": fake_model())
    first = run("search", "red", "--json")
    assert {line["space"] for line in lines(first)} == {"fake-0"}, "the second left the first as it was"
    assert "also has vectors of second-1" in first.stderr
