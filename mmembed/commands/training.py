"""`train space`, `train decoder` and `train bundle`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from mmembed.commands.terminal import EXISTING_FILE, device_option, offline_option, precision_option, print_json
from mmembed.errors import MissingPackage

_NEEDED = ("torch", "transformers", "accelerate", "matplotlib")

config_option = click.option(
    "--config", required=True, type=EXISTING_FILE, metavar="FILE.yaml", help="The recipe; the ones used for `mini` are in configs/."
)


@click.group()
def train() -> None:
    """Train a space or a decoder on your own data. Needs torch; see `configs/` for recipes."""


@train.command()
@config_option
@offline_option
def space(config: Path) -> None:
    """Train the heads that put pictures and texts into one space."""
    result = _trainer("mmembed.learn.space")(config)
    if isinstance(result, dict):
        print_json(result)


@train.command()
@config_option
@offline_option
@device_option
@precision_option
def decoder(config: Path) -> None:
    """Train the decoder that writes captions and translations. Goes on from its last checkpoint if there is one.

    The recipe's `space` is what `mmembed train space` left, or any space that --preset takes; for one of those the decoder
    becomes a captioner, whose folder is printed and is itself a --preset. --device and --precision are for that space.
    """
    click.echo(str(_trainer("mmembed.learn.decoder")(config)))


@train.command()
@config_option
@offline_option
def bundle(config: Path) -> None:
    """Export what was trained to a folder that --preset and mmembed.load() open without torch."""
    click.echo(str(_trainer("mmembed.learn.bundle", "export")(config)))


@train.command()
@click.argument("bundle", default="mini", metavar="[BUNDLE]")
@click.option(
    "--output", required=True, type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="A new folder for the weights."
)
@offline_option
def restore(bundle: str, output: Path) -> None:
    """Turn a bundle (mini, or a folder that `train bundle` made) back into weights to go on training from.

    Name the folder as `start` in the recipe of a space or of a decoder.
    """
    click.echo(str(_trainer("mmembed.learn.restore", "restore")(bundle, output)))


def _trainer(module: str, function: str = "train") -> Callable[..., Any]:
    try:
        trainer: Callable[..., Any] = getattr(import_module(module), function)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in _NEEDED:
            raise
        raise MissingPackage(error.name, "train", "Training") from error
    return trainer


COMMANDS = (train,)
