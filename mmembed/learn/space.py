"""`mmembed train space`: pictures and texts into one space, trained with a contrastive loss in all languages at once.

First the heads on frozen backbones, then the picture tower against the finished texts, then the text tower with the
picture head on the tuned pictures' features, then the text tower alone with single words. Each stage starts from what
the one before left.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from mmembed.errors import InvalidConfig, InvalidData
from mmembed.evaluate.tables import read_table
from mmembed.learn.backbones.e5 import E5File, package_file
from mmembed.learn.backbones.efficientnet import EfficientNetLite, load_lite2
from mmembed.learn.classes import ClassRow, Kind, class_directions, pseudo_pictures, read_classes
from mmembed.learn.data import CaptionRow, ParallelRow, PictureSource, read_captions, read_parallel, reserved_names, splits_of
from mmembed.learn.features import Ragged, view_features
from mmembed.learn.head_stage import HeadStage, fit_heads
from mmembed.learn.heads import JointHeads, load_heads
from mmembed.learn.nouns import NounStage, learnable
from mmembed.learn.picture_tower import LockedTexts, PictureStage, load_picture_tower, load_pixels, tune_picture_tower
from mmembed.learn.recipe import read_recipe
from mmembed.learn.space_data import DrawSizes, PairSampler, SpaceData, StandIns, rows_of_texts
from mmembed.learn.text_tower import (
    TextStage,
    TextTower,
    load_text_tower,
    pairs,
    pretrained_text_tower,
    save_text_tower,
    tune_text_tower,
)
from mmembed.learn.tuning import averaged
from mmembed.learn.vocabulary import frequent_words, trimmed_pieces, unigram_model
from mmembed.learn.word_stage import AllPictures, WordStage
from mmembed.learn.wordnet import read_nouns
from mmembed.learn.words import said_of
from mmembed.space.scores import recall_at


@dataclass(frozen=True)
class SpaceConfig:
    """A recipe for the bundled kind of space; paths are relative to the working directory.

    Attributes:
        pictures, captions, splits, parallel: see `learn.data`; without `splits` all pictures are trained on.
        classes: table of ImageNet classes with names and captions (see `learn.classes`).
        wordnet: folder with the nouns of WordNet (see `learn.wordnet`), for those of `nouns`.
        held_out: table whose column `label` names classes that are not trained on.
        views: views of a picture whose features are averaged at run time (`plain`, `mirror`).
        crops: random crops of each picture that the last stage draws from.
        language_weights: how much more often than others (1) a language's captions are drawn.
        start: folder with a trained space (see `restore`); then only the text tower's stages are run, from there.
    """

    pictures: Path
    captions: Path
    output: Path
    cache: Path
    languages: tuple[str, ...]
    splits: Path | None = None
    parallel: Path | None = None
    parallel_languages: tuple[str, ...] = ()
    classes: Path | None = None
    wordnet: Path | None = None
    held_out: Path | None = None
    class_distance: float = 1.0
    frequent_words: int = 50_000
    picture_size: int = 260
    views: tuple[str, ...] = ("plain",)
    crops: int = 0
    dim: int = 512
    language_weights: dict[str, float] = field(default_factory=dict)
    nouns: NounStage = field(default_factory=NounStage)
    heads: HeadStage = field(default_factory=HeadStage)
    picture: PictureStage = field(default_factory=PictureStage)
    text: TextStage = field(default_factory=TextStage)
    words: WordStage = field(default_factory=WordStage)
    start: Path | None = None
    seed: int = 1


@dataclass(frozen=True)
class Tables:
    """The data files of a recipe, read, and the kinds (classes, nouns) that are learned beside captions."""

    source: PictureSource
    stems: list[str]
    splits: dict[str, str]
    captions: list[CaptionRow]
    parallel: list[ParallelRow]
    classes: list[ClassRow]
    kinds: tuple[list[Kind], list[Kind]]
    words: tuple[list[str], np.ndarray]


def read_tables(config: SpaceConfig) -> Tables:
    """Read what a recipe names.

    Raises:
        InvalidData: no caption belongs to a picture.
    """
    source = PictureSource(config.pictures)
    stems = source.stems
    known = set(stems)
    splits = splits_of(config.splits, stems)
    captions = [row for row in read_captions(config.captions) if row.picture in known and row.language in config.languages]
    if not captions:
        raise InvalidData(f"No caption in {config.captions} belongs to a picture in {config.pictures}; names must match.")
    parallel = read_parallel(config.parallel, config.parallel_languages, reserved_names(splits)) if config.parallel else []
    labels = read_table(config.held_out, ("label",)) if config.held_out else ()
    held_out = {name for row in labels for name in row["label"].split(" or ")}
    classes = read_classes(config.classes, config.languages, held_out) if config.classes else []
    described = {row.picture for row in captions}
    training = [stem for stem in stems if splits.get(stem) == "train" and stem in described]
    words = said_of(captions, training, config.words.counts) if config.words.steps else ([], np.zeros((0, len(training)), bool))
    return Tables(source, stems, splits, captions, parallel, classes, ([], []), words)


def prepare_vocabulary(config: SpaceConfig, tables: Tables) -> None:
    """Write the trimmed vocabulary (`text.model`, `pieces.json`) unless it is there already."""
    place = config.output / "text.model"
    if place.exists():
        return
    config.output.mkdir(parents=True, exist_ok=True)
    if config.start:
        for name in ("pieces.json", "text.model"):
            shutil.copyfile(config.start / name, config.output / name)
        return
    texts = [row.text for row in tables.captions if tables.splits.get(row.picture) == "train"]
    texts += [text for row in tables.parallel if row.split == "train" for text in row.texts.values()]
    pieces = E5File(package_file()).pieces
    keep = trimmed_pieces(pieces, [*frequent_words(config.languages, config.frequent_words), *texts])
    (config.output / "pieces.json").write_text(json.dumps(keep))
    place.write_bytes(unigram_model(pieces, keep))


def text_groups(config: SpaceConfig, tables: Tables) -> list[list[str]]:
    """All texts, in groups that are cached on their own: captions, each language's parallel sentences, of classes, of nouns, words."""
    groups = [[row.text for row in tables.captions]]
    groups += [[row.texts[code] for row in tables.parallel] for code in config.parallel_languages if tables.parallel]
    return [*groups, *([text for kind in kinds for text in kind.texts] for kinds in tables.kinds), tables.words[0]]


