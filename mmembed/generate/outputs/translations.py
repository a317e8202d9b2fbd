"""Many texts → translations in a file: rows keep their order, each fails alone, and a second run goes on where the first ended."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from mmembed.errors import InvalidData, MmembedError, UnreadablePicture
from mmembed.generate.base import Translation
from mmembed.generate.outputs.journal import Journal
from mmembed.media.picture import Picture

BATCH = 16
COLUMNS = (
    "row", "source", "language", "text", "grounded", "similarity", "from", "via", "score", "notes", "alternatives", "image", "error",
    "written_by",
)  # fmt: skip
_TEXTS, _IMAGES, _LANGUAGES = ("text", "source", "caption", "sentence"), ("image", "path", "file_name"), ("lang", "language", "from")

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Line:
    """A text to translate: its row, from 1, the picture it is about, and its language where the table says so."""

    row: int
    text: str
    image: str = ""
    language: str | None = None


@dataclass(frozen=True)
class Done:
    """What became of a line: its translation, or the reason why there is none."""

    line: Line
    translation: Translation | None
    error: str = ""


class Output(Protocol):
    """Takes what became of the lines, in their order."""

    def finished(self, lines: Sequence[Line]) -> int:
        """How many of the lines, from the first on, it has already. Raises InvalidData if it has those of another input."""
        ...

    def write(self, results: Sequence[Done]) -> None:
        """Take results, for good when this returns."""
        ...


def read_lines(path: Path, text_column: str | None = None, image_column: str | None = None) -> list[Line]:
    """The lines of a .txt file (one text each, no pictures) or the rows of a .csv, .tsv or .jsonl table.

    Args:
        path: the file.
        text_column: which column has the texts; by itself `text`, `source`, `caption`, `sentence`, or the only one.
        image_column: which has the pictures' paths, relative to the file's folder; by itself `image`, `path` or `file_name`, if any.

    Raises:
        InvalidData: the file cannot be read, has no such column, or is of another kind.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise InvalidData(f"{path} cannot be read: {reason}.") from error
    suffix = path.suffix.lower()
    if suffix in (".txt", ""):
        lines = content.split("\n")
        return [Line(number, line.rstrip("\r")) for number, line in enumerate(lines[:-1] if lines[-1] == "" else lines, 1)]
    if suffix == ".jsonl":
        try:
            rows = [json.loads(line) for line in content.split("\n") if line.strip()]
        except json.JSONDecodeError as error:
            raise InvalidData(f"{path} is not JSON, one object a line: {error}.") from error
    elif suffix in (".csv", ".tsv"):
        csv.field_size_limit(2**24)  # of a text of any length we want to say ourselves that it is too long
        rows = list(csv.DictReader(content.splitlines(keepends=True), delimiter="," if suffix == ".csv" else "\t"))
    else:
        raise InvalidData(f"{path} is neither .txt nor .csv, .tsv or .jsonl, so it is not clear how to read it.")
    if not rows:
        return []
    columns = list(rows[0])
    text = _column(path, columns, text_column, _TEXTS) or (columns[0] if len(columns) == 1 else None)
    if text is None:
        raise InvalidData(f"{path} has the columns {', '.join(map(str, columns))}; say which has the texts.")
    image, language = _column(path, columns, image_column, _IMAGES), _column(path, columns, None, _LANGUAGES)
    return [
        Line(
            number, str(row.get(text) or ""), str(row.get(image) or "") if image else "", (row.get(language) or None) if language else None
        )
        for number, row in enumerate(rows, 1)
    ]


def translate_lines(
    lines: Sequence[Line],
    output: Output,
    refuse: Callable[[Line], str],
    open_picture: Callable[[str], Picture],
    translate: Callable[[Sequence[Line], Sequence[Picture | None]], Sequence[Translation]],
    progress: Progress | None = None,
    failed: Callable[[Done], None] | None = None,
) -> tuple[int, int]:
    """Translate what the output has not yet.

    Args:
        lines: all, from the first on.
        output: takes the results, in order.
        refuse: why a line cannot be translated, or an empty text.
        open_picture: the picture behind a line's `image`; raises UnreadablePicture.
        translate: lines of one language, and the picture of each or None.
        progress: called with (lines done, of how many, a message).
        failed: called with each line that has no translation.

    Returns:
        How many lines were translated now, and how many failed now.
    """
    start, failures = output.finished(lines), 0
    todo = lines[start:]
    for first in range(0, len(todo), BATCH):
        results = list(_translated(todo[first : first + BATCH], refuse, open_picture, translate))
        output.write(results)
        for result in results:
            if result.translation is None:
                failures += 1
                if failed:
                    failed(result)
        if progress:
            progress(start + min(first + BATCH, len(todo)), len(lines), f"{failures} failed" if failures else "texts")
    return len(todo) - failures, failures


def as_row(done: Done, to: str) -> dict[str, Any]:
    """A result as one object of JSON or one row of a table."""
    row: dict[str, Any] = {
        "row": done.line.row,
        "source": done.line.text,
        "language": to,
        "text": "",
        "image": done.line.image,
        "error": done.error,
    }
    return row if done.translation is None else {**row, **translation_fields(done.translation)}


def translation_fields(found: Translation) -> dict[str, Any]:
    """A translation as one object of JSON."""
    fields = {
        "source": found.source,
        "language": found.language,
        "text": found.text,
        "grounded": found.grounded,
        "similarity": round(found.similarity, 4),
        "from": found.source_language,
        "via": found.via,
        "score": round(found.score, 4),
        "notes": list(found.notes),
        "alternatives": list(found.alternatives),
    }
    return {**fields, "written_by": found.written_by} if found.written_by else fields


