"""A hub name or a folder → the folder with the weights; the only place that may touch the network."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mmembed.errors import MissingPackage, UnavailableModel
from mmembed.hub.files import complete, wanted

_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_TIMEOUT = 10.0  # seconds; who cannot be reached in that time is not waited for


@dataclass(frozen=True)
class Remote:
    """What the hub says about a model.

    Attributes:
        name: its name on the hub.
        revision: the commit that is current.
        files: names of the files that are needed.
        megabytes: their size together.
    """

    name: str
    revision: str
    files: tuple[str, ...]
    megabytes: float


def is_name(text: str) -> bool:
    """Whether it has the form of a hub name, `owner/model`."""
    return _NAME.fullmatch(text) is not None


def offline() -> bool:
    """Whether the network must not be touched: by --offline, or by the hub's own environment variables."""
    return any(os.environ.get(name, "").lower() in ("1", "on", "yes", "true") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


def folder_of(weights: str, library: str) -> Path:
    """The folder that holds a model: `weights` itself, or the copy in the hub's cache, downloaded when there is none yet.

    What is in the cache is used without asking whether the hub has a newer version; `pull` asks.

    Args:
        weights: a folder, or a name on the hub.
        library: `transformers` or `open_clip`: which of a repository's files are needed.

    Raises:
        UnavailableModel: it is not on this machine and cannot be had from the hub now.
    """
    folder = Path(weights).expanduser()
    if folder.is_dir():
        return folder
    if not is_name(weights):
        raise UnavailableModel(f"{weights!r} is neither a folder nor a name on the hub (owner/model).")
    return cached(weights, library) or pull(weights, library)


def cached(name: str, library: str) -> Path | None:
    """The newest complete copy of a model in the hub's cache, if there is one."""
    try:
        from huggingface_hub import constants
    except ModuleNotFoundError as error:
        raise MissingPackage("transformers", "hub", "A model from the hub") from error
    root = Path(constants.HF_HUB_CACHE) / f"models--{name.replace('/', '--')}"
    try:
        current = (root / "refs" / "main").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    folder = root / "snapshots" / current
    return folder if complete(folder, library) else None


def look_up(name: str, library: str) -> Remote:
    """Ask the hub about a model, once, and without trying again.

    Raises:
        UnavailableModel: there is no such model, it may not be had, the hub cannot be reached, or --offline is given.
    """
    if offline():
        raise UnavailableModel(f"{name} is not on this machine, and offline nothing is downloaded; {alternatives(name)}")
    try:
        from huggingface_hub import HfApi

        info = HfApi().model_info(name, files_metadata=True, timeout=_TIMEOUT)
    except ModuleNotFoundError as error:
        raise MissingPackage("transformers", "hub", "A model from the hub") from error
    except Exception as error:  # many kinds from many layers; each has to become one sentence
        raise UnavailableModel(_sentence(name, error)) from error
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
    files = wanted(list(sizes), library)
    return Remote(name, info.sha or "main", files, sum(sizes[file] for file in files) / 1e6)


def pull(name: str, library: str, remote: Remote | None = None) -> Path:
    """Download a model into the hub's cache, or bring the copy there up to date.

    Raises:
        UnavailableModel: it cannot be had, or the download broke off; what has arrived is kept for the next try.
    """
    remote = remote or look_up(name, library)
    try:
        from huggingface_hub import snapshot_download

        folder = Path(snapshot_download(name, allow_patterns=list(remote.files)))
    except Exception as error:
        raise UnavailableModel(_sentence(name, error, "The download broke off; the same command goes on with it. ")) from error
    if not complete(folder, library):
        raise UnavailableModel(f"{name} on the hub has no weights that {library} can read.")
    return folder


@contextmanager
def whole(name: str) -> Iterator[None]:
    """Turns a file that is missing or broken while a model loads into a sentence.

    Raises:
        UnavailableModel: instead of an OSError.
    """
    try:
        yield
    except OSError as error:
        reason = " ".join(str(error).split())[:160]
        raise UnavailableModel(f"Files of {name} are missing or damaged ({reason}); get them again with: mmembed pull {name}") from error


def require_torch() -> None:
    """Say at once what to install, rather than after a download.

    Raises:
        MissingPackage: torch or transformers is not installed.
    """
    for package in ("torch", "transformers"):
        if find_spec(package) is None:
            raise MissingPackage(package, "hub", "A model from the hub")


def alternatives(name: str) -> str:
    """What works instead, as the end of a sentence."""
    from mmembed.hub.shelf import is_ready
    from mmembed.presets import presets

    ready = [preset.name for preset in presets().values() if preset.weights != name and is_ready(preset)]
    return f"what works now: {', '.join(ready)}. On a machine with a network, get it with: mmembed pull {name}"


def _sentence(name: str, error: Exception, before: str = "") -> str:
    kinds = _names(type(error))
    if "GatedRepoError" in kinds:
        return f"{name} asks its users to accept its terms: do that on https://huggingface.co/{name}, then run `hf auth login`."
    if "RepositoryNotFoundError" in kinds:
        return f"The hub has no model {name}, or it is private and needs `hf auth login`."
    reason = " ".join(str(error).split())[:120] or type(error).__name__
    return f"{before}{name} is not on this machine and the hub cannot be reached ({reason}); {alternatives(name)}"


def _names(kind: type[Any]) -> Sequence[str]:
    return [base.__name__ for base in kind.__mro__]
