"""A name, or several joined with `+` → a Model: each part serves what none before it does, and the bundled model the rest."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mmembed.backends import BUNDLED, CAPTIONERS, SPACES, TRAINED, TRANSLATORS, implementation, library, roles
from mmembed.bundle import load_bundle, read_manifest
from mmembed.errors import InvalidConfig, UnknownPreset
from mmembed.generate.base import Captioner, Translator
from mmembed.generate.parts import DecoderCaptioner, DecoderTranslator, PartsDecoder
from mmembed.generate.through_english import ThroughEnglish
from mmembed.generate.trained import TrainedCaptioner, read_captioner
from mmembed.hub.files import CAPTIONER
from mmembed.hub.find import folder_of, is_name, require_torch
from mmembed.hub.running import PRECISION_VARIABLE
from mmembed.model import Model
from mmembed.presets import Preset, config_folder, presets, read_config
from mmembed.space.base import Space

_PACKAGE = Path(__file__).parent
DEFAULT = "mini"


@dataclass(frozen=True)
class Rerank:
    """`configs/rerank.yaml`."""

    weight: float


def compose(name: str, threads: int | None = None) -> Model:
    """See `mmembed.presets.load`."""
    parts = [describe(part.strip()) for part in name.split("+")] if not Path(name).is_dir() else [describe(name)]
    parts += _spaces_of(parts)
    first = parts[0]
    if len(parts) == 1 and first.backend == BUNDLED:
        return _bundle(first, threads)
    serving: dict[str, Preset] = {}
    for part in parts:
        for role in roles(part.backend):
            serving.setdefault(role, part)
    rest = presets()[DEFAULT]
    serving = {role: serving.get(role, rest) for role in ("space", "captioner", "translator")}
    bundles: dict[str, Model] = {}

    def bundle(preset: Preset) -> Model:
        if preset.name not in bundles:
            bundles[preset.name] = _bundle(preset, threads)
        return bundles[preset.name]

    space: Space = bundle(serving["space"]).space if serving["space"].backend == BUNDLED else load_space(serving["space"])
    translator = _translator(serving["translator"], bundle)
    captioner = _captioner(serving["captioner"], bundle, space, threads)
    if captioner.languages == ("en",):  # translated captions are wanted also where the translator was not asked for by name
        captioner = ThroughEnglish(captioner, translator)
    preset = _merged(name, serving, space, captioner, translator)
    whole = Model(preset, space, PartsDecoder(captioner, translator, space), captioner, translator, rerank_weight())
    if serving["translator"].backend == BUNDLED:
        translating = bundle(serving["translator"])
        known = translating.doubtful_translations
        whole = replace(whole, words=translating.words, pivot=translating.pivot, doubtful_translations=known)
    if serving["captioner"].backend == TRAINED:
        trained = read_captioner(Path(serving["captioner"].weights))
        if trained.space in (serving["space"].name, serving["space"].weights):
            whole = replace(whole, captioning=trained.captioning)
    if serving["captioner"] == serving["space"] and serving["space"].backend == BUNDLED:
        whole = replace(whole, captioning=bundle(serving["space"]).captioning)
    return whole


def describe(name: str) -> Preset:
    """The preset of that name, or one made up for a hub name or a folder.

    Raises:
        UnknownPreset: it is none of these.
        UnavailableModel: it has the form of a hub name, but cannot be had.
    """
    known = presets()
    if name in known:
        return known[name]
    folder = Path(name).expanduser()
    if (folder / "manifest.json").is_file():
        read_manifest(folder)
        return Preset(folder.name, f"trained bundle in {folder}", BUNDLED, str(folder), (), (), (), "", "", 0)
    if (folder / CAPTIONER).is_file():
        return _trained(folder)
    if not (folder.is_dir() and any((folder / file).is_file() for file in ("config.json", "open_clip_config.json"))) and not is_name(name):
        raise UnknownPreset(
            f"There is no preset {name!r}; known are {', '.join(known)}, or give the folder of a trained bundle or captioner, a hub name "
            f"such as google/siglip2-base-patch16-256, or a folder with a model from there."
        )
    same = next((preset for preset in known.values() if preset.weights == name), None)
    if same is not None:
        return same
    from mmembed.hub.detect import backend_of

    backend = backend_of(name)
    terms = "its own; see its model card"
    return Preset(Path(name).name, f"{name}, without a preset", backend, name, (), (), (), terms, "Read its model card.", 0)


def load_space(preset: Preset) -> Space:
    """The space alone.

    Raises:
        UnavailableModel: its weights are not on this machine and cannot be had.
    """
    require_torch()
    folder = folder_of(preset.weights, library(preset.backend))
    space: Space = implementation(SPACES, preset.backend)(folder, preset.name, preset.languages)
    if os.environ.get(PRECISION_VARIABLE) == "int8":
        from mmembed.space.int8 import int8_space

        return int8_space(space)
    return space


def rerank_weight() -> float:
    """How much a picture chooses among the candidates of a text-only translator.

    From the environment variable MMEMBED_RERANK, or else from `configs/rerank.yaml`.

    Raises:
        InvalidConfig: the variable is no number.
    """
    if given := os.environ.get("MMEMBED_RERANK"):
        try:
            return float(given)
        except ValueError as error:
            raise InvalidConfig(f"MMEMBED_RERANK has to be a number, not {given!r}.") from error
    found: Rerank = read_config(config_folder() / "rerank.yaml", Rerank)
    return found.weight


def bundle_folder(preset: Preset) -> Path:
    """Where the weights of a preset of the bundled kind are."""
    return _PACKAGE / preset.weights if _ships(preset) else Path(preset.weights)


def _bundle(preset: Preset, threads: int | None) -> Model:
    return load_bundle(preset if _ships(preset) else None, bundle_folder(preset), threads)


def _ships(preset: Preset) -> bool:
    return presets().get(preset.name) == preset


def _spaces_of(parts: Sequence[Preset]) -> list[Preset]:
    """The space of a trained captioner, unless one of the parts is a space."""
    if any("space" in roles(part.backend) for part in parts):
        return []
    return [_space_of(part) for part in parts if part.backend == TRAINED][:1]


def _space_of(captioner: Preset) -> Preset:
    name = read_captioner(Path(captioner.weights)).space
    try:
        return describe(name)
    except UnknownPreset as error:
        raise InvalidConfig(
            f"{captioner.name} was trained for the space {name}, which is not there any more; name where it is now: "
            f"--preset SPACE+{captioner.weights}"
        ) from error


def _trained(folder: Path) -> Preset:
    manifest = read_captioner(folder)
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    use = f"What it was trained on decides: {manifest.licence}" if manifest.licence else "What it was trained on decides."
    return Preset(
        manifest.name, f"captioner for {manifest.space}, trained, in {folder}", TRAINED, str(folder), (), manifest.languages, (),
        manifest.licence or "that of what it was trained on", use, round(size, 1),
    )  # fmt: skip


def _captioner(preset: Preset, bundle: Any, space: Space, threads: int | None) -> Captioner:
    if preset.backend == TRAINED:
        folder = Path(preset.weights)

        def own() -> Space:
            described = _space_of(preset)
            found: Space = bundle(described).space if described.backend == BUNDLED else load_space(described)
            return found

        return TrainedCaptioner(folder, read_captioner(folder), space, own, threads)
    if preset.backend == BUNDLED:
        model = bundle(preset)
        return DecoderCaptioner(preset.name, model.space, model.decoder)
    captioner: Captioner = implementation(CAPTIONERS, preset.backend)(preset)
    return captioner


def _translator(preset: Preset, bundle: Any) -> Translator:
    if preset.backend == BUNDLED:
        model = bundle(preset)
        return DecoderTranslator(preset.name, model.space, model.decoder)
    translator: Translator = implementation(TRANSLATORS, preset.backend)(preset)
    return translator


def _merged(name: str, serving: dict[str, Preset], space: Space, captioner: Captioner, translator: Translator) -> Preset:
    """One preset that says what all parts together do, need and allow."""
    distinct = list({part.name: part for part in serving.values()}.values())
    jobs = {"space": "search", "captioner": "captions", "translator": "translation"}
    return Preset(
        name=name,
        summary="; ".join(f"{jobs[role]} by {part.name}" for role, part in serving.items()),
        backend="+".join(part.backend for part in distinct),
        weights="+".join(part.weights for part in distinct),
        languages=space.languages,
        captions=captioner.languages,
        translations=translator.languages,
        licence="; ".join(f"{part.name}: {part.licence}" for part in distinct),
        use=" ".join(dict.fromkeys(f"{part.name}: {part.use}" for part in distinct)),
        size_mb=sum(part.size_mb for part in distinct),
    )
