"""`mmembed train space`: heads on frozen backbones, trained with a contrastive loss in all languages at once."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np
import sentencepiece as spm
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import nn
from tqdm import tqdm
from transformers import BertModel

from mmembed.errors import InvalidData
from mmembed.learn.backbones.e5 import E5File, load_e5, package_file
from mmembed.learn.backbones.efficientnet import EfficientNetLite, load_lite2
from mmembed.learn.data import PictureSource, read_captions, read_parallel, read_splits
from mmembed.learn.features import picture_features, text_features
from mmembed.learn.heads import JointHeads
from mmembed.learn.vocabulary import frequent_words, trimmed_pieces, unigram_model
from mmembed.presets import read_config
from mmembed.space.scores import recall_at


@dataclass(frozen=True)
class SpaceConfig:
    """A recipe for the bundled kind of space; paths are relative to the working directory.

    After `epochs` of training both heads, the text head alone is trained for `text_epochs` more against the finished
    pictures' vectors; `text_language_weights` says how much more often than others (1) a language's texts are drawn then.
    """

    pictures: Path
    captions: Path
    output: Path
    cache: Path
    languages: tuple[str, ...]
    splits: Path | None = None
    parallel: Path | None = None
    parallel_languages: tuple[str, ...] = ()
    frequent_words: int = 50_000
    picture_size: int = 260
    views: tuple[str, ...] = ("plain", "mirror")
    dim: int = 512
    epochs: int = 80
    batch: int = 512
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    picture_dropout: float = 0.3
    text_dropout: float = 0.0
    text_weight: float = 0.3
    text_epochs: int = 0
    text_learning_rate: float = 1e-3
    text_language_weights: dict[str, float] = field(default_factory=dict)
    seed: int = 1


@dataclass(frozen=True)
class SpaceData:
    """Backbone features and which belong together.

    Attributes:
        stems: name of each picture, in the order of `pictures`.
        pictures: float32 `[P, views, 1280]`.
        texts: float32 `[T, 384]`.
        owner: index of the picture each text describes, `[T]`.
        languages: language of each text.
        split: split of each picture.
        parallel: groups of text features that mean the same, float32 `[G, languages, 384]`.
    """

    stems: list[str]
    pictures: np.ndarray
    texts: np.ndarray
    owner: np.ndarray
    languages: np.ndarray
    split: np.ndarray
    parallel: np.ndarray


def load_text_tower(folder: Path) -> tuple[BertModel, spm.SentencePieceProcessor]:
    """The text backbone with the vocabulary that `prepare_vocabulary` left in `folder`."""
    keep = json.loads((folder / "pieces.json").read_text())
    return load_e5(keep=keep), spm.SentencePieceProcessor(model_file=str(folder / "text.model"))


def prepare_vocabulary(config: SpaceConfig, texts: list[str]) -> None:
    """Write the trimmed vocabulary (`text.model`, `pieces.json`) unless it is there already."""
    place = config.output / "text.model"
    if place.exists():
        return
    config.output.mkdir(parents=True, exist_ok=True)
    pieces = E5File(package_file()).pieces
    keep = trimmed_pieces(pieces, [*frequent_words(config.languages, config.frequent_words), *texts])
    (config.output / "pieces.json").write_text(json.dumps(keep))
    place.write_bytes(unigram_model(pieces, keep))


def load_data(config: SpaceConfig, network: EfficientNetLite) -> SpaceData:
    """Read the tables, run the backbones (or read their cached outputs)."""
    rows = read_captions(config.captions)
    parallel = read_parallel(config.parallel, config.parallel_languages) if config.parallel else []
    parallel = [row for row in parallel if row.split == "train"]
    source = PictureSource(config.pictures)
    stems = source.stems
    index = {stem: i for i, stem in enumerate(stems)}
    splits = read_splits(config.splits) if config.splits else dict.fromkeys(stems, "train")
    rows = [row for row in rows if row.picture in index and row.language in config.languages]
    if not rows:
        raise InvalidData(f"No caption in {config.captions} belongs to a picture in {config.pictures}; names must match.")
    training = [row.text for row in rows if splits.get(row.picture) == "train"]
    prepare_vocabulary(config, training + [text for row in parallel for text in row.texts.values()])
    model, pieces = load_text_tower(config.output)
    groups = [text_features(model, pieces, [row.texts[code] for row in parallel], config.cache) for code in config.parallel_languages]
    return SpaceData(
        stems,
        np.concatenate([picture_features(network, source, config.picture_size, [view], config.cache) for view in config.views], 1).astype(
            np.float32
        ),
        text_features(model, pieces, [row.text for row in rows], config.cache).astype(np.float32),
        np.array([index[row.picture] for row in rows]),
        np.array([row.language for row in rows]),
        np.array([splits.get(stem, "") for stem in stems]),
        np.stack(groups, 1).astype(np.float32) if parallel else np.zeros((0, 1, model.config.hidden_size), np.float32),
    )


class PairSampler:
    """Draws, for every training picture, a view and two texts; `weights` makes some languages likelier (default 1)."""

    def __init__(self, data: SpaceData, random: np.random.Generator, weights: dict[str, float]) -> None:
        self._data, self._random = data, random
        by_language: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for text, (owner, language) in enumerate(zip(data.owner, data.languages, strict=True)):
            by_language[int(owner)][str(language)].append(text)
        self.pictures = np.array([picture for picture in np.flatnonzero(data.split == "train") if by_language[int(picture)]])
        most = max(len(texts) for groups in by_language.values() for texts in groups.values())
        languages = max(len(groups) for groups in by_language.values())
        self._texts = np.zeros((len(data.stems), languages, most), int)
        self._counts = np.zeros((len(data.stems), languages), int)
        for picture, groups in by_language.items():
            for row, texts in enumerate(groups.values()):
                self._texts[picture, row, : len(texts)] = texts
                self._counts[picture, row] = len(texts)
        share = np.zeros(self._counts.shape)
        for picture, groups in by_language.items():
            share[picture, : len(groups)] = [weights.get(language, 1.0) for language in groups]
        self._share = np.cumsum(share, 1) / np.maximum(share.sum(1, keepdims=True), 1e-9)

    def _draw(self, pictures: np.ndarray) -> np.ndarray:
        """One text index a picture: a language by its weight, then one of its texts evenly."""
        language = (self._random.random((len(pictures), 1)) > self._share[pictures]).sum(1)
        text = (self._random.random(len(pictures)) * self._counts[pictures, language]).astype(int)
        return self._texts[pictures, language, text]

    def epoch(self, batch: int) -> Iterator[tuple[torch.Tensor, ...]]:
        """Batches of picture features and two sets of text features, rows matching."""
        order = self._random.permutation(self.pictures)
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            views = self._random.integers(self._data.pictures.shape[1], size=len(chosen))
            first, second = self._draw(chosen), self._draw(chosen)
            yield tuple(
                torch.from_numpy(a) for a in (self._data.pictures[chosen, views], self._data.texts[first], self._data.texts[second])
            )

    def parallel(self, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Two languages of `count` parallel sentences."""
        groups = self._random.integers(len(self._data.parallel), size=count)
        left, right = self._random.permuted(np.tile(np.arange(self._data.parallel.shape[1]), (count, 1)), axis=1)[:, :2].T
        return torch.from_numpy(self._data.parallel[groups, left]), torch.from_numpy(self._data.parallel[groups, right])


