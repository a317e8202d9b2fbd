"""How much should a picture choose among the candidates of a decoder or translator, how far are captions to be trusted, and which
translations are doubtful?

All are measured on validation data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmembed.errors import InvalidData
from mmembed.evaluate.captions import caption_metrics
from mmembed.evaluate.concepts import shipped_concepts
from mmembed.evaluate.pictures import PictureFolder, Progress, batches, embed_pictures
from mmembed.evaluate.translations import translation_metrics
from mmembed.evaluate.trust import Trust, trust
from mmembed.generate.base import Candidate, Translator
from mmembed.generate.parts import DecoderTranslator
from mmembed.generate.rerank import CANDIDATES, fits, rerank
from mmembed.model import Model

WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)
UNSURE = 0.1
"""Share of the translations of captions that may be: on `val` the lowest tenth by score shares half as much with the references
(chrF) as the better half does."""


@dataclass(frozen=True)
class WeightScore:
    """What a weight is worth.

    Attributes:
        weight: of the cosine between candidate and picture, beside the candidate's mean log-probability.
        scores: of the chosen candidates, by metric; the first one decides, the next between equals.
        changed: per cent of the rows for which another than the model's own first choice was taken.
    """

    weight: float
    scores: dict[str, float]
    changed: float

    def as_dict(self) -> dict[str, Any]:
        return {"weight": self.weight, **self.scores, "changed": self.changed}


@dataclass(frozen=True)
class CaptionTuning:
    """What `Captioning` needs to know.

    Attributes:
        weights: what each rerank weight is worth, in CIDEr-D and BLEU-4.
        trust: how sure the captions are that the best weight chooses. None in other languages than English, which the word
            lists are in, and where all captions are right or none is.
    """

    weights: list[WeightScore]
    trust: Trust | None


def tune_captions(
    model: Model,
    folder: PictureFolder,
    references: Mapping[str, Sequence[str]],
    language: str,
    weights: Sequence[float] = WEIGHTS,
    beams: int = 4,
    progress: Progress | None = None,
) -> CaptionTuning:
    """Score each weight on the captions of pictures that have `references`, picture → its captions in `language`.

    The picture chooses among as many candidates as the search has `beams`, as in `generate.captions`.

    Raises:
        InvalidData: fewer than two pictures, or one is missing.
        MissingPackage: pycocoevalcap is not installed.
    """
    if len(references) < 2:
        raise InvalidData(f"Two pictures with captions are the least to tune on; there are {len(references)}.")
    vectors = embed_pictures(model.space, folder, list(references), progress)
    candidates: list[list[Candidate]] = []
    for part in batches(len(vectors)):
        candidates += model.decoder.generate(vectors[part], None, language, beams, beams)
        if progress:
            progress(part.stop, len(vectors), "captions")
    truths = list(references.values())

    def measure(chosen: list[str]) -> dict[str, float]:
        metrics = caption_metrics(chosen, truths, language)
        return {"cider": metrics.cider, "bleu4": metrics.bleu4}

    cosines = fits(model.space, candidates, vectors)
    scores = _weigh(candidates, cosines, weights, measure)
    if language != "en":
        return CaptionTuning(scores, None)
    written = _chosen(candidates, cosines, best(scores).weight)
    similarities = (model.space.embed_texts([text or "?" for text in written]) * vectors).sum(1)
    return CaptionTuning(scores, trust(written, similarities, truths, shipped_concepts()))


def tune_translations(
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

    def measure(chosen: list[str]) -> dict[str, float]:
        metrics, _ = translation_metrics(chosen, [truths], to)
        return {"bleu": metrics.bleu, "chrf": metrics.chrf}

    return _weigh(candidates, fits(model.space, candidates, vectors), weights, measure)


def tune_doubts(
    model: Model, sentences: Mapping[str, Sequence[str]], limit: int | None = None, progress: Progress | None = None
) -> dict[str, float]:
    """For each pair of languages that is translated directly, such as `en-de`: the score below which `UNSURE` of the translations are.

    Args:
        model: translates; without pictures.
        sentences: captions of validation pictures, by language.
        limit: so many of each language, evenly spread; None for all.
        progress: called with (sentences done, of how many, the pair).

    Raises:
        InvalidData: none of the pairs of these languages is translated, or there are no sentences.
    """
    served = [code for code in sentences if code in model.decoder.translation_languages]
    pairs = [(source, to) for source in served for to in served if source != to and model.pivot in ("", source, to)]
    if not pairs or not all(any(map(str.strip, sentences[code])) for code in served):
        known = ", ".join(model.decoder.translation_languages)
        raise InvalidData(f"Sentences in two of the languages that are translated are needed: {known}.")
    found: dict[str, float] = {}
    for source, to in pairs:
        texts = [text for text in sentences[source] if text.strip()]
        chosen = [texts[row] for row in np.linspace(0, len(texts) - 1, min(limit or len(texts), len(texts))).astype(int)]
        scores: list[float] = []
        for part in batches(len(chosen)):
            scores += [one.score for one in model.translate(chosen[part], to, source)]
            if progress:
                progress(part.stop, len(chosen), f"{source}-{to}")
        found[f"{source}-{to}"] = round(float(np.quantile(scores, UNSURE)), 3)
    return found


def _weigh(
    candidates: Sequence[Sequence[Candidate]],
    cosines: Sequence[np.ndarray],
    weights: Sequence[float],
    measure: Callable[[list[str]], dict[str, float]],
) -> list[WeightScore]:
    results = []
    for weight in weights:
        chosen = _chosen(candidates, cosines, weight)
        changed = sum(text != found[0].text for text, found in zip(chosen, candidates, strict=True))
        results.append(WeightScore(weight, measure(chosen), round(100 * changed / len(chosen), 1)))
    return results


def _chosen(candidates: Sequence[Sequence[Candidate]], cosines: Sequence[np.ndarray], weight: float) -> list[str]:
    return [rerank(found, fit, weight)[0].text for found, fit in zip(candidates, cosines, strict=True)]


def best(scores: Sequence[WeightScore]) -> WeightScore:
    """The highest score, the smallest weight among equals."""
    return max(scores, key=lambda score: (*score.scores.values(), -score.weight))
