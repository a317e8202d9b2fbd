"""What the classes of the classifier are called, and groups of them, for search: `Glossary`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmembed.errors import InvalidData
from mmembed.evaluate.tables import read_table
from mmembed.learn.classes import ClassRow
from mmembed.learn.data import CaptionRow
from mmembed.space.glossary import Glossary, stemmed

_COMMON = 1 / 200
"""Of a language's captions: what more of them say is known from those, and means other things in them ("swing", "orange")."""
_LEARNED = 1 / 2000
"""The same of further things, of which less is known than of classes: what more captions say, the text tower knows better."""


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
    return [Group(tuple(row["classes"].split()), {code: listed(row[code]) for code in languages}) for row in rows]


def glossary_of(
    rows: Sequence[ClassRow],
    groups: Sequence[Group],
    things: Sequence[Mapping[str, Sequence[str]]],
    captions: Iterable[CaptionRow],
    languages: Sequence[str],
) -> Glossary:
    """The names of classes, numbered as in `rows`, of groups of them, and by language those of further things, numbered on from there.

    What captions know well means none of these, and what a class or a group is called, no further thing.

    Raises:
        InvalidData: a group has a class that is not among them.
    """
    number = {row.synset: index for index, row in enumerate(rows)}
    names: dict[str, dict[str, set[int]]] = {language: defaultdict(set) for language in languages}
    for language in languages:
        for index, row in enumerate(rows):
            for name in (row.names[language], *(listed(row.synonyms) if language == "en" else ())):
                names[language][stemmed(name, language)].add(index)
        for group in groups:
            if missing := [synset for synset in group.classes if synset not in number]:
                raise InvalidData(f"The group {group.names[language][0]!r} has the class {missing[0]}, which is none of the classes.")
            for name in (stemmed(name, language) for name in group.names[language]):
                names[language][name] = names[language][name] | {number[synset] for synset in group.classes} if group.classes else set()
        taken = set(names[language])
        for index, thing in enumerate(things, len(rows)):
            for name in {stemmed(name, language) for name in thing[language]} - taken:
                names[language][name].add(index)
        names[language].pop("", None)  # of what the language cannot write
    return _rarely_said(
        {code: {name: sorted(kinds) for name, kinds in known.items()} for code, known in names.items()}, len(rows), captions
    )


def _rarely_said(names: dict[str, dict[str, list[int]]], classes: int, captions: Iterable[CaptionRow]) -> Glossary:
    """Names that captions seldom say, and of the others that they mean none of the first `classes` kinds or further things."""
    glossary = Glossary(names)
    texts: Counter[str] = Counter()
    said: dict[str, Counter[str]] = {language: Counter() for language in names}
    for row in captions:
        if row.language in names:
            texts[row.language] += 1
            said[row.language].update(glossary.anywhere(row.text, row.language))

    def meant(name: str, kinds: list[int], language: str) -> list[int]:
        most = _COMMON if not kinds or kinds[0] < classes else _LEARNED
        return kinds if said[language][name] <= most * texts[language] else []

    return Glossary({code: {name: meant(name, kinds, code) for name, kinds in known.items()} for code, known in names.items()})


def listed(names: str) -> tuple[str, ...]:
    """Names that are separated by commas."""
    return tuple(name.strip() for name in names.split(",") if name.strip())
