"""Do confidences mean something? Searches for what is in a gallery and for what is not, in galleries of several sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmembed.evaluate.concepts import Concepts
from mmembed.evaluate.pictures import PictureFolder, Progress, embed_pictures, embed_texts
from mmembed.evaluate.probabilities import Bin, auroc, calibration_error, reliability
from mmembed.evaluate.searches import Search, caption_tasks, draw, word_tasks
from mmembed.evaluate.tables import CaptionRow, by_picture
from mmembed.gallery.items import GOOD_MATCH
from mmembed.model import Model
from mmembed.space.base import Space, as_queries, certainty, commonness

SIZES = (1, 12, 100, 1000)
_SEED = 2016
_CAPTIONS = 2000


@dataclass(frozen=True)
class ConfidenceScores:
    """Confidence of the best hit, over searches of which half are for something that is in the gallery.

    Attributes:
        queries: "captions" or "words".
        size: pictures in a gallery.
        searches: how many, with and without the thing together.
        auroc: area under the ROC curve of the best hit's confidence, galleries with the thing against galleries without.
        error: expected calibration error in per cent, of the best hit being a right picture.
        first: per cent of the searches for what is there whose best hit is right, whatever its confidence.
        found: per cent of the searches for what is there whose best hit reaches `GOOD_MATCH`.
        refused: per cent of the searches for what is not there of which no hit reaches it.
        bins: the reliability diagram.
    """

    queries: str
    size: int
    searches: int
    auroc: float
    error: float
    first: float
    found: float
    refused: float
    bins: list[Bin]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate_confidence(
    model: Model,
    folder: PictureFolder,
    rows: Sequence[CaptionRow],
    concepts: Concepts,
    sizes: Sequence[int] = SIZES,
    progress: Progress | None = None,
) -> list[ConfidenceScores]:
    """Search galleries drawn from the pictures of `rows`, the same ones on every run; a result for each kind of query and size.

    Queries are captions and single words; see `mmembed.evaluate.searches` for what is right and how galleries are drawn.

    Args:
        rows: English captions.
        sizes: of the galleries; those that leave too few pictures to draw from are left out.

    Returns:
        An empty list if no size is possible.

    Raises:
        InvalidData: a picture is missing.
        UnreadablePicture: a picture cannot be decoded.
    """
    captions = by_picture(rows)
    pictures = embed_pictures(model.space, folder, list(captions), progress)
    random = np.random.default_rng(_SEED)
    chosen = [rows[index] for index in random.permutation(len(rows))[:_CAPTIONS]]
    place = {image: index for index, image in enumerate(captions)}
    named, shown = [concepts.shown([row.caption]) for row in chosen], [concepts.shown(texts) for texts in captions.values()]
    words, things = word_tasks(list(captions.values()), concepts)
    asked = {
        "captions": ([row.caption for row in chosen], caption_tasks([place[row.image] for row in chosen], named, shown)),
        "words": (words, things),
    }
    results = []
    for queries, (texts, tasks) in asked.items():
        vectors = as_queries(model.space, texts, embed_texts(model.space, texts, progress, queries))
        known = commonness(model.space, texts), certainty(model.space, texts)
        for size in sizes:
            if searches := list(draw(tasks, size, random)):
                results.append(_score(model.space, queries, size, vectors, known, pictures, searches))
    return results


def _score(
    space: Space,
    queries: str,
    size: int,
    texts: np.ndarray,
    known: tuple[np.ndarray, np.ndarray],
    pictures: np.ndarray,
    searches: Sequence[tuple[Search, Search]],
) -> ConfidenceScores:
    def judge(search: Search) -> tuple[float, bool]:
        common, certain = (of_all[search.query] for of_all in known)
        return best_hit(space, texts[search.query], pictures, search, common, certain)

    present = np.array([judge(there) for there, _ in searches])
    absent = np.array([judge(gone) for _, gone in searches])
    stated, true = np.concatenate([present, absent]).T
    bins = reliability(stated, true.astype(bool))
    shares = present[:, 1].mean(), (present[:, 0] >= GOOD_MATCH).mean(), (absent[:, 0] < GOOD_MATCH).mean()
    first, found, refused = (round(float(100 * share), 2) for share in shares)
    separation, error = round(auroc(present[:, 0], absent[:, 0]), 4), round(100 * calibration_error(bins), 2)
    return ConfidenceScores(queries, size, 2 * len(searches), separation, error, first, found, refused, bins)


def best_hit(
    space: Space, query: np.ndarray, pictures: np.ndarray, search: Search, commonness: float = 0.0, certainty: float = 1.0
) -> tuple[float, bool]:
    """Confidence of the most similar picture of a gallery, and whether it is right.

    Args:
        query: float32 `[dim]`.
        pictures: float32 `[P, dim]`, which the gallery's rows count in.
        commonness, certainty: of what is looked for; see `mmembed.space.base`.
    """
    similarities = pictures[search.gallery] @ query
    best = int(similarities.argmax())
    return float(certainty * space.confidence(query, similarities, commonness=commonness)[best]), bool(search.right[best])
