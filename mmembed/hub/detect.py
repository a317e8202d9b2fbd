"""A folder or hub name that no preset describes → which backend loads it, by its own configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmembed.errors import InvalidConfig, UnavailableModel
from mmembed.hub.files import weight_files
from mmembed.hub.find import cached, folder_of, is_name, look_up, pull

_BY_TYPE = {"marian": "marian", "blip": "blip", "florence2": "florence2"}
# Families of transformers with a tower for each of pictures and texts; others are tried as spaces when they are loaded.
_SPACES = ("clip", "siglip", "siglip2", "metaclip_2", "altclip", "chinese_clip", "align", "groupvit", "vision-text-dual-encoder")

KNOWN = "known are CLIP, SigLIP, MetaCLIP 2, open_clip, CoCa, BLIP, Florence-2, image-text-to-text, Marian, M2M100 and NLLB"


def backend_of(weights: str) -> str:
    """The name of the backend.

    Raises:
        InvalidConfig: it is no model of a family that is known here.
        UnavailableModel: it is not on this machine and the hub cannot be asked.
    """
    folder = _with_configuration(weights)
    config = _read(folder / "config.json")
    kind = str(config.get("model_type", ""))
    described = _read(folder / "open_clip_config.json").get("model_cfg")
    if described and not weight_files(folder, "transformers"):  # then config.json is at most that of its text tower
        return "coca" if "multimodal_cfg" in described else "open_clip"
    if kind in _SPACES:
        return "transformers"
    if kind == "m2m_100":
        return "nllb" if "nllb" in str(_read(folder / "tokenizer_config.json").get("tokenizer_class", "")).lower() else "m2m100"
    if kind in _BY_TYPE:
        return _BY_TYPE[kind]
    if described:
        return "coca" if "multimodal_cfg" in described else "open_clip"
    if kind and _is_chat(kind):
        return "chat"
    if config.get("auto_map"):
        raise InvalidConfig(f"{weights} brings its own Python code, which is not run; {KNOWN}.")
    what = f"is a model of the kind {kind!r}, none of those known here" if kind else "has no config.json and no open_clip_config.json"
    raise InvalidConfig(f"{weights} {what}; {KNOWN}.")


def _with_configuration(weights: str) -> Path:
    """A folder that has the configuration at least; the weights may come later."""
    folder = Path(weights).expanduser()
    if folder.is_dir():
        return folder
    for library in ("transformers", "open_clip"):
        if is_name(weights) and (known := cached(weights, library)):
            return known
    if not is_name(weights):
        return folder_of(weights, "configuration")  # says what is wrong with it
    remote = look_up(weights, "transformers")
    if "open_clip_config.json" in remote.files and "model.safetensors" not in remote.files:
        return pull(weights, "open_clip", look_up(weights, "open_clip"))
    if "config.json" not in remote.files:
        raise UnavailableModel(f"{weights} on the hub has no config.json: it is no model of transformers or open_clip.")
    return pull(weights, "transformers", remote)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _is_chat(kind: str) -> bool:
    try:
        from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES as known
    except ImportError:
        return False
    return kind in known
