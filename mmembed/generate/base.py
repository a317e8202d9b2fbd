"""What flows out of the decoder, and what every decoder promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mmembed.media.picture import Picture


@dataclass(frozen=True)
class Candidate:
    """One text a decoder proposes; `score` is its length-normalised log-probability."""

    text: str
    score: float


@dataclass(frozen=True)
class Caption:
    """A description of a picture.

    Attributes:
        text: the caption.
        language: ISO 639-1 code.
        score: length-normalised log-probability under the decoder.
        similarity: cosine between caption and picture in the joint space.
        alternatives: further candidates, best first.
        written_by: the models that wrote it, in words, such as "blip-base in English, then opus-mt"; empty for a bundle.
    """

    text: str
    language: str
    score: float
    similarity: float
    alternatives: tuple[str, ...] = ()
    written_by: str = ""


@dataclass(frozen=True)
class Translation:
    """A translated text.

    Attributes:
        source: the text that was translated.
        text: its translation.
        language: ISO 639-1 code of `text`.
        grounded: whether a picture was looked at.
        score: length-normalised log-probability under the decoder.
        similarity: cosine between translation and picture if there is one, else between translation and source.
        alternatives: further candidates, best first.
        written_by: the models that wrote it, in words; empty for a bundle.
    """

    source: str
    text: str
    language: str
    grounded: bool
    score: float
    similarity: float
    alternatives: tuple[str, ...] = ()
    written_by: str = ""


class Decoder(Protocol):
    """Turns joint vectors and source texts into text.

    Attributes:
        caption_languages: codes it describes pictures in.
        translation_languages: codes it translates between.
    """

    @property
    def caption_languages(self) -> tuple[str, ...]: ...

    @property
    def translation_languages(self) -> tuple[str, ...]: ...

    def generate(
        self, prefix: np.ndarray | None, source: Sequence[str] | None, language: str, beams: int = 4, count: int = 1
    ) -> list[list[Candidate]]:
        """The `count` best texts for each row, best first.

        Args:
            prefix: float32 `[N, dim]` joint vectors; a row of NaN, or None for all, means "no picture".
            source: N texts to translate, or None for captions.
            language: code of the language to write in.
            beams: width of the beam search.
            count: how many candidates to return for each row, at most `beams`.
        """
        ...


class Captioner(Protocol):
    """Describes pictures from their pixels, as most models from a hub do, not from their joint vectors.

    Attributes:
        name: what it is called.
        languages: codes of the languages it writes.
        picture_size: side in pixels that pictures should at least have; the `target` to open them with.
    """

    @property
    def name(self) -> str: ...

    @property
    def languages(self) -> tuple[str, ...]: ...

    @property
    def picture_size(self) -> int: ...

    def describe(self, pictures: Sequence[Picture], language: str, beams: int = 4, count: int = 1) -> list[list[Candidate]]:
        """The `count` best captions of each picture, best first."""
        ...

    def credit(self, language: str) -> str:
        """Which models write in this language, in words."""
        ...


class Translator(Protocol):
    """Translates texts, looking at pictures or not.

    Attributes:
        name: what it is called.
        languages: codes of the languages it translates between; not every pair has to exist.
        sees: whether it looks at pictures.
        picture_size: side in pixels that pictures should at least have; 0 if it looks at none.
    """

    @property
    def name(self) -> str: ...

    @property
    def languages(self) -> tuple[str, ...]: ...

    @property
    def sees(self) -> bool: ...

    @property
    def picture_size(self) -> int: ...

    def translate(
        self,
        texts: Sequence[str],
        to: str,
        source_language: str | None,
        pictures: Sequence[Picture | None] | None = None,
        beams: int = 4,
        count: int = 1,
    ) -> list[list[Candidate]]:
        """The `count` best translations of each text, best first.

        Raises:
            UnknownPair: it does not translate between these languages.
            InvalidQuery: it needs to know the language of the texts.
        """
        ...
