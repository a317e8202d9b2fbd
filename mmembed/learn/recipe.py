"""A recipe of `mmembed train` → its configuration; a dataset in it is laid out as the files that the others name."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mmembed.hub.layout import Wanted, lay_out
from mmembed.presets import checked, read_yaml


@dataclass(frozen=True)
class DatasetPictures:
    """The `pictures` of a recipe, if they are a dataset.

    Attributes:
        dataset: a hub name, a `.parquet` or `.tar` file or a folder; see `hub.dataset.read_files`.
        folder: where the copy goes that is trained on: pictures.zip, captions.tsv, splits.tsv. Made once.
        splits: the dataset's parts, and what each is here: `train`, `val` or `test`.
        column, captions, rows: see `hub.layout.Wanted`.
    """

    dataset: str
    folder: Path
    splits: dict[str, str] = field(default_factory=lambda: {"train": "train"})
    column: str | None = None
    captions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rows: int | None = None


def read_recipe(path: Path, kind: type) -> Any:
    """A recipe as an instance of the dataclass `kind`.

    If its `pictures` are a dataset, that is copied to the disk first, and `captions` and `splits` are the copy's unless the
    recipe names others.

    Raises:
        InvalidConfig: as `read_config`.
        InvalidData, UnavailableModel, MissingPackage: as `lay_out`.
    """
    content = read_yaml(path)
    if isinstance(content, dict) and isinstance(content.get("pictures"), dict):
        given: DatasetPictures = checked(content["pictures"], DatasetPictures, path)
        layout = lay_out(Wanted(given.dataset, given.splits, given.column, given.captions, given.rows), given.folder)
        for row in layout.lost:
            tqdm.write(f"left out {row}")
        tables = {"captions": str(layout.captions), "splits": str(layout.splits)}
        content = {**tables, **content, "pictures": str(layout.pictures)}
    return checked(content, kind, path)
