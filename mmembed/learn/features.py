"""Outputs of the frozen backbones, computed once and cached on disk, so that heads and decoder train in minutes."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sentencepiece as spm
import torch
from torch import Tensor, nn
from tqdm import tqdm
from transformers import BertModel

from mmembed.learn.data import PictureSource
from mmembed.media.picture import Picture
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


def fingerprint(network: nn.Module) -> str:
    """Digest of a network's weights, so that cached outputs belong to them."""
    digest = hashlib.sha256()
    for name, values in network.state_dict().items():
        digest.update(name.encode())
        digest.update(values.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


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
            pictures = [Picture.from_bytes(source.read(stem)).pixels for stem in stems[start : start + batch]]  # upright
            rows = [
                pooled_features(network, [_view(p, view, f"{view}{s}", size) for p, s in zip(pictures, stems[start:], strict=False)])
                for view in views
            ]
            blocks.append(np.stack(rows, 1).astype(np.float16))
        return {"features": np.concatenate(blocks)}

    return cached(cache, "pictures", [fingerprint(network), str(size), *views, *stems], compute)["features"]


def view_features(network: nn.Module, source: PictureSource, size: int, views: Sequence[str], cache: Path) -> np.ndarray:
    """`picture_features`, each view cached on its own; float32 `[pictures, views, width]`."""
    return np.concatenate([picture_features(network, source, size, [view], cache) for view in views], 1).astype(np.float32)


def _view(pixels: np.ndarray, view: str, seed: str, size: int) -> np.ndarray:
    return square(view_of(pixels, view, seed), size)


def view_of(pixels: np.ndarray, view: str, seed: str) -> np.ndarray:
    """A view (see `picture_features`) of uint8 `[H, W, 3]`; the same `seed` gives the same crop."""
    if view == "plain":
        return pixels
    if view == "mirror":
        return pixels[:, ::-1]
    random = np.random.default_rng(int(hashlib.sha256(seed.encode()).hexdigest()[:12], 16))
    area, ratio = random.uniform(0.5, 1.0), np.exp(random.uniform(np.log(0.8), np.log(1.25)))
    height, width = pixels.shape[:2]
    h, w = (max(1, min(side, round(side * float(np.sqrt(area * r))))) for side, r in ((height, 1 / ratio), (width, ratio)))
    top, left = random.integers(0, height - h + 1), random.integers(0, width - w + 1)
    crop = pixels[top : top + h, left : left + w]
    if random.random() < 0.5:
        crop = crop[:, ::-1]
    crop = crop.astype(np.float32) * random.uniform(0.8, 1.2) + random.uniform(-16, 16)
    return crop.clip(0, 255).astype(np.uint8)


def pooled_features(network: nn.Module, pixels: Sequence[np.ndarray]) -> np.ndarray:
    """Of pictures uint8 `[H, W, 3]` of one size, float32 `[N, width]`."""
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        return network(normalise_pixels(torch.from_numpy(np.stack(pixels)))).float().numpy()


def run_layers(model: BertModel, hidden: Tensor, mask: Tensor, first: int, last: int | None) -> Tensor:
    """States `[N, T, width]` → states after the layers `first` up to, not including, `last`; `mask` bool `[N, T]`."""
    bias = (~mask)[:, None, None, :] * -1e4
    for layer in model.encoder.layer[first:last]:
        hidden = layer(hidden, bias)
    return hidden


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    """Piece ids of different length as int64 `[N, T]`."""
    ids = torch.full((len(rows), max(map(len, rows))), PADDING)
    for row, pieces in enumerate(rows):
        ids[row, : len(pieces)] = torch.tensor(pieces)
    return ids


def _text_batches(
    model: BertModel, pieces: spm.SentencePieceProcessor, texts: Sequence[str], layers: int | None, batch: int
) -> Iterator[tuple[np.ndarray, Tensor, Tensor]]:
    """Batches of similar length: positions in `texts`, hidden states after `layers` layers, attention mask."""
    encoded = encode_pieces(pieces, texts)
    order = np.argsort([len(row) for row in encoded], kind="stable")
    for start in tqdm(range(0, len(order), batch), desc="text features", unit="batch"):
        chosen = order[start : start + batch]
        ids = padded([encoded[i] for i in chosen])
        mask = ids != PADDING
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            states = run_layers(model, model.embeddings(ids), mask, 0, layers).float()
        yield chosen, states, mask


def mean_pooled(states: Tensor, mask: Tensor) -> Tensor:
    """States `[N, T, width]` averaged over the pieces, `[N, width]`."""
    return (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def text_states(
    model: BertModel, pieces: spm.SentencePieceProcessor, texts: Sequence[str], layers: int, cache: Path, batch: int = 128
) -> Ragged:
    """Hidden states of every piece of every text after the first `layers` layers, float16 `[total pieces, width]`."""

    def compute() -> dict[str, np.ndarray]:
        lengths = np.array([len(row) for row in encode_pieces(pieces, texts)])
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        values = np.zeros((offsets[-1], model.config.hidden_size), np.float16)
        for chosen, states, _ in _text_batches(model, pieces, texts, layers, batch):
            for row, i in enumerate(chosen):
                values[offsets[i] : offsets[i + 1]] = states[row, : lengths[i]].numpy()
        return {"values": values, "offsets": offsets}

    lower = nn.ModuleList([model.embeddings, *model.encoder.layer[:layers]])
    arrays = cached(cache, "states", [fingerprint(lower), *texts], compute)
    return Ragged(arrays["values"], np.asarray(arrays["offsets"]))


def text_features(
    model: BertModel, pieces: spm.SentencePieceProcessor, texts: Sequence[str], layers: int, cache: Path, batch: int = 256
) -> np.ndarray:
    """Mean-pooled sentence features, float16 `[texts, width]` (not normalised); states after `layers` layers are cached too."""

    def compute() -> dict[str, np.ndarray]:
        states = text_states(model, pieces, texts, layers, cache)
        pooled = np.zeros((len(texts), model.config.hidden_size), np.float16)
        order = np.argsort(np.diff(states.offsets), kind="stable")
        for start in tqdm(range(0, len(order), batch), desc="text features", unit="batch"):
            chosen = order[start : start + batch]
            hidden, mask = stacked([states[i] for i in chosen])
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
                hidden = run_layers(model, hidden, mask, layers, None).float()
            pooled[chosen] = mean_pooled(hidden, mask).numpy()
        return {"pooled": pooled}

    return cached(cache, "texts", [fingerprint(model), *texts], compute)["pooled"]


def stacked(texts: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    """States of texts `[T_i, width]` → `[N, T, width]` float32 and mask `[N, T]`."""
    lengths = [len(text) for text in texts]
    states = np.zeros((len(texts), max(lengths), texts[0].shape[1]), np.float32)
    for row, text in enumerate(texts):
        states[row, : len(text)] = text
    return torch.from_numpy(states), torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]
