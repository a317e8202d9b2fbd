"""Names of the kinds of things that a space knows by sight, found in what people search for."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import msgspec

_STEMMERS = {"en": "english", "de": "german", "fr": "french", "cs": "czech", "ar": "arabic"}
_WORD = re.compile(r"[^\W_]+")
CHINESE = re.compile("[\u3400-\u9fff]")
_ROUNDING = 1e-9

Span = tuple[float, float]
"""Where a name begins and ends, in shares of a text's words."""


@dataclass(frozen=True)
class Mention:
    """A name in a text.

    Attributes:
        kinds: numbers of the kinds that it may mean; "owl" means owls of all sorts.
        share: of the text's words, more than 0 and up to 1.
    """

    kinds: tuple[int, ...]
    share: float


@dataclass(frozen=True)
class Glossary:
    """What kinds of things are called.

    Attributes:
        names: by language, each name as `stemmed` makes it, and the numbers of the kinds that it may mean; none of what texts are
            better understood by, as "dog" is where people's captions taught it.
    """

    names: Mapping[str, Mapping[str, Sequence[int]]]

    def find(self, text: str, foreign: Callable[[str, str], bool] = lambda words, language: False) -> list[Mention]:
        """The names in a text, read in the language whose names are most of it, or in several if they are as much in each.

        Args:
            foreign: whether words, in lower case, among others in a text are not meant in a language ("rouge" is no English make-up in
                a French text).
        """
        found = {language: dict(self.names_in(text, language, foreign)) for language in self.names}
        covered = {language: sum(end - start for start, end in spans) for language, spans in found.items()}
        most = max(covered.values(), default=0.0)
        meant: dict[Span, list[Sequence[int]]] = {}
        for language, spans in found.items():
            if spans and covered[language] > most - _ROUNDING:
                for span, name in spans.items():
                    meant.setdefault(span, []).append(self.names[language][name])
        return [
            Mention(tuple(sorted({kind for kinds in each for kind in kinds})), end - start)
            for (start, end), each in sorted(meant.items())
            if all(each)  # a German boat is no English boot
        ]

    def anywhere(self, text: str, language: str) -> set[str]:
        """The names of one language that occur in a text, also within longer ones."""
        words, joint = stems(text, language), _joint(language)
        ends = (
            (start, end) for start in range(len(words)) for end in range(start + 1, min(len(words), start + self._longest[language]) + 1)
        )
        found = (joint.join(words[start:end]) for start, end in ends)
        return {name for name in found if name in self.names[language] and _is_name(name, language, len(words))}

    def names_in(self, text: str, language: str, foreign: Callable[[str, str], bool]) -> Iterator[tuple[Span, str]]:
        """The names of one language in a text, without `foreign` ones, from the left on; of those that begin at a word the longest."""
        words, joint = stems(text, language), _joint(language)
        said = _words(text, language)
        start = 0
        while start < len(words):
            spans = ((end, joint.join(words[start:end])) for end in range(min(len(words), start + self._longest[language]), start, -1))
            end, name = next(((end, name) for end, name in spans if name in self.names[language]), (start + 1, ""))
            alone = end - start == len(words)
            if name and _is_name(name, language, len(words)) and (alone or not foreign(joint.join(said[start:end]), language)):
                yield (start / len(words), end / len(words)), name
            start = end

    @cached_property
    def _longest(self) -> dict[str, int]:
        """By language, words of the longest name; of Chinese the characters."""
        lengths = {code: [len(name) if code == "zh" else name.count(" ") + 1 for name in names] for code, names in self.names.items()}
        return {code: max(of_names, default=0) for code, of_names in lengths.items()}

    def save(self, path: Path) -> None:
        """Write them to `path` (.json.gz), the same bytes every time."""
        text = json.dumps({language: dict(sorted(names.items())) for language, names in self.names.items()}, ensure_ascii=False)
        path.write_bytes(gzip.compress(text.encode(), mtime=0))

    @classmethod
    def read(cls, path: Path) -> Glossary:
        """What `save` wrote."""
        return cls(msgspec.json.decode(gzip.decompress(path.read_bytes())))


def stems(text: str, language: str) -> list[str]:
    """The stems of a text's words, in lower case (Snowball, Porter 2001, https://snowballstem.org); of Chinese the characters."""
    return list(_stems(text, language))


def stemmed(name: str, language: str) -> str:
    """A name as `Glossary.names` has it."""
    return _joint(language).join(stems(name, language))


@lru_cache(64)  # names and words of one query are both looked up by them
def _stems(text: str, language: str) -> tuple[str, ...]:
    words = _words(text, language)
    return tuple(_stemmer(_STEMMERS[language]).stemWords(words) if language in _STEMMERS else words)


def _words(text: str, language: str) -> list[str]:
    return CHINESE.findall(text) if language == "zh" else _WORD.findall(text.lower())


@cache
def _stemmer(algorithm: str) -> Any:
    import snowballstemmer  # takes as long as reading the names; whoever does not search need not wait for it

    return snowballstemmer.stemmer(algorithm)


def _is_name(found: str, language: str, words: int) -> bool:
    """Whether what looks like a name is one, in a text of so many words: one Chinese character is often part of a word."""
    return language != "zh" or len(found) > 1 or words == 1


def _joint(language: str) -> str:
    return "" if language == "zh" else " "
