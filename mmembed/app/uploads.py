"""A folder for uploads and results that belongs to this process alone: bounded while it runs, gone when it ends."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path

_PREFIX = "mmembed-app-"
_SECONDS_BETWEEN = 1.0  # between two looks at the folder


def private_upload_folder() -> Path:
    """A folder that only this user can read, removed when this process ends; inside GRADIO_TEMP_DIR if that is set.

    Gradio otherwise shares one folder among all its apps and users of the machine, and never empties it.
    """
    given = os.environ.get("GRADIO_TEMP_DIR")
    if given and Path(given).name.startswith(_PREFIX):  # ours, from an earlier call
        return Path(given)
    if given:
        Path(given).mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix=_PREFIX, dir=given)
    os.environ["GRADIO_TEMP_DIR"] = folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


class Uploads:
    """Keeps the folder within its bounds.

    Args:
        folder: holds nothing but what the app wrote.
        most_bytes: of all files together; the oldest go first.
        keep_seconds: after its last change a file goes anyway.
        kept: paths that stay, such as those of the examples.
    """

    def __init__(self, folder: Path, most_bytes: int, keep_seconds: float, kept: Callable[[], Collection[str]] = tuple) -> None:
        self._folder, self._most_bytes, self._keep_seconds, self._kept = folder, most_bytes, keep_seconds, kept
        self._looking, self._looked = threading.Lock(), -_SECONDS_BETWEEN

    def tidy(self) -> None:
        """Remove what is too old or too much, unless that has just been done."""
        with self._looking:
            if time.monotonic() - self._looked < _SECONDS_BETWEEN:
                return
            self._remove(time.time() - self._keep_seconds)
            self._looked = time.monotonic()

    def _remove(self, before: float) -> None:
        kept = {os.path.realpath(path) for path in self._kept()}
        files = sorted(_files(self._folder, kept), reverse=True)
        total = 0
        for changed, size, path in files:  # the newest first
            total += size
            if changed < before or total > self._most_bytes:
                with contextlib.suppress(OSError):
                    path.unlink()
                    path.parent.rmdir()  # Gradio makes one for each file; others hold something and stay


def _files(folder: Path, kept: Collection[str]) -> list[tuple[float, int, Path]]:
    """(Time of the last change, bytes, path) of each file."""
    found = []
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            with contextlib.suppress(OSError):  # it may be gone meanwhile
                if os.path.realpath(path) not in kept:
                    status = path.lstat()
                    found.append((status.st_ctime, status.st_size, path))
    return found
