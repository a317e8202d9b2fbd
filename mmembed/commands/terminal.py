"""What commands share: options, JSON lines, aligned columns, and a progress bar that only a terminal sees."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from mmembed.errors import UnreadablePicture
from mmembed.hub.running import DEVICE_VARIABLE, PRECISION_VARIABLE, PRECISIONS
from mmembed.media.picture import Picture

Progress = Callable[[int, int, str], None]

EXISTING = click.Path(exists=True, path_type=Path)
EXISTING_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

_preset = click.option(
    "--preset",
    default="mini",
    show_default=True,
    envvar="MMEMBED_PRESET",
    show_envvar=True,
    metavar="NAME",
    help="From `mmembed presets`, a hub name or a folder; join several with +, such as siglip2-base+blip-base.",
)


def _remember(variable: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """Callback of an option that every model of this process should follow, wherever it is loaded."""

    def remember(_: click.Context, __: click.Parameter, value: Any) -> Any:
        if value:
            os.environ[variable] = "1" if value is True else str(value)
        return value

    return remember


offline_option = click.option(
    "--offline", is_flag=True, expose_value=False, is_eager=True, callback=_remember("HF_HUB_OFFLINE"), help="Never touch the network."
)
device_option = click.option(
    "--device", metavar="NAME", expose_value=False, callback=_remember(DEVICE_VARIABLE),
    help="Where hub models run: cuda, cuda:1, mps or cpu. The best there is, by itself.",
)  # fmt: skip
precision_option = click.option(
    "--precision", type=click.Choice(PRECISIONS), expose_value=False, callback=_remember(PRECISION_VARIABLE),
    help="In which numbers hub models run. By itself bf16 or fp16 on a GPU, fp32 on a CPU.",
)  # fmt: skip


def preset_option(command: Any) -> Any:
    """`--preset`, and how it is to be loaded: `--offline`, `--device`, `--precision`."""
    return _preset(offline_option(device_option(precision_option(command))))


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
dataset_option = click.option(
    "--dataset", metavar="NAME", help="Instead of files: a dataset's hub name, .parquet or .tar file, or picture folder."
)
part_option = click.option("--split", default="train", show_default=True, metavar="NAME", help="Which part of the dataset.")
column_option = click.option(
    "--column", metavar="NAME", help="Which of the dataset's columns has the pictures; found by itself if only one does."
)
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
    bars = sys.modules["tqdm"].tqdm if "tqdm" in sys.modules else None
    if bars is not None and getattr(bars, "_instances", None):
        bars.write(text, file=sys.stderr)
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

    The bar shows the rate, counted in `unit`, and the time left, unless the total is 0, which says that it is not known. With
    `results_flow`, results are printed meanwhile: on a terminal they show the progress, and a bar would break them.
    """
    if not sys.stderr.isatty() or (results_flow and sys.stdout.isatty()):
        yield None
        return
    from tqdm import tqdm

    bar: tqdm[Any] | None = None

    def move(done: int, total: int, message: str) -> None:
        nonlocal bar
        if bar is None or bar.total != (total or None) or done < bar.n:  # another stage has begun
            if bar is not None:
                bar.close()
            bar = tqdm(total=total or None, initial=done, desc=message, unit=unit, leave=False, dynamic_ncols=True)
        bar.set_description(message, refresh=False)
        bar.update(done - bar.n)

    try:
        yield move
    finally:
        if bar is not None:
            bar.close()


def _is_number(cell: str) -> bool:
    return cell.removesuffix(" %").replace(".", "", 1).replace("-", "", 1).isdigit()
