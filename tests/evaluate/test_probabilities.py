"""AUROC and calibration against cases that can be worked out by hand."""

import numpy as np
import pytest

from mmembed.evaluate.probabilities import Bin, auroc, calibration_error, fit_platt, reliability


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


def test_known_coefficients_are_found() -> None:
    random = np.random.default_rng(0)
    features = random.normal(size=(40_000, 2))
    logit = features @ [2.0, -1.0] - 0.5
    right = random.random(40_000) < 1 / (1 + np.exp(-logit))
    assert fit_platt(features, right) == pytest.approx((2, -1, -0.5), abs=0.06)


def test_weights_shift_the_balance() -> None:
    features, right = np.zeros((4, 1)), np.array([1.0, 0, 0, 0])
    # With Platt's softened targets 2/3 and 1/5, and the one positive as heavy as the three negatives.
    [_, offset] = fit_platt(features, right, np.array([3.0, 1, 1, 1]))
    assert 1 / (1 + np.exp(-offset)) == pytest.approx((2 / 3 + 1 / 5) / 2, abs=1e-3)


def test_perfect_separation_stays_finite() -> None:
    slope, offset = fit_platt(np.array([[-1.0], [-2], [3], [4]]), np.array([0.0, 0, 1, 1]), np.ones(4))
    assert 0 < slope < 50
    assert np.isfinite(offset)
