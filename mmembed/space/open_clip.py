"""Joint spaces of the open_clip library: OpenCLIP, DataComp, SigLIP, NLLB-CLIP, XLM-R-CLIP, MobileCLIP, CoCa."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mmembed.errors import InvalidConfig, MissingPackage
from mmembed.hub.files import text_tower
from mmembed.hub.find import folder_of
from mmembed.space.estimate import LogitEstimate
from mmembed.space.text_limits import warn_cut
from mmembed.space.torch_space import TorchSpace, tower

if TYPE_CHECKING:
    import torch


class OpenClipSpace(TorchSpace):
    """A `Space` from a folder in open_clip's layout (`open_clip_config.json`, weights, and tokenizer files if it has its own)."""

    library = "open_clip"
    family = "open_clip"

    def _read_shape(self) -> None:
        self._config = read_model_config(self._folder)
        self.dim = int(self._config["embed_dim"])
        size = self._config["vision_cfg"].get("image_size", 224)
        self.picture_size = max(size) if isinstance(size, (list, tuple)) else int(size)

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        """The model, and the preprocessing that its configuration asks for."""
        return load(self._folder, self._config, self.where.device, self.where.precision)

    @cached_property
    def _tokens(self) -> Any:
        return tokenizer(self._folder)

    @cached_property
    def _preprocess(self) -> Any:
        """The same preprocessing without the model, which an int8 copy does not need."""
        library()
        from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict

        said = json.loads((self._folder / "open_clip_config.json").read_text(encoding="utf-8")).get("preprocess_cfg") or {}
        settings = merge_preprocess_dict(asdict(PreprocessCfg()), {**said, "size": self._config["vision_cfg"].get("image_size", 224)})
        return image_transform_v2(PreprocessCfg(**settings), is_train=False)

    def _picture_features(self, images: Sequence[Image.Image]) -> torch.Tensor:
        import torch

        model, preprocess = self._loaded
        pixels = torch.stack([preprocess(image) for image in images]).to(self.where.device, self.where.dtype)
        features: torch.Tensor = model.encode_image(pixels)
        return features

    def _text_features(self, texts: Sequence[str]) -> torch.Tensor:
        model, _ = self._loaded
        features: torch.Tensor = model.encode_text(self._ids(texts).to(self.where.device))
        return features

    def _ids(self, texts: Sequence[str]) -> torch.Tensor:
        """`[N, T]`, always of the model's full length; too long a text is cut, with a warning."""
        limit = self._tokens.context_length
        # A text has no more tokens than bytes, so most need no second look.
        warn_cut(sum(len(text.encode()) + 2 > limit and _length(self._tokens, text) > limit for text in texts), limit)
        ids: torch.Tensor = self._tokens(list(texts))
        return ids

    def picture_inputs(self, images: Sequence[Image.Image]) -> dict[str, np.ndarray]:
        """See `TorchSpace.picture_inputs`."""
        return {"pixels": np.stack([self._preprocess(image).numpy() for image in images])}

    def text_inputs(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """See `TorchSpace.text_inputs`."""
        ids: np.ndarray = self._ids(texts).numpy()
        return {"ids": ids}

    def towers(self) -> dict[str, Any]:
        """See `TorchSpace.towers`."""
        model, _ = load(self._folder, self._config, "cpu", "fp32")
        return {"picture": tower(model, model.encode_image), "text": tower(model, model.encode_text)}

    def estimate(self) -> LogitEstimate:
        """See `TorchSpace.estimate`."""
        model, _ = self._loaded
        bias = getattr(model, "logit_bias", None)
        return LogitEstimate(float(model.logit_scale.detach().float().exp()), None if bias is None else float(bias.detach().float()))


def read_model_config(folder: Path) -> dict[str, Any]:
    """The part `model_cfg` of a folder's `open_clip_config.json`.

    Raises:
        InvalidConfig: the file is missing or says something else.
    """
    path = folder / "open_clip_config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))["model_cfg"]
        return {**config, "vision_cfg": dict(config["vision_cfg"]), "text_cfg": dict(config["text_cfg"]), "embed_dim": config["embed_dim"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidConfig(f"{path} does not describe a model of open_clip: {error}") from error


def load(folder: Path, config: dict[str, Any], device: str, precision: str) -> tuple[Any, Any]:
    """Model and preprocessing, for use only, from local files alone.

    Raises:
        MissingPackage: open_clip is not installed.
        UnavailableModel: the text tower's configuration, which is in another repository, is not on this machine.
    """
    open_clip = library()
    changes: dict[str, Any] = {}
    if foreign := text_tower(config):
        # The text tower is built from a configuration that open_clip would ask the hub for.
        changes["text_cfg"] = {**config["text_cfg"], "hf_model_name": str(_text_config(folder, foreign)), "hf_model_pretrained": False}
    model, preprocess = open_clip.create_model_from_pretrained(
        f"local-dir:{folder}", precision={"fp16": "pure_fp16", "bf16": "pure_bf16"}.get(precision, "fp32"), device=device, **changes
    )
    return model.eval(), preprocess


def tokenizer(folder: Path) -> Any:
    """The tokenizer that belongs to the folder's model."""
    return library().get_tokenizer(f"local-dir:{folder}")


def library() -> Any:
    """The package open_clip.

    Raises:
        MissingPackage: it is not installed, or does not work here.
    """
    try:
        import open_clip
    except (ImportError, RuntimeError) as error:  # RuntimeError: torchvision does not fit torch
        raise MissingPackage("open-clip-torch", "hub", f"A model of open_clip ({error})") from error
    return open_clip


def _text_config(folder: Path, name: str) -> Path:
    return folder if (folder / "config.json").is_file() else folder_of(name, "configuration")


def _length(tokens: Any, text: str) -> int:
    """How many tokens the whole text has, with those at its ends."""
    inner = getattr(tokens, "tokenizer", None)
    if inner is None:  # CLIP's own tokenizer adds two by itself
        return len(tokens.encode(text)) + 2
    return len(inner(tokens.clean_fn(text), truncation=False, verbose=False)["input_ids"])
