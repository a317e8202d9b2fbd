"""The tables that evaluations and training read: captions, splits, labels, lines of text, masked sentences."""

from __future__ import annotations

import csv
import lzma
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import IO

from mmembed.errors import InvalidData

_UNREADABLE = (UnicodeDecodeError, OSError, EOFError, LZMAError)


@dataclass(frozen=True)
class CaptionRow:
    """One line of a caption table; `source` is empty when the table has no such column."""

    image: str
    language: str
    caption: str
    source: str = ""


@dataclass(frozen=True)
class LabelRow:
    """A picture and the name of what it shows."""

    image: str
    label: str


@dataclass(frozen=True)
class MaskedRow:
    """A sentence in which one visible word is hidden.

    Attributes:
        image: name of the picture that shows the word.
        sentence: English, with `<mask>` in place of the word.
        stems: language → lower-cased word beginnings that count as the word's translation.
    """

    image: str
    sentence: str
    stems: dict[str, tuple[str, ...]]


def open_text(path: Path) -> IO[str]:
    """A UTF-8 text file, plain or `.xz`.

    Raises:
        InvalidData: the file is missing.
    """
    if not path.exists():
        raise InvalidData(f"{path} does not exist.")
    return lzma.open(path, "rt", encoding="utf-8", newline="") if path.suffix == ".xz" else open(path, encoding="utf-8", newline="")


def read_table(path: Path, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    """Rows of a tab-separated file with a header.

    Raises:
        InvalidData: the file is missing or lacks one of `columns`.
    """
    with open_text(path) as file:
        reader = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        missing = set(columns) - set(reader.fieldnames or ())
        if missing:
            raise InvalidData(f"{path} lacks the column(s) {', '.join(sorted(missing))}; its header must be tab-separated.")
        yield from reader


def columns_of(path: Path) -> list[str]:
    """The names of the columns of a tab-separated file with a header.

    Raises:
        InvalidData: the file is missing or cannot be read.
    """
    try:
        with open_text(path) as file:
            return file.readline().rstrip("\r\n").split("\t")
    except _UNREADABLE as error:
        raise InvalidData(f"{path} cannot be read as a table: {error}") from error


def read_captions(path: Path) -> list[CaptionRow]:
    """Rows of a table (`.tsv` or `.tsv.xz`) with the columns image, lang, caption, and possibly source; in file order.

    Raises:
        InvalidData: the file is missing, lacks a column, or has a row without image, language or caption.
    """
    rows = []
    for number, row in enumerate(_rows(path, ("image", "lang", "caption")), 2):
        image, language, caption, source = ((row.get(column) or "").strip() for column in ("image", "lang", "caption", "source"))
        if not (image and language and caption):
            raise InvalidData(f"{path}, line {number}: image, lang and caption must not be empty.")
        rows.append(CaptionRow(image, language, caption, source))
    return rows


def read_split(path: Path, split: str) -> list[str]:
    """Names of the pictures in one split, from a table with the columns image and split; in file order.

    Raises:
        InvalidData: the file is missing or lacks a column, or no picture is in the split.
    """
    rows = _rows(path, ("image", "split"))
    names = [row["image"] for row in rows if row["split"] == split]
    if not names:
        known = ", ".join(sorted({row["split"] for row in rows}))
        raise InvalidData(f"{path} has no picture in the split {split!r}; its splits are {known}.")
    return names


def read_labels(path: Path) -> list[LabelRow]:
    """Rows of a table with the columns image and label; in file order.

    Raises:
        InvalidData: the file is missing, lacks a column, or has a row without image or label.
    """
    rows = [LabelRow((row["image"] or "").strip(), (row["label"] or "").strip()) for row in _rows(path, ("image", "label"))]
    for number, row in enumerate(rows, 2):
        if not (row.image and row.label):
            raise InvalidData(f"{path}, line {number}: image and label must not be empty.")
    return rows


def read_masked(path: Path) -> list[MaskedRow]:
    """Rows of a masked-word table: columns image, masked_en, and `<language>_stems` with `|` between the stems.

    Raises:
        InvalidData: the file is missing or lacks a column.
    """
    rows = _rows(path, ("image", "masked_en"))
    languages = [column.removesuffix("_stems") for column in (rows[0] if rows else ()) if column.endswith("_stems")]
    if not languages:
        raise InvalidData(f"{path} needs rows, and at least one column such as 'de_stems'.")
    return [
        MaskedRow(
            row["image"],
            row["masked_en"].strip(),
            {code: tuple(stem for stem in (row[f"{code}_stems"] or "").lower().split("|") if stem) for code in languages},
        )
        for row in rows
    ]


def read_parallel(path: Path, split: str, languages: Sequence[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Picture names, and language → sentences, from a table with the columns split, image and one a language.

    Raises:
        InvalidData: the file is missing or lacks a column, or no row is in the split.
    """
    rows = [row for row in _rows(path, ("split", "image", *languages)) if row["split"] == split]
    if not rows:
        raise InvalidData(f"{path} has no row in the split {split!r}.")
    return [row["image"] for row in rows], {code: [row[code].strip() for row in rows] for code in languages}


def read_lines(path: Path) -> list[str]:
    """Lines of a UTF-8 text file, stripped; empty lines stay, a final line break adds none.

    Raises:
        InvalidData: the file is missing or is no UTF-8 text.
    """
    try:
        with open_text(path) as file:
            return [line.strip() for line in file.read().replace("\r\n", "\n").removesuffix("\n").split("\n")]
    except _UNREADABLE as error:
        raise InvalidData(f"{path} cannot be read as UTF-8 text: {error}") from error


def select(
    rows: Sequence[CaptionRow], images: Collection[str] | None = None, languages: Collection[str] = (), sources: Collection[str] = ()
) -> list[CaptionRow]:
    """Rows of these pictures (names may differ in their suffix), languages and sources; an empty filter lets all pass."""
    stems = None if images is None else {stem(image) for image in images}
    return [
        row
        for row in rows
        if (not languages or row.language in languages)
        and (not sources or row.source in sources)
        and (stems is None or stem(row.image) in stems)
    ]


def by_picture(rows: Sequence[CaptionRow], first: int | None = None) -> dict[str, list[str]]:
    """Picture → its captions, both in file order; with `first`, only that many of each picture."""
    grouped: dict[str, list[str]] = {}
    for row in rows:
        captions = grouped.setdefault(row.image, [])
        if first is None or len(captions) < first:
            captions.append(row.caption)
    return grouped


def by_language(rows: Sequence[CaptionRow]) -> dict[str, list[CaptionRow]]:
    """Language → its rows; languages in the order in which they first occur."""
    grouped: dict[str, list[CaptionRow]] = {}
    for row in rows:
        grouped.setdefault(row.language, []).append(row)
    return grouped


def stem(name: str) -> str:
    """A picture's name without its suffix, and with its folder."""
    return name.removesuffix(PurePosixPath(name).suffix)


def _rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        return list(read_table(path, columns))
    except _UNREADABLE as error:
        raise InvalidData(f"{path} cannot be read as a table: {error}") from error
