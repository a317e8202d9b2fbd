"""The examples in the docs: run them on the sample photos, in the order of the page, and write down what they print.

A block marked `console` holds commands after `$ `, each followed by its output. A block marked `python` is run as it stands; a
block marked `text` right below it is what it prints. Other blocks are only read. All of one page share a folder, with the sample
photos in `photos/`, and their Python names. In the output that folder is called `/home/me`, and seconds are left out.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from mmembed.cli import cli
from mmembed.media.samples import sample_photos

HOME = "/home/me"
_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```\n(?:```text\n.*?^```\n)?", re.MULTILINE | re.DOTALL)
_TIMING = re.compile(r"\b\d[\d.,]* s\b(?:, \d[\d.,]* new a second\b)?")
_NUMBER = re.compile(r"(?<!\w)-?\d+(?:\.\d+)?(?:e-?\d+)?(?!\w)")
_PACKAGES = {"skimage", "sklearn", "gradio"}  # those that `python3 start.py` installs


class BrokenExample(Exception):
    """A command or block of a page fails; the text says which, and how."""


@dataclass
class _Session:
    folder: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})

    def command(self, line: str) -> str:
        name, *arguments = shlex.split(line, comments=True)
        if name != "mmembed":
            raise BrokenExample(f"$ {line}\nOnly mmembed is run in a console block; use another kind of block.")
        result = CliRunner().invoke(cli, arguments, prog_name="mmembed", env={"COLUMNS": "100"})
        if result.exit_code:
            raise BrokenExample(f"$ {line}\nexit code {result.exit_code}\n{result.output}")
        return self._homely(result.output)

    def code(self, block: str) -> str:
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile(block, "example", "exec"), self.names)
        except Exception as error:
            raise BrokenExample(f"{block}\n{type(error).__name__}: {error}") from error
        return self._homely(printed.getvalue())

    def _homely(self, text: str) -> str:
        return _TIMING.sub("… s", text.replace(str(self.folder), HOME))


def photos() -> list[Path]:
    """The sample photos that the examples show, as far as they are installed."""
    return [path for path in sample_photos() if _PACKAGES & set(path.parts)]


def missing() -> set[str]:
    """The packages without which the examples cannot be run."""
    return {name for name in _PACKAGES if not any(name in path.parts for path in photos())}


def renewed(page: str) -> str:
    """The page with what its examples print now.

    Raises:
        BrokenExample: one fails.
    """
    with _session() as session:
        return _BLOCK.sub(lambda block: _run(session, block), page)


def differences(page: str, now: str) -> list[str]:
    """Lines of a page whose examples print something else now; numbers may differ by what another processor changes."""
    before, after = page.splitlines(), now.splitlines()
    if len(before) != len(after):
        return [f"{len(before)} lines, now {len(after)}"]
    return [f"- {old}\n+ {new}" for old, new in zip(before, after, strict=True) if not _alike(old, new)]


@contextlib.contextmanager
def _session() -> Iterator[_Session]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        folder = Path(name).resolve()
        (folder / "photos").mkdir()
        for photo in photos():
            copy = shutil.copyfile(photo, folder / "photos" / photo.name)
            os.utime(copy, (0, 0))
        os.chdir(folder)
        try:
            yield _Session(folder)
        finally:
            os.chdir(before)


def _run(session: _Session, block: re.Match[str]) -> str:
    kind, body = block.group(1, 2)
    if kind == "console":
        return f"```console\n{''.join(_console(session, body))}```\n"
    output = session.code(body)
    return f"```python\n{body}```\n" + (f"```text\n{output}```\n" if output else "")


def _console(session: _Session, body: str) -> Iterator[str]:
    for line in body.splitlines(keepends=True):
        if line.startswith("$ "):
            yield line
            yield session.command(line[2:].rstrip())
        elif not line.strip():
            yield line


def _alike(old: str, new: str) -> bool:
    if _NUMBER.sub("#", old).split() != _NUMBER.sub("#", new).split():
        return False
    return all(_close(*pair) for pair in zip(_NUMBER.finditer(old), _NUMBER.finditer(new), strict=True))


def _close(old: re.Match[str], new: re.Match[str]) -> bool:
    first, second = old.group(), new.group()
    if "." in first or "." in second:
        return abs(float(first) - float(second)) <= 0.03
    per_cent = old.string[old.end() : old.end() + 2].strip().startswith("%")
    return abs(int(first) - int(second)) <= (3 if per_cent else 0)
