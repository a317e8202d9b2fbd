"""`mmembed train bundle`: trained weights → a folder that `mmembed.load()` opens without torch."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from mmembed.bundle import digest_of, write_manifest
from mmembed.errors import InvalidConfig
from mmembed.generate.base import Captioning
from mmembed.generate.bundled import CAPTIONS, NETWORK_FILES
from mmembed.learn.backbones.efficientnet import load_lite2
from mmembed.learn.calibration import calibrate
from mmembed.learn.classes import kinds_seen, read_classes
from mmembed.learn.data import CaptionRow, PictureSource, read_captions, read_parallel, reserved_names, splits_of
from mmembed.learn.export import Weights, export_decoder, export_picture, export_text
from mmembed.learn.features import pooled_features
from mmembed.learn.glossary import glossary_of, read_groups
from mmembed.learn.heads import load_heads
from mmembed.learn.lexicon import LexiconConfig, Told, learn_lexicon
from mmembed.learn.lookalikes import likenesses_of, read_things
from mmembed.learn.picture_tower import load_picture_tower
from mmembed.learn.quantised import batches_of, export_quantised
from mmembed.learn.recipe import read_recipe
from mmembed.learn.text_tower import load_text_tower
from mmembed.learn.trained_decoder import WEIGHTS, TrainedDecoder, load_decoder
from mmembed.media.picture import Picture
from mmembed.space.bundled import GLOSSARY, KINDS, LEXICON, BundledSpace, Calibration
from mmembed.space.pixels import square

_FLOAT = 32


@dataclass(frozen=True)
class BundleConfig:
    """What to export; `trained` is the folder that `train space` and `train decoder` wrote.

    Attributes:
        space: another folder that `train space` wrote, going on from `trained`, whose space is exported in place of that.
        captions_from: another folder that `train decoder` wrote, with the same vocabulary, whose decoder writes the captions; without
            it one decoder writes captions and translations.
        classes: table of ImageNet classes (see `learn.classes`) whose names shall say what an unfamiliar picture looks like.
        groups: table of groups of those classes (see `learn.glossary`) that searches shall know by name, too.
        lookalikes: table of things that are no class, and the classes that they look like (see `learn.lookalikes`), for searches.
        lexicon: how it is learned what the words of searches look like; without it they go by the text tower alone.
        background: how many training pictures make up the background that confidences are measured against.
        decoder_bits: of the decoder's matrices: 4, 8 or 32 (float).
        captioning: what `mmembed tune captions` found on an earlier export.
        doubtful_translations: the same of `mmembed tune doubts`.
        calibration_texts: how many captions the calibration looks at.
    """

    name: str
    trained: Path
    output: Path
    pictures: Path
    captions: Path
    languages: tuple[str, ...]
    caption_languages: tuple[str, ...]
    translation_languages: tuple[str, ...]
    licence: str
    captioning: Captioning = Captioning()  # noqa: RUF009  (it is frozen)
    doubtful_translations: dict[str, float] = field(default_factory=dict)
    space: Path | None = None
    captions_from: Path | None = None
    classes: Path | None = None
    groups: Path | None = None
    lookalikes: Path | None = None
    lexicon: LexiconConfig | None = None
    splits: Path | None = None
    picture_size: int = 260
    views: tuple[str, ...] = ("plain",)
    decoder_bits: int = 8
    max_length: int = 64
    background: int = 512
    calibration_texts: int = 2000
    seed: int = 1


def export(config_path: Path) -> Path:
    """Export, calibrate and describe a bundle; returns its folder.

    Raises:
        InvalidConfig: `space` has no space, or `captions_from` no decoder, or one that does not go with the rest.
    """
    config = read_recipe(config_path, BundleConfig)
    decoder, captioner, place = load_decoder(config.trained), _captioner(config), _space(config)
    config.output.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(config.seed)
    source = PictureSource(config.pictures)
    splits = splits_of(config.splits, source.stems)
    training = [stem for stem in source.stems if splits.get(stem) == "train"]
    background = [training[i] for i in random.permutation(len(training))[: config.background]]

    heads = load_heads(place / "heads.pt")
    network = load_picture_tower(place)
    export_picture(network, heads.picture, config.picture_size, "mirror" in config.views, config.output / "picture.onnx")
    seen = [square(_open(source, stem, config.picture_size).pixels, config.picture_size) for stem in background]
    export_quantised(network, heads.picture, config.picture_size, list(batches_of(seen)), config.output / "picture.int8.onnx")
    export_text(load_text_tower(place), heads.text, config.output / "text.onnx")
    weights = Weights(config.decoder_bits) if config.decoder_bits < _FLOAT else None
    export_decoder(decoder, config.output, weights)
    writer = config.output / CAPTIONS
    for name in NETWORK_FILES:
        (writer / name).unlink(missing_ok=True)  # of an earlier export
    if captioner:
        writer.mkdir(exist_ok=True)
        export_decoder(captioner, writer, weights)
    shutil.copyfile(place / "text.model", config.output / "text.model")
    shutil.copyfile(config.trained / "decoder.model", config.output / "decoder.model")

    for name in (KINDS, GLOSSARY, LEXICON):
        (config.output / name).unlink(missing_ok=True)
    captions, trained = read_captions(config.captions), set(training)
    learned = [row for row in captions if row.picture in trained]
    if config.classes:
        classifier = load_lite2()[1].requires_grad_(False)
        answers, chance = (classifier.weight.numpy(), classifier.bias.numpy()), np.random.default_rng(config.seed)
        features = np.concatenate([pooled_features(network, list(batch)) for batch in batches_of(seen)])
        rows = read_classes(config.classes, config.languages)
        things = read_things(config.lookalikes, config.languages) if config.lookalikes else []
        kinds = kinds_seen(rows, answers, features, heads.picture.vectors, chance)
        replace(kinds, likenesses=likenesses_of(rows, things)).save(config.output / KINDS)
        groups = read_groups(config.groups, config.languages) if config.groups else []
        named = [thing.names for thing in things]
        glossary_of(rows, groups, named, learned, config.languages).save(config.output / GLOSSARY)

    digest = digest_of(config.output)
    dim = heads.picture.linear.out_features
    space = BundledSpace(config.output, config.name, digest, dim, config.languages, config.picture_size, Calibration(1.0, 0.0))
    np.save(config.output / "background.npy", _embed(space, source, background).astype(np.float16))
    if config.lexicon:
        translated = _translated(config.lexicon, space, reserved_names(splits))
        told = {code: [of_pictures, *translated.get(code, [])] for code, of_pictures in _described(space, source, learned).items()}
        if lexicon := learn_lexicon(config.lexicon, told):
            lexicon.save(config.output / LEXICON)
    fields = {"name": config.name, "digest": digest, "dim": dim, "languages": config.languages, "captions": config.caption_languages}
    fields |= {"translations": config.translation_languages, "picture_size": config.picture_size, "max_length": config.max_length}
    held_out = [stem for stem in source.stems if splits.get(stem) == "val"] or source.stems
    vectors = _embed(space, source, held_out)
    calibration = calibrate(space, held_out, vectors, captions, config.calibration_texts, random)
    fields |= {"calibration": asdict(calibration), "licence": config.licence, "captioning": asdict(config.captioning)}
    fields |= {"doubtful_translations": config.doubtful_translations}
    write_manifest(config.output, fields)
    return config.output


def _space(config: BundleConfig) -> Path:
    """The folder with the space."""
    place, vocabulary = config.space or config.trained, "text.model"
    if not (place / "heads.pt").is_file():
        raise InvalidConfig(f"There is no space in {place}; `mmembed train space` makes one.")
    if (place / vocabulary).read_bytes() != (config.trained / vocabulary).read_bytes():
        raise InvalidConfig(f"The decoders in {config.trained} read other pieces of words; start the space in {place} from there.")
    return place


def _captioner(config: BundleConfig) -> TrainedDecoder | None:
    """The decoder of `captions_from`, if there shall be one."""
    place, vocabulary = config.captions_from, "decoder.model"
    if place is None:
        return None
    if not (place / WEIGHTS).is_file():
        raise InvalidConfig(f"There is no decoder for captions in {place}; train one there, or leave captions_from out.")
    if (place / vocabulary).read_bytes() != (config.trained / vocabulary).read_bytes():
        raise InvalidConfig(f"The decoders in {place} and {config.trained} have other vocabularies; start the former from the latter.")
    captioner = load_decoder(place)
    if missing := [code for code in config.caption_languages if code not in captioner.pieces]:
        raise InvalidConfig(f"The decoder in {place} does not write {', '.join(missing)}, which caption_languages names.")
    return captioner


def _described(space: BundledSpace, source: PictureSource, captions: Sequence[CaptionRow]) -> dict[str, Told]:
    """By language of the space, captions and the vectors of their pictures."""
    stems = sorted({row.picture for row in captions})
    place, pictures = {stem: index for index, stem in enumerate(stems)}, _embed(space, source, stems)
    spoken = {language: [row for row in captions if row.language == language] for language in space.languages}
    return {
        language: Told([row.text for row in rows], np.array([place[row.picture] for row in rows]), pictures)
        for language, rows in spoken.items()
        if rows
    }


def _translated(lexicon: LexiconConfig, space: BundledSpace, reserved: Collection[str]) -> dict[str, list[Told]]:
    """By language, sentences in parallel with English ones, and the vectors of those."""
    if lexicon.parallel is None:
        return {}
    sentences = read_parallel(lexicon.parallel, ("en", *lexicon.parallel_languages), reserved)
    training = [row.texts for row in sentences if row.split == "train"]
    meant, each = space.embed_texts([texts["en"] for texts in training]), np.arange(len(training))
    return {language: [Told([texts[language] for texts in training], each, meant)] for language in lexicon.parallel_languages}


def _open(source: PictureSource, stem: str, target: int) -> Picture:
    return Picture.from_bytes(source.read(stem), target)


def _embed(space: BundledSpace, source: PictureSource, stems: list[str]) -> np.ndarray:
    parts = [
        space.embed_pictures([_open(source, stem, space.picture_size) for stem in stems[i : i + 32]]) for i in range(0, len(stems), 32)
    ]
    return np.concatenate(parts)
