"""How good are scores that say how sure something is: do they separate right from wrong, and do they come true?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BINS = 12


@dataclass(frozen=True)
class Bin:
    """Statements of about the same probability: how many, their mean probability, and the share that came true."""

    count: int
    stated: float
    true: float


def auroc(positives: np.ndarray, negatives: np.ndarray) -> float:
    """Area under the ROC curve: how often a positive scores higher than a negative, ties counting half; 0 to 1.

    Args:
        positives: scores `[P]` of what is right, at least one.
        negatives: scores `[N]` of what is wrong, at least one.
    """
    order = np.sort(negatives)
    below, upto = np.searchsorted(order, positives, "left"), np.searchsorted(order, positives, "right")
    return float((below + upto).mean() / 2 / len(negatives))


def reliability(stated: np.ndarray, true: np.ndarray, bins: int = BINS) -> list[Bin]:
    """Statements grouped by probability, in equally wide bins over 0 to 1; empty bins are left out.

    Args:
        stated: probabilities `[N]`.
        true: whether each came true, bool `[N]`.
    """
    place = np.minimum((stated * bins).astype(int), bins - 1)
    groups = [place == index for index in range(bins)]
    return [Bin(int(group.sum()), float(stated[group].mean()), float(true[group].mean())) for group in groups if group.any()]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error (Naeini et al. 2015): mean distance of stated from true, weighted by the counts; 0 to 1."""
    total = sum(group.count for group in bins)
    return sum(group.count * abs(group.stated - group.true) for group in bins) / total
