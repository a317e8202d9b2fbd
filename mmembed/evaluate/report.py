"""Every table in the README from one data folder: what to measure is data, in `configs/eval/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmembed.errors import InvalidConfig
from mmembed.evaluate.captions import CaptionScores, Pool, evaluate_captions
from mmembed.evaluate.concepts import shipped_concepts
from mmembed.evaluate.confidence import ConfidenceScores, evaluate_confidence
from mmembed.evaluate.foils import FoilScores, evaluate_foils
from mmembed.evaluate.masked import MaskedScores, evaluate_masked
from mmembed.evaluate.names import NameScores, evaluate_names
from mmembed.evaluate.negation import NegationScores, evaluate_negation
from mmembed.evaluate.pictures import PictureFolder, Progress, remembering
from mmembed.evaluate.retrieval import RetrievalScores, evaluate_retrieval
from mmembed.evaluate.tables import CaptionRow, by_picture, read_captions, read_labels, read_masked, read_parallel, read_split, select
from mmembed.evaluate.translations import TranslationScores, evaluate_translations
from mmembed.model import Model


@dataclass(frozen=True)
class CaptionChoice:
    """Which captions of a language count: those of `source`, and of each picture only the `first` ones if that is given."""

    source: str
    first: int | None = None


@dataclass(frozen=True)
class NamesChoice:
    """Photographs to name, a folder or zip file, and the table with their right names."""

    pictures: str
    labels: str


@dataclass(frozen=True)
class ScoresChoice:
    """What foils, negation and confidence are measured on.

    Attributes:
        source: the English captions that count.
        pool: splits that galleries of `sizes` pictures are drawn from; foils and negation look at the split of the retrieval.
        sizes: pictures in a gallery.
    """

    source: str
    pool: tuple[str, ...]
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class TablesConfig:
    """What to measure; paths are relative to the data folder. See `configs/eval/readme.yaml`."""

    pictures: str
    captions: str
    splits: str
    split: str
    pool_split: str
    retrieval: dict[str, CaptionChoice]
    references: dict[str, CaptionChoice]
    parallel: str
    parallel_split: str
    directions: tuple[str, ...]
    masked: str
    masked_languages: tuple[str, ...]
    names: NamesChoice
    scores: ScoresChoice
    footnote: str

    def __post_init__(self) -> None:
        for direction in self.directions:
            if direction.count("-") != 1:
                raise InvalidConfig(f"A direction is written like 'en-de', not {direction!r}.")


@dataclass(frozen=True)
class Tables:
    """All results, and what they were measured with.

    Attributes:
        preset: name of the model.
        identity: identity of its space, with the digest of the weights.
        limit: at most this many pictures and sentences were used of each set, for a quick look; None for all.
    """

    preset: str
    identity: str
    limit: int | None
    retrieval: list[RetrievalScores]
    captions: list[CaptionScores]
    translation: list[TranslationScores]
    masked: list[MaskedScores]
    foils: list[FoilScores]
    negation: list[NegationScores]
    confidence: list[ConfidenceScores]
    names: list[NameScores]


def run_tables(model: Model, data: Path, config: TablesConfig, limit: int | None = None, progress: Progress | None = None) -> Tables:
    """Measure everything that the model serves: languages it does not write are left out of captions and translation.

    Raises:
        InvalidData: a file is missing or has another form than promised.
        MissingPackage: a metric's package is not installed.
    """
    known = remembering(model)
    captions = read_captions(data / config.captions)
    gallery = read_split(data / config.splits, config.split)[:limit]
    pool_names = read_split(data / config.splits, config.pool_split)[:limit]
    with PictureFolder(data / config.pictures) as folder, PictureFolder(data / config.pictures, by_number=True) as numbered:
        retrieval = evaluate_retrieval(known, folder, _rows(captions, gallery, config.retrieval), gallery, progress)
        written = {code: choice for code, choice in config.references.items() if code in model.decoder.caption_languages}
        pool = Pool(f"split {config.pool_split}, {len(pool_names)} pictures", folder, _grouped(captions, pool_names, written))
        described = evaluate_captions(known, folder, _grouped(captions, gallery, written), pool, progress) if written else []
        translated = _translation(known, data, config, numbered, limit, progress)
        masked = _masked(known, data, config, folder, limit, progress)
        english = select(captions, gallery, ["en"], [config.scores.source])
        concepts = shipped_concepts()
        foils = evaluate_foils(known, folder, english, concepts, progress)
        negation = evaluate_negation(known, folder, english, concepts, progress)
        drawn = [name for split in config.scores.pool for name in read_split(data / config.splits, split)[:limit]]
        asked = select(captions, drawn, ["en"], [config.scores.source])
        confidence = evaluate_confidence(known, folder, asked, concepts, config.scores.sizes, progress)
    names = _names(known, data, config.names, limit, progress)
    return Tables(
        model.preset.name, model.space.identity, limit, retrieval, described, translated, masked, foils, negation, confidence, names
    )


def _grouped(captions: list[CaptionRow], images: list[str], choices: Mapping[str, CaptionChoice]) -> dict[str, dict[str, list[str]]]:
    """Language → picture → captions, of these pictures."""
    return {code: by_picture(select(captions, images, [code], [choice.source]), choice.first) for code, choice in choices.items()}


def _rows(captions: list[CaptionRow], images: list[str], choices: Mapping[str, CaptionChoice]) -> list[CaptionRow]:
    grouped = _grouped(captions, images, choices)
    return [CaptionRow(image, code, text) for code, pictures in grouped.items() for image, texts in pictures.items() for text in texts]


def _translation(
    model: Model, data: Path, config: TablesConfig, folder: PictureFolder, limit: int | None, progress: Progress | None
) -> list[TranslationScores]:
    served = set(model.decoder.translation_languages)
    pairs = [(source, to) for source, to in (direction.split("-") for direction in config.directions) if {source, to} <= served]
    if not pairs:
        return []
    codes = list(dict.fromkeys(code for pair in pairs for code in pair))
    names, texts = read_parallel(data / config.parallel, config.parallel_split, codes)
    # Most of Multi30k's test photographs are not in the data folder: those sentences are translated without one.
    images = [folder.find(name) for name in names][:limit]
    return [
        evaluate_translations(model, texts[source][:limit], [texts[to][:limit]], source, to, images, folder, progress)
        for source, to in pairs
    ]


def _masked(
    model: Model, data: Path, config: TablesConfig, folder: PictureFolder, limit: int | None, progress: Progress | None
) -> list[MaskedScores]:
    served = model.decoder.translation_languages
    languages = [code for code in config.masked_languages if code in served and "en" in served]
    return evaluate_masked(model, read_masked(data / config.masked)[:limit], folder, languages, progress) if languages else []


def _names(model: Model, data: Path, choice: NamesChoice, limit: int | None, progress: Progress | None) -> list[NameScores]:
    rows = read_labels(data / choice.labels)
    with PictureFolder(data / choice.pictures) as folder:
        return [evaluate_names(model, folder, rows[:limit], [row.label for row in rows], progress)]
