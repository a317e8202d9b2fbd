"""Texts from the decoder while it trains: greedy or sampled, many at once, with the keys and values of earlier pieces kept."""

from __future__ import annotations

from typing import Any

import sentencepiece as spm
import torch
from torch import Tensor
from transformers import DynamicCache, EncoderDecoderCache

from mmembed.learn.conditioned import ConditionedDecoder

PADDING, END = 1, 2


@torch.no_grad()
def write(
    decoder: ConditionedDecoder,
    read: tuple[Tensor, Tensor, Tensor, Tensor],
    tag: int,
    pieces: Tensor,
    length: int,
    random: torch.Generator | None = None,
    copies: int = 1,
) -> Tensor:
    """Ids of texts, int64 `[N · copies, L]`: the tag, up to `length` pieces, and padding after the end.

    Args:
        read: prefix, states, words and mask of N examples; see `ConditionedDecoder.forward`.
        tag: id that every text begins with.
        pieces: ids that a text may contain, `[V]`.
        random: draws the next piece; None takes the likeliest.
        copies: texts of each example, side by side.
    """
    embeddings, attention = decoder.memory_inputs(*read)
    memory = decoder.network.model.encoder(inputs_embeds=embeddings, attention_mask=attention).last_hidden_state
    memory, attention = memory.repeat_interleave(copies, 0), attention.repeat_interleave(copies, 0)
    cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
    ids = torch.full((len(memory), 1), tag, device=memory.device)
    ended = torch.zeros(len(memory), dtype=torch.bool, device=memory.device)
    for _ in range(length):
        hidden: Any = decoder.network.model.decoder(
            input_ids=ids[:, -1:], encoder_hidden_states=memory, encoder_attention_mask=attention, past_key_values=cache, use_cache=True
        )
        logits = decoder.logits(hidden.last_hidden_state[:, 0], pieces).float()
        best = logits.argmax(1) if random is None else torch.multinomial(logits.softmax(1), 1, generator=random)[:, 0]
        chosen = pieces[best].masked_fill(ended, PADDING)
        ids = torch.cat([ids, chosen[:, None]], 1)
        ended |= chosen == END
        if ended.all():
            break
    return ids


def texts_of(ids: Tensor, pieces: spm.SentencePieceProcessor) -> list[str]:
    """What `write` wrote, as text."""
    return pieces.decode([[piece for piece in row[1:] if piece not in (PADDING, END)] for row in ids.tolist()])
