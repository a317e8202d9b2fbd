"""From similarity to confidence: a curve fitted to made-up searches among pictures that were not trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from mmembed.evaluate.concepts import Concepts, shipped_concepts
from mmembed.evaluate.probabilities import fit_platt
from mmembed.evaluate.searches import Task, caption_tasks, draw, word_tasks
from mmembed.learn.data import CaptionRow
from mmembed.space.base import embed_queries
from mmembed.space.bundled import BundledSpace, Calibration, sizes

SIZES = (6, 12, 25, 50, 100, 200, 400)
"""Galleries that the curve is fitted to; as far as there are pictures for them."""


def calibrate(
    space: BundledSpace,
    stems: Sequence[str],
    pictures: np.ndarray,
    captions: Sequence[CaptionRow],
    texts: int,
    random: np.random.Generator,
    concepts: Concepts | None = None,
) -> Calibration:
    """Platt scaling (Platt 1999) of the best hit's similarity, plain and standardised, and of how many pictures there are and match.

    Half of the searches are for captions in all languages of the space, half for single English words as far as the captions
    have them; half are in galleries that have what is asked for. What a caption in another language names is what two of its
    picture's English captions do. The size has to count: among more pictures, the best of the
    wrong ones comes nearer, but more match what is common (docs/experiments.md).

    Args:
        stems: names of held-out pictures.
        pictures: their vectors, float32 `[P, dim]`.
        captions: of these and possibly of other pictures.
        texts: how many captions to search for.
        concepts: the words to search for; by default those that ship with the package.
    """
    place = {stem: index for index, stem in enumerate(stems)}
    known = [row for row in captions if row.picture in place and row.language in space.languages]
    chosen = [known[index] for index in random.permutation(len(known))[:texts]]
    english = defaultdict(list)
    for row in known:
        if row.language == "en":
            english[row.picture].append(row.text)
    concepts = concepts or shipped_concepts()
    words, things = word_tasks([english[stem] for stem in stems], concepts)
    named = [concepts.shown([row.text]) if row.language == "en" else concepts.agreed(english[row.picture]) for row in chosen]
    own = caption_tasks([place[row.picture] for row in chosen], named, [concepts.shown(english[stem]) for stem in stems])
    parts = [_samples(space, [row.text for row in chosen], own, pictures, random)]
    if words:
        parts.append(_samples(space, words, things, pictures, random))
    samples = np.concatenate([part for part in parts if len(part)] or [np.zeros((0, 5))])
    weights = np.concatenate([np.full(len(part), 1 / len(part)) for part in parts if len(part)] or [np.zeros(0)])
    slope, cosine, size, common, offset = (round(value, 4) for value in fit_platt(samples[:, :4], samples[:, 4], weights))
    return Calibration(slope, offset, size, cosine, common)


def _samples(
    space: BundledSpace, texts: Sequence[str], tasks: Sequence[Task], pictures: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Of each search's best hit: similarity, standardised and plain, ln n and ln m of `Calibration`, and 1 if it is right.

    Returns:
        float `[N, 5]`.
    """
    vectors, common = embed_queries(space, texts), space.commonness(texts)
    plain = vectors @ pictures.T
    standardised = space.standardise(vectors, plain)
    rows = []
    for size in SIZES:
        for pair in draw(tasks, size, random):
            for search in pair:
                best = plain[search.query, search.gallery].argmax()
                hit = search.query, search.gallery[best]
                rows.append((standardised[hit], plain[hit], *sizes(size, common[search.query]), search.right[best]))
    return np.array(rows, float).reshape(-1, 5)
