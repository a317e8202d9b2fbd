"""What candidates share."""

import numpy as np

from mmembed.generate.base import Candidate
from mmembed.generate.rerank import agreement, rerank


def candidates(*texts: str) -> list[Candidate]:
    return [Candidate(text, -0.1 * rank) for rank, text in enumerate(texts)]


def test_what_most_say_shares_most() -> None:
    found = candidates("a cat sleeps", "two dogs run in snow", "two dogs play in snow", "two dogs run in the snow")
    shared = agreement(found)
    assert shared.argmin() == 0 and shared.argmax() in (1, 3)
    assert ((shared > 0) & (shared <= 1)).all()
    assert rerank(found, 2 * shared)[0].text.startswith("two dogs run")


def test_the_same_texts_share_all_and_short_ones_are_no_error() -> None:
    np.testing.assert_allclose(agreement(candidates("two dogs", "two dogs")), 1)
    assert np.isfinite(agreement(candidates("a", "", "狗"))).all()
    assert len(agreement([])) == 0


def test_characters_without_spaces_count_too() -> None:
    shared = agreement(candidates("一个男人", "两只狗在雪地里跑", "两只狗在雪地里玩"))
    assert shared.argmin() == 0
