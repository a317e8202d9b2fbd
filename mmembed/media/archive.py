"""Tar files of pictures, such as the shards of a webdataset: each picture in one goes by a path as if it lay in a folder.

The picture `0012/dog.jpg` in `/data/shard.tar` has the path `/data/shard.tar/0012/dog.jpg`.
"""

from __future__ import annotations

import os
import posixpath
import tarfile
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from mmembed.errors import UnreadablePicture
from mmembed.media.limits import refuse_large

SUFFIX = ".tar"


class Place(NamedTuple):
    """Where in which archive a picture is."""

    file: str
    member: str


def place(path: str | Path) -> Place | None:
    """What a path like the one above names; None for any other, such as below a folder that is called so."""
    name = os.fspath(path)
    end = name.find(SUFFIX + os.sep)
    while end >= 0:
        file = name[: end + len(SUFFIX)]
        if os.path.isfile(file):
            return Place(file, name[len(file) + 1 :].replace(os.sep, "/"))
        end = name.find(SUFFIX + os.sep, end + 1)
    return None


def members(file: str) -> list[str]:
    """The paths of all files in the archive.

    Raises:
        UnreadablePicture: it is no tar file, or a compressed one, in which nothing can be found without reading it all.
    """
    return [os.path.join(file, *name.split("/")) for name in _contents(file, os.stat(file).st_mtime_ns)]


def content(where: Place, most: int) -> bytes:
    """One file in the archive.

    Raises:
        UnreadablePicture: it is not there, has more than `most` bytes, or the archive cannot be read any more.
    """
    try:
        start, size = _contents(where.file, os.stat(where.file).st_mtime_ns)[where.member]
        refuse_large(size, most)
        with open(where.file, "rb") as file:
            file.seek(start)
            data = file.read(size)
        if len(data) < size:
            raise UnreadablePicture("the archive ends before the file does")
        return data
    except KeyError as error:
        raise UnreadablePicture("the archive has no such file") from error
    except OSError as error:
        raise UnreadablePicture(f"the archive cannot be read: {error.strerror or error}", lasting=False) from error


@lru_cache(maxsize=4)
def _contents(file: str, version: int) -> dict[str, tuple[int, int]]:
    """Name → where its bytes begin, and how many they are."""
    found = {}
    try:
        with tarfile.open(file, "r:") as archive:
            for member in archive:
                name = posixpath.normpath(member.name).lstrip("/")
                if member.isreg() and not member.issparse() and not name.startswith(".."):
                    found[name] = (member.offset_data, member.size)
    except tarfile.TarError as error:
        raise UnreadablePicture(f"it is no readable .tar file ({error})") from error
    return found
