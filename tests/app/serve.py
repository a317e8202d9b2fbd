"""Serves the app for the tests: python -m tests.app.serve PORT GALLERY MODEL LANGUAGE [OPTION…].

MODEL is `fake`, `mini`, or `late`: the fakes, once the file that MODEL_MAY_LOAD names is there. MMEMBED_TEST_SLOW makes the fakes
take so many seconds to load, and as long to embed each batch of pictures. LANGUAGE is a code, or `visitor` to let each browser
choose. Options: `mcp`; `auth` asks for the name "me" and the password "secret".

Whatever the app tries to reach that is not this computer is refused, and noted in the file that REACHED_OUT names.
"""

from __future__ import annotations

import ipaddress
import os
import sys
import time
from pathlib import Path
from typing import Any

import mmembed.app  # noqa: F401  (switches Gradio's telemetry off before Gradio is imported)
from mmembed.app.labels import read_labels
from mmembed.app.server import Serving, serve_service
from mmembed.app.service import Service
from mmembed.app.uploads import private_upload_folder
from mmembed.model import Model
from mmembed.presets import load
from tests.fakes import fake_model

_CONNECTING = ("socket.connect", "socket.sendto", "socket.sendmsg")
_LOOKING_UP = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")


def stay_here(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: see PEP 578. It sees all that Python's own sockets do, in every thread."""
    if event in _CONNECTING:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else ""  # a path is a socket of this computer
    elif event in _LOOKING_UP:
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host or ""
    if host not in ("", "localhost") and not _is_here(host):
        with open(os.environ["REACHED_OUT"], "a") as noted:
            noted.write(f"{event} {host}\n")
        raise PermissionError(f"{event} to {host}")


def _is_here(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def slow_model(seconds: float) -> Model:
    """The fake model, which takes its time."""
    model = fake_model()
    embed = model.space.embed_pictures

    def embed_slowly(pictures):  # type: ignore[no-untyped-def]
        time.sleep(seconds)
        return embed(pictures)

    time.sleep(seconds)
    model.space.embed_pictures = embed_slowly  # type: ignore[method-assign]
    return model


def late_model() -> Model:
    """The fake model, when the test says so."""
    while not Path(os.environ["MODEL_MAY_LOAD"]).exists():
        time.sleep(0.05)
    return fake_model()


if __name__ == "__main__":
    port, gallery, kind, language, *options = sys.argv[1:]
    sys.addaudithook(stay_here)
    private_upload_folder()
    slowness = float(os.environ.get("MMEMBED_TEST_SLOW", "0"))
    models = {"fake": lambda: slow_model(slowness), "late": late_model, "mini": load}
    labels = None if language == "visitor" else read_labels(language)
    serving = Serving(port=int(port), mcp="mcp" in options, auth=("me", "secret") if "auth" in options else None)
    with Service(Path(gallery), models[kind], labels=labels) as service:
        service.warm_up()
        serve_service(service, serving)
