"""CoCa of open_clip: English captions from a model that is also a space (https://arxiv.org/abs/2205.01917).

open_clip's own `generate` needs a part of transformers that version 5 no longer has, so the search is the bundled decoder's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from mmembed.errors import InvalidConfig
from mmembed.generate.base import Candidate
from mmembed.generate.bundled import beam_search
from mmembed.generate.hub_model import EnglishCaptioner, images_of
from mmembed.media.picture import Picture
from mmembed.space.open_clip import load, read_model_config, tokenizer

_SHORTEST, _LONGEST = 5, 30  # tokens, the start not counted: open_clip's own limits


class CocaCaptioner(EnglishCaptioner):
    """A `Captioner` from a CoCa checkpoint in open_clip's layout."""

    library = "open_clip"
    batch = 8

    @cached_property
    def picture_size(self) -> int:
        """The side that its picture tower looks at."""
        size = read_model_config(self.folder)["vision_cfg"].get("image_size", 224)
        return int(max(size) if isinstance(size, (list, tuple)) else size)

    def _describe(self, pictures: Sequence[Picture], beams: int, count: int) -> list[list[Candidate]]:
        import torch

        beams = max(beams, count)
        model, preprocess, tokens = self._loaded
        start, end = tokens.sot_token_id, tokens.eot_token_id
        with torch.inference_mode():
            pixels = torch.stack([preprocess(image) for image in images_of(pictures)]).to(self.where.device, self.where.dtype)
            latent, seen = (part.repeat_interleave(beams, 0) for part in model._encode_image(pixels))
            texts = torch.full((len(pictures) * beams, 0), 0, dtype=torch.long, device=self.where.device)

            def step(ids: np.ndarray, position: int) -> np.ndarray:
                nonlocal texts
                texts = torch.cat([texts, torch.from_numpy(ids).to(texts.device)[:, None]], 1)
                logits = model(None, texts, image_latent=latent, image_embs=seen, output_labels=False)["logits"][:, -1].float()
                if position + 1 < _SHORTEST:
                    logits[:, end] = -torch.inf
                scores: np.ndarray = logits.log_softmax(-1).cpu().numpy()
                return scores

            def reorder(order: np.ndarray) -> None:
                nonlocal texts
                texts = texts[torch.from_numpy(order).to(texts.device)]

            pieces = np.arange(model.text.vocab_size)
            found = beam_search(step, reorder, len(pictures), start, pieces, beams, _LONGEST - 1, end)
        return [[Candidate(tokens.decode(ids).strip(), score) for ids, score in best[:count]] for best in found]

    @cached_property
    def _loaded(self) -> tuple[Any, Any, Any]:
        config = read_model_config(self.folder)
        model, preprocess = load(self.folder, config, self.where.device, self.where.precision)
        if not hasattr(model, "text_decoder"):
            raise InvalidConfig(f"{self.name} is a space but writes no captions; only CoCa models do both.")
        return model, preprocess, tokenizer(self.folder)
