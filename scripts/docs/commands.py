"""docs/commands.md: the help of every command, from the command line itself."""

from __future__ import annotations

from collections.abc import Iterator

import click

_WIDTH = 100  # columns; fixed, so that the page does not depend on the terminal it was written in

_HEAD = """# Commands

What `--help` prints, for every command. Made from the program by `python -m scripts.write_docs commands`; do not edit.
"""


def page(program: click.Group, name: str = "mmembed") -> str:
    """The whole page, as Markdown."""
    contexts = list(_walk(program, click.Context(program, info_name=name, terminal_width=_WIDTH, **program.context_settings)))
    contents = [
        f"{'  ' * (_depth(context) - 1)}- [`{context.command_path}`](#{_anchor(context)}): {_short(context)}" for context in contexts[1:]
    ]
    return "\n".join([_HEAD, *contents, "", *map(_section, contexts)])


def _walk(command: click.Command, context: click.Context) -> Iterator[click.Context]:
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield from _walk(inner, click.Context(inner, info_name=name, parent=context, **inner.context_settings))


def _section(context: click.Context) -> str:
    return f"{'#' * max(_depth(context) + 1, 2)} {context.command_path}\n\n```text\n{context.get_help().rstrip()}\n```\n"


def _depth(context: click.Context) -> int:
    return context.command_path.count(" ")


def _anchor(context: click.Context) -> str:
    return context.command_path.replace(" ", "-")


def _short(context: click.Context) -> str:
    return context.command.get_short_help_str(limit=120).strip()
