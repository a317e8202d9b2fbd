"""What takes captions: each sink says which languages of a picture it has, and takes the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from mmembed.errors import InvalidData, MissingPackage
from mmembed.generate.base import Caption
from mmembed.generate.outputs import xmp
from mmembed.generate.outputs.journal import Journal, Row, replace_file
from mmembed.media.read import as_image

COLUMNS = (
    "path", "language", "text", "similarity", "confidence", "doubtful", "score", "alternatives", "unfamiliar", "looks_like", "written_by",
)  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """A picture that is described: its absolute path, and its fingerprint where that is known already."""

    path: Path
    fingerprint: str = ""


class Sink(Protocol):
    """Takes captions."""

    def done(self, subject: Subject) -> set[str]:
        """Languages it already has a caption of this picture in.

        Raises:
            MmembedError: what it has cannot be read.
        """
        ...

    def write(self, subject: Subject, captions: Sequence[Caption]) -> None:
        """Take captions, for good when this returns.

        Raises:
            MmembedError: they cannot be written; the others may still be.
        """
        ...

    def close(self) -> None:
        """Finish."""
        ...


def as_row(path: Path, caption: Caption) -> dict[str, Any]:
    """A caption as one object of JSON or one row of a table."""
    row = {
        "path": str(path),
        "language": caption.language,
        "text": caption.text,
        "similarity": round(caption.similarity, 4),
        "confidence": None if caption.confidence is None else round(caption.confidence, 4),
        "doubtful": caption.doubtful,
        "score": round(caption.score, 4),
        "alternatives": list(caption.alternatives),
        "unfamiliar": caption.unfamiliar,
        "looks_like": list(caption.looks_like),
    }
    return {**row, "written_by": caption.written_by} if caption.written_by else row


class TableSink:
    """A JSONL, CSV or TSV file with a row for each picture and language."""

    def __init__(self, path: Path, again: bool = False) -> None:
        self._journal, self._again = Journal(path, COLUMNS, ("path", "language", "text")), again
        self._done: dict[str, set[str]] = {}
        for row in () if again else self._journal.rows:
            self._done.setdefault(_name(row), set()).add(str(row["language"]))

    def done(self, subject: Subject) -> set[str]:
        """See `Sink`."""
        return set(self._done.get(_printable(subject.path), ()))

    def write(self, subject: Subject, captions: Sequence[Caption]) -> None:
        """See `Sink`."""
        self._journal.append([as_row(subject.path, caption) for caption in captions])
        self._done.setdefault(_printable(subject.path), set()).update(caption.language for caption in captions)

    def close(self) -> None:
        """Of captions written again only the new ones stay."""
        if self._again:
            self._journal.keep_last(lambda row: (_name(row), row["language"]))


class DatasetSink:
    """A folder for `datasets.load_from_disk`, with columns `image` and those of the table; built anew when all is written.

    It holds the paths of the pictures, the bytes of those in a table or an archive, and nothing of those that are not there.
    """

    JOURNAL = "captions.jsonl"

    def __init__(self, folder: Path, again: bool = False) -> None:
        """
        Raises:
            MissingPackage: `datasets` is not installed.
            InvalidData: the folder holds something else.
        """
        if find_spec("datasets") is None:
            raise MissingPackage("datasets", "export", "Writing a datasets folder")
        if folder.is_dir() and any(folder.iterdir()) and not (folder / self.JOURNAL).exists():
            raise InvalidData(f"{folder} holds something else; choose a new folder for the captions.")
        self._folder, self._table = folder, TableSink(folder / self.JOURNAL, again)

    def done(self, subject: Subject) -> set[str]:
        """See `Sink`."""
        return self._table.done(subject)

    def write(self, subject: Subject, captions: Sequence[Caption]) -> None:
        """See `Sink`."""
        self._table.write(subject, captions)

    def close(self) -> None:
        """Build the folder from all rows."""
        from datasets import Dataset, Image, Sequence, Value

        from mmembed.hub.dataset import quiet_writing

        self._table.close()
        rows = Journal(self._folder / self.JOURNAL, COLUMNS).rows
        if not rows:
            return
        columns = {name: [row.get(name) for row in rows] for name in COLUMNS}
        images = [as_image(str(path)) for path in columns["path"]]
        with quiet_writing():
            dataset = Dataset.from_dict({"image": images, **columns}).cast_column("image", Image())
            for name in ("alternatives", "looks_like"):  # of empty lists alone the type cannot be told
                dataset = dataset.cast_column(name, Sequence(Value("string")))
            dataset.save_to_disk(str(self._folder))


class TextSidecars:
    """`photo.txt` beside each picture, as trainers of picture models read it; with several languages `photo.de.txt` and so on."""

    def __init__(self, languages: Sequence[str], again: bool = False) -> None:
        self._several, self._languages, self._again = len(languages) > 1, tuple(languages), again

    def done(self, subject: Subject) -> set[str]:
        """Languages whose file is there, whoever wrote it."""
        return set() if self._again else {language for language in self._languages if self._file(subject.path, language).exists()}

    def write(self, subject: Subject, captions: Sequence[Caption]) -> None:
        """See `Sink`."""
        for caption in captions:
            replace_file(self._file(subject.path, caption.language), (caption.text + "\n").encode())

    def close(self) -> None:
        """Nothing is left to do."""

    def _file(self, picture: Path, language: str) -> Path:
        return picture.with_suffix(f".{language}.txt" if self._several else ".txt")


class XmpSidecars:
    """XMP files beside the pictures: `photo.jpg.xmp`, or `photo.xmp` in Adobe's way."""

    def __init__(self, adobe: bool = False, again: bool = False) -> None:
        self._file, self._again = xmp.instead if adobe else xmp.beside, again

    def done(self, subject: Subject) -> set[str]:
        """Languages that both the description and the alternative text are in, whoever wrote them."""
        held = xmp.read(self._file(subject.path))
        return set() if self._again else set(held[xmp.DESCRIPTION]) & set(held[xmp.ALT_TEXT])

    def write(self, subject: Subject, captions: Sequence[Caption]) -> None:
        """See `Sink`."""
        xmp.write(self._file(subject.path), {caption.language: caption.text for caption in captions}, self._again)

    def close(self) -> None:
        """Nothing is left to do."""


def sink_for(path: Path, again: bool = False) -> Sink:
    """A table for a name that ends in .jsonl, .csv or .tsv, and a `datasets` folder for one without ending.

    Raises:
        InvalidData: the name has another ending, or what is there is something else.
        MissingPackage: `datasets` is needed.
    """
    return TableSink(path, again) if path.suffix else DatasetSink(path, again)


def _printable(path: Path) -> str:
    """The path as it stands in a file: names that are not Unicode are escaped there."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def _name(row: Row) -> str:
    return _printable(Path(str(row["path"])))
