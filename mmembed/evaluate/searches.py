"""Made-up searches with known answers: for what is in a gallery, and for what is not. Confidences are fitted and judged on them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mmembed.evaluate.concepts import Concepts

_WORD_DRAWS = 20


@dataclass(frozen=True)
class Task:
    """Something to search for.

    Attributes:
        query: row of the text.
        right: rows of the pictures that show it, int `[R]`, at least one.
        wrong: rows of the pictures that surely do not, int `[W]`.
    """

    query: int
    right: np.ndarray
    wrong: np.ndarray


@dataclass(frozen=True)
class Search:
    """A gallery, as rows of pictures, int `[N]`, and which of them are right for `query`, bool `[N]`; none if it is in vain."""

    query: int
    gallery: np.ndarray
    right: np.ndarray


def caption_tasks(owners: Sequence[int], named: Sequence[frozenset[str]], shown: Sequence[frozenset[str]]) -> list[Task]:
    """For each caption its own picture is right; others that show all that it names may fit as well and are neither right nor wrong.

    Of captions that name no concept all other pictures are taken to be wrong. That is too strict where one fits all the same:
    what is measured with it is a lower bound.

    Args:
        owners: rows of the captions' pictures.
        named: the concepts that each caption names.
        shown: the concepts that each picture shows.
    """
    tasks = []
    for query, (owner, names) in enumerate(zip(owners, named, strict=True)):
        fits = np.array([bool(names) and names <= things for things in shown])
        fits[owner] = True
        tasks.append(Task(query, np.array([owner]), np.flatnonzero(~fits)))
    return tasks


def word_tasks(captions: Sequence[Sequence[str]], concepts: Concepts) -> tuple[list[str], list[Task]]:
    """For each searched concept the pictures that show it are right; those whose captions leave it open are neither.

    Args:
        captions: the English captions of each picture.

    Returns:
        The words that some picture shows, and `_WORD_DRAWS` times the task of each.
    """
    shown, possible = [concepts.shown(texts) for texts in captions], [concepts.possible(texts) for texts in captions]
    words: list[str] = []
    tasks: list[Task] = []
    for word in concepts.of(concepts.searched):
        right = np.flatnonzero([word in names for names in shown])
        if len(right):
            tasks += [Task(len(words), right, np.flatnonzero([word not in names for names in possible]))] * _WORD_DRAWS
            words.append(word)
    return words, tasks


def draw(tasks: Sequence[Task], size: int, random: np.random.Generator) -> Iterator[tuple[Search, Search]]:
    """Two searches for each task: in a gallery of `size` pictures with what it asks for, and in one without.

    The first has one right picture for certain, and beside it pictures drawn from all that are right or wrong: so it shows
    the thing about as often as the pictures at hand do. The second is drawn from the wrong ones. Tasks with fewer wrong
    pictures than that are left out.
    """
    for task in tasks:
        if len(task.wrong) < size:
            continue
        certain = random.choice(task.right)
        others = np.concatenate([task.right[task.right != certain], task.wrong])
        there = random.permutation([certain, *random.choice(others, size - 1, replace=False)])
        gone = random.choice(task.wrong, size, replace=False)
        yield Search(task.query, there, np.isin(there, task.right)), Search(task.query, gone, np.zeros(size, bool))
