"""The trained part of the bundled space: one projection a modality onto frozen backbone features."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Head(nn.Module):
    """Backbone features `[N, inputs]` → L2-normalised joint vectors `[N, dim]`.

    After training, `centre` holds the mean vector of the modality. Taking it away closes most of the gap between the
    two modalities (Zhang et al. 2024, C3, https://arxiv.org/abs/2401.08567), which lets a decoder read both. Texts that are
    compared with pictures keep theirs: without it they find less (docs/experiments.md).
    """

    centre: Tensor

    def __init__(self, inputs: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(inputs, dim)
        self.register_buffer("centre", torch.zeros(dim))

    def forward(self, features: Tensor) -> Tensor:
        return F.normalize(self.uncentred(features) - self.centre, dim=-1)

    def vectors(self, features: np.ndarray) -> np.ndarray:
        """float32 `[…, inputs]` → `[…, dim]`, without gradients."""
        with torch.inference_mode():
            found: np.ndarray = self(torch.from_numpy(features)).numpy()
        return found

    def uncentred(self, features: Tensor) -> Tensor:
        """The joint vectors with the modality's mean."""
        return F.normalize(self.linear(self.dropout(features)), dim=-1)


class JointHeads(nn.Module):
    """Both heads and the learned temperature of the contrastive loss."""

    def __init__(self, picture_inputs: int, text_inputs: int, dim: int, picture_dropout: float, text_dropout: float) -> None:
        super().__init__()
        self.picture = Head(picture_inputs, dim, picture_dropout)
        self.text = Head(text_inputs, dim, text_dropout)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / 0.05)))

    def contrast(self, left: Tensor, right: Tensor) -> Tensor:
        """Symmetric InfoNCE (Radford et al. 2021) between matching rows of two sets of joint vectors."""
        logits = self.log_scale.exp().clamp(max=100) * left @ right.T
        target = torch.arange(len(logits), device=logits.device)
        return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def told_from_others(logits: Tensor, positive: Tensor) -> Tensor:
    """The loss of each positive against its row's negatives alone, `[N, M]`; what is not positive has none (0).

    This is supervised contrastive learning with the positives outside the logarithm (Khosla et al. 2020), of which none
    competes with another.

    Args:
        logits: scaled similarities, `[N, M]`.
        positive: what belongs to each row, bool `[N, M]`.
    """
    negatives = logits.masked_fill(positive, -torch.inf).logsumexp(1, keepdim=True)
    return (torch.logaddexp(logits, negatives) - logits) * positive


def load_heads(path: Path, picture_dropout: float = 0.0) -> JointHeads:
    """Heads that were saved as a state dict, in eval mode."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    dim, inputs = state["picture.linear.weight"].shape
    heads = JointHeads(inputs, state["text.linear.weight"].shape[1], dim, picture_dropout, 0.0)
    heads.load_state_dict(state)
    return heads.eval()
