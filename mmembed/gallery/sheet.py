"""Hits → one picture of them all, to look at or to print."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from mmembed.errors import GalleryError, UnreadablePicture
from mmembed.gallery.items import Hit, Item
from mmembed.media.picture import Picture

_SIDE, _GAP, _LINE = 240, 12, 22
_MOST_COLUMNS = 5


def contact_sheet(hits: Sequence[Hit]) -> Image.Image:
    """RGB, white, rows of up to five pictures, each with its number, confidence and file name."""
    labels = [f"{number}  {hit.confidence:.0%}  {hit.item.paths[0].name}" for number, hit in enumerate(hits, 1)]
    return draw_sheet([hit.item for hit in hits], labels)


def draw_sheet(items: Sequence[Item], labels: Sequence[str]) -> Image.Image:
    """RGB, white, rows of up to five pictures, each with its label below it."""
    columns = max(1, min(_MOST_COLUMNS, len(items)))
    rows = max(1, math.ceil(len(items) / columns))
    width, height = _SIDE + _GAP, _SIDE + _LINE + _GAP
    sheet = Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for number, (item, label) in enumerate(zip(items, labels, strict=True)):
        row, column = divmod(number, columns)
        left, top = _GAP + column * width, _GAP + row * height
        small = _thumbnail(item)
        if small is None:
            draw.rectangle((left, top, left + _SIDE - 1, top + _SIDE - 1), outline="grey")
            draw.text((left + 8, top + _SIDE // 2), "the file is not there now", fill="grey", font=font)
        else:
            sheet.paste(small, (left + (_SIDE - small.width) // 2, top + (_SIDE - small.height) // 2))
        draw.text((left, top + _SIDE + 3), _fitting(draw, label, font), fill="black", font=font)
    return sheet


def write_sheet(hits: Sequence[Hit], file: Path) -> None:
    """Save a contact sheet as a new file.

    Raises:
        GalleryError: there is such a file, which may be a photo; it cannot be written; or its name says no format.
    """
    if os.path.lexists(file):
        raise GalleryError(f"{file} exists already; choose another name, or remove it first.")
    try:
        contact_sheet(hits).save(file)
    except (OSError, ValueError) as error:
        raise GalleryError(f"The contact sheet {file} cannot be written: {getattr(error, 'strerror', None) or error}.") from error


def _thumbnail(item: Item) -> Image.Image | None:
    for path in item.paths:
        try:
            small = Image.fromarray(Picture.open(path, _SIDE // 2).pixels)
        except UnreadablePicture:
            continue
        small.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
        return small
    return None


def _fitting(draw: ImageDraw.ImageDraw, label: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    label = label.encode("utf-8", "replace").decode()  # names that are not Unicode
    if draw.textlength(label, font) <= _SIDE:
        return label
    while label and draw.textlength(label + "…", font) > _SIDE:
        label = label[:-1]
    return label + "…"
