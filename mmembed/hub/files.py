"""Which files of a model's repository are needed, and whether a folder has them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CAPTIONER = "captioner.json"
"""What a captioner made by `mmembed train decoder` says about itself; see `generate.trained`."""

_SHARD = re.compile(r"-\d+-of-\d+\.(safetensors|bin)$")
_SMALL = (".json", ".txt", ".model", ".spm", ".jinja", ".gz")
# Weights in the order of preference; the first kind that a repository has is taken, with all its shards.
_WEIGHTS = {
    "transformers": ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"),
    "open_clip": ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "open_clip_pytorch_model.bin"),
    "configuration": (),  # of another model, which one of open_clip's towers has the shape of
}
_CONFIG = {"transformers": "config.json", "open_clip": "open_clip_config.json", "configuration": "config.json"}
# What decides the vectors, beside the weights.
_PREPROCESSING = ("config.json", "preprocessor_config.json", "open_clip_config.json")
# Names that the hub has since given an owner, as older configurations of open_clip still say them.
_MOVED = ("xlm-roberta-base", "xlm-roberta-large", "roberta-base", "roberta-large")


def text_tower(config: dict[str, Any]) -> str | None:
    """The repository that has the shape of an open_clip model's text tower, if that is a model of transformers."""
    name = config["text_cfg"].get("hf_model_name")
    return f"FacebookAI/{name}" if name in _MOVED else name


def wanted(files: Sequence[str], library: str) -> tuple[str, ...]:
    """Those of a repository's files that are needed: configurations, tokenizers, and the weights once, not in every format."""
    if library == "configuration":
        return tuple(name for name in files if name == "config.json")
    chosen = next((name for name in _WEIGHTS[library] if name in files), None)
    small = [name for name in files if "/" not in name and name.endswith(_SMALL) and not name.endswith(".index.json")]
    if chosen is None:
        return tuple(small)
    if not chosen.endswith(".index.json"):
        return (*small, chosen)
    stem, ending = chosen.removesuffix(".index.json").rsplit(".", 1)
    return (*small, chosen, *(name for name in files if _SHARD.search(name) and name.startswith(stem) and name.endswith(ending)))


def complete(folder: Path, library: str) -> bool:
    """Whether the folder holds a configuration and all of the weights."""
    return (folder / _CONFIG[library]).is_file() and (not _WEIGHTS[library] or bool(weight_files(folder, library)))


def weight_files(folder: Path, library: str) -> list[Path]:
    """The files that hold the weights; none if one of them is missing."""
    for name in _WEIGHTS[library]:
        path = folder / name
        if not path.is_file():
            continue
        if not name.endswith(".index.json"):
            return [path]
        try:
            shards = sorted(set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, KeyError):
            return []
        files = [folder / shard for shard in shards]
        return files if all(file.is_file() for file in files) else []
    return []


def digest(folder: Path, library: str) -> str:
    """SHA-256 (hex, 16 characters) over the weights and the configurations: the same model anywhere has the same one."""
    files = [*weight_files(folder, library), *(folder / name for name in _PREPROCESSING if (folder / name).is_file())]
    total = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        total.update(f"{file.name} {_sha256(file)}\n".encode())
    return total.hexdigest()[:16]


def _sha256(file: Path) -> str:
    """The hub's cache names large files by their SHA-256, which saves reading gigabytes."""
    name = file.resolve().name
    if file.is_symlink() and re.fullmatch(r"[0-9a-f]{64}", name):
        return name
    found = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(1 << 20):
            found.update(block)
    return found.hexdigest()
