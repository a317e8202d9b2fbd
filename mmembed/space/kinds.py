"""Kinds of things that a space knows by sight: what a picture looks like, where its caption cannot be believed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mmembed.space.likeness import Likenesses
from mmembed.space.unit import unit

_VECTORS, _OFFSETS, _USUAL, _SYNONYMS, _NAMES = "vectors", "offsets", "usual", "synonyms", "names-"
_ARTICLES = "articles-"
_LIKE, _LIKENESS = "looks-like", "likenesses"


@dataclass(frozen=True)
class Kinds:
    """Kinds of things, and how much a picture looks like each: a linear classifier of joint vectors.

    Attributes:
        vectors: for each what a picture's vector is multiplied with, float32 `[K, dim]`.
        offsets: for each what is added then, float32 `[K]`.
        names: by language what each is called, K of them.
        synonyms: for each its English names, separated by commas.
        usual: for each the logarithm of its mean probability in the pictures that the space learned from, float32 `[K]`; none if that is
            not known.
        articles: by language the indefinite article of each name, K of them, "" for a name without; none where there are no articles.
        likenesses: what other kinds each looks like, K of them; after these, from number K on, of further things, which are no kinds.
        unknown: numbers of the kinds that are taken for further things, too.
    """

    vectors: np.ndarray
    offsets: np.ndarray
    names: Mapping[str, Sequence[str]]
    synonyms: Sequence[str]
    usual: np.ndarray | None = None
    articles: Mapping[str, Sequence[str]] = field(default_factory=dict)
    likenesses: Likenesses | None = None
    unknown: frozenset[int] = frozenset()

    def likeliest(self, pictures: np.ndarray, count: int) -> np.ndarray:
        """Which kinds pictures, float32 `[N, dim]`, look like most; the likeliest first, int64 `[N, count]`."""
        return np.argsort(-self._answers(pictures), axis=1, kind="stable")[:, :count]

    def evidence(self, pictures: np.ndarray) -> np.ndarray:
        """How much likelier the likeliest kind is of pictures, float32 `[N, dim]`, than of usual ones: natural logarithms, float32 `[N]`.

        0 where usual ones are not known.
        """
        if self.usual is None:
            return np.zeros(len(pictures), np.float32)
        logs = log_probabilities(self._answers(pictures))
        best = logs.argmax(1)
        found: np.ndarray = logs[np.arange(len(logs)), best] - self.usual[best]
        return found

    def _answers(self, pictures: np.ndarray) -> np.ndarray:
        """The classifier's, `[N, K]`."""
        answers: np.ndarray = pictures @ self.vectors.T + self.offsets
        return answers

    def direction(self, things: Sequence[int]) -> np.ndarray:
        """What a picture's vector is multiplied with to tell how much it looks like any of some things, float32 `[dim]`.

        Args:
            things: numbers of kinds, or on from those of further things (see `likenesses`).
        """
        mean: np.ndarray = np.mean([self._direction(thing) for thing in things], axis=0)
        return mean

    def _direction(self, thing: int) -> np.ndarray:
        if self.sees([thing]):
            return np.asarray(self._directions[thing])
        if self.likenesses is None:
            return np.zeros_like(self._directions[0])
        return self.likenesses.direction(thing, self._directions, self.unknown)

    def sees(self, things: Sequence[int]) -> bool:
        """Whether one of them is a kind that is known by sight."""
        return any(thing < len(self.vectors) and thing not in self.unknown for thing in things)

    def without(self, kinds: Collection[int]) -> Kinds:
        """As if some kinds were not known by sight: they are told by others, and nothing by them."""
        return replace(self, unknown=self.unknown | frozenset(kinds))

    @cached_property
    def _directions(self) -> np.ndarray:
        """Unit vectors from the middle of all kinds to each."""
        return from_the_middle(self.vectors)

    def looks_like(self, pictures: np.ndarray, language: str, count: int = 3) -> list[tuple[str, ...]]:
        """What the kinds that pictures, float32 `[N, dim]`, look like most are called; nothing in a language that has no names.

        Kinds of the same name count once.
        """
        names = self.names.get(language)
        if names is None:
            return [()] * len(pictures)
        spare = count + len(names) - len(set(names))
        return [tuple(dict.fromkeys(names[kind] for kind in row))[:count] for row in self.likeliest(pictures, spare)]

    def nouns(self, pictures: np.ndarray, language: str) -> list[str]:
        """What the kind that each of pictures, float32 `[N, dim]`, looks like most is called, with its article, as within a sentence.

        Raises:
            KeyError: there are no names in this language.
        """
        names, articles = self.names[language], self.articles.get(language)
        return [f"{articles[kind] if articles else ''} {names[kind]}".strip() for kind in self.likeliest(pictures, 1)[:, 0]]

    def save(self, path: Path) -> None:
        """Write them to `path` (.npz), the vectors in half precision."""
        stored: dict[str, Any] = {f"{_NAMES}{language}": np.array(names) for language, names in self.names.items()}
        stored |= {f"{_ARTICLES}{language}": np.array(articles) for language, articles in self.articles.items()}
        stored |= {} if self.usual is None else {_USUAL: self.usual}
        stored |= {} if self.likenesses is None else {_LIKE: self.likenesses.kinds, _LIKENESS: self.likenesses.weights}
        stored |= {_VECTORS: self.vectors.astype(np.float16), _OFFSETS: self.offsets, _SYNONYMS: np.array(self.synonyms)}
        np.savez_compressed(path, **stored)

    @classmethod
    def read(cls, path: Path) -> Kinds:
        """What `save` wrote, also that of earlier releases, which had less in it."""
        with np.load(path) as stored:
            names, articles = (
                {name.removeprefix(prefix): stored[name].tolist() for name in stored.files if name.startswith(prefix)}
                for prefix in (_NAMES, _ARTICLES)
            )
            vectors = stored[_VECTORS].astype(np.float32)
            offsets = stored[_OFFSETS] if _OFFSETS in stored else np.zeros(len(vectors), np.float32)
            likenesses = Likenesses(stored[_LIKE], stored[_LIKENESS]) if _LIKE in stored else None
            return cls(vectors, offsets, names, stored[_SYNONYMS].tolist(), stored.get(_USUAL), articles, likenesses)


def from_the_middle(rows: np.ndarray) -> np.ndarray:
    """Unit vectors that point from the mean of the rows of a classifier, `[K, width]`, to each."""
    return unit(rows - rows.mean(0))


def log_probabilities(answers: np.ndarray) -> np.ndarray:
    """The logarithm of the softmax of a classifier's answers, `[N, K]`."""
    shifted: np.ndarray = answers - answers.max(1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
