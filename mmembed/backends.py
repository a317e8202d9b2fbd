"""Which file loads which family, and what a family can do. Adding one is a file, a line here and a preset."""

from __future__ import annotations

from importlib import import_module
from typing import Any

SPACES = {
    "transformers": "mmembed.space.transformers:TransformersSpace",
    "open_clip": "mmembed.space.open_clip:OpenClipSpace",
    "coca": "mmembed.space.open_clip:OpenClipSpace",
}
CAPTIONERS = {
    "blip": "mmembed.generate.blip:BlipCaptioner",
    "florence2": "mmembed.generate.florence2:Florence2Captioner",
    "coca": "mmembed.generate.coca:CocaCaptioner",
    "chat": "mmembed.generate.chat:ChatModel",
}
TRANSLATORS = {
    "marian": "mmembed.generate.marian:MarianTranslator",
    "m2m100": "mmembed.generate.m2m100:M2M100Translator",
    "nllb": "mmembed.generate.nllb:NllbTranslator",
    "chat": "mmembed.generate.chat:ChatModel",
}
BUNDLED = "bundled"
TRAINED = "trained"
"""A captioner made by `mmembed train decoder` for a space; see `generate.trained`."""

# Which library's files a backend reads; the rest read those of transformers.
_LIBRARIES = {"open_clip": "open_clip", "coca": "open_clip"}


def library(backend: str) -> str:
    """`transformers` or `open_clip`: which files of a repository the backend reads."""
    return _LIBRARIES.get(backend, "transformers")


def roles(backend: str) -> tuple[str, ...]:
    """What the backend can do: of `space`, `captioner` and `translator`, in this order."""
    if backend == TRAINED:
        return ("captioner",)
    tables = {"space": SPACES, "captioner": CAPTIONERS, "translator": TRANSLATORS}
    return tuple(role for role, table in tables.items() if backend == BUNDLED or backend in table)


def implementation(table: dict[str, str], backend: str) -> Any:
    """The class, imported only now."""
    module, _, name = table[backend].partition(":")
    return getattr(import_module(module), name)
