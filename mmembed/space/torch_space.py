"""What the spaces that torch runs have in common: batches, precision, normalisation. A family adds its two towers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mmembed.errors import InvalidQuery
from mmembed.hub.files import digest
from mmembed.hub.find import whole
from mmembed.hub.running import Batches, Running, running
from mmembed.media.picture import Picture
from mmembed.space.estimate import LogitEstimate

if TYPE_CHECKING:
    import torch

PICTURE_BATCH, TEXT_BATCH = 32, 128


class TorchSpace(ABC):
    """A `Space` from a folder of weights; nothing is read before it is needed.

    Its identity is the family plus the digest of weights and configuration, so that the same model has the same vectors
    whether it was named as a preset, by its hub name or as a folder.
    """

    family: str
    library: str
    dim: int
    picture_size: int

    def __init__(self, folder: Path, name: str, languages: tuple[str, ...] = (), where: Running | None = None) -> None:
        self.name, self.languages = name, languages
        self._folder, self._where, self._lock = folder, where, RLock()
        self._identity = ""
        self._picture_batches, self._text_batches = Batches(PICTURE_BATCH), Batches(TEXT_BATCH)
        self._read_shape()

    @property
    def identity(self) -> str:
        """Family and digest; reading it costs a pass over the weights unless they are in the hub's cache."""
        if not self._identity:
            self._identity = f"{self.family}-{digest(self._folder, self.library)}"
        return self._identity

    @property
    def where(self) -> Running:
        """Device and precision, decided when first needed."""
        if self._where is None:
            self._where = running()
        return self._where

    def embed_pictures(self, pictures: Sequence[Picture]) -> np.ndarray:
        """float32 `[N, dim]`; preprocessed as the model's own configuration says, on the upright sRGB pixels."""
        images = [Image.fromarray(np.ascontiguousarray(picture.pixels)) for picture in pictures]
        return self._vectors(self._picture_features, images, self._picture_batches)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """float32 `[N, dim]`; too long a text is cut, with a warning.

        Raises:
            InvalidQuery: a text is empty.
        """
        if any(not text.strip() for text in texts):
            raise InvalidQuery("The text is empty; write a few words.")
        return self._vectors(self._text_features, list(texts), self._text_batches)

    def confidence(self, query: np.ndarray, similarities: np.ndarray, among: int | None = None, commonness: float = 0.0) -> np.ndarray:
        """Estimated, not calibrated; see `mmembed.space.estimate`. How many pictures were searched plays no part in it."""
        return self.estimate().confidence(similarities)

    def _vectors(self, features: Any, rows: Sequence[Any], batches: Batches) -> np.ndarray:
        if not rows:
            return np.zeros((0, self.dim), np.float32)
        import torch

        def work(part: Sequence[Any]) -> list[np.ndarray]:
            with torch.inference_mode():
                found: torch.Tensor = features(part)
            return list(torch.nn.functional.normalize(found.float(), dim=-1).cpu().numpy())

        with self._lock, whole(self.name):  # tokenizers and lazy loading are not safe from several threads at once
            return np.stack(batches.run(work, rows))

    @abstractmethod
    def _read_shape(self) -> None:
        """Set family, dim and picture_size from the configuration, without importing torch."""

    @abstractmethod
    def _picture_features(self, images: Sequence[Image.Image]) -> torch.Tensor:
        """`[N, dim]`, not normalised."""

    @abstractmethod
    def _text_features(self, texts: Sequence[str]) -> torch.Tensor:
        """`[N, dim]`, not normalised."""

    @abstractmethod
    def picture_inputs(self, images: Sequence[Image.Image]) -> dict[str, np.ndarray]:
        """What the picture tower is given, by name, on the CPU in single precision."""

    @abstractmethod
    def text_inputs(self, texts: Sequence[str]) -> dict[str, np.ndarray]:
        """What the text tower is given, by name; too long a text is cut, with a warning."""

    @abstractmethod
    def towers(self) -> dict[str, Any]:
        """`picture` and `text` as torch modules, on the CPU in single precision, that take those inputs in order and return
        vectors `[N, dim]`, not normalised; for an exporter."""

    @abstractmethod
    def estimate(self) -> LogitEstimate:
        """Scale and bias of the model's logits."""


def tower(model: Any, features: Callable[..., torch.Tensor]) -> Any:
    """A torch module with the model's weights, which returns what `features` does."""
    import torch

    class Tower(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *inputs: torch.Tensor) -> torch.Tensor:
            return features(*inputs)

    return Tower()
