"""The web app: Search, Caption, Translate and Models pages on one model and one gallery. Gradio is imported only when it is used."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

# Before Gradio is first imported, because it looks outside while it loads: nothing here may leave the machine.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    import gradio as gr

    from mmembed.model import Model

__all__ = ["build", "launch"]


def build(gallery: Path | None, load: Callable[[], Model]) -> gr.Blocks:
    """The app as Gradio blocks, not started; in English, or in the language of MMEMBED_LANGUAGE.

    `load` is called once, when the model is first needed.

    Raises:
        MissingPackage: Gradio is not installed.
    """
    from mmembed.app.server import require_gradio

    require_gradio()
    from mmembed.app.blocks import assemble
    from mmembed.app.labels import read_labels
    from mmembed.app.service import Service
    from mmembed.app.speech import forced_language

    return assemble(Service(gallery, load, labels=read_labels(forced_language() or "en")))


def launch(
    gallery: Path | None = None,
    preset: str = "mini",
    host: str = "127.0.0.1",
    port: int = 7860,
    share: bool = False,
    auth: tuple[str, str] | None = None,
    open_browser: bool = False,
    language: str | None = None,
    mcp: bool = False,
    index_roots: Sequence[Path] = (),
) -> None:
    """Serve the app until it is interrupted. The page answers at once; the model loads behind it.

    Args:
        gallery: the gallery's folder, made by the first indexing; None for one that is forgotten at the end.
        preset: a preset's name or the folder of a trained bundle.
        host: address to listen on; another than this computer's own makes the page reachable by others.
        port: port to listen on.
        share: also make a public address through Gradio's relay.
        auth: (name, password) that the page asks for.
        open_browser: open the page in a browser.
        language: code of the language of the page for everybody, such as "de"; by itself MMEMBED_LANGUAGE, else each visitor's own.
        mcp: also serve the four functions to programs that speak the Model Context Protocol.
        index_roots: folders that may be indexed from the page, with all below them. By themselves all, as long as only this
            computer can reach the page; else those alone that were indexed before.

    Raises:
        MissingPackage: Gradio, or what `mcp` needs, is not installed.
        UnknownPreset: there is no such preset or bundle.
        InvalidConfig: the page cannot be shown in that language; or `mcp` and `auth` are both given.
        MmembedError: the port is taken.
    """
    from mmembed.app.server import Serving, serve

    serve(gallery, preset, Serving(host, port, share, auth, open_browser, mcp), language, index_roots)
