"""Starting the app: addresses, warnings, a private folder for uploads, and the model loading behind the first page."""

from __future__ import annotations

import atexit
import ipaddress
import os
import shutil
import signal
import sys
import tempfile
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mmembed.errors import MissingPackage, MmembedError, UnknownPreset
from mmembed.hub.find import is_name

if TYPE_CHECKING:
    from mmembed.app.service import Service


def require_gradio() -> None:
    """Raises MissingPackage when Gradio is not installed."""
    if find_spec("gradio") is None:
        raise MissingPackage("gradio", "app", "The web app")


def is_loopback(host: str) -> bool:
    """Whether only this computer can reach a server that listens on `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def exposure_warning(host: str, share: bool, auth: tuple[str, str] | None) -> str | None:
    """A sentence about who else can see the photos, or None if nobody can or a password keeps them out."""
    if auth is not None or (is_loopback(host) and not share):
        return None
    who = "Anybody who learns the public address" if share else f"Everybody who can reach {host}"
    return f"Warning: {who} can see the photos of this gallery. Ask for a password with --auth NAME:PASSWORD."


def private_upload_folder() -> Path:
    """A folder of this process alone for uploads and results, removed when it ends.

    Gradio otherwise shares one folder among all its apps and users of the machine, and never empties it.
    """
    if "GRADIO_TEMP_DIR" not in os.environ:
        folder = tempfile.mkdtemp(prefix="mmembed-app-")
        os.environ["GRADIO_TEMP_DIR"] = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(os.environ["GRADIO_TEMP_DIR"])


def serve(
    gallery: Path | None,
    preset: str,
    host: str,
    port: int,
    share: bool,
    auth: tuple[str, str] | None,
    open_browser: bool,
    language: str | None = None,
) -> None:
    """See `mmembed.app.launch`."""
    from mmembed import presets
    from mmembed.app.labels import read_labels
    from mmembed.app.service import Service
    from mmembed.app.speech import forced_language

    require_gradio()
    forced = language or forced_language()
    labels = read_labels(forced) if forced else None
    for part in preset.split("+") if not Path(preset).is_dir() else ():  # else the page would open and every click fail
        if part.strip() not in presets.presets() and not Path(part.strip()).is_dir() and not is_name(part.strip()):
            raise UnknownPreset(f"There is no preset {part!r}; known are {', '.join(presets.presets())}, or give a bundle's folder.")
    if warning := exposure_warning(host, share, auth):
        print(warning, file=sys.stderr, flush=True)
    private_upload_folder()
    may_index = auth is not None or (is_loopback(host) and not share)
    with Service(gallery, lambda: presets.load(preset), may_index=may_index, labels=labels) as service:
        service.warm_up()
        serve_service(service, host, port, share, auth, open_browser)


def serve_service(
    service: Service, host: str, port: int, share: bool = False, auth: tuple[str, str] | None = None, open_browser: bool = False
) -> None:
    """Serve a service until interrupted; Gradio prints the address.

    Raises:
        MmembedError: the port is taken.
    """
    import gradio as gr

    from mmembed.app.blocks import assemble
    from mmembed.app.theme import CSS, head, theme

    if threading.current_thread() is threading.main_thread():
        # Python dies of it without cleaning up, and the uploads of all visitors would stay behind.
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        blocks = assemble(service)  # first, for it collects what has to be said in every language
        blocks.launch(
            server_name=host,
            server_port=port,
            share=share,
            auth=auth,
            inbrowser=open_browser,
            theme=theme(),
            css=CSS,
            head=head(service.speech.languages),
            i18n=gr.I18n(**service.speech.translations()),
            footer_links=["api", "settings"],
            max_file_size=f"{service.settings.upload_megabytes}mb",
            allowed_paths=[],
            ssr_mode=False,
            run_history=False,
            enable_monitoring=False,
        )
    except OSError as error:
        if "port" not in str(error):
            raise
        raise MmembedError(f"The app cannot listen on {host}:{port}, which is in use or not allowed; choose another port.") from error
