"""Plain captions: of a picture unlike all that its decoder knows, what kind of thing it shows, and nothing that cannot be told.

A decoder that has seen scenes describes whatever it is shown as one of those: of a strawberry it says that someone stands in the grass.
What the space knows by sight reaches farther (`space.kinds`), and a sentence around its name is better made than guessed.
"""

from __future__ import annotations

import numpy as np

from mmembed.generate.base import Candidate, Naming
from mmembed.space.kinds import Kinds

_GAP = "{}"
_SENTENCES = {
    "en": "A photo of {}.",
    "de": "Auf dem Foto ist {} zu sehen.",
    "fr": "La photo montre {}.",
    "cs": "{} na fotografii.",
    "zh": "一张{}的照片。",
    "ar": "صورة {}.",
}
"""Sentences in which a noun stands as in a dictionary, whatever its number."""


def plain_captions(kinds: Kinds, vectors: np.ndarray, language: str, naming: Naming) -> list[Candidate | None]:
    """What each of pictures, float32 `[N, dim]`, looks like most, in a sentence, with the log-probability that this is right; None where
    the evidence is too little."""
    evidence = kinds.evidence(vectors)
    scores = np.log(naming.probability(evidence))
    return [
        Candidate(_said(language, noun), float(score)) if sure else None
        for noun, score, sure in zip(kinds.nouns(vectors, language), scores, evidence >= naming.above, strict=True)
    ]


def _said(language: str, noun: str) -> str:
    text = _SENTENCES.get(language, _GAP).replace(_GAP, noun)
    return text[:1].upper() + text[1:]
