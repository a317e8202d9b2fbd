"""How far does a space reach: is a photograph's right name nearer than all the others?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmembed.errors import InvalidData
from mmembed.evaluate.pictures import PictureFolder, Progress, embed_pictures, embed_texts
from mmembed.evaluate.tables import LabelRow
from mmembed.model import Model
from mmembed.space.scores import ranks


@dataclass(frozen=True)
class NameScores:
    """Photographs named.

    Attributes:
        pictures: how many photographs.
        names: how many names each was given to choose from.
        top1: per cent of the photographs whose right name ranks first.
        top5: per cent of the photographs whose right name is among the first five.
    """

    pictures: int
    names: int
    top1: float
    top5: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate_names(
    model: Model, folder: PictureFolder, rows: Sequence[LabelRow], names: Sequence[str] | None = None, progress: Progress | None = None
) -> NameScores:
    """Rank names for each photograph. A name is embedded as it is, without a phrase around it.

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
    positions = ranks(pictures @ texts.T, np.array([choice.index(label) for label in labels]))
    top1, top5 = (round(float((positions < k).mean() * 100), 2) for k in (1, 5))
    return NameScores(len(rows), len(choice), top1, top5)
