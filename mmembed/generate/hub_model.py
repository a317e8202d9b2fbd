"""What the decoders from the hub have in common: a folder found when first needed, a lock, and n-best lists from `generate()`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Any

from PIL import Image

from mmembed.generate.base import Candidate
from mmembed.hub.files import weight_files
from mmembed.hub.find import folder_of, require_torch, whole
from mmembed.hub.running import Batches, Running, placement, quiet_loading, running
from mmembed.media.picture import Picture
from mmembed.presets import Preset

BATCH = 16


class HubModel:
    """A preset whose weights are looked for, and downloaded if need be, when it is first used."""

    library = "transformers"
    batch = BATCH

    def __init__(self, preset: Preset, where: Running | None = None) -> None:
        self.preset, self.name = preset, preset.name
        self.batches = Batches(self.batch)
        self._where, self._lock = where, RLock()

    @contextmanager
    def ready(self) -> Iterator[None]:
        """One thread at a time, with a sentence for files that are missing while the model loads.

        Raises:
            UnavailableModel: a file is missing or broken.
            MissingPackage: torch is not installed.
        """
        require_torch()
        with self._lock, whole(self.name):
            yield

    @property
    def where(self) -> Running:
        """Device and precision, decided when first needed."""
        if self._where is None:
            self._where = running()
        return self._where

    @cached_property
    def folder(self) -> Path:
        """The weights.

        Raises:
            UnavailableModel: they are not on this machine and cannot be had.
        """
        return folder_of(self.preset.weights, self.library)

    def load(self, kind: Any, folder: Path | None = None) -> Any:
        """`kind.from_pretrained` in the right precision, on the device or, when it is too large for one, on several."""
        folder = folder or self.folder
        size = sum(file.stat().st_size for file in weight_files(folder, "transformers"))
        device_map = placement(size, self.where)
        with quiet_loading():
            model = kind.from_pretrained(folder, dtype=self.where.dtype, device_map=device_map, local_files_only=True)
        return model.eval()


class EnglishCaptioner(HubModel, ABC):
    """A `Captioner` that writes English only."""

    languages = ("en",)

    def credit(self, language: str) -> str:
        """The model's name."""
        return self.name

    def describe(self, pictures: Sequence[Picture], language: str, beams: int = 4, count: int = 1) -> list[list[Candidate]]:
        """See `Captioner.describe`; always in English."""
        with self.ready():
            return self.batches.run(lambda part: self._describe(part, beams, count), pictures)

    @abstractmethod
    def _describe(self, pictures: Sequence[Picture], beams: int, count: int) -> list[list[Candidate]]:
        """`describe` for one batch."""


def images_of(pictures: Sequence[Picture]) -> list[Image.Image]:
    """The upright pixels, as the preprocessing of the libraries wants them."""
    return [Image.fromarray(picture.pixels) for picture in pictures]


def n_best(model: Any, decode: Any, inputs: Any, beams: int, count: int, **settings: Any) -> list[list[Candidate]]:
    """Run `model.generate` and group what comes out by row.

    The score is the mean log-probability of the text's tokens (with beams: as the search itself ranks them).

    Args:
        decode: ids `[N · count, T]` → N · count texts.
        inputs: keyword arguments of `generate`, each with N rows.
    """
    import torch

    beams = max(beams, count)
    with torch.inference_mode():
        output = model.generate(
            **inputs, num_beams=beams, num_return_sequences=count, do_sample=False, return_dict_in_generate=True, output_scores=True,
            **settings,
        )  # fmt: skip
        if beams > 1:
            scores = output.sequences_scores
        else:
            steps = model.compute_transition_scores(output.sequences, output.scores, normalize_logits=True)
            real = torch.isfinite(steps) & (output.sequences[:, -steps.shape[1] :] != _padding(model))
            scores = (steps.masked_fill(~real, 0).sum(1)) / real.sum(1).clamp(min=1)
    texts = [text.strip() for text in decode(output.sequences)]
    found = [Candidate(text, float(score)) for text, score in zip(texts, scores.float().cpu(), strict=True)]
    return [found[start : start + count] for start in range(0, len(found), count)]


def _padding(model: Any) -> int:
    padding = model.generation_config.pad_token_id
    return -1 if padding is None else int(padding)