def embed(heads: JointHeads, data: SpaceData) -> tuple[np.ndarray, np.ndarray]:
    """Joint vectors of all pictures (views averaged) and all texts."""
    heads.eval()
    with torch.inference_mode():
        device = heads.log_scale.device
        plain = torch.from_numpy(data.pictures[:, :2].mean(1)).to(device)
        return heads.picture(plain).cpu().numpy(), heads.text(torch.from_numpy(data.texts).to(device)).cpu().numpy()


def evaluate(heads: JointHeads, data: SpaceData, split: str) -> dict[str, float]:
    """Text→picture R@1 and R@10 of each language on one split, in per cent."""
    pictures, texts = embed(heads, data)
    chosen = np.flatnonzero(data.split == split)
    position = {int(picture): i for i, picture in enumerate(chosen)}
    scores = {}
    for language in sorted(set(data.languages)):
        rows = np.flatnonzero((data.languages == language) & np.isin(data.owner, chosen))
        if len(rows):
            target = np.array([position[int(owner)] for owner in data.owner[rows]])
            for k in (1, 10):
                scores[f"{language} R@{k}"] = recall_at(texts[rows] @ pictures[chosen].T, target, k)
    return scores


def fit(config: SpaceConfig, data: SpaceData) -> JointHeads:
    """Train both heads, set the modality centres, then train the text head alone."""
    set_seed(config.seed)
    heads = JointHeads(data.pictures.shape[2], data.texts.shape[1], config.dim, config.picture_dropout, config.text_dropout)
    heads = optimise(config, data, heads, Stage(config.epochs, config.learning_rate, list(heads.parameters()), {}))
    centre(heads, data)
    return fit_text(config, data, heads)


