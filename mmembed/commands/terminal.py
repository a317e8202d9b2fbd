"""What commands share: options, JSON lines, aligned columns, and a progress bar that only a terminal sees."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from mmembed.errors import UnreadablePicture
from mmembed.media.picture import Picture

Progress = Callable[[int, int, str], None]

EXISTING = click.Path(exists=True, path_type=Path)
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

preset_option = click.option(
    "--preset",
    default="mini",
    show_default=True,
    metavar="NAME",
    help="A name from `mmembed presets`, or the folder of a trained bundle.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
gallery_option = click.option(
    "--gallery",
    default="photos.mm",
    show_default=True,
    envvar="MMEMBED_GALLERY",
    show_envvar=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where the index of the photos is.",
)


def separated(_: click.Context, __: click.Parameter, values: Sequence[str]) -> tuple[str, ...]:
    """Callback of an option that may be repeated, and may hold several values with commas between them."""
    return tuple(dict.fromkeys(part.strip() for value in values for part in value.split(",") if part.strip()))


def print_json(content: dict[str, Any]) -> None:
    """One object on one line."""
    click.echo(json.dumps(content, ensure_ascii=False))


def print_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Aligned columns: numbers to the right, words to the left."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for line in (header, *rows):
        cells = [cell.rjust(width) if _is_number(cell) else cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def remark(text: str) -> None:
    """A line for people, on standard error; above the progress bar if there is one."""
    if "tqdm" in sys.modules:
        sys.modules["tqdm"].tqdm.write(text, file=sys.stderr)
    else:
        click.echo(text, err=True)


def open_picture(path: Path, side: int) -> Picture:
    """Read one picture that the user named; an UnreadablePicture names it too."""
    try:
        return Picture.open(path, side)
    except UnreadablePicture as error:
        raise UnreadablePicture(f"{path} cannot be used: {error}") from error


@contextmanager
def progress_bar(results_flow: bool = False, unit: str = "") -> Iterator[Progress | None]:
    """A callable `(done, total, message)` that moves a bar on standard error; None when nobody watches a terminal.

    The bar shows the rate, counted in `unit`, and the time left. With `results_flow`, results are printed meanwhile: on a
    terminal they show the progress, and a bar would break them.
    """
    if not sys.stderr.isatty() or (results_flow and sys.stdout.isatty()):
        yield None
        return
    from tqdm import tqdm

    bar: tqdm[Any] | None = None

    def move(done: int, total: int, message: str) -> None:
        nonlocal bar
        if bar is None or bar.total != total or done < bar.n:  # another stage has begun
            if bar is not None:
                bar.close()
            bar = tqdm(total=total, initial=done, desc=message, unit=unit, leave=False, dynamic_ncols=True)
        bar.set_description(message, refresh=False)
        bar.update(done - bar.n)

    try:
        yield move
    finally:
        if bar is not None:
            bar.close()


def _is_number(cell: str) -> bool:
    return cell.removesuffix(" %").replace(".", "", 1).replace("-", "", 1).isdigit()
