"""What a decoder is conditioned on: vectors of pictures and of texts that stand in for them, in the space it is trained for.

That space is one that `mmembed train space` left, whose text tower also reads the sources of translations; or any other that
`--preset` takes, for which the decoder writes captions only (ClipCap, Mokady et al. 2021, https://arxiv.org/abs/2111.09734).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from mmembed.backends import roles
from mmembed.compose import compose, describe
from mmembed.errors import InvalidConfig, UnreadablePicture
from mmembed.learn.backbones.efficientnet import load_lite2
from mmembed.learn.classes import MOST_REAL, ClassRow, class_directions, pseudo_pictures
from mmembed.learn.data import PictureSource
from mmembed.learn.features import cached, view_features, view_of
from mmembed.learn.heads import load_heads
from mmembed.learn.picture_tower import load_picture_tower
from mmembed.learn.text_tower import TextTower, load_text_tower
from mmembed.media.picture import Picture
from mmembed.space.base import Space

_HEADS = "heads.pt"
_BATCH, _BLOCK = 64, 1024  # pictures embedded at once; pictures whose vectors are kept together


@dataclass(frozen=True)
class Sight:
    """The conditions of a decoder.

    Attributes:
        pictures: vectors of the pictures, float32 `[P, views, dim]`; `[0, views, dim]` without pictures.
        embed_texts: texts → float32 `[N, dim]`.
        words: word embeddings of the text tower, `[V, width]`; two rows of one number where there are no sources.
        tower: reads the sources of translations, or None.
        embed_classes: classes and a mask of the training pictures, bool `[P]` → vectors of the classes' stand-ins,
            `[K, variants, dim]`; or None.
        space: the space, where it is not one that `train space` left.
    """

    pictures: np.ndarray
    embed_texts: Callable[[Sequence[str]], np.ndarray]
    words: Tensor
    tower: TextTower | None = None
    embed_classes: Callable[[list[ClassRow], np.ndarray], np.ndarray] | None = None
    space: Space | None = None

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self.pictures.shape[2])


def is_trained(space: Path) -> bool:
    """Whether it is a folder that `mmembed train space` wrote."""
    return (space / _HEADS).is_file()


def trained_sight(space: Path, source: PictureSource | None, size: int, views: Sequence[str], cache: Path, seed: int) -> Sight:
    """In the space that `train space` left in a folder; pictures are squashed to `size` pixels."""
    heads, tower = load_heads(space / _HEADS), load_text_tower(space)
    if source is not None:
        features = view_features(load_picture_tower(space), source, size, views, cache)
    else:
        features = np.zeros((0, len(views), heads.picture.linear.in_features), np.float32)

    def embed_texts(texts: Sequence[str]) -> np.ndarray:
        return heads.text.vectors(tower.features(texts, cache).astype(np.float32))

    def embed_classes(rows: list[ClassRow], training: np.ndarray) -> np.ndarray:
        return heads.picture.vectors(mixed_classes(rows, features[training, 0], seed))

    words = tower.model.embeddings.word_embeddings.weight.detach().half()
    return Sight(heads.picture.vectors(features), embed_texts, words, tower, embed_classes)


def mixed_classes(rows: list[ClassRow], features: np.ndarray, seed: int, variants: int = 4) -> np.ndarray:
    """Features of the classes' stand-ins, each mixed with some real pictures' `features` `[N, width]`; `[K, variants, width]`."""
    random = np.random.default_rng(seed)
    _, classifier = load_lite2()
    pure = pseudo_pictures(class_directions(classifier.weight.detach().numpy(), [row.index for row in rows]), features)
    share = random.uniform(0, MOST_REAL, (len(rows), variants, 1)).astype(np.float32)
    mixed: np.ndarray = (1 - share) * pure[:, None] + share * features[random.integers(len(features), size=(len(rows), variants))]
    return mixed


def space_sight(name: str, source: PictureSource | None, views: Sequence[str], cache: Path) -> Sight:
    """In any other space: a preset, a hub name, a model's folder or a bundle.

    Raises:
        InvalidConfig: that is no space.
        UnreadablePicture: one of the pictures cannot be read.
    """
    space = load_any_space(name)

    def embed_texts(texts: Sequence[str]) -> np.ndarray:
        def compute() -> dict[str, np.ndarray]:
            starts = tqdm(range(0, len(texts), _BATCH), desc="text vectors", unit="batch")
            parts = [space.embed_texts(texts[start : start + _BATCH]) for start in starts]
            return {"vectors": np.concatenate(parts)}

        return np.asarray(cached(cache, "text-vectors", [space.identity, *texts], compute)["vectors"])

    pictures = (
        np.stack([picture_vectors(space, source, view, cache) for view in views], 1)
        if source is not None
        else np.zeros((0, len(views), space.dim), np.float32)
    )
    return Sight(pictures, embed_texts, torch.zeros(2, 1), space=space)


def load_any_space(name: str) -> Space:
    """The space of whatever `--preset` takes.

    Raises:
        InvalidConfig: it has none, or it is a folder with something else.
    """
    folder = Path(name).expanduser()
    known = ("config.json", "open_clip_config.json", "manifest.json")
    if folder.is_dir() and not any((folder / file).is_file() for file in known):
        raise InvalidConfig(f"{name} holds no space: neither what `mmembed train space` leaves, nor a bundle, nor a model as hubs have it.")
    if "space" not in roles(describe(name).backend):
        raise InvalidConfig(f"{name} is no space, so no decoder can be trained for it; see mmembed presets.")
    return compose(name).space


def picture_vectors(space: Space, source: PictureSource, view: str, cache: Path) -> np.ndarray:
    """Vectors of one view (see `features.picture_features`) of all pictures, float32 `[P, dim]`.

    Kept in `cache` by the space's weights and the pictures' files, block by block: what is interrupted goes on from there.

    Raises:
        UnreadablePicture: a picture cannot be read.
    """
    stems, blocks = source.stems, []
    bar = tqdm(total=len(stems), desc=f"picture vectors, {view}", unit="picture")

    def read(stem: str) -> Picture:
        try:
            picture = Picture.from_bytes(source.read(stem), space.picture_size)
        except UnreadablePicture as error:
            raise UnreadablePicture(f"The picture {stem} cannot be trained on: {error}; take it out, or mend it.") from error
        return picture if view == "plain" else Picture.from_array(view_of(picture.pixels, view, f"{view}{stem}"))

    with ThreadPoolExecutor(max(1, (os.cpu_count() or 2) - 1)) as pool, bar:
        for start in range(0, len(stems), _BLOCK):
            block = stems[start : start + _BLOCK]

            def compute(block: list[str] = block) -> dict[str, np.ndarray]:
                parts = []
                for first in range(0, len(block), _BATCH):
                    parts.append(space.embed_pictures(list(pool.map(read, block[first : first + _BATCH]))))
                    bar.update(len(parts[-1]))
                return {"vectors": np.concatenate(parts)}

            key = [space.identity, view, str(space.picture_size), *(source.mark(stem) for stem in block)]
            blocks.append(cached(cache, "picture-vectors", key, compute)["vectors"])
            bar.update(start + len(block) - bar.n)
    return np.concatenate(blocks) if blocks else np.zeros((0, space.dim), np.float32)
