"""Ranks that can be counted by hand, and the fake world in which every colour finds itself."""

from pathlib import Path

import numpy as np
import pytest

from mmembed.errors import InvalidData
from mmembed.evaluate.pictures import PictureFolder
from mmembed.evaluate.retrieval import Recall, evaluate_retrieval, rank_both_ways
from mmembed.evaluate.tables import CaptionRow, read_captions
from tests.fakes import fake_model


def test_ranks_by_hand() -> None:
    pictures = np.eye(3, dtype=np.float32)
    texts = np.array([[0.9, 0.1, 0], [0.1, 0.2, 0.3], [0.5, 0.4, 0.3], [0.2, 0.8, 0.1]], np.float32)
    owner = np.array([0, 0, 2, 2])
    forward, backward = rank_both_ways(pictures, texts, texts, owner)
    assert forward.tolist() == [0, 2, 2, 2]
    # Picture 0: its best text (0.9) beats all others. Picture 2: its best (0.3) is as good as text 1, which is not its own.
    assert backward.tolist() == [0, 0.5]


def test_ties_do_not_help() -> None:
    same = np.ones((8, 2), np.float32)
    forward, backward = rank_both_ways(same, same, same, np.arange(8))
    assert set(forward) == set(backward) == {3.5}


def test_blocks_equal_one_matrix() -> None:
    random = np.random.default_rng(0)
    pictures, texts = random.normal(size=(600, 8)).astype(np.float32), random.normal(size=(2100, 8)).astype(np.float32)
    owner = random.integers(0, 600, 2100)
    forward, backward = rank_both_ways(pictures, texts, texts, owner)
    scores = texts @ pictures.T
    assert forward.tolist() == [(row > row[own]).sum() for row, own in zip(scores, owner, strict=True)]
    best = [max(scores[owner == own, own]) for own in np.unique(owner)]
    expected = [(scores[owner != own, own] > top).sum() for own, top in zip(np.unique(owner), best, strict=True)]
    assert backward.tolist() == expected


def test_recall() -> None:
    recall = Recall.of(np.array([0, 1, 4, 5, 9, 10, 100, 0.5]))
    assert recall.as_dict() == {"recall@1": 25.0, "recall@5": 50.0, "recall@10": 75.0, "median_rank": 5.5}


def test_all_languages_search_among_all_pictures(pictures: Path, captions: Path) -> None:
    model = fake_model()
    with PictureFolder(pictures) as folder:
        english, german = evaluate_retrieval(model, folder, read_captions(captions))
    assert (english.language, english.pictures, english.captioned, english.captions) == ("en", 4, 4, 8)
    assert (german.language, german.pictures, german.captioned, german.captions) == ("de", 4, 3, 3)
    assert model.space.embedded == 4  # type: ignore[attr-defined]
    for result in (english, german):
        assert result.text_to_image.at[1] == result.image_to_text.at[1] == 100
        assert result.as_dict()["text_to_image"]["median_rank"] == 1


def test_gallery_adds_distractors(pictures: Path) -> None:
    rows = [CaptionRow("red.jpg", "en", "yellow")]
    with PictureFolder(pictures) as folder:
        [alone] = evaluate_retrieval(fake_model(), folder, rows)
        [among] = evaluate_retrieval(fake_model(), folder, rows, ["yellow.jpg", "red.jpg", "red.webp", "green.jpg"])
    assert (alone.pictures, alone.text_to_image.at[1]) == (1, 100)
    assert (among.pictures, among.text_to_image.median_rank) == (3, 2.5)  # yellow first, then red and green alike


def test_refused(pictures: Path) -> None:
    with PictureFolder(pictures) as folder:
        with pytest.raises(InvalidData, match="no caption"):
            evaluate_retrieval(fake_model(), folder, [])
        with pytest.raises(InvalidData, match=r"orange\.jpg"):
            evaluate_retrieval(fake_model(), folder, [CaptionRow("orange.jpg", "en", "orange")])
