"""What flows out of the decoder, and what every decoder promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


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
    """

    text: str
    language: str
    score: float
    similarity: float
    alternatives: tuple[str, ...] = ()


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
    """

    source: str
    text: str
    language: str
    grounded: bool
    score: float
    similarity: float
    alternatives: tuple[str, ...] = ()


class Decoder(Protocol):
    """Turns joint vectors and source texts into text.

    Attributes:
        caption_languages: codes it describes pictures in.
        translation_languages: codes it translates between.
    """

    caption_languages: tuple[str, ...]
    translation_languages: tuple[str, ...]

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
