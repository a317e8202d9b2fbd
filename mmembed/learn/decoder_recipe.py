"""The recipe of a decoder: what may be asked for, what is wrong with it, and what it reads."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import sentencepiece as spm

from mmembed.errors import InvalidConfig, InvalidData, MissingPackage
from mmembed.generate.base import Captioning
from mmembed.learn.classes import ClassRow, read_classes
from mmembed.learn.critical import CriticalStage
from mmembed.learn.data import PictureSource, read_captions, read_parallel, reserved_names, splits_of
from mmembed.learn.sight import Sight, is_trained, space_sight, trained_sight
from mmembed.learn.tasks import TaskWeights, tidy
from mmembed.learn.trained_decoder import WEIGHTS
from mmembed.learn.vocabulary import train_pieces

FOLDER = "captioner"
"""Where, in a recipe's `output`, a captioner for a space is that is not from `train space`."""


@dataclass(frozen=True)
class DecoderConfig:
    """A recipe for the decoder; paths are relative to the working directory.

    `space` is the folder `train space` wrote, or any other space that `--preset` takes: a preset, a hub name or a folder. For such
    a space it learns captions only, at the space's own `picture_size`; `name`, `licence`, `max_length` (in pieces) and
    `captioning` (what `mmembed tune captions` found) then go into the captioner's folder.

    Without `pictures` it learns from texts alone: the vectors of all captions of a picture stand in for it (CapDec, Nukrai et al.
    2022). Without `splits` all pictures are trained on; without `parallel` there are no translations, and without
    `paraphrases` no texts that stand in for pictures. With `patience` above 0 training ends when the loss on `val`, looked at
    every `save_every` steps, was so many times not better than its best, and the weights of the best are kept. `critical` is a
    last stage, on what captions score; without `steps` it is the only one, from `start`. Its `pivots` are translations by the decoder in
    `translator`, or by this one.
    """

    captions: Path
    space: Path
    output: Path
    cache: Path
    languages: tuple[str, ...]
    weights: TaskWeights
    pictures: Path | None = None
    splits: Path | None = None
    parallel: Path | None = None
    parallel_languages: tuple[str, ...] = ()
    paraphrases: Path | None = None
    classes: Path | None = None
    picture_size: int = 260
    views: tuple[str, ...] = ("plain",)
    vocabulary: int = 10_000
    width: int = 256
    encoder_layers: int = 1
    decoder_layers: int = 3
    prefix_length: int = 6
    dropout: float = 0.0
    noise: float = 0.6
    masked_rate: float = 0.3
    steps: int = 5000
    batch: int = 128
    learning_rate: float = 1.2e-3
    warmup: int = 300
    label_smoothing: float = 0.1
    average: float = 0.998
    precision: str = "bf16"
    save_every: int = 250
    patience: int = 0
    critical: CriticalStage = CriticalStage()  # noqa: RUF009  (it is frozen)
    start: Path | None = None
    translator: Path | None = None
    seed: int = 1
    name: str = ""
    licence: str = ""
    max_length: int = 64
    captioning: Captioning = Captioning()  # noqa: RUF009  (it is frozen)


def stems_of(config: DecoderConfig) -> list[str]:
    """Names of the pictures: those at hand or, without any, those that the captions are of."""
    if config.pictures:
        return PictureSource(config.pictures).stems
    return list(dict.fromkeys(row.picture for row in read_captions(config.captions)))


def class_rows(config: DecoderConfig) -> list[ClassRow]:
    """The ImageNet classes that a recipe names, if it does."""
    return read_classes(config.classes, config.languages) if config.classes else []


def prepare_targets(config: DecoderConfig) -> spm.SentencePieceProcessor:
    """The decoder's vocabulary, trained on the training texts the first time."""
    place = config.output / "decoder.model"
    if not place.exists():
        config.output.mkdir(parents=True, exist_ok=True)
        if config.start:
            shutil.copyfile(config.start / "decoder.model", place)
    if not place.exists():
        splits = splits_of(config.splits, stems_of(config))
        texts = [tidy(row.text, row.language) for row in read_captions(config.captions) if splits.get(row.picture) == "train"]
        rows = read_parallel(config.parallel, config.parallel_languages, reserved_names(splits)) if config.parallel else []
        texts += [text for row in rows if row.split == "train" for text in row.texts.values()]
        texts += [text for row in class_rows(config) for text in row.texts]
        train_pieces(texts, config.vocabulary, config.languages, place)
    return spm.SentencePieceProcessor(model_file=str(place))


def check(config: DecoderConfig) -> None:
    """Notice what is wrong with a recipe before hours are spent on it.

    Raises:
        InvalidConfig: it asks for more than captions, for a space that gives no more; for the stage `critical` without pictures; or to
            start from a decoder that is not there.
        InvalidData: there is no caption to learn from.
        MissingPackage: what a captioner is saved with is not installed.
    """
    if not is_trained(config.space):
        if config.classes or config.weights.translations or config.weights.phrases:
            raise InvalidConfig(
                f"For {config.space}, which is not from `mmembed train space`, a decoder learns captions only; leave out classes and "
                f"translations, and join a translator to it, such as --preset {config.output / FOLDER}+opus-mt."
            )
        if find_spec("onnx") is None:
            raise MissingPackage("onnx", "train", "A captioner for a space")
    if config.start and not (config.start / WEIGHTS).is_file():
        raise InvalidConfig(f"There is no decoder to start from in {config.start}; `mmembed train restore` makes one of a bundle.")
    if not (config.steps or config.start):
        raise InvalidConfig("A decoder that takes no steps has to start from one; name its folder as `start`.")
    if config.translator and not (config.translator / WEIGHTS).is_file():
        raise InvalidConfig(f"There is no decoder to translate in {config.translator}; `mmembed train restore` makes one of a bundle.")
    if config.critical.steps and not config.pictures:
        raise InvalidConfig("The stage `critical` describes pictures and scores what it wrote; give pictures, or leave the stage out.")
    splits, wanted = splits_of(config.splits, stems_of(config)), config.weights.captions
    if wanted and not any(row.language in wanted and splits.get(row.picture) == "train" for row in read_captions(config.captions)):
        raise InvalidData(f"{config.captions} has no captions in {', '.join(wanted)} of training pictures.")


def see(config: DecoderConfig) -> Sight:
    """What the recipe's space shows.

    Raises:
        InvalidConfig, UnknownPreset, UnavailableModel: there is no such space.
    """
    source = PictureSource(config.pictures) if config.pictures else None
    if is_trained(config.space):
        return trained_sight(config.space, source, config.picture_size, config.views, config.cache, config.seed)
    return space_sight(config.space.as_posix(), source, config.views, config.cache)
