"""A running app for the tests that need one: a subprocess on a free port, with the model of the fakes."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmembed.gallery import Gallery
from tests.app.elsewhere import Elsewhere
from tests.fakes import COLOURS, fake_model

ROOT = Path(__file__).parents[2]
_START_SECONDS = 300
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--gcm-checkin-url=http://127.0.0.1:9/",  # for push messages it asks its maker's computers, whatever page it shows
    "--gcm-registration-url=http://127.0.0.1:9/",
    "--gcm-mcs-endpoint=https://127.0.0.1:9/",
]


def free_port() -> int:
    """A port of this computer that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


@contextmanager
def serving(gallery: Path, model: str, log: Path, language: str = "en", *options: str, **variables: str) -> Iterator[str]:
    """The address of an app on `gallery`, which is stopped at the end, and must not have tried to reach another computer.

    `model` and `options` are those of `tests.app.serve`. The app's temporary files are made beside `log`.
    """
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    with log.open("w") as output:
        command = [sys.executable, "-m", "tests.app.serve", str(port), str(gallery), model, language, *options]
        reached = log.with_suffix(".reached")
        environment = {**os.environ, "PYTHONPATH": path, "TMPDIR": str(log.parent), "REACHED_OUT": str(reached), **variables}
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
    try:
        _await(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(30)
    assert not reached.exists(), f"the app tried to reach other computers:\n{reached.read_text()}"


def _await(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"The app did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one plain picture of each colour."""
    folder = tmp_path_factory.mktemp("colours")
    for name, colour in COLOURS.items():
        Image.fromarray(np.full((240, 320, 3), np.array(colour) * 255, np.uint8)).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="session")
def gallery(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of those pictures, embedded by the fakes."""
    folder = tmp_path_factory.mktemp("gallery") / "photos.mm"
    with Gallery(folder, fake_model()) as made:
        made.index([pictures])
    return folder


@pytest.fixture(scope="session")
def app(gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an app on the gallery of colours."""
    pytest.importorskip("gradio", reason="the app needs gradio")
    with serving(gallery, "fake", tmp_path_factory.mktemp("log") / "app.txt") as address:
        yield address


@pytest.fixture(scope="session")
def elsewhere() -> Iterator[Elsewhere]:
    """All that the browser wants from other computers arrives here."""
    with Elsewhere() as made:
        yield made


@pytest.fixture(scope="session")
def browser(elsewhere: Elsewhere) -> Iterator[Any]:
    """One Chromium for all tests of a run; only one Playwright may run at a time."""
    playwright = pytest.importorskip("playwright.sync_api", reason="browser tests need playwright")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=_FLAGS, proxy={"server": elsewhere.address, "bypass": "127.0.0.1"})
        yield opened
        opened.close()
    assert elsewhere.asked == [], "the browser was made to reach other computers"


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(os.environ.get("MMEMBED_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
