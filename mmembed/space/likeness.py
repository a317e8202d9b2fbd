"""What things look like that a space does not know by sight, told by the kinds of things that it knows.

A photograph of a sturgeon looks to a classifier without sturgeons much like a gar, a little like a coho. So what has no class of its
own can be found by those that it would be taken for (ConSE, Norouzi et al. 2014, https://arxiv.org/abs/1312.5650, the other way round).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from mmembed.space.unit import unit


@dataclass(frozen=True)
class Likenesses:
    """Things, by other kinds.

    Attributes:
        kinds: for each thing the numbers of the kinds that it looks like, int16 `[N, most]`.
        weights: how much it looks like each, uint8 `[N, most]`; 0 where a thing looks like fewer.
    """

    kinds: np.ndarray
    weights: np.ndarray

    def direction(self, thing: int, directions: np.ndarray, unknown: Collection[int] = ()) -> np.ndarray:
        """Where pictures of it lie, float32 `[dim]`, L2-normalised, by the `directions` `[K, dim]` of the kinds; 0 if it looks like none
        but `unknown` ones."""
        weights = np.where(np.isin(self.kinds[thing], list(unknown)), 0, self.weights[thing]).astype(np.float32)
        return unit(weights @ directions[self.kinds[thing]])
