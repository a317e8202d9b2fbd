"""What a recipe of a space names, read, and put together with what the backbones make of it."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from torch import nn

from mmembed.errors import InvalidData
from mmembed.evaluate.tables import read_table
from mmembed.learn.backbones.e5 import E5File, package_file
from mmembed.learn.backbones.efficientnet import EfficientNetLite
from mmembed.learn.classes import ClassRow, Kind, class_directions, pseudo_pictures, read_classes
from mmembed.learn.data import CaptionRow, ParallelRow, PictureSource, read_captions, read_parallel, reserved_names, splits_of
from mmembed.learn.features import view_features
from mmembed.learn.head_stage import HeadStage
from mmembed.learn.nouns import NounStage, learnable
from mmembed.learn.picture_tower import PictureStage
from mmembed.learn.space_data import SpaceData, StandIns, rows_of_texts
from mmembed.learn.text_tower import TextStage, TextTower
from mmembed.learn.vocabulary import frequent_words, trimmed_pieces, unigram_model
from mmembed.learn.word_stage import WordStage
from mmembed.learn.wordnet import read_nouns
from mmembed.learn.words import said_of


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
        start: folder with a trained space (see `restore`); then the towers' stages are run from there, those of the heads are not.
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
