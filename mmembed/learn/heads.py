"""The trained part of the bundled space: one projection a modality onto frozen backbone features."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Head(nn.Module):
    """Backbone features `[N, inputs]` → L2-normalised joint vectors `[N, dim]`.

    After training, `centre` holds the mean vector of the modality. Taking it away closes most of the gap between the
    two modalities (Zhang et al. 2024, C3, https://arxiv.org/abs/2401.08567), which lets a decoder read both.
    """

    centre: Tensor
    mean: Tensor
    whitening: Tensor

    def __init__(self, inputs: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(inputs, dim)
        self.register_buffer("centre", torch.zeros(dim))
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("whitening", torch.eye(inputs))

    def whiten(self, features: Tensor, shrinkage: float) -> None:
        """Learn in whitened coordinates: backbone features are so correlated that gradient steps on them crawl.

        Args:
            features: `[N, inputs]` of the training set.
            shrinkage: how far the covariance is pulled towards a multiple of the identity, 0 to 1.
        """
        self.mean.copy_(features.mean(0))
        centred = (features - self.mean).double()
        covariance = centred.T @ centred / len(centred)
        identity = torch.eye(len(covariance), dtype=torch.double) * covariance.diagonal().mean()
        values, directions = torch.linalg.eigh((1 - shrinkage) * covariance + shrinkage * identity)
        self.whitening.copy_((directions * values.rsqrt() @ directions.T).float())

    @torch.no_grad()
    def fold(self) -> None:
        """Move the whitening into the linear layer; outputs stay the same (in eval mode)."""
        weight = self.linear.weight @ self.whitening
        self.linear.bias.sub_(weight @ self.mean)
        self.linear.weight.copy_(weight)
        self.mean.zero_()
        self.whitening.copy_(torch.eye(len(self.whitening)))

    def forward(self, features: Tensor) -> Tensor:
        white = (features - self.mean) @ self.whitening
        joint = F.normalize(self.linear(self.dropout(white)), dim=-1)
        return F.normalize(joint - self.centre, dim=-1)


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
