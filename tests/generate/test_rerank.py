"""What candidates share, and how they fit a picture."""

from collections.abc import Sequence

import numpy as np

from mmembed.generate.base import Candidate
from mmembed.generate.rerank import agreement, fits, rerank
from tests.fakes import FakeSpace, colour_picture


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


class Worded(FakeSpace):
    """One that has seen what is called crimson."""

    def worded(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[0.5, 0, 0, 0] if "crimson" in text else [0, 0, 0, 0] for text in texts], np.float32)


def test_words_that_the_space_knows_count_beside_the_text() -> None:
    pictures = FakeSpace().embed_pictures([colour_picture("red"), colour_picture("blue")])
    found = [candidates("crimson", "red"), candidates("crimson"), []]
    plain, worded = (fits(space, found, pictures[[0, 1, 1]]) for space in (FakeSpace(), Worded()))
    np.testing.assert_allclose(worded[0] - plain[0], [0.5 * pictures[0, 0], 0], atol=1e-6)
    np.testing.assert_allclose(worded[1] - plain[1], [0.5 * pictures[1, 0]], atol=1e-6)
    assert len(worded[2]) == 0
    assert plain[0].argmax() == 1 and worded[0].sum() > plain[0].sum()
