"""A dataset → a zip file of its pictures, and tables of their captions and splits, which evaluations and training read.

They need their pictures again and again, in any order, and a dataset streams once: so it is laid out on the disk, as it comes.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

from mmembed.errors import InvalidData, UnreadablePicture
from mmembed.hub.dataset import FileRow, read_files
from mmembed.media.picture import Picture

CAPTION_COLUMNS = ("caption", "captions", "text", "txt", "texts", "sentence", "sentences")
"""Columns that hold captions, if nobody says which do; the first that there is."""

_LANGUAGE_COLUMNS = ("lang", "language")
_LANGUAGE = "en"  # of captions that do not say theirs
_CHECKED_SIDE = 32  # pixels; decoding for that is fast


@dataclass(frozen=True)
class Wanted:
    """Which dataset, and what of it.

    Attributes:
        dataset: as for `read_files`.
        splits: its parts, and what each is called in the table of splits.
        column: the column with the pictures; by default the only one of that kind.
        captions: language → the columns with its captions, each a text or several; an empty language is the one that the
            column `lang` or `language` says, or else English. By default the first of CAPTION_COLUMNS, in that language.
        rows: only so many of each part.
    """

    dataset: str
    splits: Mapping[str, str]
    column: str | None = None
    captions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    rows: int | None = None


@dataclass(frozen=True)
class Layout:
    """What was laid out.

    Attributes:
        folder: where.
        lost: rows left out, because their picture is missing or cannot be read; each with the reason.
        told: number of captions.
    """

    folder: Path
    lost: tuple[str, ...]
    told: int

    @property
    def pictures(self) -> Path:
        """A zip file; equal pictures are in it once."""
        return self.folder / "pictures.zip"

    @property
    def captions(self) -> Path:
        """Table with the columns image, lang, caption."""
        return self.folder / "captions.tsv"

    @property
    def splits(self) -> Path:
        """Table with the columns image, split."""
        return self.folder / "splits.tsv"


def lay_out(wanted: Wanted, folder: Path) -> Layout:
    """Write a dataset's pictures and captions to `folder`; what an earlier call has written there for the same is used again.

    Raises:
        InvalidData: the folder holds another dataset or cannot be written; there is no picture, or no such column; or as
            `read_files`.
        UnavailableModel, MissingPackage: as `read_files`.
    """
    note, described = folder / "dataset.json", _description(wanted)
    places = tuple(folder / name for name in ("pictures.zip", "captions.tsv", "splits.tsv"))
    if note.exists():
        known = json.loads(note.read_text(encoding="utf-8"))
        if known["of"] != described:
            raise InvalidData(f"{folder} holds a copy of {known['of']['dataset']}, other parts or an earlier state; name another folder.")
        return Layout(folder, tuple(known["lost"]), known["told"])
    if any(place.exists() for place in places):
        raise InvalidData(f"{folder} holds pictures.zip, captions.tsv or splits.tsv that were not made here; name another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder) as name:
            unfinished = Path(name)
            writer = _copy(wanted, unfinished)
            content = {"of": described, "lost": writer.lost, "told": writer.told}
            (unfinished / note.name).write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
            for place in (*places, note):
                (unfinished / place.name).replace(place)
    except OSError as error:
        raise InvalidData(f"{wanted.dataset} cannot be copied to {folder}: {error.strerror or error}.") from error
    return Layout(folder, tuple(writer.lost), writer.told)


def _copy(wanted: Wanted, folder: Path) -> _Writer:
    with (
        zipfile.ZipFile(folder / "pictures.zip", "w") as archive,
        open(folder / "captions.tsv", "w", encoding="utf-8", newline="\n") as captions,
        open(folder / "splits.tsv", "w", encoding="utf-8", newline="\n") as splits,
    ):
        writer = _Writer(wanted, archive, captions, splits)
        for part, split in wanted.splits.items():
            for row in islice(read_files(wanted.dataset, part, wanted.column), wanted.rows):
                writer.write(row, part, split)
    if not writer.pictures:
        raise InvalidData(f"{wanted.dataset} has no picture that can be read{': ' + writer.lost[0] if writer.lost else ''}.")
    return writer


class _Writer:
    """Takes rows, and knows what is written already."""

    def __init__(self, wanted: Wanted, archive: zipfile.ZipFile, captions: IO[str], splits: IO[str]) -> None:
        self.lost: list[str] = []
        self.told = 0
        self._wanted, self._archive, self._captions, self._splits = wanted, archive, captions, splits
        self._names: dict[bytes, str] = {}  # by what the pictures hold
        self._taken: set[str] = set()
        captions.write("image\tlang\tcaption\n")
        splits.write("image\tsplit\n")

    @property
    def pictures(self) -> int:
        return len(self._names)

    def write(self, row: FileRow, part: str, split: str) -> None:
        told = list(texts_of(row.values, self._wanted.dataset, self._wanted.captions))
        digest = hashlib.sha256(row.content or b"").digest()
        if digest not in self._names:
            try:
                if not row.content:
                    raise UnreadablePicture(row.problem or "there is no picture in it")
                Picture.from_bytes(row.content, _CHECKED_SIDE)
            except UnreadablePicture as error:
                self.lost.append(f"row {row.number} of {part}: {error}")
                return
            name = self._names[digest] = self._new_name(row)
            self._archive.writestr(name, row.content)
            self._splits.write(f"{name}\t{split}\n")
        for language, text in told:
            self._captions.write(f"{self._names[digest]}\t{language or _LANGUAGE}\t{text}\n")
            self.told += 1

    def _new_name(self, row: FileRow) -> str:
        """The file's name, if it tells the picture from the others without its suffix, by which tables may know it."""
        name = Path(re.sub(r"[^\w.#-]+", "_", row.name))
        stem = name.stem.replace(".", "_")
        while stem in self._taken:
            stem += f"#{row.number}"
        self._taken.add(stem)
        return stem + (name.suffix or ".picture")


def texts_of(values: Mapping[str, Any], dataset: str, columns: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Language and text of each caption in a row, on one line each; the language is empty if nothing says it.

    Args:
        values: the row's columns.
        dataset: what to call the dataset in messages.
        columns: as `Wanted.captions`.

    Raises:
        InvalidData: there is no such column, or it holds something else.
    """
    if isinstance(values.get("json"), dict):  # what a webdataset says of a picture
        values = {**values["json"], **values}
    known = next((str(values[name]) for name in _LANGUAGE_COLUMNS if values.get(name)), "")
    columns = columns or {"": [name for name in CAPTION_COLUMNS if name in values][:1]}
    for language, column in ((language, column) for language, some in columns.items() for column in some):
        if column not in values:
            raise InvalidData(f"{dataset} has no column {column!r}; beside pictures it has {', '.join(values) or 'none'}.")
        for text in values[column] if isinstance(values[column], list) else [values[column]]:
            if isinstance(text, str) and text.strip():
                yield language or known, " ".join(text.split())
            elif text is not None and not isinstance(text, str):
                raise InvalidData(f"The column {column!r} of {dataset} holds no texts, but such as {str(text)[:40]}.")


def _description(wanted: Wanted) -> dict[str, Any]:
    """What tells one layout from another, as JSON gives it back."""
    path = Path(wanted.dataset).expanduser()
    changed = path.stat().st_mtime_ns if path.is_file() else 0
    content: dict[str, Any] = json.loads(json.dumps({**asdict(wanted), "changed": changed}))
    return content
