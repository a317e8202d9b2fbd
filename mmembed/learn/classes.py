"""The ImageNet classifier's rows as pictures of their classes, so that the space knows more things than captions mention.

A row of a softmax classifier points to where the pictures of its class lie: among pseudo-pictures made this way a photograph's
nearest one is right about as often as the classifier itself (docs/experiments.md).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmembed.errors import InvalidData
from mmembed.evaluate.concepts import any_name
from mmembed.evaluate.tables import read_table
from mmembed.space.kinds import Kinds, from_the_middle, log_probabilities


@dataclass(frozen=True)
class ClassRow:
    """One class: its row in the classifier, its synset in WordNet, its name in each language, a caption in each (or none), its
    English names, separated by commas, the indefinite article of each name, in languages that have some; empty for a name without; and
    what other classes it looks like (see `learn.lookalikes`)."""

    index: int
    synset: str
    names: dict[str, str]
    captions: dict[str, str]
    synonyms: str = ""
    articles: Mapping[str, str] = field(default_factory=dict)
    looks_like: str = ""

    @property
    def texts(self) -> list[str]:
        """Names and captions in all languages; without captions, the names twice."""
        return [*self.names.values(), *(self.captions or self.names).values()]


_MIXED = 12_000  # examples between stand-ins and real pictures
_RIDGE = 1e-3  # of the mean variance of a dimension


def kinds_seen(
    rows: Sequence[ClassRow],
    classifier: tuple[np.ndarray, np.ndarray],
    features: np.ndarray,
    embed: Callable[[np.ndarray], np.ndarray],
    random: np.random.Generator,
) -> Kinds:
    """The classes as kinds of things that a space knows by sight.

    What the classifier answers to features is read off the joint vectors by ridge regression. Real pictures of a space show few of the
    classes, so most examples lie somewhere between a class's stand-in and a real picture.

    Args:
        rows: the classes, at least one.
        classifier: its rows `[C, width]` and offsets `[C]`.
        features: of real pictures `[N, width]`.
        embed: features `[K, width]` → vectors of pictures `[K, dim]`.
    """
    chosen = [row.index for row in rows]
    stand_ins = pseudo_pictures(class_directions(classifier[0], chosen), features)
    share = random.uniform(0, 1, (_MIXED, 1)).astype(np.float32)
    things, real = (table[random.integers(len(table), size=_MIXED)] for table in (stand_ins, features))
    mixed = (1 - share) * things + share * real
    examples = np.concatenate([features, mixed])
    vectors, offsets = _regression(embed(examples), examples @ classifier[0][chosen].T + classifier[1][chosen])
    names = {language: [row.names[language] for row in rows] for language in rows[0].names}
    usual = np.log(np.exp(log_probabilities(embed(features) @ vectors.T + offsets)).mean(0))
    articles = {language: [row.articles[language] for row in rows] for language in rows[0].articles}
    return Kinds(vectors, offsets, names, [row.synonyms for row in rows], usual.astype(np.float32), articles)


def _regression(inputs: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ridge regression of `wanted` `[N, K]` on `inputs` `[N, dim]`: what to multiply with `[K, dim]`, and what to add `[K]`."""
    middle, level = inputs.mean(0, dtype=np.float64), wanted.mean(0, dtype=np.float64)
    spread = inputs - middle
    covariance = spread.T @ spread
    covariance += _RIDGE * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    found = np.linalg.solve(covariance, spread.T @ (wanted - level))
    return found.T.astype(np.float32), (level - middle @ found).astype(np.float32)


@dataclass(frozen=True)
class Kind:
    """A kind of things: its names and descriptions, and a unit vector `[width]` that points from the middle of all to its pictures."""

    texts: tuple[str, ...]
    direction: np.ndarray


def read_classes(path: Path, languages: tuple[str, ...], held_out: Collection[str] = ()) -> list[ClassRow]:
    """Classes of a table with the columns `class`, `synset`, `synonyms` and, for each language, `en`, `en_caption`, …; also
    `en_article` and `looks_like`.

    A class whose name or synonyms contain one of the words `held_out` is left out, and so are captions that do.
    """
    columns = ("class", "synset", "synonyms", "en_caption", *languages, *(f"{code}_caption" for code in languages))
    banned = any_name(held_out)
    rows = []
    for row in read_table(path, columns):
        if not banned.search(f"{row['en']}, {row['synonyms']}"):
            captions = {} if banned.search(row["en_caption"]) else {code: row[f"{code}_caption"] for code in languages}
            articles = {code: row[column] for code in languages if (column := f"{code}_article") in row}
            names = {code: row[code] for code in languages}
            rows.append(ClassRow(int(row["class"]), row["synset"], names, captions, row["synonyms"], articles, row.get("looks_like", "")))
    if not rows:
        raise InvalidData(f"{path} has no class that is not held out.")
    return rows


MOST_REAL = 0.4
"""Stand-ins are mixed with the features of a real picture, of which at most this share is that picture's."""


def class_directions(classifier: np.ndarray, chosen: Sequence[int]) -> np.ndarray:
    """Unit vectors of the `chosen` rows of a `classifier` `[C, width]`, seen from the middle of all; `[len(chosen), width]`."""
    return from_the_middle(classifier)[list(chosen)]


def pseudo_pictures(directions: np.ndarray, features: np.ndarray, distance: float = 1.0) -> np.ndarray:
    """Features that lie in the `directions` `[K, width]` from the mean of pictures' `features` `[N, width]`; `[K, width]`.

    `distance` is in units of the median distance of the pictures from their mean.
    """
    mean = features.mean(0)
    spread = features - mean
    return (mean + directions * (distance * float(np.median(np.linalg.norm(spread, axis=1))))).astype(np.float32)
