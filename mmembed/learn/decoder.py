"""`mmembed train decoder`: captions, translations and text-only captions in one mixture, resumable at any time."""

from __future__ import annotations

import json
import math
import shutil
import time
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import cast

import numpy as np
import sentencepiece as spm
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import nn
from tqdm import tqdm

from mmembed.errors import InvalidConfig, InvalidData, MissingPackage
from mmembed.generate.base import Captioning
from mmembed.generate.trained import CaptionerManifest
from mmembed.learn.classes import ClassRow, read_classes
from mmembed.learn.conditioned import ConditionedDecoder, NetworkConfig
from mmembed.learn.critical import CriticalStage, Described, tune_on_rewards
from mmembed.learn.data import PictureSource, read_captions, read_parallel, reserved_names, splits_of
from mmembed.learn.likelihood import DecoderLoss
from mmembed.learn.log import Log
from mmembed.learn.mixture import Mixture
from mmembed.learn.pivots import translated
from mmembed.learn.recipe import read_recipe
from mmembed.learn.reward import CiderReward
from mmembed.learn.sight import Sight, is_trained, space_sight, trained_sight
from mmembed.learn.tasks import TaskBuilder, TaskWeights, standin_texts, tidy
from mmembed.learn.vocabulary import language_tag, shared_pieces, train_pieces
from mmembed.space.base import Space

FOLDER = "captioner"
"""Where, in a recipe's `output`, a captioner for a space is that is not from `train space`."""

_VALIDATION = 8  # batches


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
    last stage, on what captions score.
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
    if config.start and not (config.start / "decoder.pt").is_file():
        raise InvalidConfig(f"There is no decoder to start from in {config.start}; `mmembed train restore` makes one of a bundle.")
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


def build_mixture(config: DecoderConfig, sight: Sight) -> tuple[Mixture, Mixture | None, NetworkConfig, dict[str, list[int]]]:
    """All tasks of a recipe, captions of `val` if there are any, the shape of the network that fits them, and the pieces each
    language is written with."""
    targets = prepare_targets(config)
    stems = stems_of(config)
    splits = splits_of(config.splits, stems)
    training = {stem for stem, split in splits.items() if split == "train"}
    reserved = reserved_names(splits)
    builder = TaskBuilder(sight.tower, targets, config.cache, stems[: len(sight.pictures)], sight.pictures, sight.embed_texts, reserved)
    if not config.pictures:
        texts = [row for row in read_captions(config.captions) if splits.get(row.picture) in ("train", "val")]
        builder.add_standins([row.picture for row in texts], [row.text for row in texts])
    builder.link({stem.split("_")[0]: stem for stem in stems if stem in training})
    covered = {stem.split("_")[0] for stem in training & set(stems)}
    if config.paraphrases:
        builder.add_standins(*standin_texts(config.paraphrases, covered, "en", 1, reserved))
    tasks = builder.captions(config.captions, splits, "train", config.weights.captions)
    if config.parallel:
        tasks += builder.translations(config.parallel, config.parallel_languages, config.weights.translations)
        tasks += builder.phrases(config.parallel, config.parallel_languages, config.weights.phrases)
        tasks += builder.text_captions(config.parallel, config.parallel_languages, config.weights.text_captions)
    rows = class_rows(config)
    if rows and sight.embed_classes:
        if not config.pictures:
            raise InvalidData("The classes' stand-ins lie among pictures; give pictures, or no classes.")
        builder.add_classes(sight.embed_classes(rows, np.array([stem in training for stem in stems])))
        tasks += builder.class_captions(rows, config.weights.class_captions)
        tasks += builder.class_translations(rows, config.weights.class_translations)
    if not tasks:
        raise InvalidData("The recipe's weights leave nothing to learn.")
    tags = {language: targets.piece_to_id(language_tag(language)) for language in config.languages}
    shape = NetworkConfig(
        vocabulary=targets.get_piece_size(),
        prefix_dim=sight.dim,
        state_dim=sight.words.shape[1],
        width=config.width,
        encoder_layers=config.encoder_layers,
        decoder_layers=config.decoder_layers,
        prefix_length=config.prefix_length,
        dropout=config.dropout,
    )
    mixture = Mixture(tasks, builder.vectors, sight.words, tags, config.noise, config.masked_rate)
    pieces = mixture.pieces(shared_pieces(targets))
    judged = builder.captions(config.captions, splits, "val", config.weights.captions)
    judged = [task.written_with(pieces[task.language]) for task in judged]
    held_out = Mixture(judged, builder.vectors, sight.words, tags, 0.0, 0.0) if judged else None
    return mixture, held_out, shape, pieces


