"""Files with many pictures in them, tables and archives: each picture goes by a path as if it lay in a folder of that name."""

from __future__ import annotations

from pathlib import Path

from mmembed.errors import UnreadablePicture
from mmembed.media import archive, table


def holds_pictures(file: str) -> bool:
    """Whether a file, by its name, is a table or an archive."""
    return file.endswith((table.SUFFIX, archive.SUFFIX))


def names(file: str) -> list[str]:
    """The paths of what is in a table or an archive; in an archive not everything need be a picture.

    Raises:
        UnreadablePicture: it cannot be read, or it is a table without pictures.
        MissingPackage: it is a table, and pyarrow is not installed.
    """
    return table.rows(file) if file.endswith(table.SUFFIX) else archive.members(file)


def holder(path: str | Path) -> str | None:
    """The table or archive that a path leads into; None if it is the path of a file."""
    where = table.place(path) or archive.place(path)
    return where.file if where else None


def content(path: str | Path, most: int) -> bytes:
    """The picture file, of at most `most` bytes, at a path that has a `holder`.

    Raises:
        UnreadablePicture: there is none, it is too large, or the table or archive cannot be read.
        MissingPackage: it is in a table, and pyarrow is not installed.
    """
    if where := table.place(path):
        return table.content(where)
    if held := archive.place(path):
        return archive.content(held, most)
    raise UnreadablePicture("it is in no table or archive", lasting=False)
