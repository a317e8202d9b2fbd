"""Commands on the fake model, in an empty folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

import mmembed
from mmembed.cli import cli
from tests.fakes import colour_picture, fake_model

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(mmembed, "load", lambda name="mini": fake_model(), raising=False)
    monkeypatch.delenv("MMEMBED_GALLERY", raising=False)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """red.png, a copy of it, a nearly equal one, and blue.png and green.png in a folder."""
    folder = tmp_path / "photos"
    (folder / "album").mkdir(parents=True)
    for name, size in (("red", (32, 24)), ("album/blue", (24, 32)), ("album/green", (64, 48)), ("album/red2", (16, 12))):
        Image.fromarray(colour_picture(name.split("/")[-1].strip("2"), size).pixels).save(folder / f"{name}.png")
    (folder / "red copy.png").write_bytes((folder / "red.png").read_bytes())
    return folder


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]
