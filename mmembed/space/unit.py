"""Vectors of length 1."""

from __future__ import annotations

import numpy as np

_LEAST = 1e-9


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors along the last axis, L2-normalised; those of no length stay so."""
    scaled: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), _LEAST)
    return scaled
