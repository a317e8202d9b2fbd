"""Fine-tuning of the picture tower against finished text vectors (locked-text tuning, after Zhai et al. 2022, LiT)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from mmembed.learn.backbones.efficientnet import EfficientNetLite, folded, load_lite2
from mmembed.learn.data import PictureSource
from mmembed.learn.heads import Head, told_from_others
from mmembed.learn.tuning import Tuning
from mmembed.media.picture import Picture
from mmembed.space.pixels import square


@dataclass(frozen=True)
class PictureStage:
    """How the picture tower is fine-tuned.

    Attributes:
        epochs: passes over the training pictures; 0 leaves the tower as it is.
        batch: pictures a step.
        size: side of the square crops trained on, pixels; smaller than at run time (Touvron et al. 2019, FixRes).
        frozen_blocks: how many of the first blocks stay as they are.
        learning_rate, head_learning_rate: peak rates of the tower and of its head (AdamW, warm-up and cosine).
        weight_decay: of the tower.
        texts: texts a picture is drawn with in a step.
        negatives: further texts, drawn at random, that a picture is told from.
        keep_classes: weight of the loss that keeps the ImageNet classifier's answers (learning without forgetting,
            Li & Hoiem 2016).
        reminded: share of a batch on which that loss is taken.
        smallest_crop: least share of the area in a random crop.
        average: decay of the running average of the weights.
        steadiness: weight of the loss that keeps a picture, however it is cropped, near `LockedTexts.steady`.
        stand_ins: how many `LockedTexts.stand_ins` a step are kept, with that weight too, where the head before puts them.
        runs: how often, with other draws; their weights are averaged.
    """

    epochs: int = 0
    batch: int = 128
    size: int = 208
    frozen_blocks: int = 7
    learning_rate: float = 2e-4
    head_learning_rate: float = 5e-4
    weight_decay: float = 0.05
    texts: int = 3
    negatives: int = 4096
    keep_classes: float = 0.5
    reminded: float = 0.25
    smallest_crop: float = 0.5
    average: float = 0.99
    steadiness: float = 0.0
    stand_ins: int = 0
    runs: int = 1


def load_picture_tower(folder: Path) -> EfficientNetLite:
    """The picture tower that `train space` left in `folder`, folded; the pretrained one if it was not tuned."""
    network = folded(load_lite2()[0])
    tuned = folder / "picture_tower.pt"
    if tuned.exists():
        network.load_state_dict(torch.load(tuned, weights_only=True))
    return network.eval()


@dataclass(frozen=True)
class LockedTexts:
    """What the tower learns to reach.

    Attributes:
        vectors: finished text vectors `[T, dim]`.
        owner: which of the training pictures each belongs to, `[T]`.
        pictures: vectors of the training pictures before, `[P, dim]`.
        scale: inverse temperature so far.
        steady: vectors of the training pictures from several looks at each (the picture and its mirror image, say) before, `[P, dim]`.
        stand_ins: features that stand in for pictures of things (classes, nouns), which the training pictures may not show, `[K, width]`.
    """

    vectors: Tensor
    owner: np.ndarray
    pictures: Tensor
    scale: float
    steady: Tensor
    stand_ins: Tensor


def load_pixels(source: PictureSource, stems: Sequence[str], side: int) -> Tensor:
    """Pictures as uint8 `[N, 3, side, side]`, squashed."""
    pixels = torch.empty(len(stems), 3, side, side, dtype=torch.uint8)
    for row, stem in enumerate(tqdm(stems, desc="pictures", unit="picture")):
        picture = square(Picture.from_bytes(source.read(stem), side).pixels, side)
        pixels[row] = torch.from_numpy(picture).permute(2, 0, 1)
    return pixels


def augment(pixels: Tensor, size: int, smallest: float, random: torch.Generator) -> Tensor:
    """Random crop, mirror image, slight rotation, brightness, contrast and saturation; float32 `[N, 3, size, size]`, 0–255."""
    count = len(pixels)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=random) * (high - low) + low

    area, ratio, angle = uniform(smallest, 1), uniform(-0.22, 0.22).exp(), uniform(-0.12, 0.12)
    wide, high = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    flip = torch.where(uniform(0, 1) < 0.5, -1.0, 1.0)
    cos, sin = angle.cos(), angle.sin()
    x, y = (1 - wide) * uniform(-1, 1), (1 - high) * uniform(-1, 1)
    matrix = torch.stack([torch.stack([wide * flip * cos, -high * sin, x], 1), torch.stack([wide * flip * sin, high * cos, y], 1)], 1)
    grid = F.affine_grid(matrix, [count, 3, size, size], align_corners=False)
    crops = F.grid_sample(pixels.float(), grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    crops = crops * uniform(0.75, 1.25, 1, 1, 1) + uniform(-15, 15, 1, 1, 1)
    mean = crops.mean((1, 2, 3), keepdim=True)
    crops = (crops - mean) * uniform(0.75, 1.25, 1, 1, 1) + mean
    grey = crops.mean(1, keepdim=True)
    return ((crops - grey) * uniform(0.6, 1.4, 1, 1, 1) + grey).clamp(0, 255)


class _FixedDepthwise(torch.autograd.Function):
    """A depthwise convolution whose filters are not trained.

    The gradient of its input is again a depthwise convolution, with mirrored filters, which takes as long as the forward
    pass; the general backward pass of depthwise convolutions takes about thirty times as long on CPUs.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.stride, ctx.shape = stride, x.shape
        return F.conv2d(x, weight, bias, stride, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, Tensor, None]:
        (weight,) = ctx.saved_tensors
        grad, kernel = grads[0], weight.shape[-1]
        spread = grad
        if ctx.stride > 1:
            shape = (*grad.shape[:2], *((side - 1) * ctx.stride + 1 for side in grad.shape[2:]))
            spread = grad.new_zeros(shape).contiguous(memory_format=torch.channels_last)
            spread[:, :, :: ctx.stride, :: ctx.stride] = grad
        back = F.conv2d(spread, weight.flip(2, 3), padding=kernel - 1, groups=len(weight))
        missing = [whole - part for whole, part in zip(ctx.shape[2:], back.shape[2:], strict=True)]
        return F.pad(back, (0, missing[1], 0, missing[0])), None, grad.sum((0, 2, 3)), None


