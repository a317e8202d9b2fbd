"""A dataset → lines to translate; its pictures lie in a temporary zip file until the translator looks at them."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mmembed.errors import InvalidData, UnreadablePicture
from mmembed.generate.outputs.translations import Line
from mmembed.hub.dataset import read_files
from mmembed.hub.layout import texts_of
from mmembed.media.picture import Picture

Opener = Callable[[str, int | None], Picture]
"""From a line's `image` and the side that is needed, as for `Picture.open`."""


@contextmanager
def dataset_lines(
    dataset: str, split: str, image_column: str | None = None, text_column: str | None = None
) -> Iterator[tuple[list[Line], Opener]]:
    """All texts of a part of a dataset, each about the picture in its row if there is one, and what opens those pictures.

    Args:
        dataset, split: as for `read_files`.
        image_column: which column has the pictures; by default the only one of that kind, if any.
        text_column: which column has the texts; by default the first of `layout.CAPTION_COLUMNS`.

    Raises:
        InvalidData: there is no such column, or no text in it; or as `read_files`.
        UnavailableModel, MissingPackage: as `read_files`.
    """
    lines: list[Line] = []
    problems: dict[str, str] = {}
    with tempfile.TemporaryFile(prefix="mmembed-") as place, zipfile.ZipFile(place, "w") as archive:
        for row in read_files(dataset, split, image_column):
            name = ""
            if row.content or row.problem:
                name = row.name if row.name not in problems else f"{row.name}#{row.number}"
                problems[name] = row.problem
                archive.writestr(name, row.content or b"")
            for language, text in texts_of(row.values, dataset, {"": [text_column]} if text_column else {}):
                lines.append(Line(len(lines) + 1, text, name, language or None))
        if not lines:
            raise InvalidData(f"{dataset} has no texts that are known by their column's name; name it with --text-column.")

        def opened(name: str, target: int | None) -> Picture:
            if problems[name]:
                raise UnreadablePicture(problems[name])
            return Picture.from_bytes(archive.read(name), target)

        yield lines, opened
