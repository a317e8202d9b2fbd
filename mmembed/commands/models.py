"""`presets` and `app`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from mmembed.commands.terminal import gallery_option, json_option, preset_option, print_json
from mmembed.presets import Preset


@click.command()
@json_option
def presets(as_json: bool) -> None:
    """List the models: languages, size, terms of use, and our own measurements.

    JSON fields: name, summary, backend, weights, languages, captions, translations, licence, use, size_mb, measured.
    """
    from mmembed.presets import presets as known

    for preset in known().values():
        if as_json:
            print_json(asdict(preset))
        else:
            click.echo(_description(preset))


@click.command()
@gallery_option
@preset_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 lets other computers in.")
@click.option("--port", default=7860, show_default=True, type=click.IntRange(0, 65535), help="Port to listen on.")
@click.option("--share", is_flag=True, help="Also make a temporary public address, through Gradio's server.")
@click.option(
    "--auth", envvar="MMEMBED_AUTH", show_envvar=True, metavar="USER:PASSWORD", help="Ask visitors to log in. The variable keeps it secret."
)
@click.option("--open", "open_browser", is_flag=True, help="Open the page in a browser.")
def app(gallery: Path, preset: str, host: str, port: int, share: bool, auth: str | None, open_browser: bool) -> None:
    """Start the web app: search, caption and translate in a browser. Ctrl-C ends it."""
    if auth is not None and not all(auth.partition(":")):
        raise click.BadParameter("it is written USER:PASSWORD.", param_hint="--auth")
    from mmembed.app import launch

    user, _, password = (auth or "").partition(":")
    launch(
        gallery=gallery,
        preset=preset,
        host=host,
        port=port,
        share=share,
        auth=(user, password) if auth else None,
        open_browser=open_browser,
    )


def _description(preset: Preset) -> str:
    facts = {
        "search": ", ".join(preset.languages),
        "captions": ", ".join(preset.captions) or "none",
        "translation": ", ".join(preset.translations) or "none",
        "size": f"{preset.size_mb:g} MB",
        "licence": f"{preset.licence}. {preset.use}",
        "measured": ", ".join(f"{name} {value:g}" for name, value in preset.measured.items()) or "not yet",
    }
    return "\n".join([f"{preset.name}: {preset.summary}", *(f"  {name:<12}{value}" for name, value in facts.items())])


COMMANDS = (presets, app)
