"""From similarity to confidence for spaces that bring no calibration: an estimate from the model's own logit scale.

What contrastive training optimises is a likelihood ratio, so a probability can be read off it once a prior is assumed; here
that two in a hundred pictures match, the same as for the bundled space.
- Sigmoid loss (SigLIP, https://arxiv.org/abs/2303.15343): sigmoid(scale · cosine + bias) is the probability of a pair among
  the pairs of a training batch, of which one in the batch size matches; the prior is exchanged.
- Softmax loss (CLIP, https://arxiv.org/abs/2103.00020): exp(scale · cosine) against its mean over pictures that do not match.
  Those are not at hand, so the gallery stands in for them, mixed with TYPICAL_ROWS typical ones: in a very small gallery the
  model family's typical similarity decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PRIOR = 0.02
SIGLIP_BATCH = 32_768
TYPICAL_MEAN, TYPICAL_SPREAD, TYPICAL_ROWS = 0.17, 0.035, 20


@dataclass(frozen=True)
class LogitEstimate:
    """`scale` (positive) and, for sigmoid losses, `bias` of a model's logits."""

    scale: float
    bias: float | None

    def confidence(self, similarities: np.ndarray) -> np.ndarray:
        """Estimated probability of a match for each cosine `[N]`."""
        if not len(similarities):
            return np.zeros(0, np.float32)
        logits = self.scale * similarities.astype(np.float64)
        logits = logits - self._usual(similarities) if self.bias is None else logits + self.bias + np.log(SIGLIP_BATCH - 1)
        return (1 / (1 + np.exp(-np.clip(logits + np.log(PRIOR / (1 - PRIOR)), -50, 50)))).astype(np.float32)

    def _usual(self, similarities: np.ndarray) -> float:
        """log of the mean of exp(scale · cosine) over unrelated pictures, taken as normally distributed."""
        middle = float(np.median(similarities))
        below = similarities[similarities <= middle]  # matches are above the middle and must not widen the spread
        spread = float(np.sqrt(np.mean((below - middle) ** 2)))
        share = len(similarities) / (len(similarities) + TYPICAL_ROWS)
        mean = share * middle + (1 - share) * TYPICAL_MEAN
        spread = share * spread + (1 - share) * TYPICAL_SPREAD
        return self.scale * mean + min(self.scale * spread, 8.0) ** 2 / 2
