"""The bundled space: two small ONNX networks, run by ONNX Runtime, without torch and without network."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from mmembed.errors import InvalidQuery
from mmembed.media.picture import Picture
from mmembed.space.glossary import Glossary, Mention
from mmembed.space.kinds import Kinds
from mmembed.space.lexicon import Lexicon, Reading
from mmembed.space.logistic import logistic
from mmembed.space.pixels import views
from mmembed.space.sessions import session
from mmembed.space.text import MAX_PIECES, encode_pieces
from mmembed.space.unit import unit

if TYPE_CHECKING:
    import sentencepiece as spm
    from onnxruntime import InferenceSession

KINDS, GLOSSARY, LEXICON = "kinds.npz", "glossary.json.gz", "lexicon.npz"
BY_SIGHT, BY_WORDS = 2.0, 0.5
"""How much the kinds that a query names count, if they are all of it, against its text: similarities of both are taken in units of
their spread over the background. A name that is less of the query counts less (docs/experiments.md)."""
LOOKALIKES = 0.3
"""How many of what looks like a thing that is told by other kinds are those. Chosen by names whose own kinds were taken for unknown
(docs/experiments.md)."""

_PICTURE_BATCH, _TEXT_BATCH = 16, 64
_NEIGHBOURS = 20
_Part = TypeVar("_Part")


@dataclass(frozen=True)
class Calibration:
    """Platt scaling: a match has the probability 1 / (1 + exp(-(slope · z + cosine · s + size · ln n + common · ln m + offset))).

    s is the similarity, and z the same minus the query's mean similarity to the background pictures, in standard deviations of
    the latter: that makes similarities of different queries comparable. s counts by itself because what is common among the
    background pictures, as dogs are, stands out little from them. n is the number of pictures searched: among more, the nearest of
    those that do not match comes nearer by chance. But of what is common, more match, too: m = 1 + (n - 1) · c, where c is the share
    of pictures that the query's words are said of.
    """

    slope: float
    offset: float
    size: float = 0.0
    cosine: float = 0.0
    common: float = 0.0

    def probability(self, standardised: np.ndarray, similarities: np.ndarray, among: int, commonness: float = 0.0) -> np.ndarray:
        """Of similarities s and of these standardised, z, for a search among n = `among` pictures for what c = `commonness` of all show."""
        number, matches = sizes(among, commonness)
        numbers = self.size * number + self.common * matches
        return logistic(self.slope * standardised + self.cosine * similarities + numbers + self.offset)


def sizes(among: int, commonness: float) -> tuple[float, float]:
    """ln n and ln m of `Calibration`."""
    number = max(among, 1)
    return math.log(number), math.log1p((number - 1) * commonness)


@dataclass(frozen=True)
class EncodedTexts:
    """What a decoder reads of its source texts.

    Attributes:
        states: last hidden states, float32 `[N, T, width]`.
        words: word embeddings of the same pieces, float32 `[N, T, width]`.
        mask: True where there is a piece, bool `[N, T]`.
    """

    states: np.ndarray
    words: np.ndarray
    mask: np.ndarray


class BundledSpace:
    """A `Space` from a folder with `picture.onnx`, `text.onnx`, `text.model` and `background.npy`.

    Where there is a `picture.int8.onnx`, pictures go through that in place of `picture.onnx`. Queries go by their texts, by what their
    words look like (`lexicon.npz`), and by the kinds of things that they name (`glossary.json.gz`); these are known by sight
    (`kinds.npz`).
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        identity: str,
        dim: int,
        languages: tuple[str, ...],
        picture_size: int,
        calibration: Calibration,
        threads: int | None = None,
    ) -> None:
        self.name, self.identity, self.dim, self.languages, self.picture_size = name, identity, dim, languages, picture_size
        self._folder, self._calibration, self._threads = folder, calibration, threads

    # The two towers load when first used: a text search never reads the picture tower.
    @cached_property
    def _pictures(self) -> InferenceSession:
        quantised = self._folder / "picture.int8.onnx"
        return session(quantised if quantised.is_file() else self._folder / "picture.onnx", self._threads)

    @cached_property
    def _texts(self) -> InferenceSession:
        return session(self._folder / "text.onnx", self._threads)

    @cached_property
    def _pieces(self) -> spm.SentencePieceProcessor:
        import sentencepiece as spm

        return spm.SentencePieceProcessor(model_file=str(self._folder / "text.model"))

    @cached_property
    def _background(self) -> np.ndarray:
        return np.load(self._folder / "background.npy").astype(np.float32)

    @cached_property
    def kinds(self) -> Kinds | None:
        """The kinds of things it knows by sight; None without `kinds.npz`."""
        return self._read(KINDS, Kinds.read)

    @cached_property
    def _glossary(self) -> Glossary | None:
        return self._read(GLOSSARY, Glossary.read)

    @cached_property
    def _lexicon(self) -> Lexicon | None:
        return self._read(LEXICON, Lexicon.read)

    def without(self, kinds: Collection[int]) -> BundledSpace:
        """The same space as if it did not know some kinds by sight; see `Kinds.without`."""
        blind = copy(self)
        if self.kinds:
            blind.kinds = self.kinds.without(kinds)
        return blind

    def _read(self, name: str, read: Callable[[Path], _Part]) -> _Part | None:
        """A part that a bundle may have or not."""
        place = self._folder / name
        return read(place) if place.is_file() else None

    def embed_pictures(self, pictures: Sequence[Picture]) -> np.ndarray:
        """float32 `[N, dim]`; the views of a very wide or tall picture are averaged."""
        seen = [views(picture.pixels, self.picture_size) for picture in pictures]
        if not seen:
            return np.zeros((0, self.dim), np.float32)
        flat = [view for group in seen for view in group]
        parts = [
            self._pictures.run(["vector"], {"pixels": np.stack(flat[i : i + _PICTURE_BATCH])})[0]
            for i in range(0, len(flat), _PICTURE_BATCH)
        ]
        starts = np.cumsum([0, *(len(group) for group in seen[:-1])])
        return unit(np.add.reduceat(np.concatenate(parts), starts, axis=0))

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """float32 `[N, dim]`.

        Raises:
            InvalidQuery: a text is empty.
        """
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for chosen, ids, mask in self._batches(texts):
            vectors[chosen] = self._texts.run(["vector"], {"ids": ids, "mask": mask})[0]
        return vectors

    def as_queries(self, texts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
        """The vectors of texts, float32 `[N, dim]`, turned towards what their words look like and the kinds of things that they name."""
        queries = vectors.copy()
        for row, text in enumerate(texts):
            readings = self._readings(text)
            if parts := [*_words_of(readings), *self._kinds_of(text, readings)]:
                shares, directions = map(np.array, zip((1.0, vectors[row]), *parts, strict=True))
                spreads = (directions @ self._background.T).std(1)
                queries[row] = unit((shares / np.maximum(spreads, 1e-6)) @ directions)
        return queries

    def worded(self, texts: Sequence[str]) -> np.ndarray:
        """What the words of texts look like, float32 `[N, dim]`: the less of a text is known, the shorter is its vector."""
        looks = np.zeros((len(texts), self.dim), np.float32)
        for look, text in zip(looks, texts, strict=True):
            for reading in self._readings(text):
                look += reading.share * reading.direction
        return looks

    def commonness(self, texts: Sequence[str]) -> np.ndarray:
        """The share of pictures that all words of each text are said of, float32 `[N]`; 0 where nothing is known of that."""
        return np.array([self._lexicon.commonness(text) if self._lexicon else 0.0 for text in texts], np.float32)

    def certainty(self, texts: Sequence[str]) -> np.ndarray:
        """How often what looks like what each text says is that, float32 `[N]`: less for things that are told by other kinds."""
        mentions = [self._mentions(text, self._readings(text)) for text in texts]
        told = [sum(mention.share for mention in of_text if not self._sees(mention)) for of_text in mentions]
        return 1 - LOOKALIKES * np.array(told, np.float32)

    def _readings(self, text: str) -> list[Reading]:
        return self._lexicon.readings(text) if self._lexicon else []

    def _kinds_of(self, text: str, readings: Sequence[Reading]) -> list[tuple[float, np.ndarray]]:
        """Where the kinds of things lie that a text names, with weights."""
        if not (mentions := self._mentions(text, readings)) or not (kinds := self.kinds):
            return []
        return [(BY_SIGHT * mention.share, kinds.direction(mention.kinds)) for mention in mentions]

    def _sees(self, mention: Mention) -> bool:
        """Whether a kind is meant that is known by sight."""
        return self.kinds is not None and self.kinds.sees(mention.kinds)

    def _mentions(self, text: str, readings: Sequence[Reading]) -> list[Mention]:
        """The kinds of things that a text names, which may be read in these ways."""
        lexicon, spoken = self._lexicon, [reading.language for reading in readings]

        def foreign(words: str, language: str) -> bool:
            return lexicon is not None and language not in spoken and any(lexicon.knows(words, other) for other in spoken)

        return self._glossary.find(text, foreign) if self._glossary else []

    def encode_texts(self, texts: Sequence[str]) -> EncodedTexts:
        """States and word embeddings of every piece, for a decoder to read."""
        encoded = self._encode(texts)
        ids, mask = _padded(encoded)
        states, words = self._texts.run(["states", "words"], {"ids": ids, "mask": mask})
        return EncodedTexts(states, words, mask.astype(bool))

    def standardise(self, queries: np.ndarray, similarities: np.ndarray) -> np.ndarray:
        """Similarities `[Q, N]` of queries `[Q, dim]` in units of each query's spread over the background, `[Q, N]`."""
        usual = queries @ self._background.T
        return (similarities - usual.mean(1, keepdims=True)) / np.maximum(usual.std(1, keepdims=True), 1e-6)

    def familiarity(self, vectors: np.ndarray) -> np.ndarray:
        """The mean cosine of each of `[N, dim]` to the nearest pictures of the background, float32 `[N]`.

        A training picture's distance to its nearest neighbours tells what is unlike all of them (Sun et al. 2022,
        https://arxiv.org/abs/2204.06507).
        """
        near = np.sort(vectors @ self._background.T, axis=1)[:, -_NEIGHBOURS:]
        mean: np.ndarray = near.mean(1, dtype=np.float32)
        return mean

    def confidence(self, query: np.ndarray, similarities: np.ndarray, among: int | None = None, commonness: float = 0.0) -> np.ndarray:
        """Calibrated probabilities of a match, `[N]`; see `Calibration`.

        Args:
            query: float32 `[dim]`.
            similarities: float32 `[N]`.
            among: how many pictures were searched, if these are not all of them.
            commonness: of what is looked for.
        """
        standardised = self.standardise(query[None], similarities[None])[0]
        among = len(similarities) if among is None else among
        return self._calibration.probability(standardised, similarities, among, commonness)

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        if any(not text.strip() for text in texts):
            raise InvalidQuery("The text is empty; write a few words.")
        encoded = encode_pieces(self._pieces, texts, limit=100_000)
        long = sum(len(row) > MAX_PIECES for row in encoded)
        if long:
            warnings.warn(f"{long} text(s) longer than {MAX_PIECES} pieces were cut; the rest was not read.", stacklevel=3)
        return [row if len(row) <= MAX_PIECES else [*row[: MAX_PIECES - 1], row[-1]] for row in encoded]

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Texts of similar length together: positions, ids and mask, int64 `[B, T]`."""
        encoded = self._encode(texts)
        order = np.argsort([len(row) for row in encoded], kind="stable")
        for start in range(0, len(order), _TEXT_BATCH):
            chosen = order[start : start + _TEXT_BATCH]
            yield chosen, *_padded([encoded[i] for i in chosen])


def _words_of(readings: Sequence[Reading]) -> list[tuple[float, np.ndarray]]:
    """What a text's words look like, with weights; half a text known is little, so these fall with the share's square."""
    return [(BY_WORDS * reading.share**2, reading.direction) for reading in readings]


def _padded(rows: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    longest = max(map(len, rows))
    ids, mask = np.ones((len(rows), longest), np.int64), np.zeros((len(rows), longest), np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)], mask[i, : len(row)] = row, 1
    return ids, mask
