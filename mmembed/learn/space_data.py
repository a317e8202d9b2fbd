"""What a space is trained on: features of pictures, texts and class names, and which belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mmembed.learn.classes import MOST_REAL, Kind
from mmembed.learn.text_tower import TextBatch


@dataclass(frozen=True)
class StandIns:
    """Features that stand in for pictures of some kinds of things, float32 `[K, width]`, and the rows of texts that name each, `[K, n]`."""

    features: np.ndarray
    texts: np.ndarray


@dataclass(frozen=True)
class SpaceData:
    """Backbone features and which belong together. Texts in this order: captions, parallel sentences, those of classes, of nouns, words.

    Attributes:
        stems: name of each picture, in the order of `pictures`.
        split: split of each picture.
        pictures: float32 `[P, views, width]`; the first `plain` views are those of run time.
        plain: see `pictures`.
        texts: float32 `[T, width]`.
        owner: for each caption, the index of the picture it describes, `[C]`.
        languages: language of each caption, `[C]`.
        parallel: rows in `texts` that mean the same, `[G, languages]`.
        classes: of the classifier, with names and captions.
        nouns: of WordNet, with names and definitions.
        words: rows of texts that are words of captions, `[W]`.
    """

    stems: list[str]
    split: np.ndarray
    pictures: np.ndarray
    plain: int
    texts: np.ndarray
    owner: np.ndarray
    languages: np.ndarray
    parallel: np.ndarray
    classes: StandIns
    nouns: StandIns
    words: np.ndarray

    @property
    def seen(self) -> np.ndarray:
        """Features as at run time: the plain views averaged, `[P, width]`."""
        return self.pictures[:, : self.plain].mean(1)


@dataclass(frozen=True)
class DrawSizes:
    """How many pictures, classes, nouns and pairs of parallel sentences make a batch."""

    pictures: int
    classes: int
    nouns: int
    parallel: int


def rows_of_texts(kinds: Sequence[Kind], start: int) -> np.ndarray:
    """Where the texts of each kind are when all stand one after the other from row `start`; those with fewer repeat, `[K, n]`."""
    counts = np.array([len(kind.texts) for kind in kinds], int)
    first = start + np.cumsum(counts) - counts
    return first[:, None] + np.arange(counts.max(initial=2)) % counts[:, None]


class PairSampler:
    """Draws, for training pictures, a view and two texts; `weights` makes some languages likelier (default 1)."""

    def __init__(self, data: SpaceData, weights: dict[str, float], seed: int) -> None:
        self._data, self._random = data, np.random.default_rng(seed)
        by_language: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for text, (owner, language) in enumerate(zip(data.owner, data.languages, strict=True)):
            by_language[int(owner)][str(language)].append(text)
        self.pictures = np.array([picture for picture in np.flatnonzero(data.split == "train") if by_language[int(picture)]])
        most = max(len(texts) for groups in by_language.values() for texts in groups.values())
        languages = max(len(groups) for groups in by_language.values())
        self._texts = np.zeros((len(data.stems), languages, most), int)
        self._counts = np.zeros((len(data.stems), languages), int)
        share = np.zeros(self._counts.shape)
        for picture, groups in by_language.items():
            for row, (language, texts) in enumerate(groups.items()):
                self._texts[picture, row, : len(texts)] = texts
                self._counts[picture, row] = len(texts)
                share[picture, row] = weights.get(language, 1.0)
        self._share = np.cumsum(share, 1) / np.maximum(share.sum(1, keepdims=True), 1e-9)

    def _draw(self, pictures: np.ndarray) -> np.ndarray:
        """One text a picture: a language by its weight, then one of its texts evenly."""
        language = (self._random.random((len(pictures), 1)) > self._share[pictures]).sum(1)
        text = (self._random.random(len(pictures)) * self._counts[pictures, language]).astype(int)
        return self._texts[pictures, language, text]

    def epoch(self, sizes: DrawSizes) -> Iterator[TextBatch]:
        """Batches that pass once over the training pictures."""
        order = self._random.permutation(len(self.pictures))
        for start in range(0, len(order), sizes.pictures):
            drawn = order[start : start + sizes.pictures]
            chosen = self.pictures[drawn]
            views = self._random.integers(self._data.pictures.shape[1], size=len(chosen))
            classes, nouns = self._stand_ins(self._data.classes, sizes.classes), self._stand_ins(self._data.nouns, sizes.nouns)
            left, right = self._parallel(sizes.parallel)
            yield TextBatch(
                drawn,
                np.concatenate([self._data.pictures[chosen, views], classes[0], nouns[0]]),
                np.concatenate([self._draw(chosen), classes[1], nouns[1]]),
                np.concatenate([self._draw(chosen), classes[2], nouns[2]]),
                left,
                right,
            )

    def forever(self, sizes: DrawSizes) -> Iterator[TextBatch]:
        """Epoch after epoch."""
        while True:
            yield from self.epoch(sizes)

    def _stand_ins(self, kinds: StandIns, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Features of some kinds of things, each mixed with a real picture's, and two texts of each."""
        count = min(count, len(kinds.features))
        chosen = self._random.permutation(len(kinds.features))[:count]
        others = self._data.pictures[self._random.choice(self.pictures, count), 0]
        share = self._random.uniform(0, MOST_REAL, (count, 1)).astype(np.float32)
        features = (1 - share) * kinds.features[chosen] + share * others
        texts = kinds.texts[chosen]
        picks = self._random.random(texts.shape).argsort(1)[:, :2] if count else np.zeros((0, 2), int)
        return features, *np.take_along_axis(texts, picks, 1).T

    def _parallel(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Two languages of `count` parallel sentences."""
        if not len(self._data.parallel):
            return np.zeros(0, int), np.zeros(0, int)
        groups = self._data.parallel[self._random.integers(len(self._data.parallel), size=count)]
        left, right = self._random.permuted(groups, axis=1)[:, :2].T
        return left, right
