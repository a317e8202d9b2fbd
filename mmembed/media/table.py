"""Parquet files with an image column, as `datasets` writes them: each row is a picture, as if the table were a folder of files.

The picture in row 7 of the column `image` of `/data/birds.parquet` has the path `/data/birds.parquet/image/00000007`.
"""

from __future__ import annotations

import os
import re
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from mmembed.errors import MissingPackage, UnreadablePicture

SUFFIX = ".parquet"
_PLACE = re.compile(rf"(?P<file>.*{re.escape(SUFFIX)})[/\\](?P<column>[^/\\]+)[/\\](?P<row>\d{{8}})", re.DOTALL)
_one_reads = threading.Lock()  # neighbours lie in one group of rows, which is decoded once


class Place(NamedTuple):
    """Where in which table a picture is."""

    file: str
    column: str
    row: int


def place(path: str | Path) -> Place | None:
    """What a path like the one above names; None for any other."""
    found = _PLACE.fullmatch(os.fspath(path))
    return Place(found["file"], found["column"], int(found["row"])) if found else None


def rows(file: str) -> list[str]:
    """The paths of all rows of the table's first image column.

    Raises:
        UnreadablePicture: it is no Parquet file, or has no image column.
        MissingPackage: pyarrow is not installed.
    """
    table = _opened(file, os.stat(file).st_mtime_ns)
    for field in table.schema_arrow:
        if _holds_pictures(field):
            return [os.path.join(file, field.name, f"{row:08}") for row in range(table.metadata.num_rows)]
    raise UnreadablePicture(f"it has no image column; its columns are {', '.join(table.schema_arrow.names)}")


def content(where: Place) -> bytes:
    """The picture file in a row.

    Raises:
        UnreadablePicture: there is none, or the table cannot be read any more.
        MissingPackage: pyarrow is not installed.
    """
    try:
        version = os.stat(where.file).st_mtime_ns
        groups = _opened(where.file, version).metadata
        start = 0
        for group in range(groups.num_row_groups):
            count = groups.row_group(group).num_rows
            if where.row < start + count:
                with _one_reads:
                    found = _group(where.file, version, where.column, group)[where.row - start]
                break
            start += count
        else:
            raise UnreadablePicture("the table has no such row")
    except (OSError, KeyError, IndexError) as error:
        raise UnreadablePicture(f"the table cannot be read: {error}", lasting=False) from error
    data = found.get("bytes") if isinstance(found, dict) else found
    if not isinstance(data, bytes):
        raise UnreadablePicture("the table's row holds no picture, only a path or nothing")
    return data


def _holds_pictures(field: Any) -> bool:
    import pyarrow as arrow

    kind = field.type
    if arrow.types.is_struct(kind):
        return any(child.name == "bytes" for child in kind)
    return bool(arrow.types.is_binary(kind) or arrow.types.is_large_binary(kind))


@lru_cache(maxsize=4)
def _opened(file: str, version: int) -> Any:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingPackage("pyarrow", "export", "Reading Parquet files") from error
    try:
        return parquet.ParquetFile(file)
    except (OSError, arrow.ArrowException) as error:
        raise UnreadablePicture(f"it is no readable Parquet file ({' '.join(str(error).split())[:120]})") from error


@lru_cache(maxsize=1)
def _group(file: str, version: int, column: str, group: int) -> list[Any]:
    found: list[Any] = _opened(file, version).read_row_group(group, columns=[column]).column(0).to_pylist()
    return found
