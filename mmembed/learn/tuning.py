"""What the stages of fine-tuning share: one or two rates, a running average of the weights, and a checkpoint to go on from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from transformers import get_cosine_schedule_with_warmup

Network = TypeVar("Network", bound=nn.Module)


def averaged(networks: Sequence[Network]) -> Network:
    """The first of some networks of one shape, with the mean of all their weights (model soup, Wortsman et al. 2022,
    https://arxiv.org/abs/2203.05482)."""
    with torch.no_grad():
        for weights in zip(*(network.parameters() for network in networks), strict=True):
            weights[0].copy_(torch.stack(weights).mean(0))
    return networks[0]


def partway(before: nn.Module, after: Network, share: float) -> Network:
    """`after` with weights that are `share` of the way from those of `before` to its own (WiSE-FT, Wortsman et al. 2022,
    https://arxiv.org/abs/2109.01903)."""
    with torch.no_grad():
        for old, new in zip(before.parameters(), after.parameters(), strict=True):
            new.copy_(torch.lerp(old, new, share))
    return after


class Tuning:
    """AdamW with warm-up and cosine over `steps` steps, gradients of the tower clipped, weights averaged with decay `average`."""

    def __init__(
        self, trained: nn.ModuleDict, tower: dict[str, Any], heads: dict[str, Any] | None, steps: int, average: float, checkpoint: Path
    ) -> None:
        """
        Args:
            trained: all that a checkpoint keeps and that is averaged.
            tower, heads: parameter groups of the optimizer, or one; only the gradients of the first are clipped.
        """
        self._trained, self._clipped, self._checkpoint = trained, tower["params"], checkpoint
        self._optimizer = torch.optim.AdamW([tower, heads] if heads else [tower])
        self._schedule = get_cosine_schedule_with_warmup(self._optimizer, steps // 10, steps)
        self._average = torch.optim.swa_utils.AveragedModel(trained, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(average))

    @property
    def _parts(self) -> dict[str, Any]:
        return {"average": self._average, "trained": self._trained, "optimizer": self._optimizer, "schedule": self._schedule}

    def resume(self) -> dict[str, Any]:
        """Go on from the checkpoint if there is one; returns what `save` was given beside, or nothing."""
        if not self._checkpoint.exists():
            return {}
        saved = torch.load(self._checkpoint, map_location="cpu", weights_only=True)
        for name, part in self._parts.items():
            part.load_state_dict(saved.pop(name))
        return cast(dict[str, Any], saved)

    def save(self, **progress: Any) -> None:
        """Replace the checkpoint, all at once."""
        partial = self._checkpoint.with_suffix(".partial")
        torch.save({name: part.state_dict() for name, part in self._parts.items()} | progress, partial)
        partial.replace(self._checkpoint)

    def step(self, loss: Tensor) -> None:
        """One step down the gradient of `loss`."""
        self._optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self._clipped, 1.0)
        self._optimizer.step()
        self._schedule.step()
        self._average.update_parameters(self._trained)

    @property
    def averaged(self) -> nn.ModuleDict:
        """`trained` with the averaged weights."""
        return cast(nn.ModuleDict, self._average.module)
