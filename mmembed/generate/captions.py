"""Captions: the decoder reads a picture's vector; the joint space says how well the words fit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmembed.errors import UnknownLanguage
from mmembed.generate.base import Candidate, Caption, Captioner, Decoder
from mmembed.languages import find
from mmembed.media.picture import Picture
from mmembed.space.base import Space


def caption_vectors(space: Space, decoder: Decoder, vectors: np.ndarray, language: str, count: int = 1, beams: int = 4) -> list[Caption]:
    """Caption pictures of which only the joint vectors, float32 `[N, dim]`, are at hand (such as a gallery's).

    Raises:
        UnknownLanguage: the decoder does not write captions in `language`.
    """
    if language not in decoder.caption_languages:
        raise UnknownLanguage(language, decoder.caption_languages)
    if not len(vectors):
        return []
    ranked = decoder.generate(vectors, None, language, max(beams, count), count)
    return _captions(space, ranked, vectors, language, "")


def caption_pictures(
    space: Space, captioner: Captioner, pictures: Sequence[Picture], language: str, count: int = 1, beams: int = 4
) -> list[Caption]:
    """Caption pictures with a captioner that looks at their pixels; the space says how well the words fit.

    Raises:
        UnknownLanguage: the captioner does not write in `language`.
    """
    served = find(language, captioner.languages)
    if served is None:
        raise UnknownLanguage(language, captioner.languages)
    if not pictures:
        return []
    ranked = captioner.describe(pictures, served, max(beams, count), count)
    return _captions(space, ranked, space.embed_pictures(pictures), served, captioner.credit(served))


def _captions(space: Space, ranked: list[list[Candidate]], vectors: np.ndarray, language: str, written_by: str) -> list[Caption]:
    written = space.embed_texts([candidates[0].text or "?" for candidates in ranked])
    return [
        Caption(best.text, language, best.score, float(vector @ text), tuple(c.text for c in others), written_by)
        for (best, *others), vector, text in zip(ranked, vectors, written, strict=True)
    ]
