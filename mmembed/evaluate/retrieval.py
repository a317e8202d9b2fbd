"""Does a text find its picture, and a picture its text?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmembed.errors import InvalidData
from mmembed.evaluate.pictures import PictureFolder, Progress, batches, embed_pictures, embed_texts
from mmembed.evaluate.tables import CaptionRow, by_language
from mmembed.model import Model
from mmembed.space.base import as_queries
from mmembed.space.scores import ranks

_KS = (1, 5, 10)


@dataclass(frozen=True)
class Recall:
    """How early the wanted thing comes.

    Attributes:
        at: k → per cent of the queries whose target is among the first k.
        median_rank: 1 is best.
    """

    at: dict[int, float]
    median_rank: float

    @classmethod
    def of(cls, positions: np.ndarray) -> Recall:
        """From the rank of each query's target, float `[Q]`, where 0 is best."""
        return cls({k: round(float((positions < k).mean() * 100), 2) for k in _KS}, float(np.median(positions)) + 1)

    def as_dict(self) -> dict[str, float]:
        return {**{f"recall@{k}": value for k, value in self.at.items()}, "median_rank": self.median_rank}


@dataclass(frozen=True)
class RetrievalScores:
    """Recall in one language.

    Attributes:
        language: ISO 639-1 code of the captions.
        pictures: how many pictures a text is searched among.
        captioned: how many of these have a caption in the language; each is a query of `image_to_text`.
        captions: how many captions there are; each is a query of `text_to_image`.
        text_to_image: rank of the caption's picture among all pictures.
        image_to_text: rank of the best of the picture's captions among all captions of the language.
    """

    language: str
    pictures: int
    captioned: int
    captions: int
    text_to_image: Recall
    image_to_text: Recall

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "text_to_image": self.text_to_image.as_dict(), "image_to_text": self.image_to_text.as_dict()}


def evaluate_retrieval(
    model: Model, folder: PictureFolder, rows: Sequence[CaptionRow], gallery: Sequence[str] | None = None, progress: Progress | None = None
) -> list[RetrievalScores]:
    """Score each language of `rows`, one result a language in the order in which they first occur.

    Args:
        gallery: names of the pictures to search among; those of `rows` by default. Pictures without a caption in some
            language stay in as distractors, so that all languages search among the same pictures.

    Raises:
        InvalidData: there is no caption, or a picture is missing.
        UnreadablePicture: a picture cannot be decoded.
    """
    if not rows:
        raise InvalidData("There is no caption to evaluate; check the table, its split, languages and sources.")
    files = folder.require(list(dict.fromkeys([*(gallery or ()), *(row.image for row in rows)])))
    unique = list(dict.fromkeys(files.values()))
    column = {file: index for index, file in enumerate(unique)}
    pictures = embed_pictures(model.space, folder, unique, progress)
    results = []
    for language, spoken in by_language(rows).items():
        captions = [row.caption for row in spoken]
        texts = embed_texts(model.space, captions, progress, f"texts ({language})")
        queries = as_queries(model.space, captions, texts)
        owner = np.array([column[files[row.image]] for row in spoken])
        text_ranks, picture_ranks = rank_both_ways(pictures, texts, queries, owner)
        scores = Recall.of(text_ranks), Recall.of(picture_ranks)
        results.append(RetrievalScores(language, len(unique), len(picture_ranks), len(spoken), *scores))
    return results


def rank_both_ways(pictures: np.ndarray, texts: np.ndarray, queries: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranks, 0 = best, ties counting half, of each text's picture and of the best text of each picture that has one.

    Args:
        pictures: float32 `[P, dim]`.
        texts, queries: of the captions as texts that a picture finds, and as queries that find it, each float32 `[T, dim]`.
        owner: int `[T]`, which picture each text belongs to.

    Returns:
        float `[T]` and float `[number of different owners]`, the latter in ascending order of the picture.
    """
    forward = [ranks(queries[rows] @ pictures.T, owner[rows]) for rows in batches(len(queries), 1024)]
    backward = [_best_own(pictures[owners] @ texts.T, owners, owner) for owners in _owners(owner)]
    return np.concatenate(forward), np.concatenate(backward)


def _owners(owner: np.ndarray) -> list[np.ndarray]:
    present = np.unique(owner)
    return [present[rows] for rows in batches(len(present), 256)]


def _best_own(similarities: np.ndarray, owners: np.ndarray, owner: np.ndarray) -> np.ndarray:
    own = owner[None, :] == owners[:, None]
    best = np.where(own, similarities, -np.inf).max(1, keepdims=True)
    return ((similarities > best) & ~own).sum(1) + ((similarities == best) & ~own).sum(1) / 2
