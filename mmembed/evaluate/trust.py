"""How far can a caption that a model wrote be trusted? Its cosine to the picture → the probability that it names nothing wrong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmembed.evaluate.concepts import Concepts
from mmembed.evaluate.probabilities import auroc, fit_platt
from mmembed.generate.base import Captioning

DOUBTED = 0.05
"""Share of the right captions that may be marked as doubtful."""


@dataclass(frozen=True)
class Trust:
    """A curve for `generate.base.Captioning`, and what it is fitted to.

    Attributes:
        captions: how many the model wrote.
        right: per cent of them that name nothing wrong.
        auroc: area under the ROC curve of the cosine, right captions against the others.
        slope: of the cosine; see `Captioning`.
        offset: see `Captioning`.
        doubtful_below: the probability below which `DOUBTED` of the right captions are.
        marked: per cent of the others that are below it, too.
        unfamiliar_below: the likeness to what the space learned from that 5 % of the right captions' pictures do not have; -1 where
            the space does not know.
    """

    captions: int
    right: float
    auroc: float
    slope: float
    offset: float
    doubtful_below: float
    marked: float
    unfamiliar_below: float = -1.0

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def trust(
    texts: Sequence[str],
    cosines: np.ndarray,
    references: Sequence[Sequence[str]],
    concepts: Concepts,
    familiarity: np.ndarray | None = None,
) -> Trust | None:
    """Platt scaling of the cosine between a written caption and its picture; a caption is right if it hallucinates nothing.

    A caption hallucinates if it names a concept that none of people's captions of the picture names or leaves open: the
    sentence-level CHAIR of Rohrbach et al. 2018 ("Object Hallucination in Image Captioning"), on word lists of our own and
    against captions instead of annotated objects. So what people did not mention counts as wrong, more so with few references.

    A curve of its own, because candidates were chosen by their cosine: they reach cosines that other texts reach only when
    they are right.

    Args:
        texts: N English captions that the model wrote.
        cosines: of each to its picture, float `[N]`.
        references: people's English captions of each picture.
        familiarity: how like each picture is to those the space learned from, float `[N]`, if the space knows.

    Returns:
        None if all captions are right, or none is.
    """
    right = np.array([concepts.shown([text]) <= concepts.possible(known) for text, known in zip(texts, references, strict=True)], bool)
    if right.all() or not right.any():
        return None
    slope, offset = (round(value, 4) for value in fit_platt(cosines[:, None], right))
    sure = Captioning(slope=slope, offset=offset).probability(cosines)
    bound = _bound(sure[right])
    separation = auroc(cosines[right], cosines[~right])
    marked = (sure[~right] < bound).mean()
    unfamiliar = -1.0 if familiarity is None else _bound(familiarity[right])
    share, others = round(100 * right.mean(), 1), round(100 * float(marked), 1)
    return Trust(len(texts), share, round(separation, 4), slope, offset, bound, others, unfamiliar)


def _bound(values: np.ndarray) -> float:
    """What `DOUBTED` of the values are below, cut to four digits, so that it is above none of them that are not."""
    return math.floor(1e4 * float(np.quantile(values, DOUBTED))) / 1e4