def fit_text(config: SpaceConfig, data: SpaceData, heads: JointHeads) -> JointHeads:
    """Go on with the text head while the pictures' vectors stay; whatever reads those (a decoder) need not change."""
    if not config.text_epochs:
        return heads
    heads.picture.dropout.p = 0.0
    average = data.pictures[:, :2].mean(1, keepdims=True)  # what is seen at run time
    data = replace(data, pictures=np.concatenate([data.pictures, average], 1))
    parameters = [*heads.text.parameters(), heads.log_scale]
    return optimise(config, data, heads, Stage(config.text_epochs, config.text_learning_rate, parameters, config.text_language_weights))


@dataclass(frozen=True)
class Stage:
    """One stage of training: how long, how fast, of which parameters, and how often which language is drawn."""

    epochs: int
    learning_rate: float
    parameters: list[nn.Parameter]
    language_weights: dict[str, float]


def optimise(config: SpaceConfig, data: SpaceData, heads: JointHeads, stage: Stage) -> JointHeads:
    """Contrastive training of some of the heads' parameters; weights are averaged over the second half of the epochs."""
    accelerator = Accelerator()
    optimizer = torch.optim.AdamW(stage.parameters, stage.learning_rate, weight_decay=config.weight_decay)
    sampler = PairSampler(data, np.random.default_rng(config.seed), stage.language_weights)
    steps = stage.epochs * -(-len(sampler.pictures) // config.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, stage.learning_rate, total_steps=steps, pct_start=0.1)
    heads, optimizer, schedule = accelerator.prepare(heads, optimizer, schedule)
    average = torch.optim.swa_utils.AveragedModel(accelerator.unwrap_model(heads))
    for epoch in tqdm(range(stage.epochs), desc="space", unit="epoch"):
        heads.train()
        for pictures, first, second in sampler.epoch(config.batch):
            bare = accelerator.unwrap_model(heads)
            seen, said, also = (
                bare.picture(pictures.to(accelerator.device)),
                *(bare.text(t.to(accelerator.device)) for t in (first, second)),
            )
            loss = bare.contrast(seen, said) + config.text_weight * bare.contrast(said, also)
            if len(data.parallel):
                left, right = (bare.text(t.to(accelerator.device)) for t in sampler.parallel(len(pictures)))
                loss = loss + config.text_weight * bare.contrast(left, right)
            accelerator.backward(loss)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        if epoch >= stage.epochs // 2:
            average.update_parameters(accelerator.unwrap_model(heads))
    return cast(JointHeads, average.module)


def centre(heads: JointHeads, data: SpaceData) -> None:
    """Set each head's centre to the mean vector of its modality over the training pictures and their texts."""
    pictures, texts = embed(heads, data)
    training = data.split == "train"
    heads.picture.centre.copy_(torch.from_numpy(pictures[training].mean(0)))
    heads.text.centre.copy_(torch.from_numpy(texts[training[data.owner]].mean(0)))


def train(config_path: Path) -> dict[str, float]:
    """Train a space by a recipe, write `heads.pt` into its output folder, and return its scores on `val`."""
    config = read_config(config_path, SpaceConfig)
    network, _ = load_lite2()
    data = load_data(config, network)
    heads = fit(config, data)
    torch.save(heads.state_dict(), config.output / "heads.pt")
    scores = evaluate(heads, data, "val")
    (config.output / "space.json").write_text(json.dumps(scores, indent=1))
    return scores
