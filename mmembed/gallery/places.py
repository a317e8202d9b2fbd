"""What a place goes by in a gallery: an absolute path or, for what is on a hub, one that begins with `hf:`."""

from __future__ import annotations

import os
from pathlib import Path

_HUB = "hf:"


def name_of(place: str | Path) -> str:
    """A file or folder as text."""
    name = os.fspath(place)
    return name.rstrip(os.sep) if name.startswith(_HUB + os.sep) else os.path.abspath(name)


def name_of_part(dataset: str, split: str, column: str) -> str:
    """The pictures of a dataset on a hub; it works like a folder."""
    return os.sep.join((_HUB, "datasets", *dataset.split("/"), split, column))


def name_of_row(part: str, number: int) -> str:
    """One of those pictures."""
    return os.path.join(part, f"{number:08}")
