"""What stands between the network and the server: requests that neither the page nor an honest program makes get a sentence instead.

Gradio checks which files it hands out and how large a file may be. Here is what it leaves open: pages of other sites that ask in
the visitor's name, addresses it would fetch, bodies of any size, and routes that the app has no use for. The browser is told to
fetch nothing from anywhere else.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import urlsplit

import anyio
import safehttpx
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

NO_ADDRESSES = "Addresses are not opened, so that nothing leaves this computer. Send the picture itself."
NO_PATHS = "Files of the computer that runs this app are not opened by their path. Send the picture itself."

_API = "/gradio_api"
_ADDRESS = re.compile(rf"{_API}/file[=/]\s*[a-z][a-z0-9+.-]*:/", re.IGNORECASE)
# Of Gradio's routes, those that write files or fetch things for features this app does not have.
_UNUSED = tuple(f"{_API}/{name}" for name in ("proxy=", "deep_link", "process_recording", "vibe", "undo-vibe", "run", "component_server"))
_USED_ALTHOUGH = (f"{_API}/run/",)

# 'unsafe-inline' and 'unsafe-eval' are what Gradio's own page needs; where anything may come from is what matters here.
_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    )
)


class Guard:
    """ASGI middleware.

    Args:
        app: what is guarded.
        body_bytes: greatest size of a request.
        only_here: whether the server is for this computer alone, so that a name of another in the request is a trick (DNS
            rebinding: https://en.wikipedia.org/wiki/DNS_rebinding).
        same_origin: whether pages of other sites are refused; not possible behind a relay that changes the request's host.
        before_work: called in a thread before each request that may write files.
    """

    def __init__(
        self, app: ASGIApp, body_bytes: int, only_here: bool, same_origin: bool = True, before_work: Callable[[], None] = lambda: None
    ) -> None:
        self._app, self._body_bytes, self._before_work = app, body_bytes, before_work
        self._only_here, self._same_origin = only_here, same_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        status, refusal = self._refusal(scope, headers)
        if refusal:
            await JSONResponse({"detail": refusal}, status)(scope, receive, send)
            return
        if scope["method"] == "POST":
            await anyio.to_thread.run_sync(self._before_work)
        try:
            await self._app(scope, _limited(receive, self._body_bytes), _with_policy(send))
        except _TooLarge:
            await JSONResponse({"detail": self._too_large()}, 413)(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str]:
        """A status and a sentence, which is empty if nothing speaks against the request."""
        path, host, origin = scope["path"], headers.get("host", ""), headers.get("origin")
        if self._only_here and not is_this_computer(host):
            return 403, f"This app answers to this computer's own addresses only, such as 127.0.0.1, and not to {host!r}."
        if self._same_origin and origin is not None and _named(origin) != host:
            return 403, "Pages of other sites cannot use this app."
        if _ADDRESS.match(path):
            return 403, NO_ADDRESSES
        if path.startswith(_UNUSED) and not path.startswith(_USED_ALTHOUGH):
            return 404, "This app has no such page."
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > self._body_bytes:
            return 413, self._too_large()
        return 200, ""

    def _too_large(self) -> str:
        return f"The request is larger than {self._body_bytes // 2**20} MB; send a smaller picture."


def is_this_computer(host: str) -> bool:
    """Whether a Host header, with or without a port, names nothing but this computer."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        if name == "localhost" or name.endswith(".localhost"):
            return True
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _named(origin: str) -> str:
    """The host of an Origin header, with its port if it has one; empty if it is no address."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def fetch_nothing() -> None:
    """Let Gradio refuse to open addresses, wherever a client names one in place of a file; all it fetches goes through safehttpx."""

    async def refuse(*_: Any, **__: Any) -> NoReturn:
        import gradio as gr

        raise gr.Error(NO_ADDRESSES, print_exception=False)

    safehttpx.get = safehttpx.async_validate_url = refuse


class _TooLarge(Exception):
    pass


def _limited(receive: Receive, most: int) -> Receive:
    """The same, for requests that do not say how large they are."""
    seen = 0

    async def received() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise _TooLarge
        return message

    return received


def _with_policy(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Content-Security-Policy"] = _POLICY
            headers["Referrer-Policy"] = "no-referrer"
            headers["X-Content-Type-Options"] = "nosniff"
        await send(message)

    return sent
