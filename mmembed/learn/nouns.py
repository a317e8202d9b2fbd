"""Stand-ins for pictures of things that no classifier row shows: predicted from those that one does, by kinship in WordNet.

A ridge regression with a kernel of three parts (common ancestors, words of the definitions, pretrained vectors of name and
definition) leads from what a thing is to where the classifier's row of it would point. The idea is that of zero-shot
recognition by knowledge graphs (Wang et al. 2018, https://arxiv.org/abs/1803.08035); docs/experiments.md has what it gives.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmembed.errors import MissingPackage
from mmembed.learn.classes import Kind
from mmembed.learn.wordnet import Noun
from mmembed.space.unit import unit

Embed = Callable[[Sequence[str]], np.ndarray]
_PHRASE = 1.5
_WORD = re.compile(r"[a-z]{4,}")


@dataclass(frozen=True)
class NounStage:
    """Which nouns are learned.

    Attributes:
        count: how many, those first whose stand-ins are surest.
        decay: what a common ancestor counts for, for each step up.
        ridge: of the regression.
        frequency: the least of the noun's names on wordfreq's Zipf scale (3 is once in a million words).
    """

    count: int = 0
    decay: float = 0.9
    ridge: float = 0.3
    frequency: float = 2.5


def learnable(stage: NounStage, nouns: dict[str, Noun], shown: dict[str, np.ndarray], embed: Embed) -> list[Kind]:
    """The nouns of a stage.

    Args:
        nouns: WordNet's; see `read_nouns`.
        shown: for the synsets that the classifier knows, and that may be learned from, unit vectors `[width]`.
        embed: texts → vectors of a pretrained text tower.

    Raises:
        MissingPackage: `wordfreq` is not installed.
    """
    known = [nouns[synset] for synset in shown]
    others = [noun for noun in nouns.values() if noun.synset not in shown and _commonness(noun.names) >= stage.frequency]
    names = [max(noun.names, key=lambda name: _commonness([name])) if noun.names else noun.gloss for noun in [*known, *others]]
    directions, unsure = predict(describe(known, others, names, embed, stage.decay), np.stack(list(shown.values())), stage.ridge)
    surest = np.argsort(unsure, kind="stable")[: stage.count]
    return [Kind((*others[i].names, f"{names[len(known) + i]}: {others[i].gloss}"), directions[i]) for i in surest]


def _commonness(names: Sequence[str]) -> float:
    """The greatest frequency of the names on the Zipf scale; a phrase, of which only the words are counted, is taken for rarer."""
    try:
        from wordfreq import zipf_frequency
    except ImportError as error:
        raise MissingPackage("wordfreq", "train", "Choosing nouns") from error
    return max((zipf_frequency(name, "en") - _PHRASE * (" " in name) for name in names), default=0.0)


def describe(known: Sequence[Noun], others: Sequence[Noun], names: Sequence[str], embed: Embed, decay: float) -> np.ndarray:
    """What the nouns are, as vectors whose inner products say how much alike two nouns are.

    Args:
        known, others: the nouns; what is rare, and what is average, is seen by the known ones.
        names: what each is called, first the known ones, then the others.
        embed: texts → vectors of a pretrained text tower.

    Returns:
        float32 `[known + others, width]`.
    """
    nouns = [*known, *others]
    ancestors = [{synset: decay**steps for synset, steps in noun.ancestors.items()} for noun in nouns]
    words = [dict.fromkeys(_WORD.findall(f"{noun.gloss} {' '.join(noun.names)}"), 1.0) for noun in nouns]
    texts = [f"{name}: {noun.gloss}" for name, noun in zip(names, nouns, strict=True)]
    count = len(known)
    said, explained = _spread(embed(names), count), _spread(embed(texts), count)
    parts = (2.0, _weighted(ancestors, count)), (0.5, _weighted(words, count)), (0.5, said), (0.5, explained)
    return np.concatenate([np.sqrt(share) * unit(vectors) for share, vectors in parts], 1, dtype=np.float32)


def predict(vectors: np.ndarray, known: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """Ridge regression from what nouns are to unit vectors.

    Args:
        vectors: of `describe`, `[N, width]`; the first K are known.
        known: unit vectors of those, `[K, target]`.

    Returns:
        Unit vectors of the others, `[N - K, target]`, and their uncertainty (the posterior variance of a Gaussian process
        with this kernel, as a share of the prior's), `[N - K]`.
    """
    here, there = vectors[: len(known)], vectors[len(known) :]
    cross = here @ there.T
    near = np.linalg.solve(here @ here.T + ridge * np.eye(len(here), dtype=np.float32), cross)
    mean = known.mean(0)
    unsure = 1 - (near * cross).sum(0) / (there * there).sum(1)
    return unit(mean + near.T @ (known - mean)), unsure


def _weighted(bags: Sequence[dict[str, float]], known: int) -> np.ndarray:
    """Bags of features as vectors, each feature weighted by how rare it is among the first `known`."""
    counts = Counter(feature for bag in bags[:known] for feature in bag)
    column = {feature: i for i, feature in enumerate(sorted(counts))}
    vectors = np.zeros((len(bags), len(column)), np.float32)
    for row, bag in enumerate(bags):
        for feature, value in bag.items():
            if feature in column:
                vectors[row, column[feature]] = value * np.log(known / counts[feature])
    return vectors


def _spread(vectors: np.ndarray, known: int) -> np.ndarray:
    return vectors.astype(np.float32) - vectors[:known].mean(0, dtype=np.float32)
