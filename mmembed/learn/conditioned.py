"""The decoder's network: a small mBART that reads joint vectors and the text tower's states.

What it reads is a sequence of embeddings: a few prefix embeddings made from one joint vector (ClipCap, Mokady et al.
2021, https://arxiv.org/abs/2111.09734), then one embedding for every piece of the source text, made from the text
tower's last hidden state (what the piece means here) and its word embedding (which piece it is, so that names and
numbers can be copied). transformers' own `generate()` is the reference for the exported decoder.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import MBartConfig, MBartForConditionalGeneration


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the decoder's network."""

    vocabulary: int
    prefix_dim: int
    state_dim: int
    width: int = 256
    encoder_layers: int = 2
    decoder_layers: int = 4
    heads: int = 4
    inner: int = 1024
    prefix_length: int = 6
    dropout: float = 0.0
    max_positions: int = 192


class ConditionedDecoder(nn.Module):
    """Reads `prefix` `[N, prefix_dim]` and source `states` and `words` `[N, T, state_dim]`; writes piece ids."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.prefix = nn.Sequential(
            nn.Linear(config.prefix_dim, config.prefix_length * config.width), nn.Unflatten(1, (config.prefix_length, config.width))
        )
        self.source = nn.Linear(2 * config.state_dim, config.width)
        self.network = MBartForConditionalGeneration(
            MBartConfig(
                vocab_size=config.vocabulary,
                d_model=config.width,
                encoder_layers=config.encoder_layers,
                decoder_layers=config.decoder_layers,
                encoder_attention_heads=config.heads,
                decoder_attention_heads=config.heads,
                encoder_ffn_dim=config.inner,
                decoder_ffn_dim=config.inner,
                max_position_embeddings=config.max_positions,
                dropout=config.dropout,
                attention_dropout=0.0,
                activation_dropout=0.0,
                scale_embedding=True,
                bos_token_id=0,
                pad_token_id=1,
                eos_token_id=2,
                decoder_start_token_id=2,
                forced_eos_token_id=None,
                attn_implementation="eager",  # on CPUs the backward pass of the fused kernel is slower than all the rest
            )
        )

    def memory_inputs(self, prefix: Tensor, states: Tensor, words: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings `[N, P + T, width]` and attention mask `[N, P + T]` of what the network reads.

        A row of NaN in `prefix` means that there is no picture: its prefix embeddings are masked.
        """
        present = ~prefix.isnan().any(1, keepdim=True)
        read = [self.prefix(torch.nan_to_num(prefix)), self.source(torch.cat([states, words], -1))]
        return torch.cat(read, 1), torch.cat([present.expand(-1, self.config.prefix_length), mask], 1).long()

    def forward(self, prefix: Tensor, states: Tensor, words: Tensor, mask: Tensor, inputs: Tensor) -> Tensor:
        """Last hidden states `[N, L, width]` for decoder `inputs` `[N, L]` that start with the language's tag; see `logits`."""
        embeddings, attention = self.memory_inputs(prefix, states, words, mask)
        out = self.network.model(inputs_embeds=embeddings, attention_mask=attention, decoder_input_ids=inputs, use_cache=False)
        return out.last_hidden_state

    def logits(self, hidden: Tensor, pieces: Tensor) -> Tensor:
        """Logits `[M, len(pieces)]` of some pieces after hidden states `[M, width]`."""
        return F.linear(hidden, self.network.lm_head.weight[pieces], self.network.final_logits_bias[0, pieces])

    @torch.inference_mode()
    def generate(
        self, prefix: Tensor, states: Tensor, words: Tensor, mask: Tensor, tag: int, pieces: list[int], beams: int, count: int, length: int
    ) -> tuple[Tensor, Tensor]:
        """Beam search by transformers among `pieces`: ids `[N · count, L]` and length-normalised scores `[N · count]`."""
        embeddings, attention = self.memory_inputs(prefix, states, words, mask)
        out = self.network.generate(
            inputs_embeds=embeddings,
            attention_mask=attention,
            decoder_start_token_id=tag,
            num_beams=beams,
            num_return_sequences=count,
            max_new_tokens=length,
            do_sample=False,
            early_stopping=True,
            length_penalty=1.0,
            suppress_tokens=sorted(set(range(self.config.vocabulary)) - set(pieces)),
            renormalize_logits=True,
            return_dict_in_generate=True,
            output_scores=True,
        )
        return out.sequences, out.sequences_scores
