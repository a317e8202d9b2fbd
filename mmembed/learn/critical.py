"""The decoder's last stage: captions that score well, not only likely ones.

Self-critical sequence training (Rennie et al. 2017, https://arxiv.org/abs/1612.00563) with the mean of a picture's other samples as
the baseline (Luo 2020, https://arxiv.org/abs/2003.09971): of several sampled captions, those with more CIDEr-D than the others become
likelier. Beside it goes the cross-entropy on the mixture, so that translations stay what they are and captions stay language.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import sentencepiece as spm
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from mmembed.learn.conditioned import ConditionedDecoder
from mmembed.learn.likelihood import DecoderLoss
from mmembed.learn.mixture import Batch
from mmembed.learn.reward import CiderReward
from mmembed.learn.tuning import Tuning
from mmembed.learn.writing import PADDING, texts_of, write

_LENGTH = 40  # pieces of a sampled caption


@dataclass(frozen=True)
class CriticalStage:
    """How the decoder is trained on what its captions score.

    Attributes:
        steps: 0 leaves the stage out.
        batch, samples: pictures a step, all described in one language, and captions sampled of each.
        mixture_batch, mixture: examples of the mixture a step, and the weight of their loss.
        learning_rate: peak rate (AdamW, warm-up and cosine).
        average: decay of the running average of the weights.
        share: of what the stage changed, how much is kept: the weights lie between those before and after (Wortsman et al. 2022,
            https://arxiv.org/abs/2109.01903). Captions that only score well are short and alike.
        languages: how often each is drawn; the reward needs references in it.
        pivots: languages in which translations of the English captions are further references; for those with few.
        save_every: steps between checkpoints.
    """

    steps: int = 0
    batch: int = 32
    samples: int = 5
    mixture_batch: int = 64
    mixture: float = 0.5
    learning_rate: float = 2e-4
    average: float = 0.98
    share: float = 1.0
    languages: dict[str, float] | None = None
    pivots: tuple[str, ...] = ()
    save_every: int = 50


@dataclass(frozen=True)
class Described:
    """What is described, and how that is judged.

    Attributes:
        vectors: of the pictures, float32 `[P, views, dim]`.
        place: picture → its row there.
        rewards: by language.
        pieces: ids each language is written with.
        tags: id that a text in each language begins with.
        targets: the decoder's vocabulary.
    """

    vectors: np.ndarray
    place: Mapping[str, int]
    rewards: Mapping[str, CiderReward]
    pieces: Mapping[str, Sequence[int]]
    tags: Mapping[str, int]
    targets: spm.SentencePieceProcessor


def tune_on_rewards(
    decoder: ConditionedDecoder,
    described: Described,
    mixture: Iterator[Batch],
    smoothing: float,
    stage: CriticalStage,
    autocast: Callable[[], AbstractContextManager[None]],
    seed: int,
    checkpoint: Path,
) -> ConditionedDecoder:
    """Train the decoder, in place; returns the one to use, with averaged weights, between those before and after.

    Goes on from `checkpoint` if it is there.

    Args:
        mixture: batches of what was trained on before.
        smoothing: of the labels in their loss.
        autocast: in which the network runs.
    """
    draw, random = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    device = next(decoder.parameters()).device
    before, trained = copy.deepcopy(decoder), nn.ModuleDict({"decoder": decoder})
    tuning = Tuning(
        trained, {"params": list(decoder.parameters()), "lr": stage.learning_rate}, None, stage.steps, stage.average, checkpoint
    )
    start = tuning.resume().get("step", 0)
    likelihood = DecoderLoss(decoder, list(map(list, described.pieces.values())), smoothing).to(device)
    weights = stage.languages or dict.fromkeys(described.rewards, 1.0)
    languages, share = list(weights), np.array(list(weights.values())) / sum(weights.values())
    scores: dict[str, list[float]] = defaultdict(list)
    progress = tqdm(range(start + 1, stage.steps + 1), initial=start, total=stage.steps, desc="on rewards", unit="step")
    for step in progress:
        language = str(draw.choice(languages, p=share))
        reward = described.rewards[language]
        pictures = [reward.pictures[i] for i in draw.choice(len(reward.pictures), min(stage.batch, len(reward.pictures)), replace=False)]
        rows, views = [described.place[picture] for picture in pictures], draw.integers(described.vectors.shape[1], size=len(pictures))
        prefix = torch.from_numpy(described.vectors[rows, views]).to(device)
        allowed = torch.tensor(described.pieces[language], device=device)
        with autocast():
            nothing = nothing_read(len(prefix), decoder.config.state_dim, device)
            ids = write(decoder, (prefix, *nothing), described.tags[language], allowed, _LENGTH, random, stage.samples)
            texts = texts_of(ids, described.targets)
            reached = np.stack([reward(picture, texts[i * stage.samples : (i + 1) * stage.samples]) for i, picture in enumerate(pictures)])
            loss = policy_loss(decoder, prefix, ids, allowed, torch.from_numpy(advantages(reached)).float().to(device))
            loss = loss + stage.mixture * likelihood(next(mixture).to(device))
        tuning.step(loss)
        scores[language].append(float(reached.mean()))
        progress.set_postfix({code: f"{np.mean(found[-10:]):.2f}" for code, found in sorted(scores.items())})
        if step % stage.save_every == 0 or step == stage.steps:
            tuning.save(step=step)
    after = cast(ConditionedDecoder, tuning.averaged["decoder"])
    with torch.no_grad():
        for kept, changed in zip(before.parameters(), after.parameters(), strict=True):
            kept.lerp_(changed, stage.share)
    return before


def advantages(rewards: np.ndarray) -> np.ndarray:
    """By how much each sample is better than the mean of the picture's others, `[P, samples]`."""
    samples = rewards.shape[1]
    others: np.ndarray = (rewards.sum(1, keepdims=True) - rewards) / (samples - 1)
    return rewards - others


def policy_loss(decoder: ConditionedDecoder, prefix: Tensor, ids: Tensor, allowed: Tensor, advantage: Tensor) -> Tensor:
    """Mean over the samples of minus advantage times log-likelihood (REINFORCE, Williams 1992).

    Args:
        prefix: pictures `[P, dim]`.
        ids: what was sampled, `[P · samples, L]`; see `write`.
        allowed: ids that it was sampled among, sorted, `[V]`.
        advantage: `[P, samples]`.
    """
    samples = advantage.shape[1]
    prefix = prefix.repeat_interleave(samples, 0)
    hidden = decoder(prefix, *nothing_read(len(prefix), decoder.config.state_dim, prefix.device), ids[:, :-1])
    written = ids[:, 1:] != PADDING
    logits = decoder.logits(hidden[written], allowed).float()
    likelihood = -F.cross_entropy(logits, torch.searchsorted(allowed, ids[:, 1:][written]), reduction="none")
    return -(advantage.reshape(-1, 1).expand_as(written)[written] * likelihood).sum() / len(ids)


def nothing_read(count: int, width: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """States, word embeddings and mask of `count` examples without a source text; see `ConditionedDecoder.forward`."""
    empty = torch.zeros(count, 1, width, device=device)
    return empty, empty, torch.zeros(count, 1, dtype=torch.bool, device=device)
