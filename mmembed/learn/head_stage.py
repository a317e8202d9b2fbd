"""The first stage of `train space`: both heads, on frozen backbones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from tqdm import tqdm
from transformers import get_cosine_schedule_with_warmup

from mmembed.learn.heads import JointHeads
from mmembed.learn.space_data import DrawSizes, PairSampler, SpaceData


@dataclass(frozen=True)
class HeadStage:
    """How the heads are trained on frozen backbones (AdamW, warm-up and cosine)."""

    epochs: int = 60
    batch: int = 512
    classes: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    picture_dropout: float = 0.3
    text_weight: float = 0.3


def fit_heads(data: SpaceData, dim: int, stage: HeadStage, weights: dict[str, float], seed: int) -> JointHeads:
    """Contrastive training of both heads; `weights` says how much more often a language's captions are drawn. The heads' weights are
    averaged over the second half of the epochs."""
    set_seed(seed)
    heads = JointHeads(data.pictures.shape[2], data.texts.shape[1], dim, stage.picture_dropout, 0.0)
    accelerator = Accelerator()
    optimizer = torch.optim.AdamW(heads.parameters(), stage.learning_rate, weight_decay=stage.weight_decay)
    sampler = PairSampler(data, weights, seed)
    steps = stage.epochs * -(-len(sampler.pictures) // stage.batch)
    schedule = get_cosine_schedule_with_warmup(optimizer, steps // 10, steps)
    heads, optimizer, schedule = accelerator.prepare(heads, optimizer, schedule)
    bare = accelerator.unwrap_model(heads)
    average = torch.optim.swa_utils.AveragedModel(bare)

    def text(rows: np.ndarray) -> torch.Tensor:
        return bare.text(torch.from_numpy(data.texts[rows]).to(accelerator.device))

    for epoch in tqdm(range(stage.epochs), desc="heads", unit="epoch"):
        heads.train()
        for batch in sampler.epoch(DrawSizes(stage.batch, stage.classes, 0, stage.batch)):
            seen = bare.picture(torch.from_numpy(batch.features).to(accelerator.device))
            said, also = text(batch.first), text(batch.second)
            loss = bare.contrast(seen, said) + stage.text_weight * bare.contrast(said, also)
            if len(batch.left):
                loss = loss + stage.text_weight * bare.contrast(text(batch.left), text(batch.right))
            accelerator.backward(loss)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        if epoch >= stage.epochs // 2:
            average.update_parameters(bare)
    return cast(JointHeads, average.module).cpu().eval()
