"""How likely the decoder finds the texts of a batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmembed.learn.conditioned import ConditionedDecoder
from mmembed.learn.mixture import Batch


class DecoderLoss(nn.Module):
    """Label-smoothed cross-entropy a piece, among the pieces of each row's language alone: a small softmax, and nothing
    of the other languages in what is written."""

    def __init__(self, decoder: ConditionedDecoder, pieces: list[list[int]], smoothing: float) -> None:
        super().__init__()
        self.decoder, self.smoothing = decoder, smoothing
        for language, chosen in enumerate(pieces):
            self.register_buffer(f"pieces{language}", torch.tensor(chosen), persistent=False)
        self.languages = len(pieces)

    def forward(self, batch: Batch) -> Tensor:
        hidden = self.decoder(batch.prefix, batch.states, batch.words, batch.mask, batch.inputs)
        total = hidden.new_zeros((), dtype=torch.float32)
        for language in range(self.languages):
            chosen = self.get_buffer(f"pieces{language}")
            wanted = (batch.labels != -100) & (batch.language == language)[:, None]
            if wanted.any():
                labels = torch.searchsorted(chosen, batch.labels[wanted])
                logits = self.decoder.logits(hidden[wanted], chosen)
                total = total + F.cross_entropy(logits.float(), labels, label_smoothing=self.smoothing, reduction="sum")
        return total / (batch.labels != -100).sum()
