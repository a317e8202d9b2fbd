"""How much should a picture, and what they share, choose among the candidates of a decoder or translator, how far are captions to be
trusted, and which translations are doubtful?

All are measured on validation data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mmembed.errors import InvalidData
from mmembed.evaluate.captions import caption_metrics, english_captions
from mmembed.evaluate.concepts import shipped_concepts
from mmembed.evaluate.pictures import PictureFolder, Progress, batches, embed_pictures
from mmembed.evaluate.translations import translation_metrics
from mmembed.evaluate.trust import Trust, trust
from mmembed.generate.base import PLAIN, Candidate, Captioning, Translator
from mmembed.generate.parts import DecoderTranslator
from mmembed.generate.polish import arranged
from mmembed.generate.rerank import CANDIDATES, agreement, fits, rerank
from mmembed.model import Model
from mmembed.space.base import knows_pictures

WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0)
CAPTION_WEIGHTS = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0)
AGREEMENTS = (0.0, 1.0, 2.0, 3.0, 5.0)
UNSURE = 0.1
"""Share of the translations of captions that may be: on `val` the lowest tenth by score shares half as much with the references
(chrF) as the better half does."""


@dataclass(frozen=True)
class WeightScore:
    """What weights are worth.

    Attributes:
        weights: `weight` of the cosine between candidate and picture, beside the candidate's mean log-probability; of captions also
            `agreement`, the weight of what a candidate shares with the others.
        scores: of the chosen candidates, by metric or language; the first one decides, the next between equals.
        changed: per cent of the rows for which another than the model's own first choice was taken.
    """

    weights: dict[str, float]
    scores: dict[str, float]
    changed: float

    def as_dict(self) -> dict[str, Any]:
        return {**self.weights, **self.scores, "changed": self.changed}


@dataclass(frozen=True)
class CaptionTuning:
    """What `Captioning` needs to know.

    Attributes:
        weights: what each pair of weights is worth: CIDEr-D, the `mean` over the languages and of each.
        trust: how sure the English captions are that the best weights choose. None without English ones, which the word lists are
            for, and where all captions are right or none is.
        doubted: per cent of these captions that are doubtful with all of that.
        doubted_unlike: the same of pictures unlike them, if there are any.
    """

    weights: list[WeightScore]
    trust: Trust | None
    doubted: float | None = None
    doubted_unlike: float | None = None


@dataclass(frozen=True)
class _Proposed:
    """Captions to choose among: the candidates for each picture, their cosines to it, how much they share, and what people wrote."""

    candidates: list[list[Candidate]]
    cosines: list[np.ndarray]
    shared: list[np.ndarray]
    truths: list[Sequence[str]]

    def chosen(self, weight: float, agreed: float) -> list[str]:
        rows = zip(self.candidates, self.cosines, self.shared, strict=True)
        return [arranged(rerank(found, weight * fit + agreed * alike), PLAIN)[0].text for found, fit, alike in rows]


def tune_captions(
    model: Model,
    folder: PictureFolder,
    references: Mapping[str, Mapping[str, Sequence[str]]],
    weights: Sequence[float] = CAPTION_WEIGHTS,
    agreements: Sequence[float] = AGREEMENTS,
    beams: int = 4,
    progress: Progress | None = None,
    unlike: PictureFolder | None = None,
) -> CaptionTuning:
    """Score pairs of weights on the captions of pictures that have `references`: language → picture → its captions.

    `unlike` are pictures of another kind, of which is told how many captions would be marked.

    The choice is among as many candidates as the search has `beams`, as in `generate.captions`.

    Raises:
        InvalidData: fewer than two pictures in a language, or one is missing.
        MissingPackage: pycocoevalcap is not installed.
    """
    for language, captions in references.items():
        if len(captions) < 2:
            raise InvalidData(f"Two pictures with captions are the least to tune on; in {language!r} there are {len(captions)}.")
    names = list(dict.fromkeys(name for captions in references.values() for name in captions))
    vectors = dict(zip(names, embed_pictures(model.space, folder, names, progress), strict=True))
    proposed: dict[str, _Proposed] = {}
    for language, captions in references.items():
        seen = np.stack([vectors[name] for name in captions])
        candidates: list[list[Candidate]] = []
        for part in batches(len(seen)):
            candidates += model.decoder.generate(seen[part], None, language, beams, beams)
            if progress:
                progress(part.stop, len(seen), f"captions ({language})")
        shared = [agreement(row) for row in candidates]
        proposed[language] = _Proposed(candidates, fits(model.space, candidates, seen), shared, list(captions.values()))
    scores = [_weigh(proposed, weight, agreed) for agreed in agreements for weight in weights]
    if "en" not in proposed:
        return CaptionTuning(scores, None)
    english = proposed["en"]
    weight, agreed = best(scores).weights.values()
    written = english.chosen(weight, agreed)
    seen = np.stack([vectors[name] for name in references["en"]])
    similarities = (model.space.embed_texts([text or "?" for text in written]) * seen).sum(1)
    familiarity = model.space.familiarity(seen) if knows_pictures(model.space) else None
    sure = trust(written, similarities, english.truths, shipped_concepts(), familiarity)
    if sure is None:
        return CaptionTuning(scores, None)
    tuned = replace(model, captioning=Captioning(weight, agreed, sure.doubtful_below, sure.slope, sure.offset, sure.unfamiliar_below))
    others = embed_pictures(model.space, unlike, unlike.names, progress) if unlike else None
    return CaptionTuning(scores, sure, _doubted(tuned, seen), None if others is None else _doubted(tuned, others))


def _doubted(model: Model, vectors: np.ndarray) -> float:
    """Per cent of the English captions of pictures `[N, dim]` that are doubtful."""
    return round(100 * float(np.mean([caption.doubtful for caption in english_captions(model, vectors)])), 1)


def _weigh(proposed: Mapping[str, _Proposed], weight: float, agreed: float) -> WeightScore:
    scores, changed = {}, []
    for language, found in proposed.items():
        chosen = found.chosen(weight, agreed)
        scores[language] = caption_metrics(chosen, found.truths, language).cider
        changed += [text != candidates[0].text for text, candidates in zip(chosen, found.candidates, strict=True)]
    mean = round(float(np.mean(list(scores.values()))), 2)
    return WeightScore({"weight": weight, "agreement": agreed}, {"mean": mean, **scores}, round(100 * float(np.mean(changed)), 1))


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

    cosines, results = fits(model.space, candidates, vectors), []
    for weight in weights:
        chosen = [rerank(found, weight * fit)[0].text for found, fit in zip(candidates, cosines, strict=True)]
        changed = sum(text != found[0].text for text, found in zip(chosen, candidates, strict=True))
        metrics, _ = translation_metrics(chosen, [truths], to)
        scores = {"bleu": metrics.bleu, "chrf": metrics.chrf}
        results.append(WeightScore({"weight": weight}, scores, round(100 * changed / len(chosen), 1)))
    return results


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


def best(scores: Sequence[WeightScore]) -> WeightScore:
    """The highest score, the smallest weights among equals."""
    return max(scores, key=lambda score: (*score.scores.values(), *(-weight for weight in score.weights.values())))
