"""AUROC and calibration against cases that can be worked out by hand."""

import numpy as np
import pytest

from mmembed.evaluate.probabilities import Bin, auroc, calibration_error, reliability


@pytest.mark.parametrize(
    ("positives", "negatives", "expected"),
    [
        ([0.9, 0.8], [0.1, 0.2], 1),
        ([0.1], [0.2, 0.3], 0),
        ([3, 1], [2, 1], (2 + 0 + 0.5) / 4),  # 3 beats both, 1 loses to 2 and ties with 1
        ([1, 1], [1, 1, 1], 0.5),
    ],
)
def test_auroc(positives: list[float], negatives: list[float], expected: float) -> None:
    assert auroc(np.array(positives), np.array(negatives)) == pytest.approx(expected)


def test_auroc_counts_pairs() -> None:
    random = np.random.default_rng(3)
    positives, negatives = random.integers(0, 6, 40) + 1, random.integers(0, 6, 70)
    pairs = (positives[:, None] > negatives) + (positives[:, None] == negatives) / 2
    assert auroc(positives, negatives) == pytest.approx(pairs.mean())


def test_reliability_groups_by_probability() -> None:
    stated = np.array([0.05, 0.1, 0.5, 0.95, 1.0])
    true = np.array([False, True, True, True, False])
    low, middle, high = reliability(stated, true, bins=4)
    assert low == Bin(2, pytest.approx(0.075), 0.5)
    assert middle == Bin(1, 0.5, 1)  # 0.5 is the lower edge of its bin
    assert high == Bin(2, pytest.approx(0.975), 0.5)  # 1.0 is in the last bin


def test_calibration_error_by_hand() -> None:
    bins = [Bin(30, 0.2, 0.3), Bin(10, 0.9, 0.5)]
    assert calibration_error(bins) == pytest.approx((30 * 0.1 + 10 * 0.4) / 40)
    random = np.random.default_rng(1)
    honest = random.random(200_000)
    assert calibration_error(reliability(honest, random.random(200_000) < honest)) < 0.01
    assert calibration_error(reliability(honest, random.random(200_000) < honest / 2)) == pytest.approx(0.25, abs=0.01)
