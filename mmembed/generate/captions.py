"""Captions: a decoder reads a picture's vector, or a captioner its pixels; the joint space chooses among the candidates and says
how far to trust them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mmembed.errors import UnknownLanguage
from mmembed.generate.base import PLAIN, Candidate, Caption, Captioner, Captioning, Decoder, Style, reads_vectors
from mmembed.generate.plain import plain_captions
from mmembed.generate.polish import arranged, usable
from mmembed.generate.rerank import agreement, fits, rerank
from mmembed.generate.style import in_style
from mmembed.languages import find
from mmembed.media.picture import Picture
from mmembed.space.base import Space, kinds_of, knows_pictures

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
    served = find(language, decoder.caption_languages)
    if served is None:
        raise UnknownLanguage(language, decoder.caption_languages)
    if not len(vectors):
        return []
    wanted = max(beams, count)  # more than are shown: what loops or has the wrong length is passed over
    ranked = decoder.generate(vectors, None, served, wanted, wanted, **in_style(decoder, style))
    plain = _plain(space, vectors, served, captioning)
    return from_candidates(space, ranked, vectors, served, count, style, captioning, plain)


def caption_pictures(
    space: Space,
    captioner: Captioner,
    pictures: Sequence[Picture],
    vectors: np.ndarray,
    language: str,
    count: int = 1,
    beams: int = 4,
    style: Style = PLAIN,
    captioning: Captioning = UNTUNED,
) -> list[Caption]:
    """Caption pictures with a captioner, which looks at their pixels unless it reads the space's vectors.

    Args:
        pictures: none are needed where `reads_vectors`.
        others: those of `caption_vectors`.

    Raises:
        UnknownLanguage: the captioner does not write in `language`.
        InvalidQuery: the captioner cannot sample, but shall.
    """
    served = find(language, captioner.languages)
    if served is None:
        raise UnknownLanguage(language, captioner.languages)
    if not len(vectors):
        return []
    wanted = max(beams, count)
    # Where nothing is to choose among, no more than is shown: some captioners have a translator write each candidate.
    kept = wanted if style != PLAIN or captioning.chooses else count
    if reads_vectors(captioner, space):
        ranked = captioner.describe_vectors(vectors, served, wanted, kept, **in_style(captioner, style))
        plain = _plain(space, vectors, served, captioning)
    else:
        ranked, plain = captioner.describe(pictures, served, wanted, kept, **in_style(captioner, style)), [None] * len(pictures)
    return from_candidates(space, ranked, vectors, served, count, style, captioning, plain, captioner.credit(served))


def from_candidates(
    space: Space,
    ranked: Sequence[Sequence[Candidate]],
    vectors: np.ndarray,
    language: str,
    count: int,
    style: Style,
    captioning: Captioning,
    plain: Sequence[Candidate | None],
    written_by: str = "",
) -> list[Caption]:
    """The best `count` of each picture's candidates, whichever model wrote them, as a Caption; before them the `plain` one, if it has one.

    Those that echo themselves come last.
    """
    good = [usable(candidates, style) for candidates in ranked]
    if captioning.chooses:
        good = [
            rerank(row, captioning.rerank_weight * cosines + captioning.agreement_weight * agreement(row))
            for row, cosines in zip(good, fits(space, good, vectors), strict=True)
        ]
    good = [arranged([said, *row] if said else row, style) for said, row in zip(plain, good, strict=True)]
    written = space.embed_texts([candidates[0].text or "?" for candidates in good])
    captions = []
    unfamiliar = _unfamiliar(space, vectors, captioning)
    looks = _looks(space, vectors, unfamiliar, language)
    for (best, *others), said, vector, text, strange, look in zip(good, plain, vectors, written, unfamiliar, looks, strict=True):
        similarity = float(vector @ text)
        is_plain = best is said
        confidence = math.exp(best.score) if is_plain else _confidence(space, text, similarity, captioning)
        alternatives = tuple(other.text for other in others[: count - 1])
        doubtful = confidence < captioning.doubtful_below or (strange and not is_plain)
        captions.append(Caption(best.text, language, best.score, similarity, alternatives, confidence, doubtful, written_by, strange, look))
    return captions


def _plain(space: Space, vectors: np.ndarray, language: str, captioning: Captioning) -> list[Candidate | None]:
    """Plain captions of the unfamiliar pictures that surely show some kind of thing."""
    said: list[Candidate | None] = [None] * len(vectors)
    strange = np.flatnonzero(_unfamiliar(space, vectors, captioning))
    kinds = kinds_of(space) if len(strange) else None
    if kinds is not None and captioning.naming is not None and language in kinds.names:
        for row, candidate in zip(strange, plain_captions(kinds, vectors[strange], language, captioning.naming), strict=True):
            said[row] = candidate
    return said


def _unfamiliar(space: Space, vectors: np.ndarray, captioning: Captioning) -> list[bool]:
    if not knows_pictures(space):
        return [False] * len(vectors)
    return [bool(strange) for strange in space.familiarity(vectors) < captioning.unfamiliar_below]


def _looks(space: Space, vectors: np.ndarray, unfamiliar: Sequence[bool], language: str) -> list[tuple[str, ...]]:
    """What the unfamiliar pictures look like."""
    kinds = kinds_of(space) if any(unfamiliar) else None
    if kinds is None:
        return [()] * len(vectors)
    return [names if strange else () for names, strange in zip(kinds.looks_like(vectors, language), unfamiliar, strict=True)]


def _confidence(space: Space, text: np.ndarray, similarity: float, captioning: Captioning) -> float:
    if captioning.slope:
        return float(captioning.probability(np.array(similarity)))
    return float(space.confidence(text, np.array([similarity], np.float32))[0])
