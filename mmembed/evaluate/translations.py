"""How good are translations: sacreBLEU's BLEU and chrF, with the right picture, a shuffled one and none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmembed.errors import InvalidData
from mmembed.evaluate.pictures import PictureFolder, Progress, batches
from mmembed.model import Model

CONDITIONS = ("right", "shuffled", "none")
_SEED = 2016


@dataclass(frozen=True)
class TranslationMetrics:
    """Corpus BLEU and chrF2 of sacreBLEU, 0 to 100, over `rows` sentences."""

    rows: int
    bleu: float
    chrf: float


@dataclass(frozen=True)
class TranslationScores:
    """One direction of translation.

    Attributes:
        source: ISO 639-1 code translated from.
        language: ISO 639-1 code translated to.
        metrics: over all rows, each with its right picture where it has one.
        signature: sacreBLEU's signature of the BLEU score, and of chrF.
        pictured: condition → scores over only the rows that have a picture: with the right picture, with another
            row's picture, and with none. Empty when there are fewer than two different pictures, so none to shuffle.
    """

    source: str
    language: str
    metrics: TranslationMetrics
    signature: str
    pictured: dict[str, TranslationMetrics]

    def as_dict(self) -> dict[str, Any]:
        content = asdict(self)
        metrics = content.pop("metrics")
        return {"from": content.pop("source"), "to": content.pop("language"), **metrics, **content}


def evaluate_translations(
    model: Model,
    sources: Sequence[str],
    references: Sequence[Sequence[str]],
    source_language: str,
    to: str,
    images: Sequence[str | None] | None = None,
    folder: PictureFolder | None = None,
    progress: Progress | None = None,
) -> TranslationScores:
    """Translate `sources` and compare with the references.

    Args:
        references: one or more sets of references, each as long as `sources`.
        images: the name of each row's picture in `folder`, or None for a row without one.

    Raises:
        InvalidData: lengths differ, there is nothing to translate, or a picture is missing.
        UnknownLanguage: the model does not translate between these languages.
    """
    if not sources:
        raise InvalidData("There is no sentence to translate.")
    for lines in references:
        if len(lines) != len(sources):
            raise InvalidData(f"There are {len(sources)} sentences but {len(lines)} references; give one reference for each sentence.")
    images = images if images is not None else [None] * len(sources)
    if len(images) != len(sources):
        raise InvalidData(f"There are {len(sources)} sentences but {len(images)} picture names; leave a line empty for no picture.")
    pictured = [row for row, image in enumerate(images) if image]

    def write(rows: Sequence[int], names: Sequence[str | None], message: str) -> list[str]:
        return translate_rows(model, [sources[row] for row in rows], source_language, to, names, folder, progress, message)

    def score(rows: Sequence[int], hypotheses: list[str]) -> TranslationMetrics:
        return translation_metrics(hypotheses, [[lines[row] for row in rows] for lines in references], to)[0]

    everything = range(len(sources))
    written = write(everything, images, f"{source_language}→{to}")
    metrics, signature = translation_metrics(written, references, to)
    conditions = {}
    names = [image for image in images if image]
    if len(set(names)) > 1:
        conditions["right"] = score(pictured, [written[row] for row in pictured])
        conditions["shuffled"] = score(pictured, write(pictured, shuffled(names), f"{source_language}→{to}, shuffled pictures"))
        conditions["none"] = score(pictured, write(pictured, [None] * len(pictured), f"{source_language}→{to}, no pictures"))
    return TranslationScores(source_language, to, metrics, signature, conditions)


def translate_rows(
    model: Model,
    sources: Sequence[str],
    source_language: str,
    to: str,
    images: Sequence[str | None],
    folder: PictureFolder | None,
    progress: Progress | None = None,
    message: str = "sentences",
) -> list[str]:
    """Translations of `sources`, each with its named picture or none; one batch of pixels in memory at a time.

    An empty sentence has an empty translation. Raises InvalidData for a missing picture or folder.
    """
    named = [image for image in images if image]
    if named and folder is None:
        raise InvalidData("There are picture names but no folder of pictures.")
    if folder is not None:
        folder.require(named)
    # Neighbours in length share a batch: less padding, and the same texts come out.
    order = sorted((row for row, text in enumerate(sources) if text.strip()), key=lambda row: len(sources[row]))
    written = [""] * len(sources)
    for part in batches(len(order)):
        rows = order[part]
        pictures = None
        if folder is not None and any(images[row] for row in rows):
            pictures = [folder.open(name, model.picture_size) if (name := images[row]) else None for row in rows]
        translations = model.translate([sources[row] for row in rows], to, source_language, pictures)
        for row, translation in zip(rows, translations, strict=True):
            written[row] = translation.text
        if progress:
            progress(part.stop, len(order), message)
    return written


def shuffled(names: Sequence[str]) -> list[str]:
    """For each row another row's picture, the same on every run; never the row's own, also when several rows share one.

    Raises:
        InvalidData: there are fewer than two different pictures.
    """
    unique = list(dict.fromkeys(names))
    if len(unique) < 2:
        raise InvalidData("Shuffling pictures needs at least two different ones.")
    order = np.random.default_rng(_SEED).permutation(len(unique))
    other = {unique[this]: unique[following] for this, following in zip(order, np.roll(order, -1), strict=True)}
    return [other[name] for name in names]


def translation_metrics(hypotheses: Sequence[str], references: Sequence[Sequence[str]], to: str) -> tuple[TranslationMetrics, str]:
    """sacreBLEU's BLEU and chrF2 of one corpus, and their signatures. Chinese is cut by characters, the rest by 13a."""
    from sacrebleu.metrics import BLEU, CHRF

    bleu, chrf = BLEU(tokenize="zh" if to == "zh" else "13a"), CHRF()
    texts, truths = list(hypotheses), [list(lines) for lines in references]
    scores = bleu.corpus_score(texts, truths).score, chrf.corpus_score(texts, truths).score
    signature = f"BLEU {bleu.get_signature()} chrF {chrf.get_signature()}"
    return TranslationMetrics(len(texts), *(round(score, 2) for score in scores)), signature
