"""From scores to probabilities, and how good these are: do they separate right from wrong, and do they come true?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmembed.space.logistic import logistic

BINS = 12
_RIDGE = 1e-4


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


def fit_platt(features: np.ndarray, right: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, ...]:
    """Platt scaling (Platt 1999): weighted logistic regression, by Newton's method with backtracking (Lin, Lin and Weng 2007).

    Args:
        features: float `[N, F]`.
        right: 1 for right and 0 for wrong, `[N]`; softened as Platt does, so that certainty stays finite.
        weights: of the samples, `[N]`, whatever their sum; equal ones by default.

    Returns:
        F coefficients and, after them, the offset.
    """
    columns = np.column_stack([features, np.ones(len(features))])
    positives, negatives = right.sum(), len(right) - right.sum()
    target = np.where(right > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    weights = np.ones(len(right)) if weights is None else weights
    share = weights / max(weights.sum(), 1e-12)

    def loss(coefficients: np.ndarray) -> float:
        logits = columns @ coefficients
        return float(share @ (np.logaddexp(0, logits) - target * logits) + _RIDGE / 2 * coefficients @ coefficients)

    coefficients = np.zeros(columns.shape[1])
    for _ in range(100):
        probability = logistic(columns @ coefficients)
        gradient = columns.T @ (share * (probability - target)) + _RIDGE * coefficients
        curvature = (columns.T * (share * probability * (1 - probability))) @ columns + _RIDGE * np.eye(len(coefficients))
        step, length = np.linalg.solve(curvature, gradient), 1.0
        while length > 1e-6 and loss(coefficients - length * step) > loss(coefficients):
            length /= 2
        coefficients = coefficients - length * step
        if np.abs(step).max() < 1e-9:
            break
    return tuple(coefficients.tolist())
