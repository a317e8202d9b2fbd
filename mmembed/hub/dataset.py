"""Rows of a Hugging Face dataset: by hub name, from parquet or webdataset files, or a folder of pictures; one at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from mmembed.errors import InvalidData, MissingPackage, MmembedError, UnavailableModel, UnreadablePicture
from mmembed.hub.find import is_name, offline
from mmembed.media.limits import refuse_large
from mmembed.media.picture import Picture
from mmembed.media.read import MAX_BYTES, file_content

_TIMEOUT = 10.0  # seconds; a hub that does not answer in that time is not waited for
_FORMATS = {".parquet": "parquet", ".tar": "webdataset", ".csv": "csv", ".jsonl": "json", ".json": "json"}
_SHARDS = (".parquet", ".tar")  # in a folder: it is laid out as on the hub


@dataclass(frozen=True)
class FileRow:
    """One row, its picture as the file that it is.

    Attributes:
        number: its place in the dataset's part, from 0.
        name: what to call its picture: the file's name if it has one, else the row's number.
        content: the picture's file, or None if there is none or it cannot be had.
        problem: why it cannot be had; empty if it can, or if there is none.
        values: the other columns; a class goes by its name, not by its number.
    """

    number: int
    name: str
    content: bytes | None
    problem: str
    values: dict[str, Any]


@dataclass(frozen=True)
class DatasetRow:
    """One row, its picture decoded.

    Attributes:
        name: what to call its picture: the file's name if it has one, else the row's number.
        picture: the decoded picture, upright, or None if there is none or it cannot be read.
        problem: why it cannot be read; empty if it can, or if there is none.
        values: the other columns.
    """

    name: str
    picture: Picture | None
    problem: str
    values: dict[str, Any]


def read_dataset(source: str, split: str = "train", column: str | None = None, target: int | None = None) -> Iterator[DatasetRow]:
    """Stream a dataset; pictures are decoded here, as files are, not by the library, so that they are upright and in sRGB.

    Args:
        source, split, column: as for `read_files`.
        target: as for `Picture.open`.

    Raises:
        as `read_files`.
    """
    for row in read_files(source, split, column):
        picture, problem = None, row.problem
        try:
            picture = Picture.from_bytes(row.content, target) if row.content else None
        except UnreadablePicture as error:
            problem = str(error)
        yield DatasetRow(row.name, picture, problem, row.values)


def read_files(source: str, split: str = "train", column: str | None = None) -> Iterator[FileRow]:
    """Stream a dataset without looking at its pictures.

    Args:
        source: a hub name (`owner/name`), a `.parquet`, `.tar` (webdataset), `.csv` or `.jsonl` file, a folder of pictures with
            a `metadata.csv` or `metadata.jsonl` if there is one, or a folder of `.parquet` or `.tar` files as on the hub.
        split: which part of it.
        column: the column with the pictures; by default the only one of that kind.

    Raises:
        InvalidData: it is no dataset, has no such split or column, or several columns of pictures.
        UnavailableModel: it is on the hub and cannot be had now.
        MissingPackage: the package datasets is not installed.
    """
    rows = _load(source, split)
    try:
        column = column or _picture_column(rows, source)
        if column is not None:
            rows = _undecoded(rows, column, source)
        classes = _classes(rows)
        for number, row in enumerate(rows):
            content = row.get(column) if column is not None else None
            values = {key: _named(value, classes.get(key)) for key, value in row.items() if key != column}
            yield _row(number, content, values)
    except MmembedError:
        raise
    except Exception as error:  # a broken file or connection is noticed only when it is read, by whichever library reads it
        raise _refusal(source, error) from error


@contextmanager
def quiet_writing() -> Iterator[None]:
    """Without the progress bars of `datasets`, unless somebody watches a terminal."""
    from datasets.utils import disable_progress_bars, enable_progress_bars, is_progress_bar_enabled

    if sys.stderr.isatty() or not is_progress_bar_enabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()


def is_local(source: str) -> bool:
    """Whether a dataset is a file or folder on this machine, which reading it does not leave."""
    return Path(source).expanduser().exists()


def _load(source: str, split: str) -> Any:
    try:
        import datasets
    except ModuleNotFoundError as error:
        raise MissingPackage("datasets", "hub", "Reading a dataset") from error
    path = Path(source).expanduser()
    try:
        if path.is_dir() and any(next(path.rglob(f"*{suffix}"), None) for suffix in _SHARDS):
            return datasets.load_dataset(str(path), split=split, streaming=True)
        if path.is_dir():
            return datasets.load_dataset("imagefolder", data_dir=str(path), split=split, streaming=True)
        if path.is_file():
            kind = _FORMATS.get(path.suffix.lower())
            if kind is None:
                raise InvalidData(f"{source} is no dataset; known are {', '.join(_FORMATS)}, folders of pictures and hub names.")
            return datasets.load_dataset(kind, data_files={split: str(path)}, split=split, streaming=True)
        if not is_name(source) or path.suffix.lower() in _FORMATS:
            raise InvalidData(f"There is no dataset {source!r}: it is no folder, no file and no name on the hub (owner/name).")
        if offline():
            raise UnavailableModel(f"The dataset {source} is on the hub, and offline nothing is downloaded.")
        _ask_for(source)
        return datasets.load_dataset(source, split=split, streaming=True)
    except MmembedError:
        raise
    except Exception as error:  # of which there are many kinds
        raise _refusal(source, error) from error


def _refusal(source: str, error: Exception) -> MmembedError:
    """What is wrong with the dataset (a ValueError also says that a split is unknown) or, if it is on the hub, with the way there."""
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    if isinstance(error, ValueError) or is_local(source):
        return InvalidData(f"{source} cannot be read as a dataset: {reason}")
    return UnavailableModel(f"The dataset {source} cannot be had: {reason}")


def _ask_for(name: str) -> None:
    """Ask the hub once: the library would ask for half a minute, and tell each time that there was no answer."""
    from huggingface_hub import HfApi

    try:
        HfApi().dataset_info(name, timeout=_TIMEOUT)
    except Exception as error:  # many kinds from many layers; each has to become one sentence
        kinds = [base.__name__ for base in type(error).__mro__]
        if "GatedRepoError" in kinds:
            reason = f"its users have to accept its terms: do that on https://huggingface.co/datasets/{name}, then run `hf auth login`"
        elif "RepositoryNotFoundError" in kinds:
            reason = "the hub has none of that name, or it is private and needs `hf auth login`"
        else:
            reason = f"the hub cannot be reached ({' '.join(str(error).split())[:120] or type(error).__name__})"
        raise UnavailableModel(f"The dataset {name} cannot be had: {reason}.") from error


def _picture_column(rows: Any, source: str) -> str | None:
    from datasets import Image

    features = rows.features or {}
    found = [name for name, feature in features.items() if isinstance(feature, Image)]
    if len(found) > 1:
        raise InvalidData(f"{source} has several columns of pictures, {', '.join(found)}; say which one with --column.")
    if found:
        return found[0]
    return "image" if "image" in features else None


def _classes(rows: Any) -> dict[str, list[str]]:
    """The names of the classes of each column that has some."""
    from datasets import ClassLabel

    return {name: list(feature.names) for name, feature in (rows.features or {}).items() if isinstance(feature, ClassLabel)}


def _named(value: Any, classes: list[str] | None) -> Any:
    """The name of a class; None if the row is in none, as in a test part that is kept secret."""
    if classes is None or not isinstance(value, int):
        return value
    return classes[value] if 0 <= value < len(classes) else None


def _undecoded(rows: Any, column: str, source: str) -> Any:
    from datasets import Image

    if rows.features is not None and column not in rows.features:
        raise InvalidData(f"{source} has no column {column!r}; it has {', '.join(rows.features)}.")
    return rows.cast_column(column, Image(decode=False))


def _row(number: int, content: Any, values: dict[str, Any]) -> FileRow:
    given = content if isinstance(content, dict) else {"bytes": content if isinstance(content, bytes) else None, "path": content}
    path = given.get("path") if isinstance(given.get("path"), str) else None
    name = Path(path.split("::")[0]).name if path else str(values.get("__key__") or number)
    try:
        data = given.get("bytes") or (_read(path) if path else None)
        return FileRow(number, name, data, "", values)
    except UnreadablePicture as error:
        return FileRow(number, name, None, str(error), values)


def _read(path: str) -> bytes:
    """A row's file, beside the dataset's own: on this machine, or, as `hf://…` or `zip://…::…`, wherever the dataset is."""
    if "://" not in path:
        return file_content(path).data
    try:
        with import_module("fsspec").open(path, "rb") as file:
            data: bytes = file.read(MAX_BYTES + 1)
    except Exception as error:  # each kind of place has its own
        raise UnreadablePicture(f"the file cannot be had: {' '.join(str(error).split())[:120]}", lasting=False) from error
    refuse_large(len(data), MAX_BYTES)
    return data
