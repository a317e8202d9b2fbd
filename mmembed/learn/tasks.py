"""From the data files to the tasks the decoder learns."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import sentencepiece as spm

from mmembed.learn.alignment import word_vectors
from mmembed.learn.classes import ClassRow
from mmembed.learn.data import read_captions, read_parallel, read_paraphrases
from mmembed.learn.features import Ragged
from mmembed.learn.grammar import Language
from mmembed.learn.mixture import Source, Task
from mmembed.learn.phrases import PhraseLimits, phrase_pairs, typed
from mmembed.learn.text_tower import TextTower
from mmembed.learn.vocabulary import frequent_words
from mmembed.space.text import MASK, encode_pieces


@dataclass(frozen=True)
class TaskWeights:
    """Shares of the mixture: captions by language, translations as `en-de`, captions from texts alone by language,
    captions and translations of ImageNet classes, and translations of phrases, also as `en-de`."""

    captions: dict[str, float]
    translations: dict[str, float] = field(default_factory=dict)
    text_captions: dict[str, float] = field(default_factory=dict)
    class_captions: dict[str, float] = field(default_factory=dict)
    class_translations: dict[str, float] = field(default_factory=dict)
    phrases: dict[str, float] = field(default_factory=dict)


def tidy(text: str, language: str) -> str:
    """A caption as people write it: no space before punctuation, a capital first, a full stop last."""
    text = re.sub(r"\s+([.,;:!?])", r"\1", " ".join(text.split())).rstrip(" .。")
    return (text[:1].upper() + text[1:] + ("。" if language == "zh" else ".")) if text else text


def masked_sources(texts: Sequence[str], words: int, seed: int) -> list[str]:
    """English texts with up to `words` content words replaced by `<mask>`."""
    random = np.random.default_rng(seed)
    function_words = set(frequent_words(("en",), 80))
    masked = []
    for text in texts:
        tokens = text.split()
        content = [i for i, token in enumerate(tokens) if re.sub(r"\W", "", token).lower() not in function_words and len(token) > 2]
        for i in random.permutation(content)[:words]:
            tokens[i] = re.sub(r"\w[\w'-]*", MASK, tokens[i], count=1)
        masked.append(" ".join(tokens))
    return masked


class TaskBuilder:
    """Builds tasks over one table of prefix vectors: pictures' first, then those of texts that stand in for pictures."""

    def __init__(
        self,
        tower: TextTower | None,
        targets: spm.SentencePieceProcessor,
        cache: Path,
        stems: Sequence[str],
        pictures: np.ndarray,
        embed_texts: Callable[[Sequence[str]], np.ndarray],
        reserved: Collection[str] = (),
    ) -> None:
        """
        Args:
            tower: reads the sources of translations; without it there are none.
            pictures: vectors of the pictures `stems`, float32 `[P, views, dim]`.
            embed_texts: vectors of texts that stand in for pictures, float32 `[N, dim]`.
            reserved: pictures whose sentences are not trained on; see `data.reserved_names`.
        """
        self._reserved = reserved
        self._tower, self._targets, self._cache, self._embed_texts = tower, targets, cache, embed_texts
        views = pictures.shape[1]
        self._pictures = {stem: list(range(i * views, (i + 1) * views)) for i, stem in enumerate(stems)}
        self._vectors = [pictures.reshape(-1, pictures.shape[2])]
        self._count = len(self._vectors[0])
        self._standins: dict[str, list[int]] = defaultdict(list)
        self._classes: list[list[int]] = []

    @property
    def vectors(self) -> np.ndarray:
        """All prefix vectors, float32 `[V, dim]`."""
        return np.concatenate(self._vectors)

    def add_standins(self, pictures: Sequence[str], texts: Sequence[str]) -> None:
        """Let the vectors of `texts` stand in for pictures that are not at hand."""
        vectors = self._embed_texts(texts)
        for offset, picture in enumerate(pictures):
            self._standins[picture].append(self._count + offset)
        self._vectors.append(vectors)
        self._count += len(vectors)

    def add_classes(self, vectors: np.ndarray) -> None:
        """Vectors that stand in for pictures of classes, `[K, variants, dim]`."""
        count, variants = vectors.shape[:2]
        self._classes = (self._count + np.arange(count * variants)).reshape(count, variants).tolist()
        self._vectors.append(vectors.reshape(-1, vectors.shape[2]))
        self._count += count * variants

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        return self._targets.encode(list(texts))

    def _prefix(self, picture: str) -> Sequence[int]:
        """Indices of the picture's vectors; the number before the underscore links Flickr8k's names to Multi30k's."""
        return self._pictures.get(picture) or self._standins.get(picture) or ()

    def captions(self, path: Path, splits: dict[str, str], split: str, weights: dict[str, float]) -> list[Task]:
        """Captions of the pictures of a split, or of their stand-ins; one task for each language that has some."""
        tasks = []
        rows = [row for row in read_captions(path) if splits.get(row.picture) == split and self._prefix(row.picture)]
        for language, weight in weights.items():
            chosen = [row for row in rows if row.language == language]
            if not chosen:
                continue
            tasks.append(
                Task(
                    f"caption-{language}",
                    weight,
                    language,
                    self._encode([tidy(row.text, language) for row in chosen]),
                    [self._prefix(row.picture) for row in chosen],
                    np.array([row.picture in self._pictures for row in chosen]),
                    1.0,
                    (),
                    np.zeros(len(chosen), int),
                )
            )
        return tasks

    def link(self, links: dict[str, str]) -> None:
        """Other names for pictures: `links` maps a name to one of the stems."""
        self._pictures.update({name: self._pictures[stem] for name, stem in links.items() if stem in self._pictures})

    def translations(self, path: Path, languages: tuple[str, ...], weights: dict[str, float]) -> list[Task]:
        """Translations in the directions `en-de`, … of the training rows; English sources also with masked words."""
        table = read_parallel(path, languages, self._reserved)
        training = np.array([i for i, row in enumerate(table) if row.split == "train"])
        rows = [table[i] for i in training]
        prefixes = [self._prefix(row.picture) for row in rows]
        real = np.array([row.picture in self._pictures for row in rows])
        sources: dict[str, tuple[Source, ...]] = {}
        for code in {direction.split("-")[0] for direction in weights}:
            texts = [row.texts[code] for row in table]
            variants = [texts, masked_sources(texts, 1, 1)] if code == "en" else [texts]
            sources[code] = tuple(self._source(variant) for variant in variants)
        encoded = {code: self._encode([row.texts[code] for row in rows]) for code in languages}
        return [
            Task(direction, weight, direction[-2:], encoded[direction[-2:]], prefixes, real, 0.6, sources[direction[:2]], training)
            for direction, weight in weights.items()
        ]

    def text_captions(self, parallel: Path, languages: tuple[str, ...], weights: dict[str, float]) -> list[Task]:
        """Captions of scenes of which only texts are at hand: the prefix is a paraphrase's vector."""
        rows = [
            row for row in read_parallel(parallel, languages, self._reserved) if row.split == "train" and self._standins.get(row.picture)
        ]
        return [
            Task(
                f"text-caption-{language}",
                weight,
                language,
                self._encode([tidy(row.texts[language], language) for row in rows]),
                [self._standins[row.picture] for row in rows],
                np.zeros(len(rows), bool),
                1.0,
                (),
                np.zeros(len(rows), int),
            )
            for language, weight in weights.items()
        ]

    def class_captions(self, rows: Sequence[ClassRow], weights: dict[str, float]) -> list[Task]:
        """Captions of the classes, from their stand-ins."""
        return [
            Task(
                f"class-caption-{language}",
                weight,
                language,
                self._encode([row.captions[language] for row in rows]),
                self._classes,
                np.ones(len(rows), bool),
                1.0,
                (),
                np.zeros(len(rows), int),
            )
            for language, weight in weights.items()
        ]

    def class_translations(self, rows: Sequence[ClassRow], weights: dict[str, float]) -> list[Task]:
        """Names and captions of the classes, in the directions `en-de`, …; half of them with the stand-in."""
        texts = {
            code: [row.names[code] for row in rows] + [row.captions[code] for row in rows]
            for code in {code for direction in weights for code in direction.split("-")}
        }
        sources = {code: (self._source(texts[code]),) for code in {direction.split("-")[0] for direction in weights}}
        both = self._classes + self._classes
        return [
            Task(
                f"class-{direction}",
                weight,
                direction[-2:],
                self._encode(texts[direction[-2:]]),
                both,
                np.ones(len(both), bool),
                0.5,
                sources[direction[:2]],
                np.arange(len(both)),
            )
            for direction, weight in weights.items()
        ]

    def phrases(self, path: Path, languages: tuple[str, ...], weights: dict[str, float]) -> list[Task]:
        """Translations, without pictures, of short phrases that are parts of the training rows; see `learn.phrases`."""
        if not weights:
            return []
        assert self._tower is not None, "translations need a text tower"
        table = read_parallel(path, languages, self._reserved)
        training = [i for i, row in enumerate(table) if row.split == "train"]
        spoken, vectors = {}, {}
        for code in sorted({code for direction in weights for code in direction.split("-")}):
            states = self._tower.states(texts := [row.texts[code] for row in table], self._cache)
            sentences, vectors[code] = word_vectors([texts[i] for i in training], states, training, self._tower.pieces)
            spoken[code] = Language(code, sentences)
        tasks = []
        for number, (direction, found) in enumerate(phrase_pairs(list(weights), spoken, vectors, PhraseLimits()).items()):
            pairs = typed(found, number)
            if not pairs:
                continue
            rows = {text: row for row, text in enumerate(dict.fromkeys(source for source, _ in pairs))}
            tasks.append(
                Task(
                    f"phrase-{direction}",
                    weights[direction],
                    direction[-2:],
                    self._encode([target for _, target in pairs]),
                    [()] * len(pairs),
                    np.zeros(len(pairs), bool),
                    0.0,
                    (self._source(list(rows)),),
                    np.array([rows[source] for source, _ in pairs]),
                )
            )
        return tasks

    def _source(self, texts: Sequence[str]) -> Source:
        assert self._tower is not None, "translations need a text tower"
        states = self._tower.states(texts, self._cache)
        ids = np.concatenate([np.array(row, np.int32) for row in encode_pieces(self._tower.pieces, texts)])
        return Source(states, Ragged(ids, states.offsets))


def standin_texts(path: Path, covered: set[str], language: str, count: int, reserved: Collection[str] = ()) -> tuple[list[str], list[str]]:
    """Names and texts of up to `count` paraphrases for each training picture that is neither `covered` nor `reserved`."""
    taken: dict[str, int] = defaultdict(int)
    names, texts = [], []
    for row in read_paraphrases(path, reserved):
        if row.split == "train" and row.language == language and row.picture not in covered and taken[row.picture] < count:
            taken[row.picture] += 1
            names.append(row.picture)
            texts.append(row.text)
    return names, texts
