"""Does `--not` keep away what is not wanted? Searches such as "dog" without "snow", with right answers from captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmembed.evaluate.concepts import Concepts
from mmembed.evaluate.pictures import PictureFolder, Progress, embed_pictures, embed_texts, remembering
from mmembed.evaluate.tables import CaptionRow, by_picture
from mmembed.gallery.items import Query
from mmembed.gallery.matrix import Rows
from mmembed.gallery.search import embed_query, nearest
from mmembed.model import Model

HITS = 10
TEMPTING = 5
"""A query counts if at least so many pictures show the wanted and the unwanted thing: else there is nothing to keep away."""


@dataclass(frozen=True)
class NegationScores:
    """Searches for one thing without another, made in one way.

    Attributes:
        way: how it was asked: `WAYS`.
        queries: how many pairs of things.
        pictures: how many were searched.
        unwanted: per cent of the first `HITS` hits that show the unwanted thing; less is better.
        right: per cent of the first `HITS` hits that show the wanted thing and not the unwanted one.
    """

    way: str
    queries: int
    pictures: int
    unwanted: float
    right: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


WAYS = {
    "dog": lambda wanted, unwanted: Query.of(wanted),
    "dog without snow": lambda wanted, unwanted: Query.of(f"{wanted} without {unwanted}"),
    "dog --not snow": lambda wanted, unwanted: Query.of(wanted, without=[unwanted]),
}
"""Three ways to ask: the wanted thing alone, both in a sentence, and the unwanted thing as a term of its own."""


def evaluate_negation(
    model: Model, folder: PictureFolder, rows: Sequence[CaptionRow], concepts: Concepts, progress: Progress | None = None
) -> list[NegationScores]:
    """Search the pictures of `rows` for every pair of things that captions make a fair query; one result for each of `WAYS`.

    Args:
        rows: English captions. A picture shows what any of its captions names.

    Returns:
        An empty list if no pair of things has enough pictures.

    Raises:
        InvalidData: a picture is missing.
        UnreadablePicture: a picture cannot be decoded.
    """
    captions = by_picture(rows)
    shown = [concepts.shown(texts) for texts in captions.values()]
    pairs = fair_pairs(shown, concepts)
    if not pairs:
        return []
    space = remembering(model).space
    matrix = embed_pictures(space, folder, list(captions), progress)
    queries = {way: [ask(*pair) for pair in pairs] for way, ask in WAYS.items()}
    terms = [term.content for asked in queries.values() for query in asked for term in query.terms if isinstance(term.content, str)]
    embed_texts(space, list(dict.fromkeys(terms)), progress)  # in batches; the searches below find them remembered
    places = Rows(np.arange(len(matrix)), matrix)
    results = []
    for way, asked in queries.items():
        found = []
        for query, (wanted, unwanted) in zip(asked, pairs, strict=True):
            hits = [shown[row] for row in nearest(space, places, embed_query(space, query), HITS).ids]
            found.append([(unwanted in hit, wanted in hit and unwanted not in hit) for hit in hits])
        wrong, right = 100 * np.mean(np.array(found), axis=(0, 1))
        results.append(NegationScores(way, len(pairs), len(matrix), round(float(wrong), 2), round(float(right), 2)))
    return results


def fair_pairs(shown: Sequence[frozenset[str]], concepts: Concepts) -> list[tuple[str, str]]:
    """Pairs (wanted, unwanted) that enough of the pictures show, given what each picture shows; see `HITS` and `TEMPTING`."""
    pairs = []
    for wanted in concepts.of(concepts.wanted):
        those = [names for names in shown if wanted in names]
        for unwanted in concepts.of(concepts.unwanted):
            both = sum(unwanted in names for names in those)
            if unwanted != wanted and both >= TEMPTING and len(those) - both >= HITS:
                pairs.append((wanted, unwanted))
    return pairs
