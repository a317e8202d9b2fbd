"""Translation: the decoder reads the source's states and, when there is one, the picture's vector.

A translator from the hub reads the text; one that sees no pictures has its candidates chosen among by the picture.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmembed.errors import InvalidQuery, UnknownLanguage
from mmembed.generate.base import Candidate, Decoder, Translation, Translator
from mmembed.generate.rerank import CANDIDATES, fits, rerank
from mmembed.languages import canonical
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


def translate_with(
    space: Space,
    translator: Translator,
    texts: Sequence[str],
    to: str,
    source_language: str | None = None,
    pictures: Sequence[Picture | None] | None = None,
    count: int = 1,
    beams: int = 4,
    weight: float = 0.0,
) -> list[Translation]:
    """Translate with a translator of its own; see `Model.translate`.

    Args:
        weight: how much a text-only translator's candidates are chosen by the picture; see `mmembed.generate.rerank`. At 0
            the picture is not looked at, and the result says so.
    """
    if any(not text.strip() for text in texts):
        raise InvalidQuery("There is nothing to translate: the text is empty.")
    if not texts:
        return []
    seen = list(pictures) if pictures is not None else [None] * len(texts)
    rows = [row for row, picture in enumerate(seen) if picture is not None]
    chosen_by_picture = bool(rows) and not translator.sees and weight != 0
    looked_at = translator.sees or weight != 0
    wanted = max(count, CANDIDATES) if chosen_by_picture else count
    ranked = translator.translate(texts, to, source_language, seen if translator.sees else None, max(beams, wanted), wanted)
    anchors = space.embed_texts(texts)
    if rows:
        anchors[rows] = space.embed_pictures([picture for picture in seen if picture is not None])
    if chosen_by_picture:
        ranked = _chosen(space, ranked, anchors, rows, weight)
    written = space.embed_texts([candidates[0].text or "?" for candidates in ranked])
    language = canonical(to)
    return [
        Translation(
            text, best.text, language, looked_at and seen[row] is not None, best.score, float(anchors[row] @ vector),
            tuple(c.text for c in others[: count - 1]), translator.name,
        )
        for row, (text, (best, *others), vector) in enumerate(zip(texts, ranked, written, strict=True))
    ]  # fmt: skip


def _chosen(space: Space, ranked: list[list[Candidate]], anchors: np.ndarray, rows: list[int], weight: float) -> list[list[Candidate]]:
    ranked = list(ranked)
    pictured = [ranked[row] for row in rows]
    for row, cosines in zip(rows, fits(space, pictured, anchors[rows]), strict=True):
        ranked[row] = rerank(ranked[row], cosines, weight)
    return ranked
