"""Captions: the decoder reads a picture's vector; the joint space says how well the words fit."""

from __future__ import annotations

import numpy as np

from mmembed.errors import UnknownLanguage
from mmembed.generate.base import Caption, Decoder
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
    written = space.embed_texts([candidates[0].text or "?" for candidates in ranked])
    return [
        Caption(best.text, language, best.score, float(vector @ text), tuple(c.text for c in others))
        for (best, *others), vector, text in zip(ranked, vectors, written, strict=True)
    ]
