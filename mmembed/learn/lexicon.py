"""What words look like, learned from captions and, for languages with few, from sentences in parallel with English ones: `Lexicon`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from mmembed.space.glossary import stems
from mmembed.space.lexicon import Lexicon
from mmembed.space.unit import unit

_COMMONEST, _SHRINKING, _LEAST = 0.1, 10, 1e-9
_LEVELS = 127  # of eight bits with a sign
_AT_ONCE = 1 << 16  # vectors that are added up


@dataclass(frozen=True)
class LexiconConfig:
    """How a lexicon is learned.

    Attributes:
        parallel: table of parallel sentences (see `learn.data`), also English, for languages of which there are few captions.
        parallel_languages: those.
        said: how many captions of a language have to say a word.
        steps: with batches of `batch` texts of each kind.
        rate: of Adam, falling to 0.
        dropout: chance of each word to be left out of a text.
        scale: inverse temperature.
        rank: how many numbers are kept of each word.
    """

    parallel: Path | None = None
    parallel_languages: tuple[str, ...] = ()
    said: int = 3
    steps: int = 250
    batch: int = 512
    rate: float = 3e-3
    dropout: float = 0.3
    scale: float = 12.0
    rank: int = 128
    seed: int = 1


@dataclass(frozen=True)
class Told:
    """Texts of one language, and which of some vectors each belongs to.

    Attributes:
        texts: T of them.
        owners: rows in `vectors`, int64 `[T]`.
        vectors: float32 `[N, dim]`, L2-normalised.
    """

    texts: Sequence[str]
    owners: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True)
class _Learned:
    """Words of one language, the rarity of each, float32 `[W]`, and their vectors, float32 `[W, dim]`."""

    words: Sequence[str]
    rarities: np.ndarray
    vectors: np.ndarray


def learn_lexicon(config: LexiconConfig, told: Mapping[str, Sequence[Told]]) -> Lexicon | None:
    """Learn each language on its own: the vector of a text, the mean of its words, is told from those of its batch (InfoNCE).

    Args:
        told: by language, captions and the vectors of their pictures, then, if there are any, sentences and the text vectors of what
            they are translations of, which stand in for pictures.

    Returns:
        None where no word is said often enough.
    """
    every = {language: _of_language(config, language, kinds) for language, kinds in told.items()}
    learned = {language: one for language, one in every.items() if len(one.words)}
    return _packed(learned, config.rank) if learned else None


def _of_language(config: LexiconConfig, language: str, kinds: Sequence[Told]) -> _Learned:
    kinds = [kinds[0], *(_among_pictures(kind, kinds[0].vectors) for kind in kinds[1:])]
    said = [[stems(text, language) for text in kind.texts] for kind in kinds]
    counts = Counter(word for texts in said for text in texts for word in set(text))
    words = [word for word, count in counts.most_common() if count >= config.said]
    number = {word: index for index, word in enumerate(words)}
    shares = np.array([counts[word] for word in words], np.float32) / sum(map(len, said))
    rarities = -np.log(shares).clip(max=-_COMMONEST)
    bags = [[torch.tensor([number[word] for word in text if word in number], dtype=torch.long) for text in texts] for texts in said]
    torch.manual_seed(config.seed)
    return _Learned(words, rarities, _learn(config, bags, kinds, torch.from_numpy(rarities)) if words else np.zeros((0, 0), np.float32))


def _among_pictures(texts: Told, pictures: np.ndarray) -> Told:
    """The same with vectors whose mean is that of the pictures'."""
    moved = texts.vectors - texts.vectors.mean(0) + pictures.mean(0)
    return Told(texts.texts, texts.owners, unit(moved))


class _Bags(nn.Module):
    """Texts as means of their words."""

    def __init__(self, start: Tensor, offset: Tensor, weights: Tensor) -> None:
        super().__init__()
        self.vectors, self.offset = nn.Parameter(start), nn.Parameter(offset)
        self._weights = weights

    def forward(self, bags: Sequence[Tensor], dropout: float) -> Tensor:
        """`[N, dim]`, L2-normalised."""
        rows = pad_sequence(list(bags), batch_first=True, padding_value=-1)
        weights = torch.where(rows >= 0, self._weights[rows], 0.0) * (torch.rand(rows.shape) >= dropout)
        shares = weights / weights.sum(1, keepdim=True).clamp(min=1e-6)
        return F.normalize((self.vectors[rows] * shares[:, :, None]).sum(1) + self.offset, dim=1)


def _learn(config: LexiconConfig, bags: Sequence[Sequence[Tensor]], kinds: Sequence[Told], weights: Tensor) -> np.ndarray:
    """The vectors of words, float32 `[W, dim]`.

    Args:
        bags: of each of `kinds`, rows of the words of each text.
    """
    targets = [torch.from_numpy(kind.vectors) for kind in kinds]
    owners = [torch.from_numpy(kind.owners) for kind in kinds]
    network = _Bags(_means(bags, owners, targets, len(weights)), torch.zeros(targets[0].shape[1]), weights)
    optimiser = torch.optim.Adam(network.parameters(), config.rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 1.0 / config.steps, config.steps)
    for _ in range(config.steps):
        loss = torch.zeros(())
        for texts, owner, target in zip(bags, owners, targets, strict=True):
            drawn = torch.randperm(len(texts))[: config.batch]
            said = network([texts[index] for index in drawn.tolist()], config.dropout)
            candidates, right = owner[drawn].unique(return_inverse=True)
            loss = loss + F.cross_entropy(config.scale * said @ target[candidates].T, right)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return (network.vectors + network.offset).detach().numpy()


def _means(bags: Sequence[Sequence[Tensor]], owners: Sequence[Tensor], targets: Sequence[Tensor], words: int) -> Tensor:
    """What to begin with: the mean of the vectors of the texts that say a word, less that of all, nearer to 0 for rare words."""
    sums, counts = torch.zeros(words, targets[0].shape[1]), torch.zeros(words)
    for texts, owner, target in zip(bags, owners, targets, strict=True):
        rows = torch.cat(list(texts))
        of_text = owner.repeat_interleave(torch.tensor([len(text) for text in texts]))
        centred = target - target.mean(0)
        for part in torch.arange(len(rows)).split(_AT_ONCE):
            sums.index_add_(0, rows[part], centred[of_text[part]])
        counts.index_add_(0, rows, torch.ones(len(rows)))
    return sums / (counts[:, None] + _SHRINKING)


def _packed(learned: Mapping[str, _Learned], rank: int) -> Lexicon:
    """With the best axes for words as often as they count in texts, and coordinates of eight bits."""
    rarities, vectors = (np.concatenate([getattr(one, name) for one in learned.values()]) for name in ("rarities", "vectors"))
    _, _, axes = np.linalg.svd(vectors * (rarities * np.exp(-rarities / 2))[:, None], full_matrices=False)
    coordinates = vectors @ axes[:rank].T
    scales = np.maximum(np.abs(coordinates).max(1), _LEAST) / _LEVELS
    codes = np.rint(coordinates / scales[:, None]).astype(np.int8)
    words = {language: one.words for language, one in learned.items()}
    return Lexicon(words, rarities, codes, scales, axes[:rank])
