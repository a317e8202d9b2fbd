"""A query → one score for every vector: what is wanted counts for a picture, what is not wanted counts half against it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mmembed.errors import InvalidQuery
from mmembed.gallery.items import Query
from mmembed.gallery.matrix import Rows
from mmembed.media.picture import Picture
from mmembed.space.base import Space, certainty, commonness, embed_queries

UNWANTED = 0.5
"""What an unwanted term of weight -1 takes off: this share of its own cosine.

Measured on held-out Flickr8k pictures with 173 pairs of words such as "dog" without "snow" (right: captions with the
first and not the second): average precision 0.37 at 0, 0.40 from 0.3 to 0.7, 0.38 at 1, where noise begins to outweigh
what is wanted. Penalties that begin at a threshold, or follow the confidence, did no better.
"""


_LIKE_IT = 0.005
"""The share of pictures that match one by which others are searched: of two to ten pictures in a thousand, confidences come true on
`val`, where a match shares at least half of what captions name."""

_GLANCE = 2
"""A picture was not chosen for an unwanted term, so how likely it shows that is judged as in a gallery of few pictures, however
many were searched for what is wanted. Chosen on `val` by the calibration error of these confidences."""


@dataclass(frozen=True)
class Candidates:
    """Items, best first: numbers int64 `[N]`, their vectors float32 `[N, dim]`, similarity and confidence, each `[N]`."""

    ids: np.ndarray
    vectors: np.ndarray
    similarities: np.ndarray
    confidences: np.ndarray


@dataclass(frozen=True)
class EmbeddedQuery:
    """What to look for, in vectors.

    Attributes:
        wanted: the normalised weighted sum, float32 `[dim]`.
        unwanted: float32 `[M, dim]`.
        weights: of the unwanted, all positive, `[M]`.
        common: the share of pictures that show what is wanted, as far as known.
        commons: the same of the unwanted, `[M]`.
        certain: how often what looks like what is wanted is that; see `space.base.certainty`.
        certains: the same of the unwanted, `[M]`.
    """

    wanted: np.ndarray
    unwanted: np.ndarray
    weights: np.ndarray
    common: float
    commons: np.ndarray
    certain: float
    certains: np.ndarray

    @cached_property
    def direction(self) -> np.ndarray:
        """float32 `[dim]`: its product with a picture's vector is the similarity."""
        return self.wanted - UNWANTED * (self.weights @ self.unwanted)


def embed_query(space: Space, query: Query) -> EmbeddedQuery:
    """One call of each tower for all terms.

    Raises:
        InvalidQuery: a text is empty, or a vector has another length than the space's.
    """
    terms = [term for term in query.terms if term.weight]
    vectors = np.zeros((len(terms), space.dim), np.float32)
    texts = {row: term.content for row, term in enumerate(terms) if isinstance(term.content, str)}
    pictures = {row: term.content for row, term in enumerate(terms) if isinstance(term.content, Picture)}
    for row, term in enumerate(terms):
        if isinstance(term.content, np.ndarray):
            if term.content.shape != (space.dim,):
                raise InvalidQuery(f"A vector of {space.identity} has {space.dim} numbers; this one is {list(term.content.shape)}.")
            vectors[row] = term.content
    if texts:
        vectors[list(texts)] = embed_queries(space, list(texts.values()))
    if pictures:
        vectors[list(pictures)] = space.embed_pictures(list(pictures.values()))
    shares = np.full(len(terms), _LIKE_IT, np.float32)
    shares[list(texts)] = commonness(space, list(texts.values()))
    certain = np.ones(len(terms), np.float32)
    certain[list(texts)] = certainty(space, list(texts.values()))
    weights = np.array([term.weight for term in terms], np.float32)
    unwanted = weights < 0
    wanted, common = weights[~unwanted] @ vectors[~unwanted], float(shares[~unwanted].prod())
    wanted /= max(float(np.linalg.norm(wanted)), 1e-12)
    sure = float(certain[~unwanted].prod())
    return EmbeddedQuery(wanted, vectors[unwanted], -weights[unwanted], common, shares[unwanted], sure, certain[unwanted])


def score(space: Space, ids: np.ndarray, vectors: np.ndarray, query: EmbeddedQuery, searched: int) -> Candidates:
    """All of `ids`, with their `vectors`, best first; equals by number. `searched` says of how many they are the best.

    The similarity is the cosine to what is wanted less UNWANTED times the cosine to each unwanted term; the confidence, the
    probability that the picture matches what is wanted and none of what is not.
    """
    wanted = vectors @ query.wanted
    similarities = wanted - UNWANTED * ((vectors @ query.unwanted.T) @ query.weights)
    confidence = query.certain * space.confidence(query.wanted, wanted, searched, query.common)
    for vector, weight, share, certain in zip(query.unwanted, query.weights, query.commons, query.certains, strict=True):
        confidence = confidence * (1 - certain * space.confidence(vector, vectors @ vector, _GLANCE, share)) ** weight
    order = np.lexsort((ids, -similarities))
    return Candidates(ids[order], vectors[order], similarities[order], confidence[order])


def nearest(
    space: Space, rows: Rows, query: EmbeddedQuery, count: int, among: np.ndarray | None = None, searched: int | None = None
) -> Candidates:
    """The `count` rows of highest similarity, of all rows or of those whose items are `among` these numbers. Exact.

    `searched` says among how many pictures the rows were chosen, if not among themselves.
    """
    ids, vectors = rows.ids, rows.vectors
    if among is not None:
        chosen = np.flatnonzero(np.isin(ids, among, assume_unique=True))
        ids, vectors = ids[chosen], vectors[chosen]
    searched = len(ids) if searched is None else searched
    if count < len(ids):
        similarities = vectors @ query.direction
        limit = np.partition(similarities, -count)[-count]
        best = np.flatnonzero(similarities >= limit)  # with all equals of the last, of which the first in number come
        ids, vectors = ids[best], vectors[best]
    found = score(space, ids, vectors, query, searched)
    return Candidates(found.ids[:count], found.vectors[:count], found.similarities[:count], found.confidences[:count])
