"""Marian (opus-mt): one small model for each pair of languages, some with several targets."""

from __future__ import annotations

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any

from mmembed.errors import InvalidConfig, InvalidQuery, UnknownPair
from mmembed.generate.pairs import require_pair
from mmembed.generate.seq2seq import Direction, Seq2SeqTranslator
from mmembed.hub.find import folder_of
from mmembed.languages import canonical

_IN_NAME = re.compile(r"(?:^|[-_])([a-z]{2,3})-([a-z]{2,3})$")


class MarianTranslator(Seq2SeqTranslator):
    """A `Translator` from opus-mt checkpoints.

    The preset's weights are a name with `{source}` and `{to}` in it, for all its pairs, or one model's name or folder.
    """

    @property
    def languages(self) -> tuple[str, ...]:  # type: ignore[override]
        """Codes of all its pairs."""
        return tuple(dict.fromkeys(code for pair in self.pairs for code in pair.split("-")))

    @cached_property
    def pairs(self) -> tuple[str, ...]:
        """The pairs there are, such as `en-de`."""
        if self.preset.pairs:
            return self.preset.pairs
        source, targets = _languages_of(self.folder)
        return tuple(f"{source}-{to}" for to in targets)

    def direction(self, source: str, to: str) -> Direction:
        """The pair's own model, loaded when first needed."""
        require_pair(self.name, source, to, self.pairs)
        several = "{" in self.preset.weights
        folder = folder_of(self.preset.weights.format(source=source, to=to), "transformers") if several else self.folder
        model, tokenizer = self._load_pair(folder)
        return Direction(model, tokenizer, {}, _target_sign(tokenizer, to))

    def _load_pair(self, folder: Path) -> tuple[Any, Any]:
        from transformers import MarianMTModel, MarianTokenizer

        if folder not in self._loaded:
            self._loaded[folder] = self.load(MarianMTModel, folder), MarianTokenizer.from_pretrained(folder, local_files_only=True)
        return self._loaded[folder]

    @cached_property
    def _loaded(self) -> dict[Path, tuple[Any, Any]]:
        return {}


def _languages_of(folder: Path) -> tuple[str, tuple[str, ...]]:
    """Source and targets: from the tokenizer's configuration, from the signs in its vocabulary, or from the folder's name."""
    try:
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidConfig(f"{folder} lacks a Marian tokenizer: {error}") from error
    signs = [piece[2:-2] for piece in vocabulary if piece.startswith(">>") and piece.endswith("<<")]
    named = _IN_NAME.search(folder.name)
    source = settings.get("source_lang") or (named[1] if named else None)
    targets = signs or [settings.get("target_lang") or (named[2] if named else None)]
    if not source or not targets[0]:
        raise InvalidConfig(f"{folder} does not say between which languages it translates; name the folder like opus-mt-en-de.")
    return canonical(source), tuple(dict.fromkeys(_codes(targets)))


def _codes(signs: list[Any]) -> list[str]:
    found = []
    for sign in signs:
        try:
            found.append(canonical(str(sign)))
        except InvalidQuery:  # some vocabularies have signs for groups of languages
            continue
    return found


def _target_sign(tokenizer: Any, to: str) -> str:
    """What a model with several targets wants before each text, such as `>>deu<< `; nothing for the others."""
    signs = list(tokenizer.supported_language_codes)
    if not signs:
        return ""
    for sign in signs:
        if _codes([sign[2:-2]]) == [to]:
            return f"{sign} "
    raise UnknownPair(f"This Marian model has no sign for the target language {to!r}.")
