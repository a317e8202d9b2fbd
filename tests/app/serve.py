"""Serves the app for the browser tests: python -m tests.app.serve PORT GALLERY fake|mini LANGUAGE.

LANGUAGE is a code, or `visitor` to let each browser choose. MMEMBED_TEST_SLOW makes the model take so many seconds to load, and as
long to embed each batch of pictures.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import mmembed.app  # noqa: F401  (switches Gradio's telemetry off before Gradio is imported)
from mmembed.app.labels import read_labels
from mmembed.app.server import private_upload_folder, serve_service
from mmembed.app.service import Service
from mmembed.model import Model
from mmembed.presets import load
from tests.fakes import fake_model


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


def on_a_busy_machine() -> None:
    """Gradio gives up when the page takes more than three seconds right after its start; here it may."""
    import gradio.networking

    gradio.networking.url_ok = lambda url: True


if __name__ == "__main__":
    on_a_busy_machine()
    port, gallery, kind, language = sys.argv[1:]
    private_upload_folder()
    slowness = float(os.environ.get("MMEMBED_TEST_SLOW", "0"))
    loading = load if kind == "mini" else lambda: slow_model(slowness)
    labels = None if language == "visitor" else read_labels(language)
    with Service(Path(gallery), loading, labels=labels) as service:
        service.warm_up()
        serve_service(service, "127.0.0.1", int(port))
