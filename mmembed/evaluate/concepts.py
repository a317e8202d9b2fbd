"""Words for things that captions name, by kind, and which of them a picture shows; the lists are data, in `configs/eval/`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mmembed.errors import InvalidConfig
from mmembed.presets import config_folder, read_config

_AGREED = 2


@dataclass(frozen=True)
class Concept:
    """A thing with its words, all lower-case.

    Attributes:
        plural: of the concept's own word; None where a picture does not show several, as of snow or red.
        others: further words, in singular and plural, that say that the thing is there.
        near: words that leave open whether it is there.
    """

    plural: str | None = None
    others: tuple[str, ...] = ()
    near: tuple[str, ...] = ()


@dataclass(frozen=True)
class Concepts:
    """What `configs/eval/concepts.yaml` holds.

    Attributes:
        kinds: kind → the concept's word → the concept. A word is the name of one concept only.
        foils: kinds whose words are swapped to make foils.
        wanted: kinds of the first word in queries such as "dog" without "snow".
        unwanted: kinds of the second.
        searched: kinds that are searched for by a single word.
    """

    kinds: dict[str, dict[str, Concept]]
    foils: tuple[str, ...]
    wanted: tuple[str, ...]
    unwanted: tuple[str, ...]
    searched: tuple[str, ...]

    def __post_init__(self) -> None:
        for kind in (*self.foils, *self.wanted, *self.unwanted, *self.searched):
            if kind not in self.kinds:
                raise InvalidConfig(f"There is no kind of concepts {kind!r}; known are {', '.join(self.kinds)}.")
        names = [name for concepts in self.kinds.values() for name in concepts]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InvalidConfig(f"The concept {twice[0]!r} is listed twice.")

    def of(self, kinds: Iterable[str]) -> list[str]:
        """The concepts of some kinds, in the order of the file."""
        wanted = set(kinds)
        return [name for kind, concepts in self.kinds.items() if kind in wanted for name in concepts]

    def shown(self, captions: Sequence[str]) -> frozenset[str]:
        """The concepts that any of a picture's English captions names."""
        return _found(self._certain, captions)

    def agreed(self, captions: Sequence[str]) -> frozenset[str]:
        """The concepts that two or more of a picture's English captions name: what stands out in it."""
        counts = Counter(name for caption in captions for name in self.shown([caption]))
        return frozenset(name for name, count in counts.items() if count >= _AGREED)

    def possible(self, captions: Sequence[str]) -> frozenset[str]:
        """The concepts that a picture with these English captions may show: those it shows, and those that they leave open."""
        return _found(self._open, captions)

    @cached_property
    def _certain(self) -> dict[str, re.Pattern[str]]:
        return {name: any_word(_forms(name, concept)) for name, concept in self._all()}

    @cached_property
    def _open(self) -> dict[str, re.Pattern[str]]:
        return {name: any_word((*_forms(name, concept), *concept.near)) for name, concept in self._all()}

    def _all(self) -> Iterator[tuple[str, Concept]]:
        for concepts in self.kinds.values():
            yield from concepts.items()


def _forms(name: str, concept: Concept) -> tuple[str, ...]:
    return (name, *((concept.plural,) if concept.plural else ()), *concept.others)


def _found(patterns: Mapping[str, re.Pattern[str]], captions: Sequence[str]) -> frozenset[str]:
    text = " \n ".join(captions).lower()
    return frozenset(name for name, pattern in patterns.items() if pattern.search(text))


def any_word(words: Iterable[str]) -> re.Pattern[str]:
    """Matches any of the words where it stands alone, the longest that fits; without words, nothing."""
    alternatives = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) or "(?!)"
    return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)")


def any_name(names: Collection[str]) -> re.Pattern[str]:
    """Matches any of the names, or its English plural, where it stands alone, in capitals or not; without names, nothing."""
    return re.compile(rf"\b({'|'.join(map(re.escape, names))})(s|es)?\b" if names else r"(?!)", re.IGNORECASE)


def shipped_concepts() -> Concepts:
    """The word lists that come with the package."""
    concepts: Concepts = read_config(config_folder() / "eval" / "concepts.yaml", Concepts)
    return concepts
