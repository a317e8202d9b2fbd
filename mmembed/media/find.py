"""Folders → the picture files in them, each with the stat that tells whether it changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PICTURE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .webp .gif .tif .tiff .bmp .avif .heic .heif .jp2 .j2k .ppm .pgm .pbm .pnm".split()
)


@dataclass(frozen=True)
class FoundFile:
    """A file that, by its name, holds a picture: absolute path, size in bytes, modification time in nanoseconds."""

    path: Path
    size: int
    mtime_ns: int


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
    """

    files: tuple[FoundFile, ...]
    problems: tuple[Problem, ...]
    roots: tuple[Path, ...]
    missing: tuple[Path, ...]


def find_pictures(roots: Iterable[str | Path], hidden: bool = False) -> Finding:
    """Walk files and folders.

    Folders are searched by suffix, recursively, through links too, each real folder once (so loops end). Files given as
    roots are taken whatever their name.

    Args:
        roots: files and folders.
        hidden: whether to look at files and folders whose name begins with a dot.
    """
    files: dict[Path, FoundFile] = {}
    problems: dict[Path, Problem] = {}
    starts = tuple(dict.fromkeys(Path(os.path.abspath(root)) for root in roots))
    for root in starts:
        for found in _walk(root, hidden) if os.path.isdir(root) else [_judge(root)]:
            if isinstance(found, FoundFile):
                files[found.path] = found
            else:
                problems[found.path] = found
    return Finding(
        tuple(files[path] for path in sorted(files)),
        tuple(problems[path] for path in sorted(problems)),
        starts,
        tuple(root for root in starts if not os.path.lexists(root)),
    )


def _walk(root: Path, hidden: bool) -> Iterator[FoundFile | Problem]:
    """Everything below `root`. Real folders come before linked ones, so that a file goes by its real path if it has one."""
    seen = set()
    real, linked = [root], list[Path]()
    while real or linked:
        folder = real.pop() if real else linked.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield Problem(folder, f"the folder cannot be read: {error.strerror or error}")
            continue
        for entry in entries:
            if entry.name.startswith(".") and not hidden:
                continue
            path = folder / entry.name
            if _is_folder(entry):
                (linked if entry.is_symlink() else real).append(path)
            elif path.suffix.lower() in PICTURE_SUFFIXES:
                yield _judge(path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _judge(path: Path) -> FoundFile | Problem:
    """What `path`, or what it links to, is."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return Problem(path, "it is a link that leads nowhere" if os.path.lexists(path) else "there is no such file or folder")
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        return Problem(path, f"it cannot be looked at: {getattr(error, 'strerror', None) or error}")
    if stat.S_ISREG(status.st_mode):
        return FoundFile(path, status.st_size, status.st_mtime_ns)
    return Problem(path, "it is not a regular file")
