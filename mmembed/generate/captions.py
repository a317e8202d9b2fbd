"""Captions: the decoder reads a picture's vector; the joint space chooses among its candidates and says how far to trust them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np

from mmembed.errors import InvalidQuery, UnknownLanguage
from mmembed.generate.base import Candidate, Caption, Captioning, Decoder, Style, StyledDecoder
from mmembed.generate.polish import usable
from mmembed.generate.rerank import fits, rerank
from mmembed.space.base import Space

PLAIN = Style()
UNTUNED = Captioning()


def caption_vectors(
    space: Space,
    decoder: Decoder,
    vectors: np.ndarray,
    language: str,
    count: int = 1,
    beams: int = 4,
    style: Style = PLAIN,
    captioning: Captioning = UNTUNED,
) -> list[Caption]:
    """Caption pictures of which only the joint vectors, float32 `[N, dim]`, are at hand (such as a gallery's).

    Args:
        space: where the vectors live; judges the candidates.
        decoder: writes the candidates.
        vectors: the pictures'.
        language: code of the language to write in.
        count: how many wordings, alternatives included.
        beams: width of the beam search.
        style: length, and sampling instead of beam search.
        captioning: what was tuned for this space and decoder.

    Raises:
        UnknownLanguage: the decoder does not write captions in `language`.
        InvalidQuery: the decoder cannot sample, but shall.
    """
    if language not in decoder.caption_languages:
        raise UnknownLanguage(language, decoder.caption_languages)
    if not len(vectors):
        return []
    wanted = max(beams, count)  # more than are shown: what loops or has the wrong length is passed over
    ranked = generate(decoder, vectors, None, language, wanted, wanted, style)
    return from_candidates(space, ranked, vectors, language, count, style, captioning)


def from_candidates(
    space: Space,
    ranked: Sequence[Sequence[Candidate]],
    vectors: np.ndarray,
    language: str,
    count: int,
    style: Style,
    captioning: Captioning,
) -> list[Caption]:
    """The best `count` of each picture's candidates, whichever model wrote them, as a Caption."""
    good = [usable(candidates, style) for candidates in ranked]
    if captioning.rerank_weight:
        good = [rerank(row, cosines, captioning.rerank_weight) for row, cosines in zip(good, fits(space, good, vectors), strict=True)]
    written = space.embed_texts([candidates[0].text or "?" for candidates in good])
    captions = []
    for (best, *others), vector, text in zip(good, vectors, written, strict=True):
        similarity = float(vector @ text)
        confidence = float(space.confidence(text, np.array([similarity], np.float32))[0])
        alternatives = tuple(other.text for other in others[: count - 1])
        doubtful = confidence < captioning.doubtful_below
        captions.append(Caption(best.text, language, best.score, similarity, alternatives, confidence, doubtful))
    return captions


def generate(
    decoder: Decoder, prefix: np.ndarray | None, source: Sequence[str] | None, language: str, beams: int, count: int, style: Style
) -> list[list[Candidate]]:
    """`decoder.generate`, in the style if the decoder follows one; of other decoders the length is chosen among candidates.

    Raises:
        InvalidQuery: the decoder cannot sample, but shall.
    """
    if getattr(decoder, "follows_style", False):
        return cast(StyledDecoder, decoder).generate(prefix, source, language, beams, count, style)
    if style.seed is not None:
        raise InvalidQuery("This model cannot sample; leave the seed out, and it searches for the likeliest words.")
    return decoder.generate(prefix, source, language, beams, count)
