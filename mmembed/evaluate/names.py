"""How far does a space reach: is a photograph's right name nearer than all the others, and does it look like what it shows?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmembed.errors import InvalidData
from mmembed.evaluate.captions import english_captions
from mmembed.evaluate.concepts import any_name
from mmembed.evaluate.pictures import PictureFolder, Progress, embed_pictures, embed_texts
from mmembed.evaluate.probabilities import fit_platt
from mmembed.evaluate.tables import LabelRow
from mmembed.model import Model
from mmembed.space.base import as_queries, kinds_of, standardised, without
from mmembed.space.kinds import Kinds
from mmembed.space.scores import ranks


@dataclass(frozen=True)
class NameScores:
    """Photographs named.

    Attributes:
        pictures: how many photographs.
        names: how many names each was given to choose from.
        top1: per cent of the photographs whose right name ranks first.
        top5: per cent of the photographs whose right name is among the first five.
        found: per cent of the photographs' names by which a search among the photographs finds a right one first.
        sight1, sight5: top1 and top5 by what searches make of the names.
        unseen1, unseen5: the same as if no kind of things were known by sight that any of the names is part of ("hot dog" of "dog"), so
            that they are told by what they look like at best.
    """

    pictures: int
    names: int
    top1: float
    top5: float
    found: float
    sight1: float
    sight5: float
    unseen1: float
    unseen5: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate_names(
    model: Model, folder: PictureFolder, rows: Sequence[LabelRow], names: Sequence[str] | None = None, progress: Progress | None = None
) -> NameScores:
    """Rank names for each photograph, and search for each name. It is embedded as it is, without a phrase around it.

    Top 1 and top 5 go by the vectors of the names as texts, without what the space knows of kinds by sight; all else by what a gallery
    makes of a query, and between names by similarities that are comparable (`space.base.standardised`).

    Args:
        names: to choose from; the labels of `rows` in any case, and these.

    Raises:
        InvalidData: there are fewer than two names, or a picture is missing.
        UnreadablePicture: a picture cannot be decoded.
    """
    labels = [row.label for row in rows]
    choice = list(dict.fromkeys([*labels, *(names or ())]))
    if not rows or len(choice) < 2:
        raise InvalidData("Naming needs a table with at least two different labels.")
    pictures = embed_pictures(model.space, folder, [row.image for row in rows], progress)
    texts = embed_texts(model.space, choice, progress, "names")
    own = np.array([choice.index(label) for label in labels])
    kinds = kinds_of(model.space)
    blind = without(model.space, {kind for name in choice for kind in _named(kinds, name)}) if kinds else model.space
    queries, blindly = as_queries(model.space, choice, texts), as_queries(blind, choice, texts)
    comparable = [standardised(model.space, vectors, vectors @ pictures.T).T for vectors in (queries, blindly)]
    positions = [ranks(similarities, own) for similarities in (pictures @ texts.T, *comparable)]
    top1, top5, *sight = (round(float((place < k).mean() * 100), 2) for place in positions for k in (1, 5))
    searched = len(set(labels))
    first = (queries[:searched] @ pictures.T).argmax(1)
    found = np.mean([labels[row] == name for row, name in zip(first, choice[:searched], strict=True)])
    return NameScores(len(rows), len(choice), top1, top5, round(float(found * 100), 2), *sight)


@dataclass(frozen=True)
class LookScores:
    """What photographs look like (`Kinds`), against what they show.

    Attributes:
        pictures: photographs whose label names one of the kinds.
        kinds: how many kinds each could look like.
        top1: per cent of them whose likeliest kind the label names.
        top3: per cent of them where it names one of the likeliest three.
        said: per cent of them whose English caption says the label, or another name of a kind that the label names.
        unfamiliar: how many of them are unlike what the space learned from.
        unfamiliar_top3, unfamiliar_said: the same of those.
        plain: how many of all unfamiliar photographs, also those whose label names no kind, have a plain caption (`generate.plain`).
        plain_right: per cent of these whose likeliest kind the label names.
        plain_stated: per cent, the mean confidence of their captions.
        unmarked: how many of these captions are not marked as doubtful.
        unmarked_right: per cent of those that are right.
        naming: slope and offset of the probability that the likeliest kind is right, by its evidence, fitted to all unfamiliar photographs
            (Platt scaling; `generate.base.Naming`); none without both right and wrong ones.
    """

    pictures: int
    kinds: int
    top1: float
    top3: float
    said: float
    unfamiliar: int
    unfamiliar_top3: float
    unfamiliar_said: float
    plain: int
    plain_right: float
    plain_stated: float
    unmarked: int
    unmarked_right: float
    naming: tuple[float, float] | None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate_looks(model: Model, folder: PictureFolder, rows: Sequence[LabelRow], progress: Progress | None = None) -> LookScores:
    """Compare what photographs look like with their labels, and their captions with both.

    A label, such as "gown or dress", names a kind if one of its names holds one of the label's as a whole word ("evening gown").

    Raises:
        InvalidData: the space knows no kinds, none of the labels names one, or a picture is missing.
        UnreadablePicture: a picture cannot be decoded.
    """
    kinds = kinds_of(model.space)
    if kinds is None:
        raise InvalidData(f"{model.space.name} does not know what things look like; a bundle does whose recipe has `classes`.")
    named = {label: _named(kinds, label) for label in {row.label for row in rows}}
    if not any(named.values()):
        raise InvalidData("None of the labels is among the names of the kinds that the model knows by sight.")
    vectors = embed_pictures(model.space, folder, [row.image for row in rows], progress)
    likeliest = kinds.likeliest(vectors, 3)
    right: np.ndarray = np.array([[kind in named[row.label] for kind in found] for row, found in zip(rows, likeliest, strict=True)])
    captions = english_captions(model, vectors, progress)
    said = np.array([_says(caption.text, row.label, kinds, named[row.label]) for row, caption in zip(rows, captions, strict=True)])
    strange = np.array([caption.unfamiliar for caption in captions])
    known = np.array([bool(named[row.label]) for row in rows])
    evidence, naming = kinds.evidence(vectors), model.captioning.naming
    plain = strange & (evidence >= naming.above) if naming else np.zeros(len(rows), bool)
    stated = np.array([caption.confidence for caption in captions], float)
    unmarked = plain & ~np.array([caption.doubtful for caption in captions])

    def share(found: np.ndarray) -> float:
        return round(float(found.mean() * 100), 1) if len(found) else 0.0

    return LookScores(
        int(known.sum()), len(kinds.vectors), share(right[known, 0]), share(right[known].max(1)), share(said[known]),
        int((strange & known).sum()), share(right[strange & known].max(1)), share(said[strange & known]),
        int(plain.sum()), share(right[plain, 0]), share(stated[plain]), int(unmarked.sum()), share(right[unmarked, 0]),
        _naming(evidence[strange], right[strange, 0]),
    )  # fmt: skip


def _naming(evidence: np.ndarray, right: np.ndarray) -> tuple[float, float] | None:
    """Slope and offset; see `LookScores`."""
    if len(set(right.tolist())) < 2:
        return None
    slope, offset = fit_platt(evidence, right.astype(float))
    return round(slope, 4), round(offset, 4)


def _named(kinds: Kinds, label: str) -> frozenset[int]:
    """The kinds that a label names."""
    pattern = any_name(label.split(" or "))
    return frozenset(kind for kind, names in enumerate(kinds.synonyms) if pattern.search(names))


def _says(text: str, label: str, kinds: Kinds, named: frozenset[int]) -> bool:
    return bool(any_name([*label.split(" or "), *(name for kind in named for name in kinds.synonyms[kind].split(", "))]).search(text))
