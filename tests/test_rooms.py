"""Rooms import downwards only, as pyproject.toml says and docs/architecture.md draws."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def test_rooms_import_downwards_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    cli = pytest.importorskip("importlinter.cli", reason="import-linter is not installed")
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(ROOT))
    code = cli.lint_imports(no_cache=True)
    assert code == 0, f"{capsys.readouterr().out}\nShows the same: lint-imports"


def test_every_room_is_drawn_and_described() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {folder.parent.name for folder in (ROOT / "mmembed").glob("*/__init__.py")}
    described = set(re.findall(r"^\| `(\w+)/` \|", page, re.MULTILINE))
    assert described == rooms
    drawing = page.split("```mermaid")[1].split("```")[0]
    assert [room for room in sorted(rooms) if not re.search(rf"\b{room}\b", drawing)] == []
