"""Outputs of the frozen backbones, computed once and cached on disk, so that heads and decoder train in minutes."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sentencepiece as spm
import torch
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm
from transformers import BertModel

from mmembed.learn.data import PictureSource
from mmembed.space.pixels import square
from mmembed.space.text import encode_pieces

PADDING = 1


@dataclass(frozen=True)
class Ragged:
    """Sequences of different length, end to end: `values` `[total, width]`, sequence i at `offsets[i]:offsets[i+1]`."""

    values: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> np.ndarray:
        return self.values[self.offsets[index] : self.offsets[index + 1]]


def cached(folder: Path, name: str, key: Sequence[str], compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays that `compute` returned for this `key`, from `folder` if they are there already."""
    digest = hashlib.sha256("\x1f".join(key).encode()).hexdigest()[:16]
    place = folder / f"{name}-{digest}"
    if not place.exists():
        arrays = compute()
        partial = place.with_suffix(f".partial{os.getpid()}")
        partial.mkdir(parents=True, exist_ok=True)
        for array, values in arrays.items():
            np.save(partial / f"{array}.npy", values)
        if place.exists():  # another process was faster
            shutil.rmtree(partial)
        else:
            partial.rename(place)
    return {file.stem: np.load(file, mmap_mode="r") for file in place.glob("*.npy")}


def normalise_pixels(pixels: Tensor) -> Tensor:
    """uint8 `[N, H, W, 3]` → float32 `[N, 3, H, W]` as EfficientNet-Lite expects it."""
    return (pixels.permute(0, 3, 1, 2).float() - 127) / 128


def picture_features(
    network: nn.Module, source: PictureSource, size: int, views: Sequence[str], cache: Path, batch: int = 32
) -> np.ndarray:
    """Pooled features of every picture in `source` for every view, float16 `[pictures, views, width]`.

    A view is `plain`, `mirror` or `crop<seed>`: a random crop of 60–100 % of the area, mirrored half the time.
    """
    stems = source.stems

    def compute() -> dict[str, np.ndarray]:
        blocks = []
        for start in tqdm(range(0, len(stems), batch), desc="picture features", unit="batch"):
            pictures = [Image.open(io.BytesIO(source.read(stem))).convert("RGB") for stem in stems[start : start + batch]]
            rows = [
                _features(network, [_view(p, view, f"{view}{s}", size) for p, s in zip(pictures, stems[start:], strict=False)])
                for view in views
            ]
            blocks.append(np.stack(rows, 1).astype(np.float16))
        return {"features": np.concatenate(blocks)}

    return cached(cache, "pictures", [str(size), *views, *stems], compute)["features"]


def _view(picture: Image.Image, view: str, seed: str, size: int) -> np.ndarray:
    pixels = np.asarray(picture)
    if view == "plain":
        return square(pixels, size)
    if view == "mirror":
        return square(pixels[:, ::-1], size)
    random = np.random.default_rng(int(hashlib.sha256(seed.encode()).hexdigest()[:12], 16))
    area, ratio = random.uniform(0.5, 1.0), np.exp(random.uniform(np.log(0.8), np.log(1.25)))
    height, width = pixels.shape[:2]
    h, w = (max(1, min(side, round(side * float(np.sqrt(area * r))))) for side, r in ((height, 1 / ratio), (width, ratio)))
    top, left = random.integers(0, height - h + 1), random.integers(0, width - w + 1)
    crop = pixels[top : top + h, left : left + w]
    if random.random() < 0.5:
        crop = crop[:, ::-1]
    crop = crop.astype(np.float32) * random.uniform(0.8, 1.2) + random.uniform(-16, 16)
    return square(crop.clip(0, 255).astype(np.uint8), size)


def _features(network: nn.Module, pixels: list[np.ndarray]) -> np.ndarray:
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        return network(normalise_pixels(torch.from_numpy(np.stack(pixels)))).float().numpy()


def _text_batches(
    model: BertModel, pieces: spm.SentencePieceProcessor, texts: Sequence[str], batch: int
) -> Iterator[tuple[np.ndarray, Tensor, Tensor]]:
    """Batches of similar length: positions in `texts`, last hidden states, attention mask."""
    ids = encode_pieces(pieces, texts)
    order = np.argsort([len(row) for row in ids], kind="stable")
    for start in tqdm(range(0, len(order), batch), desc="text features", unit="batch"):
        chosen = order[start : start + batch]
        longest = max(len(ids[i]) for i in chosen)
        padded = torch.full((len(chosen), longest), PADDING)
        for row, i in enumerate(chosen):
            padded[row, : len(ids[i])] = torch.tensor(ids[i])
        mask = padded != PADDING
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            states = model(input_ids=padded, attention_mask=mask).last_hidden_state.float()
        yield chosen, states, mask


def text_features(model: BertModel, pieces: spm.SentencePieceProcessor, texts: Sequence[str], cache: Path, batch: int = 128) -> np.ndarray:
    """Mean-pooled sentence features, float16 `[texts, width]` (not normalised)."""

    def compute() -> dict[str, np.ndarray]:
        pooled = np.zeros((len(texts), model.config.hidden_size), np.float16)
        for chosen, states, mask in _text_batches(model, pieces, texts, batch):
            pooled[chosen] = ((states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)).numpy()
        return {"pooled": pooled}

    return cached(cache, "texts", texts, compute)["pooled"]


def text_states(model: BertModel, pieces: spm.SentencePieceProcessor, texts: Sequence[str], cache: Path, batch: int = 128) -> Ragged:
    """Hidden states of every piece of every text, float16 `[total pieces, width]`."""

    def compute() -> dict[str, np.ndarray]:
        lengths = np.array([len(row) for row in encode_pieces(pieces, texts)])
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        values = np.zeros((offsets[-1], model.config.hidden_size), np.float16)
        for chosen, states, _ in _text_batches(model, pieces, texts, batch):
            for row, i in enumerate(chosen):
                values[offsets[i] : offsets[i + 1]] = states[row, : lengths[i]].numpy()
        return {"values": values, "offsets": offsets}

    arrays = cached(cache, "states", texts, compute)
    return Ragged(arrays["values"], np.asarray(arrays["offsets"]))