@dataclass(frozen=True)
class Reached:
    """How far a run has come: steps done, the best loss on `val`, and how many times since then it was not better; the identity of
    the space whose vectors it reads, if that is not one of `train space`; and steps of the stage `critical` that came after."""

    step: int = 0
    best: float = math.inf
    waited: int = 0
    space: str = ""
    rewarded: int = 0

    def after(self, step: int, loss: float | None) -> Reached:
        """With the loss on `val`, if there is one, of a later step."""
        if loss is None:
            return replace(self, step=step, rewarded=0)
        if loss < self.best:
            return replace(self, step=step, best=loss, waited=0, rewarded=0)
        return replace(self, step=step, waited=self.waited + 1, rewarded=0)


def train(config_path: Path) -> Path:
    """Train (or go on training) the decoder of a recipe; returns the path of the averaged weights.

    A checkpoint is written every `save_every` steps; running the command again goes on from it. For a space that is not one of
    `train space`, returns the folder of a captioner that `--preset` takes.

    Raises:
        InvalidData: early stopping is asked for, but there are no pictures of `val`; or classes, but no pictures; or `output` has
            a decoder for another space.
        InvalidConfig, MissingPackage, UnknownPreset, UnavailableModel: as `check` and `see`.
    """
    config = read_recipe(config_path, DecoderConfig)
    set_seed(config.seed)
    accelerator = Accelerator(mixed_precision=config.precision)
    check(config)
    prepare_targets(config)
    sight = see(config)
    mixture, held_out, shape, pieces = build_mixture(config, sight)
    if config.patience and held_out is None:
        raise InvalidData("Early stopping (patience) needs captions of pictures whose split is `val`.")
    decoder = ConditionedDecoder(shape)
    if config.start:
        pieces = _begin(decoder, config.start, pieces)
    network: nn.Module = DecoderLoss(decoder, list(pieces.values()), config.label_smoothing)
    optimizer = torch.optim.AdamW(network.parameters(), config.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, config.warmup, config.steps))
    average = torch.optim.swa_utils.AveragedModel(decoder, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(config.average))
    network, optimizer, schedule = accelerator.prepare(network, optimizer, schedule)
    accelerator.register_for_checkpointing(average)
    checkpoint, place = config.output / "checkpoint", config.output / "checkpoint" / "reached.json"
    reached = Reached(space=sight.space.identity if sight.space else "")
    if place.exists():
        before = Reached(**json.loads(place.read_text()))
        if before.space != reached.space:
            raise InvalidData(f"{config.output} holds a decoder for the space {before.space or 'of `train space`'}; name another output.")
        accelerator.load_state(str(checkpoint))
        reached = before
    judge = DecoderLoss(cast(ConditionedDecoder, average.module), list(pieces.values()), config.label_smoothing).to(accelerator.device)
    log, started, recent = Log(config.output), time.monotonic(), []
    bar = tqdm(total=config.steps, initial=reached.step, desc="decoder", unit="step")
    network.train()
    for step, batch in enumerate(mixture.forever(config.seed, config.batch, reached.step), reached.step + 1):
        if reached.step >= config.steps or (config.patience and reached.waited >= config.patience):
            break
        loss = network(batch.to(accelerator.device))
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        average.update_parameters(decoder)
        recent.append(loss.item())
        bar.update()
        if step % 50 == 0:
            log.add(step, loss=float(np.mean(recent)), seconds=time.monotonic() - started)
            bar.set_postfix(loss=f"{np.mean(recent):.3f}")
            recent = []
        if step % config.save_every == 0 or step == config.steps:
            judged = _judge(judge, held_out, config, accelerator)
            reached = reached.after(step, judged)
            if judged is not None:
                log.add(step, val_loss=judged)
            if not (config.patience and reached.waited):
                _save(cast(ConditionedDecoder, average.module), shape, pieces, config.output)
            accelerator.save_state(str(checkpoint))
            place.write_text(json.dumps(asdict(reached)))
            log.draw()
    bar.close()
    if config.critical.steps not in (0, reached.rewarded):
        _save(_on_rewards(config, sight, mixture, pieces, accelerator, reached), shape, pieces, config.output)
        place.write_text(json.dumps(asdict(replace(reached, rewarded=config.critical.steps))))
    if sight.space is None:
        return config.output / "decoder.pt"
    written = {task.language for task in mixture.tasks}
    return _as_captioner(config, sight.space, tuple(code for code in config.languages if code in written))


