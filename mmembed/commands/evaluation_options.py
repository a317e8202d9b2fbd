"""What the `eval` commands share: options, and the tables they name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from mmembed.commands.terminal import EXISTING, EXISTING_FILE, separated
from mmembed.evaluate.pictures import remembering
from mmembed.evaluate.tables import CaptionRow, read_captions, read_split, select
from mmembed.model import Model

images_option = click.option(
    "--images", required=True, type=EXISTING, metavar="DIR", help="Folder or .zip of pictures; names may differ in their suffix."
)
captions_option = click.option(
    "--captions", required=True, type=EXISTING_FILE, metavar="FILE.tsv", help="Table (or .tsv.xz) with the columns image, lang, caption."
)
source_option = click.option(
    "--source",
    "sources",
    multiple=True,
    callback=separated,
    metavar="NAME",
    help="Only captions whose column `source` says this.",
)
splits_option = click.option("--splits", type=EXISTING_FILE, metavar="FILE.tsv", help="Table with the columns image, split.")
split_option = click.option("--split", metavar="NAME", help="Only pictures of this split, such as test.")


def languages_option(**settings: Any) -> Callable[[Any], Any]:
    """`--lang`: repeatable, or with commas."""
    return click.option("--lang", "languages", multiple=True, callback=separated, metavar="CODE", **settings)


def load(preset: str) -> Model:
    """The model to measure; it embeds each picture and each text once."""
    import mmembed

    return remembering(mmembed.load(preset))


def captions_of(table: Path, splits: Path | None, chosen: Sequence[str]) -> tuple[list[CaptionRow], list[str]]:
    """Rows of a caption table, and the pictures to search among: those of the chosen splits, or all that the table names."""
    if chosen and splits is None:
        raise click.UsageError("A split needs --splits FILE.tsv.")
    rows = read_captions(table)
    if splits is None or not chosen:
        return rows, list(dict.fromkeys(row.image for row in rows))
    names = [name for split in chosen for name in read_split(splits, split)]
    return select(rows, names), names
