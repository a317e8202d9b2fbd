"""BLIP: English captions (https://arxiv.org/abs/2201.12086)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from mmembed.generate.base import Candidate
from mmembed.generate.hub_model import EnglishCaptioner, images_of, n_best
from mmembed.media.picture import Picture


class BlipCaptioner(EnglishCaptioner):
    """A `Captioner` from a BLIP checkpoint."""

    picture_size = 384
    max_new_tokens = 50

    def _describe(self, pictures: Sequence[Picture], beams: int, count: int) -> list[list[Candidate]]:
        model, images, tokenizer = self._loaded
        pixels = images(images=images_of(pictures), return_tensors="pt")["pixel_values"].to(model.device, model.dtype)

        def decode(ids: Any) -> list[str]:
            decoded: list[str] = tokenizer.batch_decode(ids, skip_special_tokens=True)
            return decoded

        return n_best(model, decode, {"pixel_values": pixels}, beams, count, max_new_tokens=self.max_new_tokens, max_length=None)

    @cached_property
    def _loaded(self) -> tuple[Any, Any, Any]:
        from transformers import AutoImageProcessor, AutoTokenizer, BlipForConditionalGeneration

        images = AutoImageProcessor.from_pretrained(self.folder, backend="pil", local_files_only=True)
        return self.load(BlipForConditionalGeneration), images, AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
