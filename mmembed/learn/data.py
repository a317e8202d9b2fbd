"""Training data: captions of pictures, parallel sentences, paraphrases, and the split each picture belongs to."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmembed.errors import InvalidData
from mmembed.evaluate.tables import read_table


@dataclass(frozen=True)
class CaptionRow:
    """One description of one picture; `picture` is the file's stem, `source` the data set it comes from."""

    picture: str
    language: str
    source: str
    text: str


@dataclass(frozen=True)
class ParallelRow:
    """One sentence in several languages; `texts` maps a language to its text."""

    split: str
    picture: str
    texts: dict[str, str]


@dataclass(frozen=True)
class ParaphraseRow:
    """One of several independent descriptions of the same picture."""

    split: str
    picture: str
    language: str
    text: str


def read_captions(path: Path) -> list[CaptionRow]:
    """Captions from a table with the columns `image`, `lang`, `caption` (and `source`, if it has one)."""
    rows = read_table(path, ("image", "lang", "caption"))
    return [CaptionRow(Path(row["image"]).stem, row["lang"], row.get("source") or "", row["caption"].strip()) for row in rows]


def read_splits(path: Path) -> dict[str, str]:
    """Stem of each picture → split, from a table with the columns `image`, `split`."""
    return {Path(row["image"]).stem: row["split"] for row in read_table(path, ("image", "split"))}


def read_parallel(path: Path, languages: tuple[str, ...], reserved: Collection[str] = ()) -> list[ParallelRow]:
    """Parallel sentences from a table with the columns `split`, `image` and one a language; see `reserved_names`."""
    rows = read_table(path, ("split", "image", *languages))
    return [ParallelRow(*_split_and_stem(row, reserved), {code: row[code].strip() for code in languages}) for row in rows]


def read_paraphrases(path: Path, reserved: Collection[str] = ()) -> list[ParaphraseRow]:
    """Independent descriptions from a table with the columns `split`, `image`, `lang`, `caption`; see `reserved_names`."""
    rows = read_table(path, ("split", "image", "lang", "caption"))
    return [ParaphraseRow(*_split_and_stem(row, reserved), row["lang"], row["caption"].strip()) for row in rows]


def reserved_names(splits: Mapping[str, str]) -> set[str]:
    """Pictures that are not trained on, by their stems and by the numbers before the underscore, which are Multi30k's names for
    Flickr8k's. Sentences about them are not trained on either, whatever split a table has them in."""
    return {name for stem, split in splits.items() if split != "train" for name in (stem, stem.split("_")[0])}


def _split_and_stem(row: Mapping[str, str], reserved: Collection[str]) -> tuple[str, str]:
    stem = Path(row["image"]).stem
    return "reserved" if row["split"] == "train" and stem in reserved else row["split"], stem


class PictureSource:
    """The pictures of a folder or a zip file, by stem."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise InvalidData(f"{path} does not exist; a dataset is named as pictures: {{dataset: {path}, folder: where its copy goes}}.")
        if path.is_file() and path.suffix != ".zip":
            raise InvalidData(f"{path} is no folder and no .zip; as a dataset: pictures: {{dataset: {path}, folder: where its copy goes}}.")
        self._zip = zipfile.ZipFile(path) if path.suffix == ".zip" else None
        names = self._zip.namelist() if self._zip else [str(file) for file in path.rglob("*") if file.is_file()]
        self._names = {Path(name).stem: name for name in names if not name.endswith("/")}

    @property
    def stems(self) -> list[str]:
        """Stems of all pictures, sorted."""
        return sorted(self._names)

    def mark(self, stem: str) -> str:
        """The stem, with what changes when the picture's file does."""
        name = self._names[stem]
        if self._zip:
            entry = self._zip.getinfo(name)
            return f"{stem} {entry.file_size} {entry.CRC}"
        facts = Path(name).stat()
        return f"{stem} {facts.st_size} {facts.st_mtime_ns}"

    def read(self, stem: str) -> bytes:
        """The bytes of one picture's file."""
        name = self._names[stem]
        return self._zip.read(name) if self._zip else Path(name).read_bytes()


def splits_of(path: Path | None, stems: Iterable[str]) -> dict[str, str]:
    """Split of each picture; all are for training where there is no table of splits."""
    return read_splits(path) if path else dict.fromkeys(stems, "train")
