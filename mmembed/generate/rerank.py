"""Of n candidates, the one that fits the picture.

Each candidate is worth its mean log-probability plus `weight` times the cosine between it and the picture in the joint space.
The weight is measured on validation data; see `mmembed.evaluate.tuning`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmembed.generate.base import Candidate
from mmembed.space.base import Space

CANDIDATES = 8
"""How many translations of a text the picture chooses among."""


def fits(space: Space, candidates: Sequence[Sequence[Candidate]], vectors: np.ndarray) -> list[np.ndarray]:
    """The cosine of each candidate to its row's picture.

    Args:
        vectors: float32 `[N, dim]`, one picture for each of the N lists.
    """
    flat = [candidate.text or "?" for row in candidates for candidate in row]
    embedded = space.embed_texts(flat) if flat else np.zeros((0, space.dim), np.float32)
    starts = np.cumsum([0, *(len(row) for row in candidates)])
    return [embedded[start:stop] @ vector for start, stop, vector in zip(starts[:-1], starts[1:], vectors, strict=True)]


def rerank(candidates: Sequence[Candidate], cosines: np.ndarray, weight: float) -> list[Candidate]:
    """The candidates by `score + weight · cosine`, best first; equals stay in the decoder's order."""
    worth = [candidate.score + weight * float(cosine) for candidate, cosine in zip(candidates, cosines, strict=True)]
    return [candidates[index] for index in sorted(range(len(worth)), key=lambda index: -worth[index])]
