"""A JSONL or CSV file that rows are appended to: what is written stays, and a second run goes on where the first ended."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

from mmembed.errors import InvalidData

SUFFIXES = (".jsonl", ".csv", ".tsv")
_JOINED = " | "  # several texts in one cell

Row = Mapping[str, Any]


class Journal:
    """Rows in a file, written whole and at once.

    Attributes:
        path: the file.
        rows: what it held when it was opened. A last line that was cut off, by a power cut for one, is not among them.
    """

    def __init__(self, path: Path, columns: Sequence[str], needed: Sequence[str] = ()) -> None:
        """Open `path`, or begin it. A file that holds something else is left as it is.

        Args:
            path: ends in .jsonl, .csv or .tsv.
            columns: names of the cells of a row, in order.
            needed: those that every row of JSON has; by default the first.

        Raises:
            InvalidData: the file is of another kind, holds something else, or cannot be written.
        """
        if path.suffix.lower() not in SUFFIXES:
            raise InvalidData(f"{path} ends in none of {', '.join(SUFFIXES)}, so it is not clear what to write.")
        self.path, self._columns, self._needed = path, tuple(columns), tuple(needed) or tuple(columns[:1])
        self._delimiter = {".csv": ",", ".tsv": "\t"}.get(path.suffix.lower())
        try:
            data = path.read_bytes() if path.exists() else b""
            whole = whole_lines(data, self._delimiter is None)
            text = whole.decode("utf-8-sig")
            self.rows: list[dict[str, Any]] = self._parsed(text) if text.strip() else []
            if data.strip() and not whole.strip() and not self._beginning.startswith(data[: len(self._beginning)]):
                raise self._foreign()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            if whole != data:
                with path.open("r+b") as file:
                    file.truncate(len(whole))
                    file.seek(0)
                    file.write(whole)
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidData(f"{path} cannot be used: {getattr(error, 'strerror', None) or error}.") from error
        if self._delimiter is not None and not text.strip():
            self._write(self._header)

    def append(self, rows: Iterable[Row]) -> None:
        """Write rows, which are in the file for good when this returns.

        Raises:
            InvalidData: the file cannot be written, such as on a full disk.
        """
        self._write("".join(map(self._line, rows)))

    def keep_last(self, key: Callable[[Row], object]) -> None:
        """Of rows with the same key keep the last, in the place of the first; the file is replaced at once.

        Raises:
            InvalidData: the file cannot be written.
        """
        rows: dict[object, Row] = {}
        for row in self._parsed(self.path.read_bytes().decode("utf-8-sig")):
            rows[key(row)] = row
        head = self._header if self._delimiter is not None else ""
        replace_file(self.path, (head + "".join(map(self._line, rows.values()))).encode("utf-8", "backslashreplace"))

    @property
    def _header(self) -> str:
        return self._line(dict(zip(self._columns, self._columns, strict=True)))

    @property
    def _beginning(self) -> bytes:
        """What a file of these rows begins with."""
        return (f'{{"{self._columns[0]}": ' if self._delimiter is None else self._header).encode()

    def _foreign(self) -> InvalidData:
        return InvalidData(f"{self.path} holds something else; choose another file to write to.")

    def _parsed(self, text: str) -> list[dict[str, Any]]:
        if self._delimiter is None:
            try:
                rows = [json.loads(line) for line in text.split("\n") if line.strip()]
            except json.JSONDecodeError as error:
                raise InvalidData(f"{self.path} is not JSON, one object a line: {error}.") from error
            if not all(isinstance(row, dict) and row.keys() >= set(self._needed) for row in rows):
                raise self._foreign()
            return rows
        reader = csv.DictReader(StringIO(text), delimiter=self._delimiter)
        if tuple(reader.fieldnames or ()) != self._columns:
            raise InvalidData(f"{self.path} has other columns than {', '.join(self._columns)}; choose another file to write to.")
        try:
            return list(reader)
        except csv.Error as error:
            raise InvalidData(f"{self.path} is damaged ({error}); choose another file to write to.") from error

    def _line(self, row: Row) -> str:
        if self._delimiter is None:
            return json.dumps({name: row[name] for name in self._columns if name in row}, ensure_ascii=False) + "\n"
        buffer = StringIO()
        # Only what is part of the line's end is quoted, and an unquoted carriage return could not be read again.
        csv.writer(buffer, delimiter=self._delimiter, lineterminator="\r\n").writerow([_cell(row.get(name)) for name in self._columns])
        return buffer.getvalue().removesuffix("\r\n") + "\n"

    def _write(self, text: str) -> None:
        if not text:
            return
        try:
            with self.path.open("ab") as file:
                file.write(text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            raise InvalidData(f"{self.path} cannot be written: {error.strerror or error}.") from error


def replace_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a reader never sees half of it, and the old one stays if this fails.

    Raises:
        InvalidData: it cannot be written.
    """
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.write_bytes(content)
        if path.exists():
            beside.chmod(path.stat().st_mode & 0o777)
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise InvalidData(f"{path} cannot be written: {error.strerror or error}.") from error


def whole_lines(data: bytes, is_json: bool) -> bytes:
    """What a file holds without a last line that was being written when everything stopped; what it was about is done again."""
    if not data or data.endswith(b"\n"):
        return data
    start = data.rfind(b"\n") + 1
    try:
        return data + b"\n" if is_json and isinstance(json.loads(data[start:]), dict) else data[:start]
    except ValueError:
        return data[:start]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return _JOINED.join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
