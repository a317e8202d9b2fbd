"""Captions in a language that has few: the decoder's translations of the English ones, made looking at the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import sentencepiece as spm
import torch
from tqdm import tqdm

from mmembed.learn.conditioned import ConditionedDecoder
from mmembed.learn.features import cached, fingerprint, padded, stacked
from mmembed.learn.text_tower import TextTower
from mmembed.learn.writing import texts_of, write
from mmembed.space.text import encode_pieces

_BATCH, _LENGTH = 256, 60


def translated(
    decoder: ConditionedDecoder,
    tower: TextTower,
    texts: Sequence[str],
    prefix: np.ndarray,
    tag: int,
    pieces: Sequence[int],
    targets: spm.SentencePieceProcessor,
    cache: Path,
) -> list[str]:
    """The likeliest translation, piece by piece, of each text; kept in `cache`.

    Args:
        tower: reads the texts.
        prefix: vectors of the pictures they describe, float32 `[N, dim]`.
        tag, pieces: id that a text in the language begins with, and those it is written with.
        targets: the decoder's vocabulary.
    """

    def compute() -> dict[str, np.ndarray]:
        states, encoded = tower.states(texts, cache), encode_pieces(tower.pieces, texts)
        embeddings = tower.model.embeddings.word_embeddings.weight.detach()
        allowed, found = torch.tensor(sorted(pieces)), np.empty(len(texts), object)
        order = np.argsort([len(row) for row in encoded], kind="stable")
        for start in tqdm(range(0, len(order), _BATCH), desc="translating captions", unit="batch"):
            chosen = order[start : start + _BATCH]
            hidden, mask = stacked([states[i] for i in chosen])
            words = embeddings[padded([encoded[i] for i in chosen])] * mask[..., None]
            read = (torch.from_numpy(prefix[chosen]), hidden, words, mask)
            found[chosen] = texts_of(write(decoder, read, tag, allowed, _LENGTH), targets)
        return {"texts": found.astype(str)}

    return [str(text) for text in cached(cache, "translated", [fingerprint(decoder), str(tag), *texts], compute)["texts"]]
