"""Chosen photos → one file to take along: their paths, a table, the originals, or one picture of them all."""

from __future__ import annotations

import csv
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmembed.app.answers import Shown
from mmembed.app.service import Service
from mmembed.errors import InvalidQuery, UnreadablePicture
from mmembed.gallery.items import Item
from mmembed.gallery.sheet import draw_sheet
from mmembed.media import read

FORMS = ("paths", "table", "originals", "sheet")


@dataclass(frozen=True)
class Export:
    """A file that was made, and how many photos are not in it because their files are gone."""

    file: Path
    missing: int = 0


def export(service: Service, chosen: Sequence[Shown], form: str, folder: Path) -> Export:
    """Write one of FORMS into `folder`, which is made.

    Raises:
        InvalidQuery: nothing is chosen, or the originals are larger than a page may hand out.
        UnreadablePicture: of no original the file is still there.
        GalleryError: a photo has left the gallery meanwhile.
    """
    words = service.labels.selection
    if not chosen:
        raise InvalidQuery(words.nothing)
    photos = [(service.item(one.fingerprint), one) for one in chosen]
    limit = service.settings.export_megabytes
    if form == "originals" and (size := sum(item.size for item, _ in photos) / 1e6) > limit:
        raise InvalidQuery(words.too_large.format(megabytes=service.labels.number(size), limit=service.labels.number(limit)))
    folder.mkdir(parents=True)
    return _WRITERS[form](service, photos, folder)


_Photos = Sequence[tuple[Item, Shown]]


def _paths(service: Service, photos: _Photos, folder: Path) -> Export:
    file = folder / "photos.txt"
    file.write_bytes(b"".join(os.fsencode(item.paths[0]) + b"\n" for item, _ in photos))
    return Export(file)


def _table(service: Service, photos: _Photos, folder: Path) -> Export:
    """With a column of captions for each language there are any in."""
    captions = [{caption.language: caption.text for caption in service.captions(item.fingerprint)} for item, _ in photos]
    languages = sorted({language for written in captions for language in written})
    columns = ["path", "confidence", "similarity", "taken", "width", "height", "bytes", "fingerprint"]
    file = folder / "photos.csv"
    with file.open("w", newline="", encoding="utf-8-sig", errors="backslashreplace") as target:  # the mark tells Excel that it is UTF-8
        rows = csv.writer(target)
        rows.writerow([*columns, *(f"caption_{language}" for language in languages)])
        for (item, shown), written in zip(photos, captions, strict=True):
            scores = ["" if score is None else f"{score:.4f}" for score in (shown.confidence, shown.similarity)]
            taken = item.taken.isoformat() if item.taken else ""
            facts = [item.width, item.height, item.size, item.fingerprint]
            rows.writerow([item.paths[0], *scores, taken, *facts, *(written.get(language, "") for language in languages)])
    return Export(file)


def _originals(service: Service, photos: _Photos, folder: Path) -> Export:
    """The files as they are; two of one name get numbers."""
    file, names, missing = folder / "photos.zip", set[str](), 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # photos are compressed already
        for item, _ in photos:
            data = _content(item)
            if data is None:
                missing += 1
                continue
            name = _unused(os.fsencode(item.paths[0].name).decode("utf-8", "replace"), names)
            archive.writestr(name, data)
    if not names:
        raise UnreadablePicture(service.labels.search.gone)
    return Export(file, missing)


def _sheet(service: Service, photos: _Photos, folder: Path) -> Export:
    file = folder / "photos.jpg"
    names = [item.paths[0].name for item, _ in photos]
    scores = ["" if shown.confidence is None else f"{shown.confidence:.0%}" for _, shown in photos]
    labels = ["  ".join(filter(None, (str(number), *label))) for number, label in enumerate(zip(scores, names, strict=True), 1)]
    draw_sheet([item for item, _ in photos], labels).save(file, quality=90)
    return Export(file)


def _content(item: Item) -> bytes | None:
    """The bytes of the first of its files that still is what was indexed."""
    for path in item.paths:
        try:
            data = read.file_content(os.fspath(path))[0]
        except UnreadablePicture:
            continue
        if read.fingerprint(data) == item.fingerprint:
            return data
    return None


def _unused(name: str, names: set[str]) -> str:
    """The name, with a number if it is taken already; from then on it is taken."""
    stem, suffix, number = Path(name).stem, Path(name).suffix, 1
    while name.casefold() in names:
        number += 1
        name = f"{stem}-{number}{suffix}"
    names.add(name.casefold())
    return name


_WRITERS: dict[str, Callable[[Service, _Photos, Path], Export]] = {
    "paths": _paths,
    "table": _table,
    "originals": _originals,
    "sheet": _sheet,
}
