"""A dataset with sentences in two languages, some of them with a picture → lists of them, and a zip file of the pictures."""

from __future__ import annotations

import zipfile
from collections import defaultdict
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mmembed.errors import InvalidData, UnreadablePicture
from mmembed.hub.dataset import FileRow, read_files
from mmembed.hub.layout import Wanted, texts_of
from mmembed.media.picture import Picture

_TRANSLATION = "translation"  # a column with all languages in it, as many datasets for translation have
_CHECKED_SIDE = 32  # pixels


@dataclass(frozen=True)
class Parallel:
    """Sentences, their translations and the names of their pictures, all of the same length.

    Attributes:
        sources, references: the sentences in either language.
        pictures: a name in `folder`, or None, for each of them.
        folder: a zip file.
        lost: pictures that cannot be read, with the reason.
    """

    sources: list[str]
    references: list[str]
    pictures: list[str | None]
    folder: Path
    lost: tuple[str, ...]


def lay_out_parallel(wanted: Wanted, source: str, to: str, folder: Path) -> Parallel:
    """Read the rows that have a text in both languages; of several texts in a row the first of one belongs to the first of the other.

    Args:
        wanted: by default the columns are called as the languages; they may be in a column `translation`.
        folder: where the zip file goes.

    Raises:
        InvalidData: no row has texts in both languages, or as `read_files`.
        UnavailableModel, MissingPackage: as `read_files`.
    """
    columns = wanted.captions or {source: [source], to: [to]}
    found = Parallel([], [], [], folder / "pictures.zip", ())
    lost: list[str] = []
    with zipfile.ZipFile(found.folder, "w") as archive:
        for part in wanted.splits:
            for row in islice(read_files(wanted.dataset, part, wanted.column), wanted.rows):
                values = {**row.values[_TRANSLATION], **row.values} if isinstance(row.values.get(_TRANSLATION), dict) else row.values
                texts = defaultdict(list)
                for language, text in texts_of(values, wanted.dataset, columns):
                    texts[language].append(text)
                pairs = list(zip(texts[source], texts[to], strict=False))
                name = _kept(archive, row, part, lost) if pairs else None
                for here, there in pairs:
                    found.sources.append(here)
                    found.references.append(there)
                    found.pictures.append(name)
    if not found.sources:
        raise InvalidData(f"{wanted.dataset} has no row with texts in {source!r} and {to!r}; name their columns, such as {source}=caption.")
    return Parallel(found.sources, found.references, found.pictures, found.folder, tuple(lost))


def _kept(archive: zipfile.ZipFile, row: FileRow, part: str, lost: list[str]) -> str | None:
    """The row's picture in the archive, if it has one that can be read."""
    try:
        if row.content:
            Picture.from_bytes(row.content, _CHECKED_SIDE)
    except UnreadablePicture as error:
        lost.append(f"the picture of row {row.number} of {part}: {error}")
        return None
    if row.problem:
        lost.append(f"the picture of row {row.number} of {part}: {row.problem}")
    if not row.content:
        return None
    name = f"{part}-{row.number}.picture"
    archive.writestr(name, row.content)
    return name
