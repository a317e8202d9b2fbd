"""Joint spaces of the transformers library: CLIP, SigLIP, SigLIP 2, MetaCLIP 2 and whatever else has two such towers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mmembed.errors import InvalidConfig
from mmembed.hub.running import quiet_loading
from mmembed.space.estimate import LogitEstimate
from mmembed.space.text_limits import warn_cut
from mmembed.space.torch_space import TorchSpace, tower

if TYPE_CHECKING:
    import torch

_SIGMOID_FAMILIES = ("siglip", "siglip2")
_DIM, _PICTURE_SIZE, _TEXT_LENGTH = 512, 224, 77  # what a CLIP configuration means when it leaves them out


class TransformersSpace(TorchSpace):
    """A `Space` from a folder in the layout of transformers (`config.json`, `model.safetensors`, tokenizer files)."""

    library = "transformers"

    def _read_shape(self) -> None:
        path = self._folder / "config.json"
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            self.family = str(config["model_type"])
            self._text, self._vision = dict(config.get("text_config") or {}), dict(config.get("vision_config") or {})
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InvalidConfig(f"{path} does not describe a model of the transformers library: {error}") from error
        if self.family in _SIGMOID_FAMILIES:
            self.dim = int(self._text.get("projection_size") or self._text.get("hidden_size") or 768)
            self._length = int(self._text.get("max_position_embeddings") or 64)
        else:
            self.dim = int(config.get("projection_dim") or _DIM)
            self._length = min(int(self._text.get("max_position_embeddings") or _TEXT_LENGTH), _TEXT_LENGTH)
        self.picture_size = self._read_picture_size()

    def _read_picture_size(self) -> int:
        """The side that the model looks at. SigLIP 2's flexible variant says how many patches instead."""
        try:
            preprocessing = json.loads((self._folder / "preprocessor_config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            preprocessing = {}
        if patches := preprocessing.get("max_num_patches"):
            return int(int(patches) ** 0.5 * int(preprocessing.get("patch_size") or 16))
        size = preprocessing.get("size") or {}
        sides = [size] if isinstance(size, int) else [value for value in size.values() if isinstance(value, int)]
        return max(sides, default=int(self._vision.get("image_size") or _PICTURE_SIZE))

    @cached_property
    def _model(self) -> Any:
        from transformers import AutoModel

        with quiet_loading():
            model = AutoModel.from_pretrained(self._folder, dtype=self.where.dtype, local_files_only=True)
        if not (hasattr(model, "get_text_features") and hasattr(model, "get_image_features")):
            raise InvalidConfig(
                f"{self.name} is a model of the kind {self.family!r}, which has no common space of pictures and texts; "
                f"take one such as CLIP, SigLIP or MetaCLIP."
            )
        return model.to(self.where.device).eval()

    @cached_property
    def _images(self) -> Any:
        from transformers import AutoImageProcessor

        # Pillow's resizing, with which these models were trained; torchvision's differs in the last digits.
        return AutoImageProcessor.from_pretrained(self._folder, backend="pil", local_files_only=True)

    @cached_property
    def _tokens(self) -> Any:
        from transformers import AutoTokenizer

        with quiet_loading():
            return AutoTokenizer.from_pretrained(self._folder, local_files_only=True)

    def _picture_features(self, images: Sequence[Image.Image]) -> torch.Tensor:
        inputs = self._images(images=list(images), return_tensors="pt").to(self.where.device)
        inputs["pixel_values"] = inputs["pixel_values"].to(self.where.dtype)
        return _pooled(self._model.get_image_features(**inputs))

    def _text_features(self, texts: Sequence[str]) -> torch.Tensor:
        inputs = self._tokenised(texts).to(self.where.device)
        return _pooled(self._model.get_text_features(**inputs))

    def _tokenised(self, texts: Sequence[str]) -> Any:
        """Ids `[N, T]` and mask.

        SigLIP reads its summary off the last position and learned so with texts in lower case, always padded to its full
        length and without a mask: padding to the longest text of a batch gives silently wrong vectors.
        """
        if self.family not in _SIGMOID_FAMILIES:
            self._warn(texts)
            return self._tokens(list(texts), padding=True, truncation=True, max_length=self._length, return_tensors="pt")
        lowered = [text.lower() for text in texts]
        self._warn(lowered)
        inputs = self._tokens(lowered, padding="max_length", truncation=True, max_length=self._length, return_tensors="pt")
        inputs.pop("attention_mask", None)
        return inputs

    def _warn(self, texts: Sequence[str]) -> None:
        lengths = self._tokens(list(texts), padding=False, truncation=False, verbose=False)["input_ids"]
        warn_cut(sum(len(ids) > self._length for ids in lengths), self._length)

    def picture_inputs(self, images: Sequence[Image.Image]) -> dict[str, np.ndarray]:
        """See `TorchSpace.picture_inputs`."""
        return {name: np.asarray(value) for name, value in self._images(images=list(images), return_tensors="np").items()}

    def text_inputs(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """See `TorchSpace.text_inputs`."""
        return {name: value.numpy() for name, value in self._tokenised(texts).items() if name in ("input_ids", "attention_mask")}

    def towers(self) -> dict[str, Any]:
        """See `TorchSpace.towers`."""
        from transformers import AutoModel

        with quiet_loading():  # attention written out, which every exporter understands
            model = AutoModel.from_pretrained(self._folder, attn_implementation="eager", local_files_only=True).eval()
        return {
            "picture": tower(model, lambda *inputs: _pooled(model.get_image_features(*inputs))),
            "text": tower(model, lambda *inputs: _pooled(model.get_text_features(*inputs))),
        }

    def estimate(self) -> LogitEstimate:
        """See `TorchSpace.estimate`."""
        scale = float(self._model.logit_scale.detach().float().exp())
        bias = getattr(self._model, "logit_bias", None)
        return LogitEstimate(scale, None if bias is None else float(bias.detach().float()))


def _pooled(output: Any) -> torch.Tensor:
    """Versions differ in whether the towers return the vector or an output that has it."""
    pooled: torch.Tensor = output if not hasattr(output, "pooler_output") else output.pooler_output
    return pooled
