"""Words of captions, and the text tower's stage that learns them."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from mmembed.learn import words as words_module  # noqa: E402
from mmembed.learn.data import CaptionRow  # noqa: E402
from mmembed.learn.heads import JointHeads  # noqa: E402
from mmembed.learn.text_tower import TextBatch  # noqa: E402
from mmembed.learn.word_stage import AllPictures, WordStage, words_to_pictures  # noqa: E402
from mmembed.learn.words import WordCounts, said_of  # noqa: E402

pytestmark = pytest.mark.torch


def captions(language: str, texts: list[str]) -> list[CaptionRow]:
    return [CaptionRow(f"p{i}", language, "test", text) for i, text in enumerate(texts)]


def test_words_and_pairs_with_their_pictures() -> None:
    rows = captions("en", ["A brown dog runs", "Brown dog, brown dog!", "a cat sits on the dog", "nothing", "nothing at all"])
    texts, shown = said_of(rows, [f"p{i}" for i in range(5)], WordCounts(least=2, most=0.6))
    assert dict(zip(texts, (np.flatnonzero(row).tolist() for row in shown), strict=True)) == {
        "brown": [0, 1],
        "dog": [0, 1, 2],
        "brown dog": [0, 1],
        "nothing": [3, 4],
    }


def test_captions_of_other_pictures_do_not_count_and_frequent_words_are_left_out() -> None:
    rows = captions("de", ["ein Hund", "ein Hund", "ein Kind", "ein Kind", "ein Hund"])
    texts, shown = said_of(rows, ["p0", "p2", "p3"], WordCounts(least=1, most=0.7))
    assert dict(zip(texts, shown.sum(1).tolist(), strict=True)) == {"hund": 1, "kind": 2}
    assert shown.shape == (2, 3)


def test_chinese_is_searched_for_known_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words_module, "_chinese", lambda: frozenset({"狗", "小狗", "草地"}))
    texts, shown = said_of(captions("zh", ["一只小狗在草地上", "草地上的狗"]), ["p0", "p1"], WordCounts(least=1, most=1.0))
    assert dict(zip(texts, (row.tolist() for row in shown), strict=True)) == {
        "小狗": [True, False],
        "狗": [True, True],
        "草地": [True, True],
    }


def test_a_word_is_told_from_the_pictures_it_is_not_said_of() -> None:
    shown = torch.tensor([[True, True, False]])
    right, wrong = torch.tensor([[5.0, 5.0, -5.0]]), torch.tensor([[-5.0, 5.0, 5.0]])
    assert words_to_pictures(right, shown) < 0.01 < 4 < words_to_pictures(wrong, shown)
    other = torch.tensor([[5.0, 50.0, -5.0]])  # pictures that it is said of do not compete with one another
    assert words_to_pictures(other, shown) < 0.01


def test_the_stage_learns_from_all_pictures_and_leaves_their_head_alone() -> None:
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    features = random.normal(size=(6, 2, 8)).astype(np.float32)
    heads = JointHeads(8, 4, 4, 0.0, 0.0)
    heads.picture.requires_grad_(False)
    texts = torch.nn.Parameter(torch.randn(10, 4))
    shown = np.zeros((2, 6), bool)
    shown[0, 3], shown[1, 4] = True, True
    objective = AllPictures(features, np.array([8, 9]), shown, WordStage(words=2), 1)
    stand_in = random.normal(size=(1, 8)).astype(np.float32)
    none = np.zeros(0, int)
    batch = TextBatch(
        np.array([1, 2]), np.concatenate([features[[1, 2], 0], stand_in]), np.array([0, 1, 2]), np.array([3, 4, 5]), none, none
    )
    loss = objective(heads, batch, lambda rows: torch.nn.functional.normalize(texts[rows], dim=1))
    loss.backward()
    assert all(parameter.grad is None for parameter in heads.picture.parameters())
    assert texts.grad is not None
    assert texts.grad[[0, 1, 2, 3, 4, 5, 8, 9]].abs().sum(1).min() > 0
    assert texts.grad[[6, 7]].abs().sum() == 0


def test_without_words_the_rest_is_learned() -> None:
    features = np.random.default_rng(0).normal(size=(4, 1, 8)).astype(np.float32)
    heads, texts, none = JointHeads(8, 4, 4, 0.0, 0.0), torch.randn(8, 4), np.zeros(0, int)
    objective = AllPictures(features, none, np.zeros((0, 4), bool), WordStage(), 1)
    batch = TextBatch(np.arange(2), features[:2, 0], np.arange(2), np.arange(2, 4), none, none)
    assert torch.isfinite(objective(heads, batch, lambda rows: texts[rows]))
