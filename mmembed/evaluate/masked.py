"""Does the picture matter? One visible word of each sentence is hidden, and only the picture tells what it was."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmembed.errors import InvalidData
from mmembed.evaluate.pictures import PictureFolder, Progress
from mmembed.evaluate.tables import MaskedRow
from mmembed.evaluate.translations import shuffled, translate_rows
from mmembed.model import Model

_SEED = 2016
_RESAMPLES = 10_000


@dataclass(frozen=True)
class MaskedScores:
    """Masked words recovered in one language.

    Attributes:
        language: ISO 639-1 code translated to.
        rows: how many sentences.
        right: per cent of the translations with an accepted word, given the sentence's picture.
        shuffled: the same, given another sentence's picture.
        none: the same, given no picture.
        gain: right minus shuffled: what looking brings, beyond guessing.
        gain_95: bounds of the paired bootstrap 95 % interval of `gain`; above 0 means that the picture matters.
    """

    language: str
    rows: int
    right: float
    shuffled: float
    none: float
    gain: float
    gain_95: tuple[float, float]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate_masked(
    model: Model, rows: Sequence[MaskedRow], folder: PictureFolder, languages: Sequence[str], progress: Progress | None = None
) -> list[MaskedScores]:
    """Translate the masked English sentences under the three conditions, one result a language.

    Raises:
        InvalidData: there is no row, a language has no accepted words in the table, or a picture is missing.
        UnknownLanguage: the model does not translate into one of the languages.
    """
    if not rows:
        raise InvalidData("There is no masked sentence to translate.")
    for language in languages:
        if language not in rows[0].stems:
            raise InvalidData(f"The masked table has no accepted words in {language!r}; it has {', '.join(rows[0].stems)}.")
    sentences, right = [row.sentence for row in rows], [row.image for row in rows]
    conditions: dict[str, Sequence[str | None]] = {"right": right, "shuffled": shuffled(right), "none": [None] * len(rows)}
    results = []
    for language in languages:
        found = {}
        for condition, images in conditions.items():
            message = f"masked en→{language}, picture: {condition}"
            written = translate_rows(model, sentences, "en", language, images, folder, progress, message)
            found[condition] = np.array([contains(text, row.stems[language]) for text, row in zip(written, rows, strict=True)])
        share = {condition: round(float(100 * hits.mean()), 2) for condition, hits in found.items()}
        difference = found["right"].astype(int) - found["shuffled"]
        gain = round(float(100 * difference.mean()), 2)
        results.append(MaskedScores(language, len(rows), share["right"], share["shuffled"], share["none"], gain, interval(difference)))
    return results


def contains(text: str, stems: Sequence[str]) -> bool:
    """Whether a word of `text`, lower-cased, begins with one of the stems."""
    return any(word.startswith(tuple(stems)) for word in re.findall(r"\w+", text.lower()))


def interval(differences: np.ndarray) -> tuple[float, float]:
    """Paired bootstrap 95 % interval, in per cent, of the mean of per-sentence differences -1, 0 or 1, int `[N]`.

    Resampling N sentences is drawing how many of the N fall on each of the three values, so that is what is drawn.
    """
    shares = np.array([(differences == value).mean() for value in (-1, 0, 1)])
    counts = np.random.default_rng(_SEED).multinomial(len(differences), shares, _RESAMPLES)
    low, high = np.percentile(100 * (counts[:, 2] - counts[:, 0]) / len(differences), [2.5, 97.5])
    return round(float(low), 2), round(float(high), 2)
