"""Folders → the picture files in them, each with the stat that tells whether it changed."""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mmembed.errors import UnreadablePicture
from mmembed.media import inside, table
from mmembed.media.raw import RAW_SUFFIXES

PICTURE_SUFFIXES = (
    frozenset(".jpg .jpeg .jpe .jfif .png .webp .gif .tif .tiff .bmp .avif .heic .heif .jp2 .j2k .ppm .pgm .pbm .pnm".split())
    | RAW_SUFFIXES
)

_ENDINGS = frozenset(suffix[1:] for suffix in PICTURE_SUFFIXES)

SYSTEM_FOLDERS = frozenset(("@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"))
"""Thumbnails and waste that network drives and Windows keep beside the photos."""


class FoundFile(NamedTuple):
    """A file that, by its name, holds a picture: absolute path, size in bytes, modification time in nanoseconds.

    The path is text, because an indexing run over files that did not change needs nothing more.
    """

    name: str
    size: int
    mtime_ns: int

    @property
    def path(self) -> Path:
        return Path(self.name)


@dataclass(frozen=True)
class Problem:
    """A file or folder that could not be looked at, and why, in words."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Finding:
    """What a walk found.

    Attributes:
        files: sorted by path, each path once.
        problems: what could not be looked at, sorted by path; nothing is known about what lies below.
        roots: the absolute paths the walk began at.
        missing: those of `roots` that do not exist.
        drives: folders, roots among them or above them, that are on another device than the folder they are in.
        dangling: links that lead nowhere, whatever they are called; it may be a drive that is not there.
    """

    files: tuple[FoundFile, ...]
    problems: tuple[Problem, ...]
    roots: tuple[Path, ...]
    missing: tuple[Path, ...]
    drives: tuple[Path, ...] = ()
    dangling: tuple[Path, ...] = ()


def find_pictures(roots: Iterable[str | Path], hidden: bool = False, exclude: Sequence[str] = ()) -> Finding:
    """Walk files and folders.

    Folders are searched by suffix, recursively, through links too, each real folder once (so loops end). Files given as
    roots are taken whatever their name, but a Parquet or tar file for the pictures in it (see `table` and `archive`).

    Args:
        roots: files and folders.
        hidden: whether to look at files and folders whose name begins with a dot.
        exclude: patterns with `*`, `?` and `[...]` of what to pass over. One without a slash is compared with the name of
            every file and folder, one with a slash with the path below the root.
    """
    starts = tuple(dict.fromkeys(os.path.abspath(root) for root in roots))
    walk = _Walk(hidden, _excluder(exclude))
    for start in starts:
        walk.look_at(start)
    return Finding(
        tuple(walk.files[name] for name in sorted(walk.files)),
        tuple(Problem(Path(name), walk.problems[name]) for name in sorted(walk.problems)),
        tuple(map(Path, starts)),
        tuple(Path(start) for start in starts if not os.path.lexists(start)),
        tuple(map(Path, sorted(walk.drives))),
        tuple(map(Path, sorted(walk.dangling))),
    )


class _Walk:
    """What was found so far. Paths are text throughout: with Path objects, walking takes several times as long."""

    def __init__(self, hidden: bool, excluded: Callable[[str, str], bool] | None) -> None:
        self.files: dict[str, FoundFile] = {}
        self.problems: dict[str, str] = {}
        self.drives: set[str] = set()
        self.dangling: set[str] = set()
        self._hidden = hidden
        self._excluded = excluded

    def look_at(self, root: str) -> None:
        """A root: everything below a folder, or the one file."""
        if os.path.isdir(root):
            self._note_drive(root)
            self._look_below(root)
        elif inside.holds_pictures(root) and os.path.isfile(root):
            self._look_into(root)
        else:
            self._judge(root)

    def _look_into(self, file: str) -> None:
        """The pictures in a table or an archive. Each changes when the file does."""
        status = os.stat(file)
        is_table = file.endswith(table.SUFFIX)
        try:
            for name in inside.names(file):
                if is_table or self._is_wanted_member(name, file):
                    self.files[name] = FoundFile(name, status.st_size, status.st_mtime_ns)
        except UnreadablePicture as error:
            self.problems[file] = str(error)

    def _is_wanted_member(self, name: str, archive: str) -> bool:
        last = os.path.basename(name)
        if os.path.splitext(last)[1].lower() not in PICTURE_SUFFIXES or (last[0] == "." and not self._hidden):
            return False
        return self._excluded is None or not self._excluded(last, name[len(archive) :])

    def _look_below(self, root: str) -> None:
        """Real folders come before linked ones, so that a file goes by its real path if it has one."""
        seen = set()
        real: list[tuple[str, int | None]] = [(root, None)]
        linked: list[tuple[str, int | None]] = []
        while real or linked:
            folder, device_above = real.pop() if real else linked.pop()
            try:
                status = os.stat(folder)
                if (status.st_dev, status.st_ino) in seen:
                    continue
                seen.add((status.st_dev, status.st_ino))
                if device_above is not None and status.st_dev != device_above:
                    self.drives.add(folder)
                with os.scandir(folder) as listing:
                    entries = list(listing)
            except OSError as error:
                self.problems[folder] = f"the folder cannot be read: {error.strerror or error}"
                continue
            for entry in self._wanted(entries, root):
                if self._is_plain_picture(entry):
                    continue
                if _is_folder(entry):
                    (linked if entry.is_symlink() else real).append((entry.path, status.st_dev))
                elif os.path.splitext(entry.name)[1].lower() in PICTURE_SUFFIXES:
                    self._judge(entry.path)
                elif entry.is_symlink() and not os.path.exists(entry.path):
                    self.dangling.add(entry.path)

    def _is_plain_picture(self, entry: os.DirEntry[str]) -> bool:
        """Whether it is a file with a picture's name, which then is noted: the short way that nearly all files go."""
        stem, _, ending = entry.name.rpartition(".")
        if not stem or ending.lower() not in _ENDINGS:
            return False
        try:
            if not entry.is_file():
                return False
            status = entry.stat()
        except (OSError, ValueError):
            return False
        name = entry.path
        self.files[name] = FoundFile(name, status.st_size, status.st_mtime_ns)
        return True

    def _wanted(self, entries: list[os.DirEntry[str]], root: str) -> list[os.DirEntry[str]]:
        shown = [one for one in entries if (self._hidden or one.name[0] != ".") and one.name not in SYSTEM_FOLDERS]
        excluded = self._excluded
        return shown if excluded is None else [one for one in shown if not excluded(one.name, one.path[len(root) :])]

    def _judge(self, name: str) -> None:
        """What a path, or what it links to, is."""
        try:
            status = os.stat(name)
        except FileNotFoundError:
            linked = os.path.lexists(name)
            self.problems[name] = "it is a link that leads nowhere" if linked else "there is no such file or folder"
        except (OSError, ValueError) as error:
            self.problems[name] = f"it cannot be looked at: {getattr(error, 'strerror', None) or error}"
        else:
            if stat.S_ISREG(status.st_mode):
                self.files[name] = FoundFile(name, status.st_size, status.st_mtime_ns)
            else:
                self.problems[name] = "it is not a regular file"

    def _note_drive(self, root: str) -> None:
        """The drive a root is on, unless it is that of the whole system."""
        folder = root
        while (above := os.path.dirname(folder)) != folder:
            if os.path.ismount(folder):
                self.drives.add(folder)
                return
            folder = above


def _excluder(patterns: Sequence[str]) -> Callable[[str, str], bool] | None:
    """Takes a name and the path below the root; says whether a pattern matches. None without patterns."""
    if not patterns:
        return None
    names = [pattern.rstrip("/") for pattern in patterns if "/" not in pattern.rstrip("/")]
    paths = [pattern.strip("/") for pattern in patterns if "/" in pattern.rstrip("/")]
    by_name, by_path = (re.compile("|".join(map(fnmatch.translate, some)) or r"(?!)").match for some in (names, paths))
    return lambda name, below: bool(by_name(name) or by_path(below.replace(os.sep, "/").lstrip("/")))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
