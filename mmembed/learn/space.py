"""`mmembed train space`: pictures and texts into one space, trained with a contrastive loss in all languages at once.

First the heads on frozen backbones, then the picture tower against the finished texts, then the text tower with the
picture head on the tuned pictures' features, then the text tower alone with single words. Each stage starts from what
the one before left.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from tqdm import tqdm

from mmembed.errors import InvalidConfig
from mmembed.learn.backbones.efficientnet import EfficientNetLite, folded, load_lite2
from mmembed.learn.features import Ragged
from mmembed.learn.head_stage import fit_heads
from mmembed.learn.heads import Head, JointHeads, load_heads
from mmembed.learn.picture_tower import LockedTexts, PictureStage, load_picture_tower, load_pixels, tune_picture_tower
from mmembed.learn.recipe import read_recipe
from mmembed.learn.space_data import DrawSizes, PairSampler, SpaceData
from mmembed.learn.space_tables import (
    SpaceConfig,
    Tables,
    features_of,
    load_data,
    load_kinds,
    pictures_of,
    prepare_vocabulary,
    read_tables,
    text_groups,
    with_pictures,
)
from mmembed.learn.text_tower import (
    TextStage,
    TextTower,
    load_text_tower,
    pairs,
    pretrained_text_tower,
    save_text_tower,
    tune_text_tower,
)
from mmembed.learn.tuning import averaged, partway
from mmembed.learn.word_stage import AllPictures, WordStage
from mmembed.space.scores import recall_at

LOOKS = ("plain", "mirror")  # that a picture's vectors are kept near to while its tower is tuned


def evaluate(heads: JointHeads, data: SpaceData, split: str) -> dict[str, float]:
    """Text→picture R@1 and R@10 of each language on one split, in per cent."""
    heads.eval()
    chosen = np.flatnonzero(data.split == split)
    pictures = heads.picture.vectors(data.seen[chosen])
    position = {int(picture): i for i, picture in enumerate(chosen)}
    scores = {}
    for language in sorted(set(data.languages)):
        rows = np.flatnonzero((data.languages == language) & np.isin(data.owner, chosen))
        if len(rows):
            target = np.array([position[int(owner)] for owner in data.owner[rows]])
            with torch.inference_mode():
                texts = heads.text.uncentred(torch.from_numpy(data.texts[rows])).numpy()
            for k in (1, 10):
                scores[f"{language} R@{k}"] = recall_at(texts @ pictures.T, target, k)
    return scores


def locked_texts(heads: JointHeads, data: SpaceData, looks: np.ndarray) -> LockedTexts:
    """What the picture tower learns to reach: the vectors of the training pictures' captions, and its own of several `looks`.

    Args:
        looks: features of several looks at every picture, float32 `[P, looks, width]`.
    """
    heads.eval()
    training = np.flatnonzero(data.split == "train")
    position = {int(picture): i for i, picture in enumerate(training)}
    rows = np.flatnonzero(np.isin(data.owner, training))
    with torch.no_grad():
        texts = heads.text.uncentred(torch.from_numpy(data.texts[rows]))
        pictures = heads.picture(torch.from_numpy(data.seen[training]))
        steady = F.normalize(heads.picture(torch.from_numpy(looks[training])).mean(1), dim=-1)
        scale = float(heads.log_scale.exp())
    owners = np.array([position[int(owner)] for owner in data.owner[rows]])
    stand_ins = torch.from_numpy(np.concatenate([data.classes.features, data.nouns.features]))
    return LockedTexts(texts, owners, pictures, scale, steady, stand_ins)


def centre(head: Head, features: np.ndarray) -> None:
    """Set a head's centre to the mean vector of `features` `[N, width]`."""
    with torch.no_grad():
        head.centre.copy_(head.uncentred(torch.from_numpy(features)).mean(0))


def training_pictures(data: SpaceData) -> np.ndarray:
    """Features of the training pictures as at run time, `[P, width]`."""
    return data.seen[data.split == "train"]


def training_texts(data: SpaceData) -> np.ndarray:
    """Features of the training pictures' captions, `[C, width]`."""
    return data.texts[: len(data.owner)][(data.split == "train")[data.owner]]


def turn(heads: JointHeads, data: SpaceData, before: np.ndarray) -> None:
    """Turn the space so that the vectors of the training pictures come as near as they can to those `before`, `[P, dim]`.

    One rotation of all vectors (orthogonal Procrustes, Schönemann 1966) changes no cosine between them; decoders that learned to read
    those before read the turned ones better. Directions that no training picture has stay where they are.
    """
    now = heads.picture.vectors(training_pictures(data)).astype(np.float64)
    left, _, right = np.linalg.svd(now.T @ before + 1e-6 * len(now) * np.eye(now.shape[1]))
    rotation = torch.from_numpy((left @ right).astype(np.float32))
    with torch.no_grad():
        for head in (heads.picture, heads.text):
            head.linear.weight.copy_(rotation.T @ head.linear.weight)
            for values in (head.linear.bias, head.centre):
                values.copy_(values @ rotation)


