"""The command line: parse, call, print. The commands are in `mmembed.commands`, one file a topic."""

from __future__ import annotations

import sys
import warnings
from importlib.metadata import PackageNotFoundError, version
from io import TextIOWrapper
from typing import Any

import click

from mmembed.commands import captioning, comparing, evaluation, galleries, indexing, models, searching, training, translating, tuning
from mmembed.errors import MmembedError


class _Failure(click.ClickException):
    """An error as one sentence on standard error."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        click.echo(f"mmembed: {self.message}", err=True)


class _Interruption(_Failure):
    """Ctrl-C, with the exit code that shells give it."""

    exit_code = 130


class _Program(click.Group):
    """A group whose commands may raise the package's typed errors."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MmembedError as error:
            raise _Failure(" ".join(str(error).split())) from error
        except KeyboardInterrupt as error:
            raise _Interruption("Interrupted. What was finished is kept; the same command goes on from there.") from error


def _version() -> str:
    try:
        return version("mmembed")
    except PackageNotFoundError:
        return "(run from its source, not installed)"


@click.group(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Exit codes:
  0    done; files that could not be read are named on standard error
  1    not done, with one sentence on standard error that says why
  2    wrong usage
  130  interrupted; what was finished is kept
""",
)
@click.version_option(_version(), "--version", prog_name="mmembed")
def cli() -> None:
    """Search, caption and translate your photos, on your own machine.

    Results go to standard output (with --json, one JSON object a line), progress and remarks to standard error. The
    preset `mini` ships with the program and needs no network.
    """


for topic in (indexing, searching, galleries, captioning, translating, evaluation, comparing, tuning, training, models):
    for command in topic.COMMANDS:
        cli.add_command(command)


def main() -> None:
    """Entry point of the program `mmembed`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A Windows console or a C locale must not stop at a Chinese caption, nor at a file name that is no UTF-8.
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    warnings.formatwarning = lambda message, *_, **__: f"mmembed: {message}\n"
    cli(prog_name="mmembed")
