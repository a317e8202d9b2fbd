"""Does the space notice a wrong word? Captions against foils in which one noun or colour is swapped for another.

After FOIL (Shekhar et al. 2017, "FOIL it! Find One mismatch between Image and Language caption"), on word lists of our own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mmembed.evaluate.concepts import Concepts, any_word
from mmembed.evaluate.pictures import PictureFolder, Progress, embed_pictures, embed_texts
from mmembed.evaluate.probabilities import auroc
from mmembed.evaluate.tables import CaptionRow, by_picture
from mmembed.model import Model

ALL = "all"
_SEED = 2016


@dataclass(frozen=True)
class Foil:
    """A caption of `image`, and the same with one word swapped for one of the same `kind` that is not in the picture."""

    image: str
    caption: str
    foil: str
    kind: str


@dataclass(frozen=True)
class FoilScores:
    """Captions told from foils.

    Attributes:
        kind: of the swapped word; `ALL` for all together.
        foils: how many; there are as many true captions.
        pairwise: per cent of the captions that are nearer to their picture than their own foil is; ties count half.
        auroc_similarity: area under the ROC curve of the similarity, over all captions against all foils.
        auroc_confidence: the same of the confidence, which makes similarities of different texts comparable.
    """

    kind: str
    foils: int
    pairwise: float
    auroc_similarity: float
    auroc_confidence: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate_foils(
    model: Model, folder: PictureFolder, rows: Sequence[CaptionRow], concepts: Concepts, progress: Progress | None = None
) -> list[FoilScores]:
    """Score all foils together, then each kind that has any; an empty list if no caption has a word to swap.

    Args:
        rows: English captions; what one caption of a picture names, no foil of the picture may name.

    Raises:
        InvalidData: a picture is missing.
        UnreadablePicture: a picture cannot be decoded.
    """
    foils = make_foils(rows, concepts)
    if not foils:
        return []
    images = list(dict.fromkeys(foil.image for foil in foils))
    vectors = embed_pictures(model.space, folder, images, progress)
    row = {image: index for index, image in enumerate(images)}
    pictures = vectors[[row[foil.image] for foil in foils]]
    true, true_sure = _judge(model, pictures, [foil.caption for foil in foils], progress, "captions")
    false, false_sure = _judge(model, pictures, [foil.foil for foil in foils], progress, "foils")
    wins = (true > false) + (true == false) / 2
    kinds = np.array([foil.kind for foil in foils])
    groups = {ALL: np.full(len(kinds), True), **{kind: kinds == kind for kind in concepts.foils}}
    return [
        FoilScores(
            kind,
            int(chosen.sum()),
            round(float(wins[chosen].mean() * 100), 2),
            round(auroc(true[chosen], false[chosen]), 4),
            round(auroc(true_sure[chosen], false_sure[chosen]), 4),
        )
        for kind, chosen in groups.items()
        if chosen.any()
    ]


def make_foils(rows: Sequence[CaptionRow], concepts: Concepts) -> list[Foil]:
    """One foil of each caption that has a word to swap; the same ones on every run.

    The word is drawn among all that the caption has. What it is swapped for is drawn among the concepts of its kind that the
    picture surely does not show, each as often as other pictures do: so foils do not betray themselves by rare words.
    """
    random = np.random.default_rng(_SEED)
    captions = by_picture(rows)
    possible = {image: concepts.possible(texts) for image, texts in captions.items()}
    common = Counter(name for texts in captions.values() for name in concepts.shown(texts))
    swaps = _Swaps(concepts)
    foils = []
    for row in rows:
        found = swaps.find(row.caption)
        for index in random.permutation(len(found)):
            match, kind = found[index]
            candidates = {name: word for name, word in swaps.instead(match[0].lower(), kind).items() if name not in possible[row.image]}
            weights = np.array([common[name] for name in candidates], float)
            if weights.sum():
                word = list(candidates.values())[random.choice(len(weights), p=weights / weights.sum())]
                foils.append(Foil(row.image, row.caption, _replaced(row.caption, match, word), kind))
                break
    return foils


class _Swaps:
    """Which words can be swapped, and for which: singular for singular, plural for plural, within a kind."""

    def __init__(self, concepts: Concepts) -> None:
        # Kind → singular and plural forms → concept. A word that is both, such as "sheep", is swapped in but never out.
        self._forms: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
        self._patterns: dict[str, re.Pattern[str]] = {}
        for kind in concepts.foils:
            listed = concepts.kinds[kind]
            forms = {name: name for name in listed}, {concept.plural: name for name, concept in listed.items() if concept.plural}
            self._forms[kind] = forms
            self._patterns[kind] = any_word(forms[0].keys() ^ forms[1].keys())

    def find(self, caption: str) -> list[tuple[re.Match[str], str]]:
        """Words of the caption that can be swapped, with their kinds."""
        return [(match, kind) for kind, pattern in self._patterns.items() for match in pattern.finditer(caption.lower())]

    def instead(self, word: str, kind: str) -> dict[str, str]:
        """Other concepts of the kind → their word in the same number."""
        singular, plural = self._forms[kind]
        return {name: form for form, name in (singular if word in singular else plural).items() if form != word}


def _replaced(caption: str, match: re.Match[str], word: str) -> str:
    before, after = caption[: match.start()], caption[match.end() :]
    article = re.search(r"(?<!\w)(an?)(\s+)$", before, re.IGNORECASE)
    if article:
        fitting = article[1][0] + ("n" if word[0] in "aeiou" else "")
        before = before[: article.start()] + fitting + article[2]
    if caption[match.start()].isupper():
        word = word.capitalize()
    return before + word + after


def _judge(model: Model, pictures: np.ndarray, texts: list[str], progress: Progress | None, message: str) -> tuple[np.ndarray, np.ndarray]:
    """Similarity and confidence of each text, each `[N]`, with its own picture, float32 `[N, dim]`."""
    vectors = embed_texts(model.space, texts, progress, message)
    similarities = (pictures * vectors).sum(1)
    sure = [model.space.confidence(vector, similarities[row : row + 1])[0] for row, vector in enumerate(vectors)]
    return similarities, np.array(sure)
