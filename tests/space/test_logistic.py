"""From logits to probabilities."""

from __future__ import annotations

import warnings

import numpy as np

from mmembed.space.logistic import logistic


def test_it_is_the_logistic_function_and_does_not_overflow() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = logistic(np.array([-1e4, -2, 0, 2, 1e4], np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [0, 0.1192029, 0.5, 0.8807971, 1], atol=1e-6)