@dataclass(frozen=True)
class Reached:
    """What the stages have made so far, with the data as these towers see them.

    Attributes:
        before: vectors of the training pictures in the space that the recipe starts from, `[P, dim]`.
    """

    network: EfficientNetLite
    tower: TextTower
    heads: JointHeads
    data: SpaceData
    before: np.ndarray | None = None


def train(config_path: Path) -> dict[str, float]:
    """Train a space by a recipe and return its scores on `val`.

    The output folder gets `heads.pt`, and `picture_tower.pt` and `text_tower.pt` if the recipe tunes them.

    Raises:
        InvalidConfig: there is nothing to start from where the recipe says.
        InvalidData: as `read_tables`.
    """
    config = read_recipe(config_path, SpaceConfig)
    if config.start and not (config.start / "heads.pt").is_file():
        raise InvalidConfig(f"There is no space to start from in {config.start}; `mmembed train restore` makes one of a bundle.")
    tables = read_tables(config)
    prepare_vocabulary(config, tables)
    tables = replace(tables, kinds=load_kinds(config, tables, pretrained_text_tower(config.output), load_lite2()[1]))
    reached = go_on(config, tables) if config.start else begin(config, tables)
    tower, heads, judged = reached.tower, reached.heads, reached.data
    stages = text_stages(config)
    states = [tower.states(group, config.cache) for group in text_groups(config, tables) if group] if stages else []
    for stage, place in stages:
        tower, heads = tune(config, tables, reached.data, states, tower, heads, stage, place)
        save_text_tower(tower, config.output)
        judged = sample(config, tables, reached.data, tower)
        _report(place.name.split("-")[0], heads, judged)
    centre(heads.picture, training_pictures(judged))
    centre(heads.text, training_texts(judged))
    if reached.before is not None:
        turn(heads, judged, reached.before)
    torch.save(heads.state_dict(), config.output / "heads.pt")
    scores = _report("finished", heads, judged)
    (config.output / "space.json").write_text(json.dumps(scores, indent=1))
    return scores


def text_stages(config: SpaceConfig) -> list[tuple[TextStage, Path]]:
    """The stages of the text tower that a recipe asks for, and where each keeps what it has so far."""
    before = replace(config, words=WordStage())
    last = ((config.text, stage_file(before, "text_tower")), (config.words, stage_file(config, "words")))
    return [(stage, place) for stage, place in last if stage.steps]


def begin(config: SpaceConfig, tables: Tables) -> Reached:
    """The stage of the heads, on pretrained towers, and that of the picture tower."""
    network = folded(load_lite2()[0])
    tower = pretrained_text_tower(config.output)
    if stages := text_stages(config):
        tower = replace(tower, layers=stages[0][0].frozen_layers)
    texts = features_of(tower, text_groups(config, tables), config.cache)
    data = load_data(config, tables, pictures_of(config, tables.source, network, 0), texts)
    heads = resumed_heads(config, data)
    _report("heads", heads, data)
    return finish_pictures(config, tables, Reached(network, tower, heads, data))


def finish_pictures(config: SpaceConfig, tables: Tables, reached: Reached) -> Reached:
    """The stage of the picture tower, if the recipe has one, and the features of what it made, with those of random crops."""
    network, heads, data = reached.network, reached.heads, reached.data
    if config.picture.epochs:
        training = [tables.stems[i] for i in np.flatnonzero(data.split == "train")]
        looks = pictures_of(replace(config, views=LOOKS), tables.source, network, 0) if config.picture.steadiness else data.pictures
        pixels, locked = load_pixels(tables.source, training, config.picture_size), locked_texts(heads, data, looks)
        checkpoint = stage_file(replace(config, text=TextStage(), words=WordStage()), "picture_tower")
        stage, pretrained = config.picture, load_lite2()
        tuned = [
            tune_picture_tower(network, heads.picture, pretrained, pixels, locked, stage, seed, place)
            for seed, place in runs_of(config, stage, checkpoint)
        ]
        networks, picture_heads = zip(*tuned, strict=True)
        network, heads.picture = averaged(networks), averaged(picture_heads)
        torch.save(network.state_dict(), config.output / "picture_tower.pt")
    data = with_pictures(config, tables, data, pictures_of(config, tables.source, network, config.crops))
    _report("picture tower", heads, data)
    return replace(reached, network=network, data=data)


