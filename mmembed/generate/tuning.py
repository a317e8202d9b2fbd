"""The two numbers of `Captioning`, from validation data: how much the picture chooses, and which captions are doubtful."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmembed.generate.base import Candidate
from mmembed.generate.rerank import rerank

WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)


@dataclass(frozen=True)
class Tuned:
    """What the tuning found.

    Attributes:
        weight: the best of the weights tried, the smallest of equals.
        scores: what `measure` gave, weight → corpus score; that of 0 is the decoder's own choice.
    """

    weight: float
    scores: dict[float, float]


def tune_rerank_weight(
    candidates: Sequence[Sequence[Candidate]],
    similarities: Sequence[np.ndarray],
    measure: Callable[[list[str]], float],
    weights: Sequence[float] = WEIGHTS,
) -> Tuned:
    """Choose the weight of the cosine when n candidates of a picture (or a text with a picture) are ranked.

    Works for captions and for translations alike.

    Args:
        candidates: for each of N rows of validation data the decoder's n best, with their scores.
        similarities: for each row the cosines of its candidates to its picture; see `rerank.fits`.
        measure: corpus score of N texts against the references, greater is better, such as CIDEr-D or BLEU.
        weights: what to try; 0 is always tried too.
    """
    tried = sorted({0.0, *weights})
    rows = list(zip(candidates, similarities, strict=True))
    scores = {weight: measure([rerank(row, cosines, weight)[0].text for row, cosines in rows]) for weight in tried}
    return Tuned(max(tried, key=lambda weight: (scores[weight], -weight)), scores)


def doubt_threshold(confidences: np.ndarray, marked: float = 0.05) -> float:
    """The confidence below which captions are called doubtful: so that `marked` of the right ones are, by mistake.

    Args:
        confidences: `[N]`, of right captions of validation pictures, such as people's own.
        marked: share of right captions that may be marked.
    """
    return float(np.quantile(confidences, marked))
