"""How well a ranking finds what it should."""

from __future__ import annotations

import numpy as np


def ranks(similarities: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rank (0 = best) of column `target[i]` in row i of `similarities` `[queries, candidates]`; ties count half."""
    own = similarities[np.arange(len(target)), target][:, None]
    return (similarities > own).sum(1) + ((similarities == own).sum(1) - 1) / 2


def recall_at(similarities: np.ndarray, target: np.ndarray, k: int) -> float:
    """Per cent of the queries whose target is among the first `k`."""
    return float((ranks(similarities, target) < k).mean() * 100)
