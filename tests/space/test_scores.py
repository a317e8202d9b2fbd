from __future__ import annotations

import numpy as np

from mmembed.space.scores import ranks, recall_at


def test_ranks_count_what_is_better_and_half_of_what_is_equal() -> None:
    similarities = np.array([[0.9, 0.5, 0.1], [0.2, 0.2, 0.2], [0.1, 0.5, 0.9]])
    assert ranks(similarities, np.array([0, 1, 0])).tolist() == [0, 1, 2]


def test_recall_is_the_share_of_targets_among_the_first() -> None:
    similarities = np.array([[0.9, 0.5, 0.1], [0.1, 0.5, 0.9]])
    assert recall_at(similarities, np.array([0, 0]), 1) == 50
    assert recall_at(similarities, np.array([0, 0]), 3) == 100