class TableOutput:
    """A JSONL, CSV or TSV file."""

    def __init__(self, path: Path, to: str) -> None:
        self._journal, self._to = Journal(path, COLUMNS, ("row", "source", "language", "text")), to

    @property
    def texts(self) -> list[str]:
        """The translations that were in the file when it was opened; empty where there is none."""
        return [str(row["text"] or "") for row in self._journal.rows]

    def finished(self, lines: Sequence[Line]) -> int:
        """See `Output`."""
        rows = self._journal.rows
        for row, line in zip(rows, lines, strict=False):
            known = (str(row["row"]), row["source"], row["language"], row.get("image") or "")
            if known != (str(line.row), _printable(line.text), self._to, _printable(line.image)):
                raise InvalidData(f"{self._journal.path} holds the translations of something else; choose another file to write to.")
        if len(rows) > len(lines):
            raise InvalidData(f"{self._journal.path} has more rows than there are texts; choose another file to write to.")
        return len(rows)

    def write(self, results: Sequence[Done]) -> None:
        """See `Output`."""
        self._journal.append([as_row(result, self._to) for result in results])


class TextOutput:
    """A text file with the translation of line n in line n; a line that failed is empty.

    Translations alone do not say what they are of. So a table lies beside the file, `.NAME.rows.jsonl`, by which a later run knows
    that it goes on with the same texts.
    """

    def __init__(self, path: Path, to: str) -> None:
        """
        Raises:
            InvalidData: the file was not written here, or was changed since, or cannot be read.
        """
        self._path, beside = path, path.with_name(f".{path.name}.rows.jsonl")
        try:
            held = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise InvalidData(f"{path} cannot be used: {error.strerror or error}.") from error
        if held and not beside.exists():
            raise InvalidData(f"{path} was there before, and is no translation begun here; choose another file to write to.")
        self._rows = TableOutput(beside, to)
        written = _lines(self._rows.texts)
        if not written.startswith(held):
            raise InvalidData(f"{path} was changed since it was written; choose another file to write to.")
        self._behind = written[len(held) :]

    def finished(self, lines: Sequence[Line]) -> int:
        """See `Output`."""
        count = self._rows.finished(lines)
        self._append(self._behind)
        self._behind = b""
        return count

    def write(self, results: Sequence[Done]) -> None:
        """See `Output`."""
        self._rows.write(results)
        self._append(_lines([result.translation.text if result.translation else "" for result in results]))

    def _append(self, content: bytes) -> None:
        try:
            with self._path.open("ab") as file:
                file.write(content)
        except OSError as error:
            raise InvalidData(f"{self._path} cannot be written: {error.strerror or error}.") from error


def output_for(path: Path, to: str) -> Output:
    """A table for .jsonl, .csv and .tsv, lines for .txt.

    Raises:
        InvalidData: the name ends otherwise, or what is there is something else.
    """
    return TextOutput(path, to) if path.suffix.lower() == ".txt" else TableOutput(path, to)


def _translated(
    lines: Sequence[Line],
    refuse: Callable[[Line], str],
    open_picture: Callable[[str], Picture],
    translate: Callable[[Sequence[Line], Sequence[Picture | None]], Sequence[Translation]],
) -> Iterable[Done]:
    """One batch, in order."""
    results: dict[int, Done] = {}
    good: list[tuple[Line, Picture | None]] = []
    for line in lines:
        reason, picture = refuse(line), None
        if not reason and line.image:
            try:
                picture = open_picture(line.image)
            except UnreadablePicture as error:
                reason = f"The picture {line.image} cannot be used: {error}"
        if reason:
            results[line.row] = Done(line, None, reason)
        else:
            good.append((line, picture))
    by_language = sorted(good, key=lambda pair: pair[0].language or "")
    for _, group in groupby(by_language, key=lambda pair: pair[0].language):
        results.update({done.line.row: done for done in _together_or_alone(list(group), translate)})
    return [results[line.row] for line in lines]


def _together_or_alone(
    group: Sequence[tuple[Line, Picture | None]],
    translate: Callable[[Sequence[Line], Sequence[Picture | None]], Sequence[Translation]],
) -> list[Done]:
    """All at once, which is faster; if that fails, one by one, so that only the culprit does."""
    try:
        found = translate([line for line, _ in group], [picture for _, picture in group])
        return [Done(line, translation) for (line, _), translation in zip(group, found, strict=True)]
    except MmembedError as error:
        if len(group) == 1:
            return [Done(group[0][0], None, str(error))]
        return [done for pair in group for done in _together_or_alone([pair], translate)]


def _lines(texts: Iterable[str]) -> bytes:
    """One text a line."""
    return "".join(f"{' '.join(text.split())}\n" for text in texts).encode()


def _printable(text: str) -> str:
    """As it is read from a table: what is not Unicode is escaped there."""
    return text.encode("utf-8", "backslashreplace").decode()


def _column(path: Path, columns: Sequence[str], asked: str | None, usual: Sequence[str]) -> str | None:
    if asked is not None and asked not in columns:
        raise InvalidData(f"{path} has no column {asked!r}; it has {', '.join(map(str, columns))}.")
    return asked or next((name for name in usual if name in columns), None)
