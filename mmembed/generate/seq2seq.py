"""What text-only translators of the transformers library have in common. A family adds how it names languages."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmembed.errors import InvalidQuery
from mmembed.generate.base import Candidate
from mmembed.generate.hub_model import HubModel, n_best
from mmembed.languages import canonical
from mmembed.media.picture import Picture


@dataclass(frozen=True)
class Direction:
    """Everything a model needs to translate from one language to another.

    Attributes:
        model: with `generate`.
        tokenizer: set to the source language.
        settings: further arguments of `generate`, such as the first token.
        prefix: put before each text.
    """

    model: Any
    tokenizer: Any
    settings: dict[str, Any]
    prefix: str = ""


class Seq2SeqTranslator(HubModel, ABC):
    """A `Translator` that reads text and nothing else."""

    sees = False
    picture_size = 0
    languages: tuple[str, ...]

    @abstractmethod
    def direction(self, source: str, to: str) -> Direction:
        """The model for a pair of canonical codes. Raises UnknownPair if there is none."""

    def translate(
        self,
        texts: Sequence[str],
        to: str,
        source_language: str | None,
        pictures: Sequence[Picture | None] | None = None,
        beams: int = 4,
        count: int = 1,
    ) -> list[list[Candidate]]:
        """See `Translator.translate`; pictures are not looked at."""
        if source_language is None:
            raise InvalidQuery(f"{self.name} has to be told the language of the text; give it with --from.")
        if not texts:
            return []
        with self.ready():  # the tokenizer's source language is a state of it
            direction = self.direction(canonical(source_language), canonical(to))
            return self.batches.run(lambda part: _translate(direction, part, beams, count), texts)


def _translate(direction: Direction, texts: Sequence[str], beams: int, count: int) -> list[list[Candidate]]:
    tokenizer, model = direction.tokenizer, direction.model
    prepared = [direction.prefix + " ".join(text.split()) for text in texts]
    limit = _limit(tokenizer, model)
    long = sum(len(ids) > limit for ids in tokenizer(prepared, truncation=False, verbose=False)["input_ids"])
    if long:
        warnings.warn(f"{long} text(s) longer than {limit} tokens were cut; the rest was not translated.", stacklevel=2)
    inputs = tokenizer(prepared, padding=True, truncation=True, max_length=limit, return_tensors="pt").to(model.device)
    length = min(2 * int(inputs["input_ids"].shape[1]) + 20, limit - 1)

    sign = direction.settings.get("forced_bos_token_id", tokenizer.pad_token_id)

    def decode(ids: Any) -> list[str]:
        # Not every tokenizer counts the sign of the target language among those to be left out.
        decoded: list[str] = tokenizer.batch_decode(ids.masked_fill(ids == sign, tokenizer.pad_token_id), skip_special_tokens=True)
        return decoded

    return n_best(model, decode, inputs, beams, count, max_new_tokens=length, max_length=None, **direction.settings)


def _limit(tokenizer: Any, model: Any) -> int:
    positions = int(getattr(model.config, "max_position_embeddings", 0) or 512)
    return min(positions, int(min(tokenizer.model_max_length, 1_000_000)))
