"""From a text to the pieces a text tower sees."""

from __future__ import annotations

from collections.abc import Sequence

import sentencepiece as spm

PREFIX = "query: "
MASK = "<mask>"
MAX_PIECES = 128


def encode_pieces(pieces: spm.SentencePieceProcessor, texts: Sequence[str], limit: int = MAX_PIECES) -> list[list[int]]:
    """Ids of each text with E5's `query: ` prefix, between `<s>` and `</s>`, cut to `limit` ids in all."""
    prepared = [PREFIX + text.replace(" " + MASK, MASK) for text in texts]
    return [[pieces.bos_id(), *row[: limit - 2], pieces.eos_id()] for row in pieces.encode(prepared)]
