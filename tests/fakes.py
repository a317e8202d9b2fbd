"""A model small enough to reason about: colours are its whole world.

The space maps a picture to its mean colour and a text to the colours it names, so that searches have known answers
without any weights; the decoder writes the colour it reads.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmembed.errors import InvalidQuery
from mmembed.generate.base import Candidate
from mmembed.media.picture import Picture
from mmembed.model import Model
from mmembed.presets import Preset
from mmembed.space.kinds import Kinds

COLOURS = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1), "yellow": (1, 1, 0), "white": (1, 1, 1)}
GERMAN = {"red": "rot", "green": "grün", "blue": "blau", "yellow": "gelb", "white": "weiß"}


def colour_picture(name: str, size: tuple[int, int] = (32, 24)) -> Picture:
    """A plain picture, `size` = (width, height), of one of COLOURS."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8) + np.array(COLOURS[name], np.uint8) * 255
    return Picture.from_array(pixels)


def colour_kinds() -> Kinds:
    """Two red things, one of them dark, and two blue ones of the same name."""
    vectors = _normalised([[1, 0, 0, 0], [0.3, 0.1, 0, 0.2], [0, 0, 1, 0], [0, 0, 1, 0.1]])
    names = {"en": ["cherry", "rose", "sky", "sky"], "de": ["Kirsche", "Rose", "Himmel", "Abendhimmel"]}
    return Kinds(vectors, np.zeros(4, np.float32), names, ["cherry, red fruit", "rose", "sky", "evening sky, sky"])


class FakeSpace:
    """Mean colours, L2-normalised; the fourth number keeps black and unknown words away from zero."""

    languages = ("en",)
    dim = 4
    picture_size = 32

    def __init__(self, name: str = "fake", digest: str = "0") -> None:
        self.name = name
        self.identity = f"{name}-{digest}"
        self.embedded = 0

    def embed_pictures(self, pictures: Sequence[Picture]) -> np.ndarray:
        self.embedded += len(pictures)
        return _normalised([[*(picture.pixels.reshape(-1, 3).mean(0) / 255), 0.05] for picture in pictures])

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        if any(not text.strip() for text in texts):
            raise InvalidQuery("The text is empty.")
        return _normalised([[*np.sum([COLOURS.get(word, (0, 0, 0)) for word in text.lower().split()], 0), 0.05] for text in texts])

    def confidence(self, query: np.ndarray, similarities: np.ndarray, among: int | None = None, commonness: float = 0.0) -> np.ndarray:
        return 1 / (1 + np.exp(-20 * (similarities - 0.8)))


def _normalised(rows: list[list[float]]) -> np.ndarray:
    vectors = np.array(rows, np.float32).reshape(-1, 4)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class FakeDecoder:
    """Captions name the nearest colour; translations reverse the words, and name the picture's colour if there is one."""

    caption_languages = ("en", "de")
    translation_languages = ("en", "de", "fr")

    def generate(
        self, prefix: np.ndarray | None, source: Sequence[str] | None, language: str, beams: int = 4, count: int = 1
    ) -> list[list[Candidate]]:
        rows = len(source) if source is not None else len(prefix if prefix is not None else ())
        return [
            [Candidate(f"{self._words(prefix, source, language, row)}{'!' * n}", -0.1 - n) for n in range(count)] for row in range(rows)
        ]

    def _words(self, prefix: np.ndarray | None, source: Sequence[str] | None, language: str, row: int) -> str:
        words = [" ".join(reversed(source[row].split()))] if source is not None else []
        if prefix is not None and not np.isnan(prefix[row]).any():
            names = list(COLOURS)
            nearest = names[int(np.argmax(_normalised([[*COLOURS[name], 0.05] for name in names]) @ prefix[row]))]
            words.append(GERMAN[nearest] if language == "de" else nearest)
        return " ".join(words)


def fake_model(name: str = "fake", digest: str = "0") -> Model:
    """A Model of the two fakes."""
    preset = Preset(name, "colours", "fake", "", ("en",), ("en", "de"), ("en", "de", "fr"), "CC0", "anything", 0.0)
    return Model(preset, FakeSpace(name, digest), FakeDecoder())