def pictures_of(config: SpaceConfig, source: PictureSource, network: EfficientNetLite, crops: int) -> np.ndarray:
    """Features of the run-time views and of random crops, float32 `[P, views, width]`."""
    views = [*config.views, *(f"crop{number}" for number in range(crops))]
    return view_features(network, source, config.picture_size, views, config.cache)


def load_kinds(config: SpaceConfig, tables: Tables, tower: TextTower, classifier: nn.Linear) -> tuple[list[Kind], list[Kind]]:
    """The classes that are not held out, and the nouns whose pictures are predicted from those; `tower` is the pretrained one."""
    directions = class_directions(classifier.weight.detach().numpy(), [row.index for row in tables.classes])
    classes = [Kind(tuple(row.texts), direction) for row, direction in zip(tables.classes, directions, strict=True)]
    if config.wordnet is None or not classes:
        return classes, []
    shown = {row.synset: direction for row, direction in zip(tables.classes, directions, strict=True)}
    return classes, learnable(config.nouns, read_nouns(config.wordnet), shown, lambda texts: tower.features(texts, config.cache))


def features_of(tower: TextTower, groups: list[list[str]], cache: Path) -> np.ndarray:
    """Features of texts, float32 `[T, width]`; they run through the tower or come from the cache."""
    return np.concatenate([tower.features(group, cache) for group in groups if group]).astype(np.float32)


def load_data(config: SpaceConfig, tables: Tables, pictures: np.ndarray, texts: np.ndarray) -> SpaceData:
    """Put features and tables together; `texts` are those of `text_groups`, or of as many of the first as are looked at."""
    index = {stem: i for i, stem in enumerate(tables.stems)}
    groups = text_groups(config, tables)
    starts = np.cumsum([0, *map(len, groups)])
    training = np.array([i for i, row in enumerate(tables.parallel) if row.split == "train"], int)
    parallel = (
        np.stack([starts[1 + k] + training for k in range(len(config.parallel_languages))], 1) if len(training) else np.zeros((0, 2), int)
    )
    nothing = np.zeros((0, pictures.shape[2]), np.float32)
    classes, nouns = (StandIns(nothing, rows_of_texts(kinds, start)) for kinds, start in zip(tables.kinds, starts[-4:-2], strict=True))
    data = SpaceData(
        tables.stems,
        np.array([tables.splits.get(stem, "") for stem in tables.stems]),
        pictures,
        len(config.views),
        texts,
        np.array([index[row.picture] for row in tables.captions]),
        np.array([row.language for row in tables.captions]),
        parallel,
        classes,
        nouns,
        np.arange(starts[-2], starts[-1]),
    )
    return with_pictures(config, tables, data, pictures)


