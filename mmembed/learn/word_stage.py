"""The text tower alone, against finished pictures: all of them at once, and single words with all the pictures they are said of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mmembed.learn.heads import JointHeads, told_from_others
from mmembed.learn.text_tower import Embed, TextBatch, TextStage, embed_parts, same_meaning
from mmembed.learn.words import WordCounts


@dataclass(frozen=True)
class WordStage(TextStage):
    """How the text tower is fine-tuned with words while the picture head stays as it is, so that no picture's vector changes.

    Attributes:
        nouns: see `TextStage`.
        words: words a step.
        counts: which words.
        word_scale: inverse temperature of the loss of words; they are said of many pictures, so it is low.
        word_weight: weight of that loss.
    """

    nouns: int = 120
    words: int = 256
    counts: WordCounts = field(default_factory=WordCounts)
    word_scale: float = 15.0
    word_weight: float = 2.0


class AllPictures:
    """The objective: texts are told from all training pictures, not only from those of their batch.

    With the pictures locked that costs next to nothing. A picture is told which of the batch's texts are its own, as before.
    """

    def __init__(self, features: np.ndarray, words: np.ndarray, shown: np.ndarray, stage: WordStage, seed: int) -> None:
        """
        Args:
            features: of the training pictures, float32 `[P, views, width]`.
            words: rows of texts that are words, `[W]`.
            shown: of which pictures each is said, bool `[W, P]`.
        """
        self._features, self._words, self._shown, self._stage = features, words, shown, stage
        self._random = np.random.default_rng(seed)

    def __call__(self, heads: JointHeads, batch: TextBatch, embed: Embed) -> Tensor:
        picks = self._random.choice(len(self._words), min(self._stage.words, len(self._words)), replace=False)
        parts = batch.first, batch.second, batch.left, batch.right, self._words[picks]
        first, second, left, right, words = embed_parts(embed, *parts)
        views = self._random.integers(self._features.shape[1], size=len(self._features))
        device = words.device
        with torch.no_grad():  # the head's dropout stays on: pictures were fitted to these very texts
            everything = heads.picture(torch.from_numpy(self._features[np.arange(len(views)), views]).to(device))
            stand_ins = heads.picture(torch.from_numpy(batch.features[len(batch.pictures) :]).to(device))
        pictures = torch.from_numpy(batch.pictures).to(device)
        seen = torch.cat([everything[pictures], stand_ins])
        candidates = torch.cat([everything, stand_ins])
        target = torch.cat([pictures, len(everything) + torch.arange(len(stand_ins), device=device)])
        scale = heads.log_scale.exp().clamp(max=100)
        loss = self._stage.text_weight * same_meaning(heads, first, second, left, right)
        for said in (first, second):
            loss = loss + F.cross_entropy(scale * said @ candidates.T, target) / 2
            loss = loss + F.cross_entropy(scale * seen @ said.T, torch.arange(len(seen), device=device)) / 2
        if not len(picks):
            return loss
        logits = self._stage.word_scale * words @ everything.T
        return loss + self._stage.word_weight * words_to_pictures(logits, torch.from_numpy(self._shown[picks]).to(device))


def words_to_pictures(logits: Tensor, shown: Tensor) -> Tensor:
    """Words told from the pictures they are not said of, the mean over those they are said of.

    Args:
        logits: scaled similarities of words and pictures, `[W, P]`.
        shown: of which pictures each word is said, at least one, bool `[W, P]`.
    """
    return (told_from_others(logits, shown).sum(1) / shown.sum(1)).mean()
