"""What the classes of the classifier are called, and groups of them, for search: `Glossary`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmembed.errors import InvalidData
from mmembed.evaluate.tables import read_table
from mmembed.learn.classes import ClassRow
from mmembed.learn.data import CaptionRow
from mmembed.space.glossary import Glossary, stemmed

_COMMON = 1 / 200
"""Of a language's captions: what more of them say is known from those, and means other things in them ("swing", "orange")."""


@dataclass(frozen=True)
class Group:
    """Classes that have a name in common, as synsets, and its names in each language; without classes, names to leave to the captions."""

    classes: tuple[str, ...]
    names: dict[str, tuple[str, ...]]


def read_groups(path: Path, languages: Sequence[str]) -> list[Group]:
    """Groups of a table with the columns `classes` (synsets, separated by spaces) and, for each language, names, separated by commas.

    What a row without classes names, most people mean something else by ("mouse").
    """
    rows = read_table(path, ("classes", *languages))
    return [Group(tuple(row["classes"].split()), {code: _listed(row[code]) for code in languages}) for row in rows]


def glossary_of(rows: Sequence[ClassRow], groups: Sequence[Group], captions: Iterable[CaptionRow], languages: Sequence[str]) -> Glossary:
    """The names of classes, numbered as in `rows`, and of groups of them; those that captions know well mean no class.

    Raises:
        InvalidData: a group has a class that is not among them.
    """
    number = {row.synset: index for index, row in enumerate(rows)}
    names: dict[str, dict[str, set[int]]] = {language: defaultdict(set) for language in languages}
    for language in languages:
        for index, row in enumerate(rows):
            for name in (row.names[language], *(_listed(row.synonyms) if language == "en" else ())):
                names[language][stemmed(name, language)].add(index)
        for group in groups:
            if missing := [synset for synset in group.classes if synset not in number]:
                raise InvalidData(f"The group {group.names[language][0]!r} has the class {missing[0]}, which is none of the classes.")
            for name in (stemmed(name, language) for name in group.names[language]):
                names[language][name] = names[language][name] | {number[synset] for synset in group.classes} if group.classes else set()
        names[language].pop("", None)  # of what the language cannot write
    return _rarely_said({code: {name: sorted(kinds) for name, kinds in known.items()} for code, known in names.items()}, captions)


def _rarely_said(names: dict[str, dict[str, list[int]]], captions: Iterable[CaptionRow]) -> Glossary:
    glossary = Glossary(names)
    texts: Counter[str] = Counter()
    said: dict[str, Counter[str]] = {language: Counter() for language in names}
    for row in captions:
        if row.language in names:
            texts[row.language] += 1
            said[row.language].update({name for _, name in glossary.names_in(row.text, row.language)})
    return Glossary(
        {
            language: {name: kinds if said[language][name] <= _COMMON * texts[language] else [] for name, kinds in known.items()}
            for language, known in names.items()
        }
    )


def _listed(names: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(",") if name.strip())