class FixedDepthwise(nn.Module):
    """Takes the place of a depthwise `nn.Conv2d`; only its bias is trained."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias, self.stride = convolution.weight.requires_grad_(False), convolution.bias, convolution.stride[0]

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = (t.to(x.dtype) for t in (self.weight, cast(Tensor, self.bias)))
        return cast(Tensor, _FixedDepthwise.apply(x, weight, bias, self.stride))


class _Halves(nn.Module):
    """A network split after `frozen` blocks, of which the rest is trained."""

    def __init__(self, network: EfficientNetLite, frozen: int) -> None:
        super().__init__()
        self.network, self.frozen = network.eval(), frozen
        for parameter in network.parameters():
            parameter.requires_grad_(False)
        for part in self.upper_parts:
            for parameter in part.parameters():
                parameter.requires_grad_(True)
        for block in network._blocks[frozen:]:
            block._depthwise_conv = FixedDepthwise(cast(nn.Conv2d, block._depthwise_conv))

    @property
    def upper_parts(self) -> list[nn.Module]:
        return [*self.network._blocks[self.frozen :], self.network._conv_head]

    def lower(self, pixels: Tensor) -> Tensor:
        return self.network.stages(self.network.stem(pixels), 0, self.frozen)

    def upper(self, hidden: Tensor) -> Tensor:
        return self.network.head(self.network.stages(hidden, self.frozen, None)).mean((2, 3))


def _channels_last(halves: _Halves) -> _Halves:
    """With the memory layout in which convolutions are fastest on CPUs."""
    return cast(_Halves, cast(Any, halves).to(memory_format=torch.channels_last))


def picture_to_texts(pictures: Tensor, candidates: Tensor, positive: Tensor, scale: Tensor) -> Tensor:
    """Each picture `[B, dim]` told from `candidates` `[C, dim]`; `positive` `[B, C]` marks what belongs to it.

    The loss is the mean over all positives; see `told_from_others`.
    """
    return told_from_others(scale * pictures @ candidates.T, positive).sum() / positive.sum()


def texts_to_picture(texts: Tensor, memory: Tensor, target: Tensor, scale: Tensor) -> Tensor:
    """Texts `[M, dim]` told which of the pictures in `memory` `[P, dim]` they belong to (cross-batch memory, Wang et al. 2020)."""
    return F.cross_entropy(scale * texts @ memory.T, target)


def away(vectors: Tensor, wanted: Tensor) -> Tensor:
    """How far unit vectors `[B, dim]` are from those `wanted`: one less their cosine, in the mean."""
    return (1 - (vectors * wanted).sum(1)).mean()


def tune_picture_tower(
    network: EfficientNetLite,
    head: Head,
    reminder: tuple[EfficientNetLite, nn.Linear],
    pixels: Tensor,
    texts: LockedTexts,
    stage: PictureStage,
    seed: int,
    checkpoint: Path,
) -> tuple[EfficientNetLite, Head]:
    """Fine-tune copies of the upper blocks of the folded `network` and of its head; pictures are `pixels` uint8 `[P, 3, S, S]`.

    `reminder` is the pretrained network and its classifier. Goes on from `checkpoint` if it is there, and writes it after every epoch.
    """
    random, draw = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    torch.manual_seed(seed)
    teacher = _channels_last(_Halves(folded(reminder[0]), stage.frozen_blocks).requires_grad_(False))
    student = _channels_last(_Halves(copy.deepcopy(network), stage.frozen_blocks))
    head, head_before = copy.deepcopy(head).train(), copy.deepcopy(head).eval().requires_grad_(False)
    classifier = copy.deepcopy(reminder[1]).requires_grad_(False)
    log_scale = nn.Parameter(torch.tensor(texts.scale).log())
    upper = [p for part in student.upper_parts for p in part.parameters()]
    steps = stage.epochs * (len(pixels) // stage.batch)
    tuning = Tuning(
        nn.ModuleDict({"network": student.network, "head": head}),
        {"params": upper, "lr": stage.learning_rate, "weight_decay": stage.weight_decay},
        {"params": [*head.parameters(), log_scale], "lr": stage.head_learning_rate, "weight_decay": 0.1},
        steps,
        stage.average,
        checkpoint,
    )
    of_picture = [np.flatnonzero(texts.owner == i) for i in range(len(pixels))]
    owner = torch.from_numpy(texts.owner)
    reminded = max(1, round(stage.batch * stage.reminded))
    reached = tuning.resume()
    memory, start = reached.get("memory", texts.pictures.clone()), reached.get("epoch", 0)
    for epoch in range(start, stage.epochs):
        order = draw.permutation(len(pixels))
        batches = [order[i : i + stage.batch] for i in range(0, len(order) - stage.batch + 1, stage.batch)]
        progress = tqdm(batches, desc=f"picture tower {epoch + 1}/{stage.epochs}", unit="batch")
        for chosen in progress:
            inputs = (augment(pixels[chosen], stage.size, stage.smallest_crop, random) - 127) / 128
            inputs = inputs.to(memory_format=torch.channels_last)
            with torch.autocast("cpu", torch.bfloat16):
                with torch.no_grad():
                    hidden = student.lower(inputs)
                    before = teacher.upper(hidden[:reminded])
                features = student.upper(hidden)
            features = features.float()
            joint = head(features)
            rows = np.concatenate([draw.choice(of_picture[i], stage.texts) for i in chosen])
            candidates = torch.from_numpy(np.concatenate([rows, draw.integers(len(texts.owner), size=stage.negatives)]))
            indices = torch.from_numpy(chosen)
            positive = owner[candidates][None, :] == indices[:, None]
            bound = log_scale.exp().clamp(max=100)
            current = memory.clone()
            current[indices] = joint
            loss = picture_to_texts(joint, texts.vectors[candidates], positive, bound)
            loss = loss + texts_to_picture(texts.vectors[rows], current, indices.repeat_interleave(stage.texts), bound)
            loss = loss + stage.steadiness * away(joint, texts.steady[indices])
            if stage.stand_ins and len(texts.stand_ins):
                held = texts.stand_ins[draw.integers(len(texts.stand_ins), size=stage.stand_ins)]
                loss = loss + stage.steadiness * away(head(held), head_before(held))
            wanted = (classifier(before.float()) / 2).softmax(1)
            answers = (classifier(features[:reminded]) / 2).log_softmax(1)
            loss = loss + stage.keep_classes * 4 * F.kl_div(answers, wanted, reduction="batchmean")
            tuning.step(loss)
            memory[indices] = joint.detach()
            progress.set_postfix(loss=f"{loss.item():.3f}")
        tuning.save(memory=memory, epoch=epoch + 1)
    final = tuning.averaged
    return cast(EfficientNetLite, final["network"].eval()), cast(Head, final["head"].eval())
