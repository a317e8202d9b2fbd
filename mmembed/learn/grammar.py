"""What of a language the phrases of `learn.phrases` depend on: rules of a few languages, and how words are used in captions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mmembed.errors import MissingPackage
from mmembed.learn.alignment import Sentence
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
