"""Candidates → the order people see: captions that hold the words count too, and near-identical pictures are one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmembed.gallery.search import Candidates

DEPTH = 1000
"""Ranks beyond this one count nothing when rankings are fused, so that the order does not depend on how much is asked for."""

_FLATNESS = 60
"""Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009) adds 1 / (60 + rank) of each ranking."""

NEAR_IDENTICAL = 0.97
"""Cosine from which two pictures are near-identical: see docs/gallery.md for how often copies and strangers reach it."""


def fuse(found: Candidates, described: Candidates, captioned: Sequence[int]) -> Candidates:
    """`found` and `described` together, in an order that also honours the ranking of captions.

    Args:
        found: the best vectors, at least DEPTH or all.
        described: the items whose captions fit, wherever their vectors are.
        captioned: numbers of these items, best caption first.
    """
    more = ~np.isin(described.ids, found.ids)
    ids = np.concatenate([found.ids, described.ids[more]])
    ranks = np.arange(len(ids))
    scores = np.where(ranks < DEPTH, 1 / (_FLATNESS + ranks), 0.0)
    scores[len(found.ids) :] = 0
    places = {number: rank for rank, number in enumerate(captioned)}
    for row, number in enumerate(ids.tolist()):
        if number in places:
            scores[row] += 1 / (_FLATNESS + places[number])
    order = np.lexsort((ranks, -scores))
    joined = (
        np.concatenate([ours, theirs[more]])[order]
        for ours, theirs in (
            (found.vectors, described.vectors),
            (found.similarities, described.similarities),
            (found.confidences, described.confidences),
        )
    )
    return Candidates(ids[order], *joined)


def fold(found: Candidates) -> list[list[int]]:
    """Rows in groups: each begins with the first that is not near-identical to the first of an earlier group."""
    groups: list[list[int]] = []
    firsts = np.empty_like(found.vectors)
    for row, vector in enumerate(found.vectors):
        alike = firsts[: len(groups)] @ vector
        if len(alike) and alike.max() >= NEAR_IDENTICAL:
            groups[int(alike.argmax())].append(row)
        else:
            firsts[len(groups)] = vector
            groups.append([row])
    return groups
