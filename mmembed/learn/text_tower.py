"""Fine-tuning of the text tower's upper layers, with the picture head, on frozen lower layers and picture features."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import sentencepiece as spm
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from tqdm import tqdm
from transformers import BertModel

from mmembed.learn.backbones.e5 import load_e5
from mmembed.learn.features import Ragged, mean_pooled, run_layers, stacked, text_features, text_states
from mmembed.learn.heads import JointHeads
from mmembed.learn.tuning import Tuning


@dataclass(frozen=True)
class TextTower:
    """A text tower with its vocabulary.

    Attributes:
        model: the encoder, in eval mode.
        pieces: splits a text.
        layers: how many of the first layers the source texts of a decoder pass through; fine-tuning leaves those alone.
    """

    model: BertModel
    pieces: spm.SentencePieceProcessor
    layers: int

    def features(self, texts: Sequence[str], cache: Path) -> np.ndarray:
        """Mean-pooled sentence features, float16 `[N, width]`."""
        return text_features(self.model, self.pieces, texts, self.layers, cache)

    def states(self, texts: Sequence[str], cache: Path) -> Ragged:
        """States of every piece after the first `layers` layers, float16."""
        return text_states(self.model, self.pieces, texts, self.layers, cache)


def pretrained_text_tower(folder: Path) -> TextTower:
    """The pretrained text tower, with the trimmed vocabulary that `train space` left in `folder`."""
    model = load_e5(keep=json.loads((folder / "pieces.json").read_text()))
    return TextTower(model, spm.SentencePieceProcessor(model_file=str(folder / "text.model")), len(model.encoder.layer))


def load_text_tower(folder: Path) -> TextTower:
    """The text tower that `train space` left in `folder`; the pretrained one if it was not tuned."""
    tower = pretrained_text_tower(folder)
    tuned = folder / "text_tower.pt"
    if not tuned.exists():
        return tower
    saved = torch.load(tuned, weights_only=True)
    tower.model.encoder.layer[saved["layers"] :].load_state_dict(saved["weights"])
    return replace(tower, layers=saved["layers"])


def save_text_tower(tower: TextTower, folder: Path) -> None:
    """Write the tuned layers for `load_text_tower`."""
    weights = tower.model.encoder.layer[tower.layers :].state_dict()
    torch.save({"layers": tower.layers, "weights": weights}, folder / "text_tower.pt")


@dataclass(frozen=True)
class TextStage:
    """How the text tower is fine-tuned.

    Attributes:
        steps: steps of training; 0 leaves the tower as it is.
        frozen_layers: how many of the first layers stay as they are. What a decoder reads of a source text comes from there.
        batch: pictures a step, each with two texts.
        parallel: pairs of parallel sentences a step.
        classes, nouns: so many of those a step (see `learn.classes`, `learn.nouns`).
        learning_rate, head_learning_rate: peak rates of the layers and of the heads (AdamW, warm-up and cosine).
        text_weight: weight of the loss between texts that mean the same.
        average: decay of the running average of the weights.
        runs: how often it is done, each time from the same start with other draws; the weights are averaged at the end.
        share: how far to go in the end, from the weights before (0) to those (1); see `partway`.
    """

    steps: int = 0
    frozen_layers: int = 8
    batch: int = 320
    parallel: int = 80
    classes: int = 40
    nouns: int = 40
    learning_rate: float = 1e-4
    head_learning_rate: float = 1e-3
    text_weight: float = 0.3
    dropout: float = 0.0
    average: float = 0.98
    save_every: int = 50
    runs: int = 1
    share: float = 1.0


@dataclass(frozen=True)
class TextBatch:
    """What one step learns from: rows of picture features and of texts.

    Attributes:
        pictures: which of the training pictures are in it, `[n]`.
        features: float32 `[N, width]`, those pictures' and, after them, stand-ins'.
        first, second: rows of texts that belong to each of them, `[N]`.
        left, right: rows of texts that mean the same, `[M]`.
    """

    pictures: np.ndarray
    features: np.ndarray
    first: np.ndarray
    second: np.ndarray
    left: np.ndarray
    right: np.ndarray


class UpperText(nn.Module):
    """The layers after the first `frozen` ones: lower states of texts → pooled features."""

    def __init__(self, model: BertModel, frozen: int, dropout: float) -> None:
        super().__init__()
        self.model, self.frozen = model, frozen
        model.eval()
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        for layer in model.encoder.layer[frozen:]:
            for parameter in layer.parameters():
                parameter.requires_grad_(True)
            for part in layer.modules():
                if isinstance(part, nn.Dropout):
                    part.p = dropout

    def train(self, mode: bool = True) -> UpperText:
        self.model.encoder.layer[self.frozen :].train(mode)
        return self

    def forward(self, texts: Sequence[np.ndarray], chunk: int = 256) -> Tensor:
        """float32 `[N, width]`; texts of similar length run together."""
        device = next(self.parameters()).device
        order = np.argsort([len(text) for text in texts], kind="stable")
        parts = []
        for start in range(0, len(order), chunk):
            states, mask = (part.to(device) for part in stacked([texts[i] for i in order[start : start + chunk]]))
            with torch.autocast(device.type, torch.bfloat16):
                states = run_layers(self.model, states, mask, self.frozen, None)
            parts.append(mean_pooled(states.float(), mask))
        return torch.cat(parts)[torch.from_numpy(np.argsort(order)).to(device)]


Embed = Callable[[np.ndarray], Tensor]
Objective = Callable[[JointHeads, TextBatch, Embed], Tensor]
"""The loss of one batch; `Embed` turns rows of texts into joint vectors, all at once fastest."""


def pairs(text_weight: float) -> Objective:
    """The contrastive loss within a batch: pictures and each of their two texts, those texts, and parallel sentences."""

    def loss(heads: JointHeads, batch: TextBatch, embed: Embed) -> Tensor:
        first, second, left, right = embed_parts(embed, batch.first, batch.second, batch.left, batch.right)
        seen = heads.picture(torch.from_numpy(batch.features).to(first.device))
        return heads.contrast(seen, first) + heads.contrast(seen, second) + text_weight * same_meaning(heads, first, second, left, right)

    return loss


def embed_parts(embed: Embed, *rows: np.ndarray) -> tuple[Tensor, ...]:
    """Joint vectors of several groups of rows, embedded at once."""
    return embed(np.concatenate(rows)).split([len(part) for part in rows])


def same_meaning(heads: JointHeads, first: Tensor, second: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """The contrastive loss between two texts of each picture, and between parallel sentences if there are any."""
    loss = heads.contrast(first, second)
    return loss + heads.contrast(left, right) if len(left) else loss


def tune_text_tower(
    model: BertModel,
    heads: JointHeads,
    states: Sequence[Ragged],
    batches: Iterator[TextBatch],
    objective: Objective,
    stage: TextStage,
    seed: int,
    checkpoint: Path,
) -> tuple[BertModel, JointHeads]:
    """Fine-tune copies of the upper layers and of what is trainable of the heads, on a GPU if there is one.

    Rows of a batch count through all of `states`. Goes on from `checkpoint` if it is there; it is written every `save_every` steps.
    """
    torch.manual_seed(seed)
    device = Accelerator().device
    upper = UpperText(copy.deepcopy(model), stage.frozen_layers, stage.dropout).to(device)
    heads = copy.deepcopy(heads).to(device)
    layers = [parameter for parameter in upper.parameters() if parameter.requires_grad]
    learned = [parameter for parameter in heads.parameters() if parameter.requires_grad]
    trained = nn.ModuleDict({"layers": upper.model.encoder.layer[stage.frozen_layers :], "heads": heads})
    tuning = Tuning(
        trained,
        {"params": layers, "lr": stage.learning_rate, "weight_decay": 0.01},
        {"params": learned, "lr": stage.head_learning_rate, "weight_decay": 0.1},
        stage.steps,
        stage.average,
        checkpoint,
    )
    offsets = np.cumsum([0, *(len(group) for group in states)])
    done = tuning.resume().get("step", 0)

    def read(row: int) -> np.ndarray:
        group = int(np.searchsorted(offsets, row, side="right")) - 1
        return states[group][row - offsets[group]]

    def embed(rows: np.ndarray) -> Tensor:
        vectors: Tensor = heads.text(upper([read(int(row)) for row in rows]))
        return vectors

    upper.train()
    heads.train()
    progress = tqdm(total=stage.steps, initial=done, desc="text tower", unit="step")
    for step, batch in zip(range(done, stage.steps), batches, strict=False):
        loss = objective(heads, batch, embed)
        tuning.step(loss)
        progress.update()
        progress.set_postfix(loss=f"{loss.item():.3f}")
        if (step + 1) % stage.save_every == 0 or step + 1 == stage.steps:
            tuning.save(step=step + 1)
    final = tuning.averaged
    upper.model.encoder.layer[stage.frozen_layers :].load_state_dict(final["layers"].state_dict())
    return upper.model.cpu().eval(), cast(JointHeads, final["heads"].cpu().eval())
