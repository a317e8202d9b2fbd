"""Which words of parallel sentences belong together, by the text tower's states: SimAlign (Jalili Sabet et al. 2020,
https://arxiv.org/abs/2004.08728), with the mean of each language taken away, since states of one language lie close together."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sentencepiece as spm

from mmembed.learn.features import Ragged
from mmembed.space.text import encode_pieces
from mmembed.space.unit import unit

_SPACE = "▁"
_BLOCK = 20_000  # words centred at once


@dataclass(frozen=True)
class Sentence:
    """A text's words without punctuation around them.

    Attributes:
        words: as they are written.
        breaks: whether punctuation or an end lies before each word, and after the last; one more than words.
    """

    words: tuple[str, ...]
    breaks: tuple[bool, ...]


def split_words(text: str) -> tuple[Sentence, list[int]]:
    """The words of a text, and which of its parts between spaces each is."""
    words, breaks, places, pending = [], [], [], True
    for place, part in enumerate(text.split()):
        bare = part.strip("".join({character for character in part if _is_mark(character)}))
        pending = pending or not bare or part[0] != bare[0]
        if bare:
            words.append(bare)
            breaks.append(pending)
            places.append(place)
            pending = part[-1] != bare[-1]
    return Sentence(tuple(words), (*breaks, True)), places


def _is_mark(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def word_vectors(
    texts: Sequence[str], states: Ragged, rows: Sequence[int], pieces: spm.SentencePieceProcessor
) -> tuple[list[Sentence], Ragged]:
    """The words of texts, and of each the mean state of its pieces, centred and of length 1.

    Args:
        states: of texts' pieces (see `TextTower.states`), `[total pieces, width]`; those of `texts` are at `rows`.

    Returns:
        A sentence for each text, without words where the vocabulary splits it otherwise than spaces do; and the vectors of its
        words, float16 `[total words, width]`.
    """
    names = [pieces.id_to_piece(i) for i in range(pieces.get_piece_size())]
    starts = np.array([name.startswith(_SPACE) for name in names])
    weights = np.array([1e-3 if all(map(_is_mark, name.lstrip(_SPACE))) else 1.0 for name in names], np.float32)
    sentences, pooled = [], []
    for text, row, ids in zip(texts, rows, encode_pieces(pieces, texts), strict=True):
        sentence, places = split_words(text)
        inner = np.array(ids[1:-1])  # without <s> and </s>
        begins = np.flatnonzero(starts[inner])
        if len(begins) == len(text.split()) + 1 and places:  # and the prefix
            sums = np.add.reduceat(states[row][1:-1] * weights[inner, None], begins)[np.array(places) + 1]
            pooled.append(unit(sums).astype(np.float16))
        else:
            sentence = Sentence((), (True,))
        sentences.append(sentence)
    offsets = np.concatenate([[0], np.cumsum([len(sentence.words) for sentence in sentences])])
    vectors = np.concatenate(pooled) if pooled else np.zeros((0, states.values.shape[1]), np.float16)
    middle = vectors.mean(0, dtype=np.float32) if len(vectors) else 0.0
    for start in range(0, len(vectors), _BLOCK):
        vectors[start : start + _BLOCK] = unit(vectors[start : start + _BLOCK] - middle)
    return sentences, Ragged(vectors, offsets)


def align(source: np.ndarray, target: np.ndarray, least: float = 0.2, rounds: int = 2) -> list[tuple[int, int]]:
    """Pairs of words that are each other's most similar ones; in later rounds among those that are still without a partner.

    Args:
        source, target: unit vectors of two sentences' words, `[n, width]` and `[m, width]`.
        least: cosine of a pair.
    """
    links: list[tuple[int, int]] = []
    if not len(source) or not len(target):
        return links
    alike = source.astype(np.float32) @ target.astype(np.float32).T
    for _ in range(rounds):
        best, back = alike.argmax(1), alike.argmax(0)
        found = [(i, int(j)) for i, j in enumerate(best) if back[j] == i and alike[i, j] >= least]
        if not found:
            break
        links += found
        for i, j in found:
            alike[i], alike[:, j] = -1, -1
    return sorted(links)
