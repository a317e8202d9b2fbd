"""Captions in a language that has few: a decoder's translations of the English ones, made looking at the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import sentencepiece as spm
import torch
from tqdm import tqdm

from mmembed.learn.features import cached, fingerprint, padded, stacked
from mmembed.learn.text_tower import TextTower
from mmembed.learn.trained_decoder import TrainedDecoder
from mmembed.learn.vocabulary import language_tag
from mmembed.learn.writing import texts_of, write
from mmembed.space.text import encode_pieces

_BATCH, _LENGTH = 256, 60


def translated(
    translator: TrainedDecoder,
    tower: TextTower,
    texts: Sequence[str],
    prefix: np.ndarray,
    language: str,
    vocabulary: Path,
    cache: Path,
) -> list[str]:
    """The likeliest translation, piece by piece, of each text; kept in `cache`.

    Args:
        tower: reads the texts.
        prefix: vectors of the pictures they describe, float32 `[N, dim]`.
        vocabulary: folder with the translator's.
    """
    targets = spm.SentencePieceProcessor(model_file=str(vocabulary / "decoder.model"))
    tag, pieces = targets.piece_to_id(language_tag(language)), translator.pieces[language]

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
            found[chosen] = texts_of(write(translator.network, read, tag, allowed, _LENGTH), targets)
        return {"texts": found.astype(str)}

    return [str(text) for text in cached(cache, "translated", [fingerprint(translator.network), str(tag), *texts], compute)["texts"]]