def runs_of(config: SpaceConfig, stage: PictureStage | TextStage, checkpoint: Path) -> Iterator[tuple[int, Path]]:
    """The seed of each run of a stage, and where it keeps what it has so far."""
    for seed in range(config.seed, config.seed + stage.runs):
        yield seed, checkpoint if seed == config.seed else checkpoint.with_stem(f"{checkpoint.stem}-{seed}")


def go_on(config: SpaceConfig, tables: Tables) -> Reached:
    """What another run left in the folder `start`."""
    assert config.start, "the recipe has a start"
    for name in ("picture_tower.pt", "text_tower.pt"):
        if (config.start / name).exists() and config.start != config.output:
            shutil.copyfile(config.start / name, config.output / name)
    network, tower, heads = load_picture_tower(config.start), load_text_tower(config.start), load_heads(config.start / "heads.pt")
    if (stages := text_stages(config)) and tower.layers == len(tower.model.encoder.layer):  # none of them is tuned yet
        tower = replace(tower, layers=stages[0][0].frozen_layers)
    heads.text.centre.zero_()  # texts keep their mean while they are trained, as when they are compared with pictures
    texts = features_of(tower, text_groups(config, tables)[:1], config.cache)
    data = load_data(config, tables, pictures_of(config, tables.source, network, 0), texts)
    _report("start", heads, data)
    before = heads.picture.vectors(training_pictures(data))
    reached = finish_pictures(config, tables, Reached(network, tower, heads, data, before))
    centre(heads.picture, training_pictures(reached.data))  # the stages of the text tower see the pictures as they will be
    return reached


def tune(
    config: SpaceConfig,
    tables: Tables,
    data: SpaceData,
    states: list[Ragged],
    tower: TextTower,
    heads: JointHeads,
    stage: TextStage,
    checkpoint: Path,
) -> tuple[TextTower, JointHeads]:
    """One of the last stages: the text tower's upper layers, with both heads or, with words, the text head alone."""
    stage = replace(stage, frozen_layers=tower.layers)  # of the first of these stages: the states come from there
    if isinstance(stage, WordStage):
        heads.picture.requires_grad_(False)
    tuned = []
    for seed, place in runs_of(config, stage, checkpoint):
        sampler = PairSampler(data, config.language_weights, seed)
        batches = sampler.forever(DrawSizes(stage.batch, stage.classes, stage.nouns, stage.parallel))
        objective = pairs(stage.text_weight)
        if isinstance(stage, WordStage):
            objective = AllPictures(data.pictures[sampler.pictures], data.words, tables.words[1], stage, seed)
        tuned.append(tune_text_tower(tower.model, heads, states, batches, objective, stage, seed, place))
    models, joint = zip(*tuned, strict=True)
    model = partway(tower.model, averaged(models), stage.share)
    return replace(tower, model=model), partway(heads, averaged(joint), stage.share)


def stage_file(config: SpaceConfig, name: str) -> Path:
    """Where a stage keeps what it has so far; another recipe (of this stage and those before) has another file."""
    digest = hashlib.sha256(repr(config).encode()).hexdigest()[:8]
    return config.output / f"{name}-{digest}.checkpoint"


def resumed_heads(config: SpaceConfig, data: SpaceData) -> JointHeads:
    """The heads of an earlier run of the same recipe, or newly trained ones."""
    place = stage_file(replace(config, picture=PictureStage(), text=TextStage(), words=WordStage()), "heads")
    if place.exists():
        return load_heads(place, config.heads.picture_dropout)
    heads = fit_heads(data, config.dim, config.heads, config.language_weights, config.seed)
    torch.save(heads.state_dict(), place)
    return heads


def sample(config: SpaceConfig, tables: Tables, data: SpaceData, tower: TextTower, size: int = 20_000) -> SpaceData:
    """The data with features of a tuned tower, but only the captions of `val` and `size` of the training ones."""
    split = data.split[data.owner]
    training = np.random.default_rng(config.seed).permutation(np.flatnonzero(split == "train"))[:size]
    rows = np.sort(np.concatenate([np.flatnonzero(split == "val"), training]))
    texts = tower.features([tables.captions[i].text for i in rows], config.cache).astype(np.float32)
    return replace(data, texts=texts, owner=data.owner[rows], languages=data.languages[rows])


def _report(stage: str, heads: JointHeads, data: SpaceData) -> dict[str, float]:
    scores = evaluate(heads, data, "val")
    if scores:
        tqdm.write(f"{stage}: " + ", ".join(f"{name} {value:.1f}" for name, value in scores.items()))
    return scores
