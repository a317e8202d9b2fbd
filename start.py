"""Search, caption and translate your photos: `python3 start.py FOLDER` installs, indexes the folder and opens the app.

Everything goes into this checkout: the packages into .venv, the index into .galleries; nothing else is touched. Run it
again to go on: only what is new gets installed and indexed. Without a folder it shows real sample photos.
"""

import argparse
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.environment import ROOT, Failure, command_of, create, key_of, main, pip_install, python_of, read_marker, run, say, write_marker

_FOLDER = ROOT / ".venv"
_GALLERIES = ROOT / ".galleries"
_LITE = (["--requirement", "requirements/lite.txt"], ["--no-deps", "--editable", "."])
_FULL = (["--editable", ".[eval,train]"],)
_SAMPLES = (["--requirement", "requirements/samples.txt"],)


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, metavar="FOLDER", help="the folder with your photos; left out, sample photos")
    parser.add_argument("--full", action="store_true", help="install everything (models from a hub, training): 3 to 4 GB, not 120 MB")
    parser.add_argument(
        "--gallery", type=Path, metavar="DIR", help="where to keep the index; by default in .galleries, one for each folder"
    )
    parser.add_argument("--port", type=int, help="port of the app; the first free one from 7860 by default")
    parser.add_argument("--no-app", action="store_true", help="only install and index")
    return parser.parse_args()


def install(full: bool, samples: bool) -> None:
    """Bring .venv to what is asked for; what is there already stays."""
    wanted = {"lite": _LITE, **({"full": _FULL} if full else {}), **({"samples": _SAMPLES} if samples else {})}
    marker = read_marker(_FOLDER)
    missing = {name: steps for name, steps in wanted.items() if marker.get(name) != _key(steps)}
    if not missing:
        say(f"Everything is installed in {_FOLDER}")
        return
    if not marker:
        say(f"Making a virtual environment in {_FOLDER}")
        create(_FOLDER)
        pip_install(_FOLDER, "--upgrade", "pip", quiet=True)
    size = "3 to 4 GB, several minutes" if "full" in missing else "120 to 200 MB, about a minute"
    say(f"Installing the packages ({size} the first time)")
    for steps in missing.values():
        for step in steps:
            pip_install(_FOLDER, *step)
    write_marker(_FOLDER, **{**_facts(marker), **{name: _key(steps) for name, steps in wanted.items()}})


def _key(steps: Sequence) -> str:
    return key_of(*(argument for step in steps for argument in step))


def _facts(marker: dict) -> dict:
    return {name: value for name, value in marker.items() if name != "folder"}


def sample_folder() -> Path:
    """A folder with copies of the sample photos that the package finds inside other installed packages."""
    script = "from mmembed.media.samples import sample_photos; print(*sample_photos(), sep='\\n')"
    found = subprocess.run(
        [str(python_of(_FOLDER)), "-X", "utf8", "-c", script], cwd=ROOT, check=True, stdout=subprocess.PIPE, encoding="utf-8"
    )
    folder = _GALLERIES / "sample-photos"
    folder.mkdir(parents=True, exist_ok=True)
    for photo in found.stdout.splitlines():
        shutil.copyfile(photo, folder / Path(photo).name)
    return folder


def gallery_of(folder: Path | None) -> Path:
    """The default gallery of a folder: its own, so that different collections do not mix."""
    if folder is None:
        return _GALLERIES / "samples.mm"
    name = re.sub(r"[^\w-]+", "-", folder.name).strip("-") or "photos"
    return _GALLERIES / f"{name}-{hashlib.sha256(str(folder).encode()).hexdigest()[:8]}.mm"


def start() -> int:
    """Install, index, open the app."""
    chosen = options()
    folder = chosen.folder.expanduser().resolve() if chosen.folder else None
    if folder is not None and not folder.is_dir():
        raise Failure(f"There is no folder {folder}. Give the folder that holds your photos, or none to see sample photos.")
    gallery = (chosen.gallery.expanduser() if chosen.gallery else gallery_of(folder)).resolve()
    install(chosen.full, samples=folder is None)
    return index_and_open(folder or sample_folder(), gallery, chosen)


def index_and_open(folder: Path, gallery: Path, chosen: argparse.Namespace) -> int:
    """Index the folder, then serve the app until it is stopped; returns the exit code."""
    mmembed = command_of(_FOLDER, "mmembed")
    say(f"Indexing the pictures in {folder}")
    gallery.parent.mkdir(parents=True, exist_ok=True)
    code = run([mmembed, "index", folder, "--gallery", gallery])
    if code != 0 or chosen.no_app:
        return code
    port = chosen.port or free_port()
    say(f"Opening the app on http://127.0.0.1:{port}; press Ctrl-C here to stop it")
    return run([mmembed, "app", "--gallery", gallery, "--port", port, *(["--open"] if has_display() else [])])


def free_port(first: int = 7860) -> int:
    """The first port from `first` on where nobody answers on this computer."""
    for port in range(first, first + 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise Failure(f"The ports {first} to {first + 99} are all in use; choose another one with --port.")


def has_display() -> bool:
    """Whether there is a screen for a browser; without one, a browser in the terminal might start."""
    return sys.platform in ("win32", "darwin") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


if __name__ == "__main__":
    main(start)
