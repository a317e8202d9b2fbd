"""Florence-2: English captions from a task prompt (https://arxiv.org/abs/2311.06242)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from mmembed.generate.base import Candidate
from mmembed.generate.hub_model import EnglishCaptioner, images_of, n_best
from mmembed.media.picture import Picture


class Florence2Captioner(EnglishCaptioner):
    """A `Captioner` from a Florence-2 checkpoint in transformers' own format (florence-community/…, not microsoft/…).

    The preset's option `task` chooses how much is said: `<CAPTION>`, `<DETAILED_CAPTION>` or `<MORE_DETAILED_CAPTION>`.
    """

    picture_size = 768
    max_new_tokens = 256

    def _describe(self, pictures: Sequence[Picture], beams: int, count: int) -> list[list[Candidate]]:
        model, processor = self._loaded
        task = self.preset.options.get("task", "<CAPTION>")
        inputs = processor(text=[task] * len(pictures), images=images_of(pictures), return_tensors="pt").to(model.device, model.dtype)

        def decode(ids: Any) -> list[str]:
            decoded: list[str] = processor.batch_decode(ids, skip_special_tokens=True)
            return decoded

        longest = min(self.max_new_tokens, model.config.get_text_config(decoder=True).max_position_embeddings - 2)
        return n_best(model, decode, inputs, beams, count, max_new_tokens=longest, max_length=None)

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        from transformers import AutoProcessor, Florence2ForConditionalGeneration

        return self.load(Florence2ForConditionalGeneration), AutoProcessor.from_pretrained(
            self.folder, backend="pil", local_files_only=True
        )
