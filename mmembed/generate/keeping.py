"""Numbers and names that come out of a translation as they went in.

A small decoder does not know "Prague" or "27" and writes something likelier in their place. So each is translated behind a
stand-in that the decoder knows ("a city", "five"), which is then found in the translation and replaced. `configs/stand_ins.yaml`
holds the stand-ins and what they become. What cannot be carried over in any way is said, never silently lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

from mmembed.generate.base import Candidate

NUMBER = re.compile(r"(?<!\w)\w*\d\w*(?:[.,:/-]\d\w*)*")
_LINK = re.compile(r"https?://\S*[\w/]|[\w.+-]+@[\w-]+\.\w+|[#@]\w+")
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")


@dataclass(frozen=True)
class StandIn:
    """What is written in the place of a name or number, by language, and how it is found again.

    Attributes:
        kind: `person`, `place`, `property`, `few` or `many`.
        source: the words that stand in, by source language.
        found: regular expression → what it becomes, `{}` being the name, by target language; the first that is found counts.
    """

    kind: str
    source: dict[str, str]
    found: dict[str, dict[str, str]]


@dataclass(frozen=True)
class StandIns:
    """`configs/stand_ins.yaml`.

    Attributes:
        stand_ins: those to choose from; of one kind the first that the sentence does not have already.
        place_words: words before the name of a place, by source language.
        determiners: words before a property such as a brand, by source language.
        name_words: of languages that capitalise all nouns, words that a name, rather than a noun, follows.
        noun_endings: of the same languages, endings that names seldom have.
        numerals: words for the numbers from 1 on, by target language; each with all its forms, separated by spaces.
    """

    stand_ins: tuple[StandIn, ...]
    place_words: dict[str, str]
    determiners: dict[str, str]
    name_words: dict[str, str]
    noun_endings: dict[str, tuple[str, ...]]
    numerals: dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Kept:
    """A part of a sentence that has to come out as it is: where, what, and which kinds of stand-in to try in turn."""

    start: int
    stop: int
    text: str
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class Variant:
    """A sentence with some parts behind stand-ins."""

    text: str
    hidden: tuple[tuple[Kept, StandIn], ...]


@lru_cache(maxsize=1)
def stand_ins() -> StandIns:
    """The table."""
    from mmembed.presets import config_folder, read_config

    table: StandIns = read_config(config_folder() / "stand_ins.yaml", StandIns)
    return table


def kept_parts(sentence: str, language: str, is_name: Callable[[str, str, bool], bool]) -> list[Kept]:
    """Numbers, links and names in a sentence, in order.

    Args:
        sentence: in `language`.
        language: its code.
        is_name: whether a word of a language, perhaps the first of its sentence, is a name.
    """
    table = stand_ins()
    parts = [Kept(found.start(), found.end(), found.group(), ("place", "person")) for found in _LINK.finditer(sentence)]
    for found in NUMBER.finditer(sentence):
        numbers = ("few", "many") if found.group() in ("2", "3", "4") else ("many", "few")
        parts.append(Kept(found.start(), found.end(), found.group(), numbers))
    for start, stop in _names(sentence, language, is_name):
        before, after = _WORD.findall(sentence[:start]), sentence[stop:]
        previous = before[-1].lower() if before and sentence[:start].endswith(" ") else ""
        kinds = ["person", "place", "property"]
        if previous in table.place_words.get(language, "").split():
            kinds = ["place", "person", "property"]
        elif previous in table.determiners.get(language, "").split() and re.match(r" \w", after):
            kinds = ["property", "person", "place"]
        parts.append(Kept(start, stop, sentence[start:stop], tuple(kinds)))
    free: list[Kept] = []
    for part in sorted(parts, key=lambda one: (one.start, -one.stop)):
        if not free or part.start >= free[-1].stop:
            free.append(part)
    return free


def variants(sentence: str, parts: Sequence[Kept], language: str, to: str) -> list[Variant]:
    """Ways to write the sentence for translation: as it is, then with stand-ins of one kind after the other."""
    tries = {sentence: Variant(sentence, ())}
    for attempt in range(max((len(part.kinds) for part in parts), default=0)):
        text, hidden, taken, shift = sentence, list[tuple[Kept, StandIn]](), set[str](), 0
        for part in parts:
            chosen = _stand_in(part.kinds[min(attempt, len(part.kinds) - 1)], sentence, language, to, taken)
            if chosen is None:
                continue
            words = chosen.source[language]
            words = words[0].upper() + words[1:] if part.start == 0 else words
            text = text[: part.start + shift] + words + text[part.stop + shift :]
            shift += len(words) - (part.stop - part.start)
            taken.add(chosen.source[language])
            hidden.append((part, chosen))
        tries.setdefault(text, Variant(text, tuple(hidden)))
    return list(tries.values())


def restored(text: str, variant: Variant, to: str) -> str | None:
    """The translation of a variant with the stand-ins replaced; None if one is not found."""
    for part, chosen in variant.hidden:
        for pattern, template in chosen.found[to].items():
            found = re.search(rf"(?<!\w)(?:{pattern})(?!\w)", text, re.IGNORECASE)
            if found:
                text = text[: found.start()] + template.format(part.text) + text[found.end() :]
                break
        else:
            return None
    return text


def missing(text: str, parts: Iterable[Kept], to: str) -> list[str]:
    """Which parts the translation lacks. A small number may be written as a word, a name may have an ending of its own."""
    return [part.text for part in parts if not _is_there(part.text, text, to)]


def best(written: Sequence[tuple[Variant, Sequence[Candidate]]], parts: Sequence[Kept], to: str) -> tuple[list[Candidate], list[str]]:
    """Of the variants' translations the candidates in which all parts are kept, of the first variant that has any.

    Returns:
        The candidates, best first, and the parts that even the best of all lacks (mostly none).
    """
    choices = []
    for variant, candidates in written:
        whole = [Candidate(text, one.score) for one in candidates if (text := restored(one.text, variant, to)) is not None]
        kept = [one for one in whole if not missing(one.text, parts, to)]
        if kept:
            return kept, []
        choices += [(missing(one.text, parts, to), one) for one in whole]
    lacking, choice = min(choices, key=lambda pair: len(pair[0]))
    return [choice, *(one for gaps, one in choices if len(gaps) == len(lacking) and one is not choice)], lacking


def _names(sentence: str, language: str, is_name: Callable[[str, str, bool], bool]) -> list[tuple[int, int]]:
    """Runs of names: "Karl Novak" is one."""
    runs: list[list[re.Match[str]]] = []
    for number, word in enumerate(_WORD.finditer(sentence)):
        if not is_name(word.group(), language, number == 0):
            continue
        if runs and sentence[runs[-1][-1].end() : word.start()] == " ":
            runs[-1].append(word)
        else:
            runs.append([word])
    spans = [(run[0].start(), run[-1].end()) for run in runs if _is_no_noun(run, sentence, language)]
    return [(start, stop - 2 if sentence[start:stop].endswith(("'s", "’s")) else stop) for start, stop in spans]


def _is_no_noun(run: Sequence[re.Match[str]], sentence: str, language: str) -> bool:
    table = stand_ins()
    if language not in table.name_words or len(run) > 1:
        return True
    before = _WORD.findall(sentence[: run[0].start()])
    introduced = not before or before[-1].lower() in table.name_words[language].split()
    return introduced and not run[0].group().lower().endswith(table.noun_endings[language])


def _stand_in(kind: str, sentence: str, language: str, to: str, taken: set[str]) -> StandIn | None:
    for one in stand_ins().stand_ins:
        words = one.source.get(language)
        if one.kind == kind and to in one.found and words is not None and words not in taken:
            last = words.split()[-1].lower()
            if not re.search(rf"\b{re.escape(last)}\b", sentence.lower()):
                return one
    return None


def _is_there(part: str, text: str, to: str) -> bool:
    if part[:1].isdigit():
        if re.search(rf"(?<!\d){re.escape(part)}(?!\d)", text):
            return True
        numerals = stand_ins().numerals.get(to, ())
        forms = numerals[int(part) - 1].split() if part.isdigit() and 0 < int(part) <= len(numerals) else []
        return any(word in forms for word in chain([text.lower()], re.findall(r"\w+", text.lower())))
    return all(word[: max(3, len(word) - 2)] in text for word in part.split())
