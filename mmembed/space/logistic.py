"""From logits to probabilities."""

from __future__ import annotations

import numpy as np


def logistic(logits: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-logits)) without overflow, of the same shape and kind."""
    return np.exp(-np.logaddexp(0, -logits))
