"""Starting the app: addresses, warnings, what guards it, and the model loading behind the first page."""

from __future__ import annotations

import ipaddress
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from mmembed.app.uploads import Uploads, private_upload_folder
from mmembed.errors import InvalidConfig, MissingPackage, MmembedError, UnknownPreset
from mmembed.hub.find import is_name

if TYPE_CHECKING:
    import gradio as gr

    from mmembed.app.service import Service

_GRADIO_MCP = "'gradio[mcp]'"  # not mcp alone, of which Gradio does not serve every version
_BASE64 = 4 / 3  # a picture inside a JSON request is that much larger than its file
_SLACK_BYTES = 2**20  # of a request, for all that is not the picture


@dataclass(frozen=True)
class Serving:
    """Where and for whom the app is served.

    Attributes:
        host: address to listen on.
        port: port to listen on.
        share: whether there is a public address, too.
        auth: name and password that are asked for.
        open_browser: whether to open the page in a browser.
        mcp: whether programs that speak the Model Context Protocol are served, too.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    share: bool = False
    auth: tuple[str, str] | None = None
    open_browser: bool = False
    mcp: bool = False

    @property
    def only_here(self) -> bool:
        """Whether nobody on another computer can reach it."""
        return is_loopback(self.host) and not self.share


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


def ask_this_computer_directly() -> None:
    """Gradio asks its own server whether it has started, and would ask through a proxy where one is set."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    os.environ["no_proxy"] = ",".join(filter(None, [given, "localhost", "127.0.0.1", "::1"]))


def require_mcp(auth: tuple[str, str] | None) -> None:
    """What the MCP server needs.

    Raises:
        MissingPackage: it is not installed.
        InvalidConfig: there is a password, which Gradio's MCP server can neither ask for nor give.
    """
    if find_spec("mcp") is None:
        raise MissingPackage(_GRADIO_MCP, "mcp", "--mcp")
    if auth is not None:
        raise InvalidConfig("--mcp does not go together with --auth: an MCP client cannot log in. Leave one of them out.")


def serve(
    gallery: Path | None,
    preset: str,
    serving: Serving,
    language: str | None = None,
    index_roots: Sequence[Path] = (),
) -> None:
    """See `mmembed.app.launch`."""
    from mmembed import presets
    from mmembed.app.labels import read_labels
    from mmembed.app.service import Service
    from mmembed.app.speech import forced_language

    require_gradio()
    if serving.mcp:
        require_mcp(serving.auth)
    forced = language or forced_language()
    labels = read_labels(forced) if forced else None
    for part in preset.split("+") if not Path(preset).is_dir() else ():  # else the page would open and every click fail
        if part.strip() not in presets.presets() and not Path(part.strip()).is_dir() and not is_name(part.strip()):
            raise UnknownPreset(f"There is no preset {part!r}; known are {', '.join(presets.presets())}, or give a bundle's folder.")
    if warning := exposure_warning(serving.host, serving.share, serving.auth):
        print(warning, file=sys.stderr, flush=True)
    private_upload_folder()
    may_index = serving.only_here or serving.auth is not None
    anywhere = serving.only_here and not index_roots
    with Service(
        gallery,
        lambda: presets.load(preset),
        may_index=may_index,
        index_roots=None if anywhere else tuple(index_roots),
        labels=labels,
    ) as service:
        service.warm_up()
        serve_service(service, serving)


def serve_service(service: Service, serving: Serving) -> None:
    """Serve a service until interrupted; prints the address.

    Raises:
        MmembedError: the port is taken, or the MCP server does not start.
    """
    import gradio as gr
    from starlette.middleware import Middleware

    from mmembed.app.blocks import assemble
    from mmembed.app.guard import Guard, fetch_nothing
    from mmembed.app.theme import CSS, head, theme

    if threading.current_thread() is threading.main_thread():
        # Python dies of it without cleaning up, and the uploads of all visitors would stay behind.
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    settings, blocks = service.settings, assemble(service)
    uploads = Uploads(
        private_upload_folder(), settings.cache_megabytes * 2**20, settings.cache_keep_seconds, lambda: _kept_in_cache(blocks)
    )
    guard = Middleware(
        Guard,
        body_bytes=int(settings.upload_megabytes * 2**20 * _BASE64) + _SLACK_BYTES,
        only_here=serving.only_here and serving.auth is None,
        same_origin=not serving.share,
        before_work=uploads.tidy,
    )
    fetch_nothing()
    ask_this_computer_directly()
    try:
        blocks.launch(
            server_name=serving.host,
            server_port=serving.port,
            share=serving.share,
            auth=serving.auth,
            inbrowser=serving.open_browser,
            theme=theme(),
            css=CSS,
            head=head(service.speech.languages),
            i18n=gr.I18n(**service.speech.translations()),
            footer_links=["api", "settings"],
            max_file_size=f"{settings.upload_megabytes}mb",
            allowed_paths=[],
            ssr_mode=False,
            run_history=False,
            enable_monitoring=False,
            mcp_server=serving.mcp,
            app_kwargs={"middleware": [guard]},
            prevent_thread_lock=True,
            quiet=True,  # Gradio would advise to make the page public
            _frontend=False,  # or Gradio gives up when the first page takes more than three seconds, on a busy machine
        )
    except OSError as error:
        if "port" not in str(error):
            raise
        raise MmembedError(
            f"The app cannot listen on {serving.host}:{serving.port}, which is in use or not allowed; choose another port."
        ) from error
    print(f"Running on {blocks.protocol}://{serving.host}:{blocks.server_port} (Ctrl-C ends it)", flush=True)
    if serving.mcp:
        from mmembed.app.mcp import adapt

        adapt(blocks, service)
    blocks.block_thread()


def _kept_in_cache(blocks: gr.Blocks) -> set[str]:
    return {str(path) for block in blocks.blocks.values() for path in getattr(block, "keep_in_cache", ())}
