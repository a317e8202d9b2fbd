"""`presets`, `pull` and `app`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from mmembed.backends import roles
from mmembed.commands.terminal import gallery_option, json_option, preset_option, print_json, separated
from mmembed.errors import UnknownPreset
from mmembed.hub.find import look_up
from mmembed.hub.find import pull as fetch
from mmembed.hub.shelf import is_ready, repositories
from mmembed.presets import Preset


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
def presets(names: tuple[str, ...], as_json: bool) -> None:
    """List the models: what they do, languages, size, terms of use, scores. With names, all that is known about these.

    Several may be joined: --preset siglip2-base+blip-base+opus-mt searches with the first, captions with the second and
    translates with the third. --preset also takes any hub name (owner/model) and any folder with a model.

    \b
      mmembed presets
      mmembed presets siglip2-base nllb-600m

    JSON fields: name, summary, backend, roles, weights, languages, captions, translations, pairs, licence, use, size_mb,
    parameters_m, published (what, value, url), measured (empty: never run here), ready (whether it is on this machine), options.
    """
    from mmembed.presets import presets as known

    everything = known()
    for name in names:
        if name not in everything:
            raise UnknownPreset(f"There is no preset {name!r}; known are {', '.join(everything)}.")
    chosen = [everything[name] for name in names] or list(everything.values())
    if as_json:
        for preset in chosen:
            print_json({**asdict(preset), "roles": list(roles(preset.backend)), "ready": is_ready(preset)})
    elif names:
        click.echo("\n".join(_description(preset) for preset in chosen))
    else:
        for role, title in _ROLES.items():
            click.echo(f"{title}:")
            for preset in chosen:
                if role in roles(preset.backend):
                    click.echo(_line(preset))
        click.echo("\nmmembed presets NAME tells more; mmembed pull NAME downloads. * is on this machine.")


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--pair", "pairs", multiple=True, callback=separated, metavar="PAIR", help="Of opus-mt, which pairs, such as en-de.")
def pull(names: tuple[str, ...], pairs: tuple[str, ...]) -> None:
    """Download models, so that they work offline afterwards; bring those on this machine up to date.

    NAME is a preset, several joined with +, or a hub name (owner/model). Weights go to the hub's own cache, where other
    programs find them too. An interrupted download goes on when the same command is run again.

    \b
      mmembed pull siglip2-base
      mmembed pull opus-mt --pair en-de,de-en
    """
    from mmembed.presets import presets as known

    parts = list(dict.fromkeys(part.strip() for name in names for part in name.split("+")))
    if pairs and not any(preset.name in parts and preset.pairs for preset in known().values()):
        raise click.UsageError("--pair goes with a preset that has a model for each pair, such as opus-mt.")
    for wanted in parts:
        for repository, library in repositories(wanted, pairs):
            remote = look_up(repository, library)
            click.echo(f"{repository}: {remote.megabytes:,.0f} MB", err=True)
            click.echo(str(fetch(repository, library, remote)))


@click.command()
@gallery_option
@preset_option
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    envvar="GRADIO_SERVER_NAME",
    show_envvar=True,
    help="Address to listen on; 0.0.0.0 lets other computers in.",
)
@click.option(
    "--port",
    default=7860,
    show_default=True,
    envvar="GRADIO_SERVER_PORT",
    show_envvar=True,
    type=click.IntRange(1, 65535),  # of port 0 Gradio does not tell which it became
    help="Port to listen on.",
)
@click.option("--share", is_flag=True, help="Also make a temporary public address, through Gradio's server.")
@click.option(
    "--auth", envvar="MMEMBED_AUTH", show_envvar=True, metavar="USER:PASSWORD", help="Ask visitors to log in. The variable keeps it secret."
)
@click.option("--open", "open_browser", is_flag=True, help="Open the page in a browser.")
@click.option("--mcp", is_flag=True, help="Also serve assistants and other programs by the Model Context Protocol.")
@click.option(
    "--may-index",
    "index_roots",
    multiple=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that may be indexed from the page; repeatable. By default any, or if other computers can reach it, none but those "
    "indexed before.",
)
def app(
    gallery: Path,
    preset: str,
    host: str,
    port: int,
    share: bool,
    auth: str | None,
    open_browser: bool,
    mcp: bool,
    index_roots: tuple[Path, ...],
) -> None:
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
        mcp=mcp,
        index_roots=index_roots,
    )


_ROLES = {"space": "Search", "captioner": "Captions", "translator": "Translation"}


def _line(preset: Preset) -> str:
    mark = "*" if is_ready(preset) else " "
    return f"  {mark} {preset.name:<16} {_size(preset.size_mb):>7}  {preset.licence.split(',')[0][:28]:<28}  {preset.summary}"


def _size(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:g} MB"


def _description(preset: Preset) -> str:
    facts = {
        "search": ", ".join(preset.languages) or "none",
        "captions": ", ".join(preset.captions) or "none",
        "translation": ", ".join(preset.pairs) or ", ".join(preset.translations) or "none",
        "weights": preset.weights + (" (on this machine)" if is_ready(preset) else ""),
        "size": _size(preset.size_mb) + (f", {preset.parameters_m:g} million parameters" if preset.parameters_m else ""),
        "licence": f"{preset.licence}. {preset.use}",
        "measured": ", ".join(f"{name} {value:g}" for name, value in preset.measured.items()) or "never run here",
        "published": "".join(f"\n    {score.what}: {score.value:g}  {score.url}" for score in preset.published) or "nothing noted",
    }
    return "\n".join([f"{preset.name}: {preset.summary}", *(f"  {name:<12}{value}" for name, value in facts.items())])


COMMANDS = (presets, pull, app)
