"""Starting the web app: `python -m benchmarks.app`.

Each round starts a new process, asks for the page until it is there, and then searches, as a visitor would. Baseline: the smallest
page that Gradio can make, started in turns with ours; what it takes is what importing Gradio and starting its server take.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import click

import mmembed
from mmembed.gallery import Gallery
from mmembed.media.samples import sample_photos

_NOTHING = "import sys, gradio as gr\nwith gr.Blocks() as page: gr.Markdown('Hello')\npage.launch(server_port=int(sys.argv[1]))"
_QUESTION = ["a cat", None, "", 12, False, "any", "", "", "any", "", False, 1]
_PATIENCE = 300


@click.command()
@click.option("--rounds", default=5, show_default=True)
def main(rounds: int) -> None:
    """Seconds from the start of the process to the first page and to the first result."""
    photos = sample_photos()
    if not photos:
        raise click.ClickException("There are no sample photos; install them with: pip install 'mmembed[samples]'")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "photos.mm"
        with Gallery(folder, mmembed.load("mini")) as gallery:
            gallery.index(photos)
        ours, baseline = [sys.executable, "-m", "mmembed", "app", "--gallery", str(folder), "--port"], [sys.executable, "-c", _NOTHING]
        pages, results, nothing = [], [], []
        for number in range(rounds + 1):
            turns = [lambda: _start(ours, search=True), lambda: _start(baseline, search=False)]
            times = {turn: turns[turn]() for turn in ((0, 1) if number % 2 else (1, 0))}
            if number:  # the first fills the caches of the disk
                pages.append(times[0][0])
                results.append(times[0][1])
                nothing.append(times[1][0])
    ratio = statistics.median(page / bare for page, bare in zip(pages, nothing, strict=True))
    print(
        f"first page: {statistics.median(pages):.2f} s after the start of the process ({min(pages):.2f} to {max(pages):.2f}, "
        f"{rounds} rounds); {ratio:.2f} times as long as Gradio's smallest page, {statistics.median(nothing):.2f} s"
    )
    print(
        f"first result: {statistics.median(results):.2f} s after the start ({min(results):.2f} to {max(results):.2f}), "
        f"of a search in {len(photos)} photos that was asked for as soon as the page was there"
    )


def _start(command: Sequence[str], search: bool) -> tuple[float, float]:
    """Seconds to the page, and to the result of a search (or again to the page)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, started = f"http://127.0.0.1:{port}", time.perf_counter()
    quiet = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"}  # the app says so itself
    process = subprocess.Popen([*command, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=quiet)
    try:
        while not _answers(address):
            if process.poll() is not None or time.perf_counter() - started > _PATIENCE:
                raise click.ClickException(f"It did not start: {' '.join(command)}")
            time.sleep(0.02)
        page = time.perf_counter() - started
        if search:
            _search(f"{address}/gradio_api/call/search")
        return page, time.perf_counter() - started
    finally:
        process.terminate()
        process.wait(60)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=60) as page:
            return b"gradio" in page.read()
    except OSError:
        return False


def _search(address: str) -> None:
    body, headers = json.dumps({"data": _QUESTION}).encode(), {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=_PATIENCE) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{address}/{event}", timeout=_PATIENCE) as stream:
        if b"event: complete" not in stream.read():
            raise click.ClickException("The search failed.")


if __name__ == "__main__":
    main()