def _begin(decoder: ConditionedDecoder, folder: Path, pieces: dict[str, list[int]]) -> dict[str, list[int]]:
    """Take the weights of the decoder in `folder`; returns the pieces of each language, first those of `pieces` in their order, together
    with that one's.

    Raises:
        InvalidConfig: it is of another shape.
    """
    before = load_decoder(folder)
    if before.network.config != replace(decoder.config, dropout=before.network.config.dropout):
        raise InvalidConfig(f"The decoder in {folder} has another shape than the recipe's: {before.network.config}.")
    decoder.load_state_dict(before.network.state_dict())
    return {code: sorted({*pieces.get(code, ()), *before.pieces.get(code, ())}) for code in {**pieces, **before.pieces}}


def _as_captioner(config: DecoderConfig, space: Space, languages: tuple[str, ...]) -> Path:
    """What can be used with `--preset`: the decoder in a folder that says which space it reads."""
    from mmembed.learn.captioner import export_captioner  # which reads this file's results

    name = str(config.space.resolve()) if config.space.is_dir() else config.space.as_posix()
    manifest = CaptionerManifest(
        config.name or config.output.name, name, space.identity, space.dim, space.picture_size, languages, config.max_length,
        config.licence, config.captioning,
    )  # fmt: skip
    return export_captioner(load_decoder(config.output), config.output / "decoder.model", manifest, config.output / FOLDER)


@torch.inference_mode()
def _judge(network: DecoderLoss, held_out: Mixture | None, config: DecoderConfig, accelerator: Accelerator) -> float | None:
    """Loss of the averaged weights on captions of `val`, the same ones every time."""
    if held_out is None:
        return None
    network.eval()
    batches = held_out.batches(config.seed, 0, config.batch, _VALIDATION)
    with accelerator.autocast():
        return float(np.mean([network(batch.to(accelerator.device)).item() for batch in batches]))


def _on_rewards(
    config: DecoderConfig, sight: Sight, mixture: Mixture, pieces: dict[str, list[int]], accelerator: Accelerator, reached: Reached
) -> ConditionedDecoder:
    """The stage `critical`, from what the mixture taught."""
    taught = config.output / "mixture.pt"
    if not reached.rewarded:
        shutil.copyfile(config.output / "decoder.pt", taught)
    decoder = _load(taught).network
    targets, stems = prepare_targets(config), stems_of(config)
    place = {stem: row for row, stem in enumerate(stems[: len(sight.pictures)])}
    splits = splits_of(config.splits, stems)
    captions = [row for row in read_captions(config.captions) if splits.get(row.picture) == "train" and row.picture in place]
    tags = {language: targets.piece_to_id(language_tag(language)) for language in config.languages}
    english = [row for row in captions if row.language == "en"]
    texts, prefix = [row.text for row in english], sight.pictures[[place[row.picture] for row in english], 0]
    rewards = {}
    for language in config.weights.captions:
        references = [(row.picture, tidy(row.text, language)) for row in captions if row.language == language]
        if language in config.critical.pivots and sight.tower:
            others = translated(decoder, sight.tower, texts, prefix, tags[language], pieces[language], targets, config.cache)
            references += [(row.picture, text) for row, text in zip(english, others, strict=True)]
        if references:
            rewards[language] = CiderReward(references, language)
    described = Described(sight.pictures, place, rewards, pieces, tags, targets)
    stage = config.critical
    decoder.to(accelerator.device).train()
    return tune_on_rewards(
        decoder,
        described,
        mixture.forever(config.seed + 1, stage.mixture_batch, 0),
        config.label_smoothing,
        stage,
        accelerator.autocast,
        config.seed,
        config.output / f"critical-{reached.step}.checkpoint",
    )


def _rate(step: int, warmup: int, steps: int) -> float:
    return min((step + 1) / warmup, max(0.02, (steps - step) / max(1, steps - warmup)))


def _save(decoder: ConditionedDecoder, shape: NetworkConfig, pieces: dict[str, list[int]], folder: Path) -> None:
    partial = folder / "decoder.partial"
    torch.save({"shape": asdict(shape), "pieces": pieces, "weights": decoder.state_dict()}, partial)
    partial.replace(folder / "decoder.pt")


@dataclass(frozen=True)
class TrainedDecoder:
    """The network with averaged weights, in eval mode, and the piece ids each language is written with."""

    network: ConditionedDecoder
    pieces: dict[str, list[int]]


def load_decoder(folder: Path) -> TrainedDecoder:
    """What `train` left in `folder`."""
    return _load(folder / "decoder.pt")


def _load(path: Path) -> TrainedDecoder:
    saved = torch.load(path, map_location="cpu", weights_only=True)
    network = ConditionedDecoder(NetworkConfig(**saved["shape"]))
    network.load_state_dict(saved["weights"])
    return TrainedDecoder(network.eval(), saved["pieces"])