def with_pictures(config: SpaceConfig, tables: Tables, data: SpaceData, pictures: np.ndarray) -> SpaceData:
    """The data with other features of the pictures, and the stand-ins of all kinds among those."""
    data = replace(data, pictures=pictures)
    seen = data.seen[data.split == "train"]

    def stand_ins(kinds: list[Kind], texts: np.ndarray) -> StandIns:
        directions = np.array([kind.direction for kind in kinds], np.float32).reshape(-1, seen.shape[1])
        return StandIns(pseudo_pictures(directions, seen, config.class_distance), texts)

    classes, nouns = tables.kinds
    return replace(data, classes=stand_ins(classes, data.classes.texts), nouns=stand_ins(nouns, data.nouns.texts))


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


def locked_texts(heads: JointHeads, data: SpaceData) -> LockedTexts:
    """What the picture tower learns to reach: the vectors of the training pictures' captions."""
    training = np.flatnonzero(data.split == "train")
    position = {int(picture): i for i, picture in enumerate(training)}
    rows = np.flatnonzero(np.isin(data.owner, training))
    with torch.no_grad():
        texts = heads.text.uncentred(torch.from_numpy(data.texts[rows]))
        pictures = heads.picture.uncentred(torch.from_numpy(data.seen[training]))
    return LockedTexts(texts, np.array([position[int(owner)] for owner in data.owner[rows]]), pictures, float(heads.log_scale.exp()))


def centre(heads: JointHeads, data: SpaceData) -> None:
    """Set each head's centre to the mean vector of its modality over the training pictures and their texts."""
    training = data.split == "train"
    texts = data.texts[: len(data.owner)][training[data.owner]]
    with torch.no_grad():
        heads.picture.centre.copy_(heads.picture.uncentred(torch.from_numpy(data.seen[training])).mean(0))
        heads.text.centre.copy_(heads.text.uncentred(torch.from_numpy(texts)).mean(0))


@dataclass(frozen=True)
class Reached:
    """What the stages have made so far, with the data as these towers see them."""

    network: EfficientNetLite
    tower: TextTower
    heads: JointHeads
    data: SpaceData


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
    centre(heads, judged)
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
    """The stages of the heads and of the picture tower."""
    network, classifier = load_lite2()
    tower = pretrained_text_tower(config.output)
    if stages := text_stages(config):
        tower = replace(tower, layers=stages[0][0].frozen_layers)
    texts = features_of(tower, text_groups(config, tables), config.cache)
    data = load_data(config, tables, pictures_of(config, tables.source, network, 0), texts)
    heads = resumed_heads(config, data)
    _report("heads", heads, data)
    if config.picture.epochs:
        training = [tables.stems[i] for i in np.flatnonzero(data.split == "train")]
        pixels, locked = load_pixels(tables.source, training, config.picture_size), locked_texts(heads, data)
        checkpoint = stage_file(replace(config, text=TextStage(), words=WordStage()), "picture_tower")
        network, heads.picture = tune_picture_tower(
            network, classifier, heads.picture, pixels, locked, config.picture, config.seed, checkpoint
        )
        torch.save(network.state_dict(), config.output / "picture_tower.pt")
    data = with_pictures(config, tables, data, pictures_of(config, tables.source, network, config.crops))
    _report("picture tower", heads, data)
    return Reached(network, tower, heads, data)


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
    data = load_data(config, tables, pictures_of(config, tables.source, network, config.crops), texts)
    _report("start", heads, data)
    return Reached(network, tower, heads, data)


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
    for seed in range(config.seed, config.seed + stage.runs):
        sampler = PairSampler(data, config.language_weights, seed)
        batches = sampler.forever(DrawSizes(stage.batch, stage.classes, stage.nouns, stage.parallel))
        objective = pairs(stage.text_weight)
        if isinstance(stage, WordStage):
            objective = AllPictures(data.pictures[sampler.pictures], data.words, tables.words[1], stage, seed)
        place = checkpoint if seed == config.seed else checkpoint.with_stem(f"{checkpoint.stem}-{seed}")
        tuned.append(tune_text_tower(tower.model, heads, states, batches, objective, stage, seed, place))
    models, joint = zip(*tuned, strict=True)
    return replace(tower, model=averaged(models)), averaged(joint)


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
