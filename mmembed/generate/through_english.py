"""An English-only captioner followed by a translator: captions in every language that the translator writes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import cast

import numpy as np

from mmembed.generate.base import Candidate, Captioner, Translator, VectorCaptioner, reads_vectors
from mmembed.languages import find
from mmembed.media.picture import Picture
from mmembed.space.base import Space


class ThroughEnglish:
    """A `Captioner` that says in `credit` which captions went through a translator."""

    def __init__(self, captioner: Captioner, translator: Translator) -> None:
        self.name = captioner.name
        self._captioner, self._translator = captioner, translator

    @property
    def picture_size(self) -> int:
        """The captioner's."""
        return self._captioner.picture_size

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The captioner's own, then those that the translator reaches from English."""
        own = self._captioner.languages
        pairs = getattr(self._translator, "pairs", None)
        reached = [pair.split("-", 1)[1] for pair in pairs if pair.startswith("en-")] if pairs is not None else self._translator.languages
        return (*own, *(code for code in reached if find(code, own) is None))

    def credit(self, language: str) -> str:
        """Which models write in this language."""
        if find(language, self._captioner.languages):
            return self._captioner.credit(language)
        return f"{self._captioner.credit('en')} in English, then {self._translator.name}"

    def describe(self, pictures: Sequence[Picture], language: str, beams: int = 4, count: int = 1) -> list[list[Candidate]]:
        """See `Captioner.describe`. Each English caption has one translation; the score is the English caption's."""
        if find(language, self._captioner.languages):
            return self._captioner.describe(pictures, language, beams, count)
        return self._translated(self._captioner.describe(pictures, "en", beams, count), language, beams)

    def reads(self, space: Space) -> bool:
        """See `VectorCaptioner.reads`: if the captioner does."""
        return reads_vectors(self._captioner, space)

    def describe_vectors(self, vectors: np.ndarray, language: str, beams: int = 4, count: int = 1) -> list[list[Candidate]]:
        """See `VectorCaptioner.describe_vectors`; only where `reads`."""
        captioner = cast(VectorCaptioner, self._captioner)
        if find(language, captioner.languages):
            return captioner.describe_vectors(vectors, language, beams, count)
        return self._translated(captioner.describe_vectors(vectors, "en", beams, count), language, beams)

    def _translated(self, english: list[list[Candidate]], language: str, beams: int) -> list[list[Candidate]]:
        texts = list(dict.fromkeys(candidate.text for candidates in english for candidate in candidates if candidate.text))
        translated = self._translator.translate(texts, language, "en", None, beams, 1)
        written = {text: found[0].text for text, found in zip(texts, translated, strict=True)}
        return [[Candidate(written.get(one.text, ""), one.score) for one in candidates] for candidates in english]
