"""A folder of weights with a manifest → Model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from mmembed.generate.base import Captioning
from mmembed.generate.bundled import CAPTIONS, BundledDecoder
from mmembed.generate.words import Words
from mmembed.model import Model
from mmembed.presets import Preset, read_json
from mmembed.space.bundled import BundledSpace, Calibration

MANIFEST = "manifest.json"
SPACE_FILES = ("picture.onnx", "text.onnx", "text.model")


@dataclass(frozen=True)
class Manifest:
    """What a bundle says about itself, in `manifest.json`.

    Attributes:
        name: the bundle's name.
        digest: SHA-256 (hex, 16 characters) over the files that make the vectors; part of the space's identity.
        dim: length of a vector.
        languages: ISO 639-1 codes the space was trained on.
        captions: codes of the languages it writes captions in.
        translations: codes of the languages it translates between.
        picture_size: side of the square the picture tower sees, in pixels.
        max_length: greatest number of pieces the decoder writes.
        calibration: from similarity to confidence.
        licence: terms of the weights.
        captioning: what was tuned for this space and decoder together.
        pivot: the language between two others that the decoder does not translate directly.
        doubtful_translations: by pair, such as `en-de`, the score below which a translation may well be wrong.
    """

    name: str
    digest: str
    dim: int
    languages: tuple[str, ...]
    captions: tuple[str, ...]
    translations: tuple[str, ...]
    picture_size: int
    max_length: int
    calibration: Calibration
    licence: str
    captioning: Captioning = Captioning()  # noqa: RUF009  (it is frozen)
    pivot: str = "en"
    doubtful_translations: dict[str, float] = field(default_factory=dict)


def digest_of(folder: Path) -> str:
    """Digest of the files that decide what the vectors are."""
    digest = hashlib.sha256()
    for name in SPACE_FILES:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:16]


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bundle.

    Raises:
        InvalidConfig: it is missing or damaged.
    """
    absent = f"The bundle {folder} has no manifest.json; reinstall the package, or export the bundle again."
    manifest: Manifest = read_json(folder / MANIFEST, Manifest, absent)
    return manifest


def write_manifest(folder: Path, fields: Mapping[str, object]) -> None:
    """Write `manifest.json`."""
    (folder / MANIFEST).write_text(json.dumps(fields, indent=1) + "\n", encoding="utf-8")


def change_manifest(folder: Path, **fields: object) -> None:
    """Set these fields of the manifest of a bundle, and leave the others.

    Raises:
        InvalidConfig: it is missing or damaged.
    """
    read_manifest(folder)
    write_manifest(folder, {**json.loads((folder / MANIFEST).read_text(encoding="utf-8")), **fields})


def load_bundle(preset: Preset | None, folder: Path, threads: int | None = None) -> Model:
    """The model in `folder`; nothing heavy is read before it is used."""
    manifest = read_manifest(folder)
    if preset is None:
        files = [file for place in (folder, folder / CAPTIONS) if place.is_dir() for file in place.iterdir() if file.is_file()]
        preset = Preset(
            manifest.name, f"trained bundle in {folder}", "bundled", str(folder), manifest.languages, manifest.captions,
            manifest.translations, manifest.licence, manifest.licence, sum(f.stat().st_size for f in files) / 1e6,
        )  # fmt: skip
    space = BundledSpace(
        folder,
        manifest.name,
        f"{manifest.name}-{manifest.digest}",
        manifest.dim,
        manifest.languages,
        manifest.picture_size,
        manifest.calibration,
        threads,
    )
    decoder = BundledDecoder(folder, space, manifest.captions, manifest.translations, manifest.max_length, threads)
    words = cache(lambda: Words.read(folder))
    return Model(
        preset, space, decoder, captioning=manifest.captioning, words=words, pivot=manifest.pivot,
        doubtful_translations=manifest.doubtful_translations,
    )  # fmt: skip
