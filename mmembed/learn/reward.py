"""CIDEr-D of single captions, as a reward (Vedantam et al. 2015, https://arxiv.org/abs/1411.5726).

The measure is the one that `mmembed eval caption` reports by pycocoevalcap, with which the tests compare it; here the references are
weighed once, so that thousands of captions can be scored in a second. The end of a text counts as a word of it: without that,
captions that break off ("a dog with a") are rewarded.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mmembed.evaluate.captions import tokenise

END = "</s>"
_LONGEST = 4  # words of an n-gram
_SPREAD = 6.0  # of the lengths, in pairs of words

_Gram = tuple[str, ...]


@dataclass(frozen=True)
class _Weighed:
    """TF-IDF of the n-grams of a text, n = 1 … 4, their norms, and how many pairs of words it has."""

    weights: tuple[dict[_Gram, float], ...]
    norms: tuple[float, ...]
    pairs: int


class CiderReward:
    """Scores captions in one language against the references of the pictures; document frequencies are those of the references.

    Attributes:
        pictures: those that have references.
    """

    def __init__(self, references: Iterable[tuple[str, str]], language: str) -> None:
        """
        Args:
            references: pictures, each with one of its captions.
        """
        self._language = language
        pictures, texts = zip(*references, strict=True)
        counted: dict[str, list[Counter[_Gram]]] = defaultdict(list)
        for picture, grams in zip(pictures, self._grams(texts), strict=True):
            counted[picture].append(grams)
        self._documents = Counter(gram for grams in counted.values() for gram in set().union(*grams))
        self._size = math.log(max(2, len(counted)))
        self._references = {picture: [self._weigh(grams) for grams in texts] for picture, texts in counted.items()}
        self.pictures = list(counted)

    def __call__(self, picture: str, texts: Sequence[str]) -> np.ndarray:
        """CIDEr-D of captions of one picture, 0 to 10 each, `[len(texts)]`."""
        references = self._references[picture]
        weighed = [self._weigh(grams) for grams in self._grams(texts)]
        return np.array([sum(_similarity(text, reference) for reference in references) / len(references) for text in weighed])

    def _grams(self, texts: Sequence[str]) -> list[Counter[_Gram]]:
        words = [[*text.split(), END] for text in tokenise(texts, self._language)]
        return [
            Counter(tuple(row[start : start + n]) for n in range(1, _LONGEST + 1) for start in range(len(row) - n + 1)) for row in words
        ]

    def _weigh(self, grams: Counter[_Gram]) -> _Weighed:
        weights: tuple[dict[_Gram, float], ...] = tuple({} for _ in range(_LONGEST))
        for gram, count in grams.items():
            weights[len(gram) - 1][gram] = count * (self._size - math.log(max(1, self._documents[gram])))
        norms = tuple(math.sqrt(sum(weight * weight for weight in of_length.values())) for of_length in weights)
        return _Weighed(weights, norms, sum(count for gram, count in grams.items() if len(gram) == 2))


def _similarity(text: _Weighed, reference: _Weighed) -> float:
    """Clipped cosines averaged over the n-grams' lengths, less the more the lengths of the texts differ; times 10."""
    total = 0.0
    for ours, theirs, norm, other in zip(text.weights, reference.weights, text.norms, reference.norms, strict=True):
        if norm and other:
            total += sum(min(weight, theirs[gram]) * theirs[gram] for gram, weight in ours.items() if gram in theirs) / (norm * other)
    return 10 / _LONGEST * total * math.exp(-((text.pairs - reference.pairs) ** 2) / (2 * _SPREAD**2))
