"""Serves the app for the browser tests: python -m tests.app.serve PORT GALLERY fake|mini LANGUAGE."""

from __future__ import annotations

import sys
from pathlib import Path

import mmembed.app  # noqa: F401  (switches Gradio's telemetry off before Gradio is imported)
from mmembed.app.labels import read_labels
from mmembed.app.server import private_upload_folder, serve_service
from mmembed.app.service import Service
from mmembed.presets import load
from tests.fakes import fake_model

if __name__ == "__main__":
    port, gallery, kind, language = sys.argv[1:]
    private_upload_folder()
    with Service(Path(gallery), fake_model if kind == "fake" else load, labels=read_labels(language)) as service:
        service.warm_up()
        serve_service(service, "127.0.0.1", int(port))
