"""Which repositories a preset is made of, and whether they are on this machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from mmembed.backends import BUNDLED, library
from mmembed.errors import MissingPackage, UnknownPair
from mmembed.generate.pairs import nearest
from mmembed.hub.detect import backend_of
from mmembed.hub.files import CAPTIONER, text_tower
from mmembed.hub.find import cached, is_name, pull
from mmembed.presets import Preset, presets


def is_ready(preset: Preset) -> bool:
    """Whether the preset works without network; of one with a model for each pair, whether any pair does."""
    if preset.backend == BUNDLED:
        return True
    try:
        return any(cached(name, kind) is not None for name, kind in _weights(preset, preset.pairs) if is_name(name))
    except MissingPackage:
        return False


def repositories(name: str, pairs: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Hub names, each with the library whose files are needed, of a preset or hub name; of a trained captioner those of its space.

    A text tower whose configuration is in a repository of its own is counted too, once the model's own is there.

    Args:
        pairs: of a preset with one model for each pair, those wanted; English to German and back by default. Others need no pairs.

    Raises:
        UnknownPair: a pair that the preset does not have.
        UnavailableModel: a hub name without a preset that cannot be looked up.
    """
    folder = Path(name).expanduser()
    if name not in presets() and (folder / CAPTIONER).is_file():
        return repositories(json.loads((folder / CAPTIONER).read_text(encoding="utf-8"))["space"])
    if name not in presets() and folder.is_dir():
        return []
    preset = presets().get(name) or Preset(name, "", backend_of(name), name, (), (), (), "", "", 0)
    if preset.backend == BUNDLED:
        return []
    several = "{" in preset.weights
    for pair in pairs:
        if several and pair not in preset.pairs:
            source, _, to = pair.partition("-")
            raise UnknownPair(f"{name} has no pair {pair}; {nearest(source, to, preset.pairs or ['en-de'])}.")
    found = _weights(preset, pairs or [pair for pair in ("en-de", "de-en") if pair in preset.pairs])
    if library(preset.backend) == "open_clip":
        folder = cached(preset.weights, "open_clip") or pull(preset.weights, "open_clip")
        config = json.loads((folder / "open_clip_config.json").read_text(encoding="utf-8"))["model_cfg"]
        if (tower := text_tower(config)) and not (folder / "config.json").is_file():
            found.append((tower, "configuration"))
    return found


def _weights(preset: Preset, pairs: Sequence[str]) -> list[tuple[str, str]]:
    kind = library(preset.backend)
    if "{" not in preset.weights:
        return [(preset.weights, kind)]
    return [(preset.weights.format(source=pair.split("-")[0], to=pair.split("-")[1]), kind) for pair in pairs]
