"""How much should a picture choose among a text-only translator's candidates: one weight, measured on validation data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mmembed.errors import InvalidData
from mmembed.evaluate.pictures import PictureFolder, Progress, batches, embed_pictures
from mmembed.evaluate.translations import translation_metrics
from mmembed.generate.base import Candidate, Translator
from mmembed.generate.parts import DecoderTranslator
from mmembed.generate.rerank import CANDIDATES, fits, rerank
from mmembed.model import Model

WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)


@dataclass(frozen=True)
class WeightScore:
    """What a weight is worth.

    Attributes:
        weight: of the cosine between candidate and picture, beside the candidate's mean log-probability.
        bleu: sacreBLEU of the chosen candidates.
        chrf: chrF2 of the same.
        changed: per cent of the sentences for which another than the translator's own first choice was taken.
    """

    weight: float
    bleu: float
    chrf: float
    changed: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def tune(
    model: Model,
    sources: Sequence[str],
    references: Sequence[str],
    source_language: str,
    to: str,
    images: Sequence[str | None],
    folder: PictureFolder,
    weights: Sequence[float] = WEIGHTS,
    progress: Progress | None = None,
) -> list[WeightScore]:
    """Score each weight on the sentences that have a picture; each is translated once, without looking at it.

    Raises:
        InvalidData: lengths differ, or no sentence has a picture.
        UnknownPair: the model does not translate between these languages.
    """
    if not len(sources) == len(references) == len(images):
        raise InvalidData(f"There are {len(sources)} sentences, {len(references)} references and {len(images)} picture names.")
    rows = [row for row, image in enumerate(images) if image and sources[row].strip()]
    if not rows:
        raise InvalidData("No sentence has a picture, so there is nothing to choose by.")
    names = [image for row in rows if (image := images[row])]
    texts, truths = [sources[row] for row in rows], [references[row] for row in rows]
    translator: Translator = model.translator or DecoderTranslator(model.preset.name, model.space, model.decoder)
    vectors = embed_pictures(model.space, folder, names, progress)
    candidates: list[list[Candidate]] = []
    for part in batches(len(texts)):
        candidates += translator.translate(texts[part], to, source_language, None, CANDIDATES, CANDIDATES)
        if progress:
            progress(part.stop, len(texts), "sentences")
    cosines = fits(model.space, candidates, vectors)
    results = []
    for weight in weights:
        chosen = [rerank(found, fit, weight)[0].text for found, fit in zip(candidates, cosines, strict=True)]
        metrics, _ = translation_metrics(chosen, [truths], to)
        changed = sum(text != found[0].text for text, found in zip(chosen, candidates, strict=True))
        results.append(WeightScore(weight, metrics.bleu, metrics.chrf, round(100 * changed / len(chosen), 1)))
    return results


def best(scores: Sequence[WeightScore]) -> WeightScore:
    """The highest BLEU, chrF2 deciding between equals, and then the smaller weight."""
    return max(scores, key=lambda score: (score.bleu, score.chrf, -score.weight))
