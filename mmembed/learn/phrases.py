"""Short phrases with their translations, from parallel captions: phrase pairs as of phrase-based translation (Koehn et al. 2003).

A table of such pairs is full of parts that no one types and of forms that only fit where they stood ("einen Mann" is "a man", but
only as an object). So a pair has to end, in both languages, with a word that can be the last one, and is best seen where
a caption starts: a subject, in the form that a dictionary would have. Single words come in that form too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import NamedTuple

import numpy as np

from mmembed.learn.alignment import align
from mmembed.learn.features import Ragged
from mmembed.learn.grammar import Grammar, Language

Key = tuple[str, str]


class Phrase(NamedTuple):
    """A phrase as it stands within a sentence (no capital for its first word's place), a translation, and how often they meet."""

    source: str
    target: str
    times: int


@dataclass(frozen=True)
class PhraseLimits:
    """Which pairs are kept.

    Attributes:
        longest: words of a phrase.
        least: occurrences of a pair.
        share: of the source's occurrences that have this target.
        back: the same the other way round.
        closed: share of a pair's occurrences that are followed by punctuation or a function word.
        form: share of a word's forms that one has which can stand for all.
    """

    longest: int = 6
    least: int = 2
    share: float = 0.25
    back: float = 0.05
    closed: float = 0.2
    form: float = 0.1


@dataclass
class PhraseTable:
    """Occurrences of pairs: at the start of captions, free of what is before them, and of single words anywhere; and how many of
    the first two end where they are seen to."""

    opening: Counter[Key] = field(default_factory=Counter)
    free: Counter[Key] = field(default_factory=Counter)
    words: Counter[Key] = field(default_factory=Counter)
    closed: Counter[Key] = field(default_factory=Counter)

    def swapped(self) -> PhraseTable:
        """For the other direction."""
        parts = (self.opening, self.free, self.words, self.closed)
        return PhraseTable(*(Counter({(t, s): n for (s, t), n in part.items()}) for part in parts))


def phrase_table(source: Language, target: Language, vectors: tuple[Ragged, Ragged], longest: int) -> PhraseTable:
    """All pairs of phrases that are consistent with the alignment of parallel sentences.

    Args:
        source, target: the same sentences in two languages.
        vectors: of the words of each; see `word_vectors`.
    """
    table = PhraseTable()
    articles = bool(source.grammar.indefinite and target.grammar.indefinite)
    for row in range(len(source.sentences)):
        left, right = source.sentences[row], target.sentences[row]
        for (i, k), (j, m) in _spans(source, target, row, align(vectors[0][row], vectors[1][row]), longest):
            pair = (" ".join(left[i:k]), " ".join(right[j:m]))
            if k - i == m - j == 1:
                table.words[pair] += 1
            if left[i] in source.grammar.joining or right[j] in target.grammar.joining:
                continue
            if articles and (left[i] in source.grammar.indefinite) != (right[j] in target.grammar.indefinite):
                continue
            if i == j == 0:
                table.opening[pair] += 1
            elif source.is_free(row, i) and target.is_free(row, j) and (not articles or source.opens(left[i]) <= target.opens(right[j])):
                table.free[pair] += 1
            else:
                continue
            table.closed[pair] += source.is_closed(row, k) or target.is_closed(row, m)
    return table


Span = tuple[int, int]


def _spans(source: Language, target: Language, row: int, links: list[tuple[int, int]], longest: int) -> Iterator[tuple[Span, Span]]:
    """Spans of words that are linked to each other only, have no punctuation inside, and can end where they end.

    Words in and next to them that have no link are function words: "bear" is not "Teddybär". The target begins with a linked
    word, or where its sentence does.
    """
    left, right = source.sentences[row], target.sentences[row]
    partners, back = defaultdict(list), defaultdict(list)
    for i, j in links:
        partners[i].append(j)
        back[j].append(i)
    lost = [i not in partners and not source.is_function(word) for i, word in enumerate(left)]
    strange = [j not in back and not target.is_function(word) for j, word in enumerate(right)]
    for last in range(len(left)):
        if last not in partners or not source.ends(left[last]) or _touches(lost, source.breaks[row], last + 1, last + 1):
            continue
        linked: list[int] = []
        for first in range(last, max(-1, last - longest), -1):
            if lost[first] or (first < last and source.breaks[row][first + 1]):
                break
            linked += partners.get(first, [])
            j, m = min(linked), max(linked) + 1
            if m - j > longest:
                break
            if not target.ends(right[m - 1]) or any(target.breaks[row][j + 1 : m]) or any(strange[j:m]):
                continue
            if any(not first <= i <= last for k in range(j, m) for i in back.get(k, [])):
                continue
            if _touches(lost, source.breaks[row], first, last + 1) or _touches(strange, target.breaks[row], j, m):
                continue
            if first == 0 and j == 1 and 0 not in back and not target.breaks[row][1]:
                j = 0
            yield (first, last + 1), (j, m)


def _touches(lost: Sequence[bool], breaks: Sequence[bool], start: int, end: int) -> bool:
    """Whether a lost word is next to a span, with no punctuation between."""
    return (not breaks[start] and lost[start - 1]) or (not breaks[end] and lost[end])


def choose(table: PhraseTable, source: Language, target: Language, limits: PhraseLimits) -> list[Phrase]:
    """The pairs of one direction that are worth learning, most frequent first.

    A source gets its translations from where they are best: the start of captions if it is often seen there; noun phrases
    without their article from those that have one; then from elsewhere.
    """
    alone = {pair for pair, count in table.closed.items() if count >= limits.closed * (table.opening[pair] + table.free[pair])}
    opening = {pair: count for pair, count in table.opening.items() if pair in alone}
    free = {pair: count for pair, count in table.free.items() if pair in alone and " " in pair[0]}
    chosen: dict[str, list[Phrase]] = {}
    met: Counter[str] = Counter()
    for (word, _), count in table.words.items():
        met[word] += count
    first = _kept(opening, limits)
    nouns = {pair: count for pair, count in free.items() if source.opens(pair[0].split()[0]) and _is_listed(pair[1], target)}
    others = {pair: count for pair, count in free.items() if not source.opens(pair[0].split()[0]) and _is_elsewhere(pair, source, target)}
    for found in (
        [phrase for phrase in first if _is_plural(phrase, source, target) and phrase.times >= limits.back * met[phrase.source]],
        _kept(_forms(table.words, source, target, limits), limits),
        [phrase for phrase in first if " " in phrase.source],
        _kept(nouns, limits),
        _kept(others, limits),
    ):
        for group in (found, [phrase for phrase in (_bare(phrase, source.grammar, target.grammar) for phrase in found) if phrase]):
            known = set(chosen)
            for phrase in group:
                if phrase.source not in known:
                    chosen.setdefault(phrase.source, []).append(phrase)
    return sorted((phrase for group in chosen.values() for phrase in group), key=lambda phrase: (-phrase.times, *phrase[:2]))


def _is_plural(phrase: Phrase, source: Language, target: Language) -> bool:
    """Whether it is a word, of those that captions start with, in another form than dictionaries list, in one of the languages."""
    word, translation = phrase.source, phrase.target
    return " " not in word and (source.lemma(word) != word or target.lemma(translation) != translation)


def _is_listed(phrase: str, language: Language) -> bool:
    """Whether a noun phrase is in the form of a dictionary, where there are no articles that would tell."""
    if not language.grammar.cases or language.grammar.indefinite:
        return True
    words = phrase.split()
    return language.lemma(words[-1]) == words[-1] and not language.is_function(words[0])


def _is_elsewhere(pair: Key, source: Language, target: Language) -> bool:
    """Whether what is no subject is whole: "in the park", "is running", but not "front of the house" nor "red hat" in some case."""
    if source.is_function(pair[0].split()[0]):
        return True
    first = pair[1].split()[0]
    return not target.is_function(first) and not target.governs(first) and _is_listed(pair[1], target)


def _kept(counts: dict[Key, int], limits: PhraseLimits) -> list[Phrase]:
    sources: Counter[str] = Counter()
    targets: Counter[str] = Counter()
    for (source, target), count in counts.items():
        sources[source] += count
        targets[target] += count
    return [
        Phrase(source, target, count)
        for (source, target), count in counts.items()
        if count >= limits.least and count >= limits.share * sources[source] and count >= limits.back * targets[target]
    ]


def _forms(words: Counter[Key], source: Language, target: Language, limits: PhraseLimits) -> dict[Key, int]:
    """Pairs of words, of whose targets the forms of one word are counted as one of them.

    Where there are cases, that is the form of dictionaries if the source is in such a form and it was seen, else the shortest
    that is no shorter than that one, as it has no case's ending; elsewhere it is the most frequent one.
    """
    grouped: dict[Key, Counter[str]] = defaultdict(Counter)
    for (word, translation), count in words.items():
        if not (source.is_function(word) or target.is_function(translation) or target.governs(translation)):
            grouped[word, target.lemma(translation)][translation] += count
    counts = {}
    for (word, lemma), forms in grouped.items():
        most = max(forms, key=lambda form: (forms[form], form))
        usual = [form for form, n in forms.items() if n >= limits.form * forms.total() and len(form) >= len(lemma)]
        chosen = most
        if target.grammar.cases:
            if word == source.lemma(word) and target.is_usual(lemma, most):
                chosen = lemma
            elif usual:
                chosen = min(usual, key=lambda form: (len(form), -forms[form], form))
            if not target.has(chosen):
                continue
        counts[word, chosen] = forms.total()
    return counts


def _bare(phrase: Phrase, source: Grammar, target: Grammar) -> Phrase | None:
    """Without indefinite articles; the target is then as it would be after one."""
    article, _, rest = phrase.source.partition(" ")
    if article not in source.indefinite or " " not in rest:
        return None
    other = phrase.target.partition(" ")[2] if target.indefinite else phrase.target
    return Phrase(rest, other, phrase.times)


def phrase_pairs(
    directions: Sequence[str], languages: dict[str, Language], vectors: dict[str, Ragged], limits: PhraseLimits
) -> dict[str, list[Phrase]]:
    """The pairs of each direction (such as `en-de`) that are worth learning.

    Args:
        languages: the same sentences in all of them.
        vectors: of their words; see `word_vectors`.
    """
    tables: dict[str, PhraseTable] = {}
    found = {}
    for direction in directions:
        source, target = direction.split("-")
        back = f"{target}-{source}"
        if back in tables:
            tables[direction] = tables[back].swapped()
        else:
            tables[direction] = phrase_table(languages[source], languages[target], (vectors[source], vectors[target]), limits.longest)
        found[direction] = choose(tables[direction], languages[source], languages[target], limits)
    return found


def typed(phrases: Sequence[Phrase], seed: int, most: int = 4) -> list[Key]:
    """Phrases as people type them, about as many of each as the square root of its count, at most `most`.

    Half of them start with a capital, a third ends with a full stop, in both languages alike.
    """
    random = np.random.default_rng(seed)
    texts = []
    for phrase in phrases:
        for _ in range(min(most, max(1, round(sqrt(phrase.times))))):
            capital, stop = random.random() < 1 / 2, "." if random.random() < 1 / 3 else ""
            source, target = ((text[:1].upper() + text[1:] if capital else text) + stop for text in (phrase.source, phrase.target))
            texts.append((source, target))
    return texts
