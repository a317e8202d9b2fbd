"""Short phrases with their translations, from parallel captions: phrase pairs as of phrase-based translation (Koehn et al. 2003).

A table of such pairs is full of parts that no one types and of forms that only fit where they stood ("einen Mann" is "a man", but
only as an object). So a pair has to end, in both languages, with a word that can be the last one, and is best seen where
a caption starts: a subject, in the form that a dictionary would have. Single words come in that form too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

import numpy as np

from mmembed.errors import MissingPackage
from mmembed.learn.alignment import Sentence, align
from mmembed.learn.features import Ragged
from mmembed.learn.vocabulary import frequent_words


@dataclass(frozen=True)
class Grammar:
    """What of a language the phrases depend on.

    Attributes:
        indefinite: articles that can be left out with no other word changed. With "der" that would not do: "der rote Hut", but
            "roter Hut".
        joining: words that begin no phrase of its own, among them those whose translations always have the case of an object.
        cases: whether nouns or articles have them.
    """

    indefinite: tuple[str, ...] = ()
    joining: tuple[str, ...] = ()
    cases: bool = True


GRAMMARS = {
    "en": Grammar(("a", "an"), ("and", "or", "while", "as", "that", "his", "her", "their", "front"), False),
    "de": Grammar(("ein", "eine"), ("und", "oder", "während", "als", "dass")),
    "fr": Grammar(("un", "une"), ("et", "ou", "tandis", "pendant", "que"), False),
    "cs": Grammar((), ("a", "nebo", "zatímco", "když", "že")),
}

_FUNCTION_WORDS = 55  # most frequent words of a language that end no phrase
_BEFORE = 95  # most frequent words of a language that may tell the case of what follows
_LAST = 0.012  # share of its occurrences in which a word is the last before punctuation, if it can be the last of a phrase
_FIRST = 0.05  # the same of the first in a caption, for words that open noun phrases: articles, numbers, some nouns

_RARER = 1.0  # powers of ten

Lemma = Callable[[str], str]
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


class Language:
    """Sentences of one language in the form of a dictionary's headwords, with what their words are used for.

    Attributes:
        sentences: words, of which the first has the capital it would have elsewhere.
        breaks: see `Sentence`.
    """

    def __init__(self, code: str, sentences: Sequence[Sentence], lemma: Lemma | None = None) -> None:
        """`lemma` gives the dictionary form of a word; default: the package `simplemma`'s."""
        self.grammar, self.lemma = GRAMMARS.get(code, Grammar()), lemma or _lemmas(code)
        inside = Counter(word for sentence in sentences for word in sentence.words[1:])
        pairs = Counter(pair for sentence in sentences for pair in pairwise(sentence.words[1:]))
        self.sentences = [_uncapitalised(sentence.words, inside, pairs) for sentence in sentences]
        self.breaks = [sentence.breaks for sentence in sentences]
        every = Counter(word for words in self.sentences for word in words)
        rows = list(zip(self.sentences, self.breaks, strict=True))
        last = Counter(word for words, breaks in rows for word, end in zip(words, breaks[1:], strict=True) if end)
        first = Counter(words[0] for words in self.sentences if words)
        self._function = set(frequent_words([code], _FUNCTION_WORDS))
        self._code, self._seen = code, set(every)
        self._before = set(frequent_words([code], _BEFORE))
        self._last = {word for word, count in last.items() if count >= _LAST * every[word]} - self._function
        self._first = {word for word, count in first.items() if count >= _FIRST * every[word]}

    def ends(self, word: str) -> bool:
        """Whether a phrase can end with it."""
        return word in self._last and (word.isalpha() or "-" in word)

    def opens(self, word: str) -> bool:
        """Whether it often starts captions, as nominative articles do."""
        return word in self._first

    def is_free(self, row: int, start: int) -> bool:
        """Whether the form of what starts there depends on no word before it, as on a preposition; of a list it may."""
        if not self.grammar.cases:
            return True
        words = self.sentences[row]
        if self.breaks[row][start]:
            return self.is_function(words[start])
        return words[start - 1] in self._last and not self.governs(words[start - 1])

    def governs(self, word: str) -> bool:
        """Whether it may tell the case of what follows, as prepositions do."""
        return self.grammar.cases and word in self._before

    def is_closed(self, row: int, end: int) -> bool:
        """Whether what ends before word `end` is seen to: there are punctuation or a function word, no noun of an adjective."""
        return self.breaks[row][end] or self.is_function(self.sentences[row][end])

    def has(self, word: str) -> bool:
        """Whether it is seen at all."""
        return word in self._seen

    def is_usual(self, lemma: str, form: str) -> bool:
        """Whether the dictionary's form is about as common as another: "vlas" (one hair) is not."""
        return _commonness(lemma, self._code) >= _commonness(form, self._code) - _RARER

    def is_function(self, word: str) -> bool:
        """Whether it may be without a partner in a translation."""
        return word.lower() in self._function


def _commonness(word: str, code: str) -> float:
    try:
        import wordfreq
    except ImportError as error:
        raise MissingPackage("wordfreq", "train", "Training with phrases") from error
    return float(wordfreq.zipf_frequency(word, code))


def _lemmas(code: str) -> Lemma:
    try:
        import simplemma
    except ImportError as error:
        raise MissingPackage("simplemma", "train", "Training with phrases") from error
    return lambda word: str(simplemma.lemmatize(word, code))


def _uncapitalised(words: tuple[str, ...], inside: Counter[str], pairs: Counter[tuple[str, str]]) -> tuple[str, ...]:
    """With the first word as it is written within sentences, there before the same word if that was seen."""
    if not words:
        return words
    small, rest = words[0][:1].lower() + words[0][1:], words[1:]
    capital, lower = (pairs[form, rest[0]] if rest else 0 for form in (words[0], small))
    if capital == lower:
        capital, lower = inside[words[0]], inside[small]
    return (words[0] if capital > lower else small, *rest)


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
