"""Of n candidates, the one that fits the picture and says what the others say.

Each candidate is worth its mean log-probability, plus a weight times the cosines between the picture and it and its words in the joint
space, plus another times how much it shares with all candidates. The latter is minimum Bayes risk decoding (Kumar & Byrne 2004; with
n-grams of characters as the gain, Freitag et al. 2022, https://arxiv.org/abs/2111.09388). The weights are measured on validation data;
see `mmembed.evaluate.tuning`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from mmembed.generate.base import Candidate
from mmembed.space.base import Space, worded

CANDIDATES = 8
"""How many translations of a text the picture chooses among."""

_ORDERS = (1, 2, 3, 4)


def fits(space: Space, candidates: Sequence[Sequence[Candidate]], vectors: np.ndarray) -> list[np.ndarray]:
    """The cosine of each candidate to its row's picture, plus that of its words, as far as the space knows what those look like.

    Args:
        vectors: float32 `[N, dim]`, one picture for each of the N lists.
    """
    flat = [candidate.text or "?" for row in candidates for candidate in row]
    embedded = space.embed_texts(flat) + worded(space, flat) if flat else np.zeros((0, space.dim), np.float32)
    starts = np.cumsum([0, *(len(row) for row in candidates)])
    return [embedded[start:stop] @ vector for start, stop, vector in zip(starts[:-1], starts[1:], vectors, strict=True)]


def agreement(candidates: Sequence[Candidate]) -> np.ndarray:
    """How much each candidate shares with all of them: the mean cosine of their counts of 1 to 4 characters in a row, `[N]`."""
    shared = np.zeros((len(candidates), len(candidates)))
    for order in _ORDERS:
        grams = [Counter(one.text[i : i + order] for i in range(len(one.text) - order + 1)) for one in candidates]
        norms = [math.sqrt(sum(count * count for count in found.values())) or 1.0 for found in grams]
        for row, found in enumerate(grams):
            for column in range(row, len(grams)):
                common = sum(count * grams[column][gram] for gram, count in found.items()) / (norms[row] * norms[column])
                shared[row, column] += common
                shared[column, row] = shared[row, column]
    mean: np.ndarray = shared.sum(1) / (len(_ORDERS) * max(1, len(candidates)))
    return mean


def rerank(candidates: Sequence[Candidate], bonus: np.ndarray) -> list[Candidate]:
    """The candidates by their scores plus `bonus` `[N]`, best first; equals stay in the decoder's order."""
    worth = [candidate.score + float(more) for candidate, more in zip(candidates, bonus, strict=True)]
    return [candidates[index] for index in sorted(range(len(worth)), key=lambda index: -worth[index])]
