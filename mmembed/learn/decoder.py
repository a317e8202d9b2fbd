"""`mmembed train decoder`: captions, translations and text-only captions in one mixture, resumable at any time."""

from __future__ import annotations

import json
import math
import shutil
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from torch import nn
from tqdm import tqdm

from mmembed.errors import InvalidConfig, InvalidData
from mmembed.generate.trained import CaptionerManifest
from mmembed.learn.captioner import export_captioner
from mmembed.learn.conditioned import ConditionedDecoder, NetworkConfig
from mmembed.learn.critical import Described, tune_on_rewards
from mmembed.learn.data import read_captions, reserved_names, splits_of
from mmembed.learn.decoder_recipe import FOLDER, DecoderConfig, check, class_rows, prepare_targets, see, stems_of
from mmembed.learn.likelihood import DecoderLoss
from mmembed.learn.log import Log
from mmembed.learn.mixture import Mixture
from mmembed.learn.pivots import translated
from mmembed.learn.recipe import read_recipe
from mmembed.learn.reward import CiderReward
from mmembed.learn.sight import Sight
from mmembed.learn.tasks import TaskBuilder, standin_texts, tidy
from mmembed.learn.trained_decoder import WEIGHTS, TrainedDecoder, load_decoder
from mmembed.learn.vocabulary import language_tag, shared_pieces
from mmembed.space.base import Space

_VALIDATION = 8  # batches


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
                TrainedDecoder(cast(ConditionedDecoder, average.module), pieces).save(config.output)
            accelerator.save_state(str(checkpoint))
            place.write_text(json.dumps(asdict(reached)))
            log.draw()
    bar.close()
    if not (reached.step or reached.rewarded):  # there was nothing to learn from the mixture
        TrainedDecoder(decoder, pieces).save(config.output)
        accelerator.save_state(str(checkpoint))
    if config.critical.steps not in (0, reached.rewarded):
        TrainedDecoder(_on_rewards(config, sight, mixture, pieces, accelerator, reached), pieces).save(config.output)
        place.write_text(json.dumps(asdict(replace(reached, rewarded=config.critical.steps))))
    if sight.space is None:
        return config.output / WEIGHTS
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
    taught = "mixture.pt"
    if not reached.rewarded:
        shutil.copyfile(config.output / WEIGHTS, config.output / taught)
    decoder = load_decoder(config.output, taught).network
    targets, stems = prepare_targets(config), stems_of(config)
    place = {stem: row for row, stem in enumerate(stems[: len(sight.pictures)])}
    splits = splits_of(config.splits, stems)
    captions = [row for row in read_captions(config.captions) if splits.get(row.picture) == "train" and row.picture in place]
    tags = {language: targets.piece_to_id(language_tag(language)) for language in config.languages}
    english = [row for row in captions if row.language == "en"]
    texts, prefix = [row.text for row in english], sight.pictures[[place[row.picture] for row in english], 0]
    translator = load_decoder(config.translator) if config.translator else TrainedDecoder(decoder, pieces)
    rewards = {}
    for language in config.weights.captions:
        references = [(row.picture, tidy(row.text, language)) for row in captions if row.language == language]
        if language in config.critical.pivots and sight.tower:
            others = translated(translator, sight.tower, texts, prefix, language, config.translator or config.output, config.cache)
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
