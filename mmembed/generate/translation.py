"""Translation: the decoder reads the source's states and, when there is one, the picture's vector."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmembed.errors import InvalidQuery, UnknownLanguage
from mmembed.generate.base import Decoder, Translation
from mmembed.media.picture import Picture
from mmembed.space.base import Space


def translate(
    space: Space,
    decoder: Decoder,
    texts: Sequence[str],
    to: str,
    source_language: str | None = None,
    pictures: Sequence[Picture | None] | None = None,
    count: int = 1,
    beams: int = 4,
) -> list[Translation]:
    """Translate `texts` into `to`; see `Model.translate`."""
    for language in (to, source_language):
        if language is not None and language not in decoder.translation_languages:
            raise UnknownLanguage(language, decoder.translation_languages)
    if any(not text.strip() for text in texts):
        raise InvalidQuery("There is nothing to translate: the text is empty.")
    if not texts:
        return []
    prefix = np.full((len(texts), space.dim), np.nan, np.float32)
    grounded = [pictures is not None and pictures[row] is not None for row in range(len(texts))]
    if pictures is not None and any(grounded):
        prefix[grounded] = space.embed_pictures([picture for picture in pictures if picture is not None])
    ranked = decoder.generate(prefix if any(grounded) else None, texts, to, max(beams, count), count)
    written = space.embed_texts([candidates[0].text or "?" for candidates in ranked])
    anchors = np.where(np.array(grounded)[:, None], prefix, space.embed_texts(texts))
    return [
        Translation(source, best.text, to, looked, best.score, float(anchor @ vector), tuple(c.text for c in others))
        for source, (best, *others), looked, anchor, vector in zip(texts, ranked, grounded, anchors, written, strict=True)
    ]
