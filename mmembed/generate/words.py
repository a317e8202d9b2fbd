"""The words a decoder was trained on: which language a text is in, whether it is like captions, and what is a name.

A decoder knows what it has read. So the counts of its training words answer three questions at once, and better, for texts as
short as captions, than an identifier of languages in general: two words suffice (see docs/translation.md).
"""

from __future__ import annotations

import gzip
import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

FILE = "words.json.gz"
RARE = 3
"""Words seen less often are not kept: most of them are misspelt."""

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_ENDS = re.compile(r"[.!?…]")
_TRUSTED = 20  # a capitalised word seen so often is known, be it a name or not
_SCRIPTS = {
    "zh": re.compile("[\u3400-\u9fff\uf900-\ufaff]"),
    "ar": re.compile("[\u0620-\u06ff\u0750-\u077f]"),
}
_PARTS = re.compile("['’-]")
_FOREIGN = re.compile("[\u0370-\u1cff\u3040-\u30ff\uac00-\ud7af]")  # scripts of other languages
_KNOWN = 0.5  # of a text's words, in the language it is in
_ODD = 0.01  # of texts like those of the training are called unlike them
_SURE = 100  # times as likely in one language as in another: only then is the other ruled out


@dataclass(frozen=True)
class Recognised:
    """The language of a text.

    Attributes:
        language: ISO 639-1 code of the likeliest; None if it is none of those that are known.
        share: share of the text's words that are known in it, up to 1.
        possible: all languages that the text may well be in, likeliest first; several where a word or two are all there is to go
            by, such as "Taxi"; none if `language` is None.
    """

    language: str | None
    share: float
    possible: tuple[str, ...] = ()


class Words:
    """How often each word of each language was read in training.

    Attributes:
        counts: by language, in lower case.
        usual: by language the mean log-probability of a word that 99 % of texts like those of the training are above.
    """

    def __init__(self, counts: Mapping[str, Mapping[str, int]], usual: Mapping[str, float]) -> None:
        self.counts, self.usual = counts, dict(usual)
        self._totals = {language: sum(words.values()) for language, words in counts.items()}

    @classmethod
    def counted(cls, texts: Mapping[str, Iterable[str]], held_out: Mapping[str, Iterable[str]]) -> Words:
        """From training texts by language: words in lower case, without rare ones and names. `held_out` says what is usual.

        A word is taken for a name where it is seldom and mostly begins with a capital, other than at the beginning of a sentence.
        German, which writes all nouns so, borrows the names of the others.
        """
        lower: dict[str, Counter[str]] = {}
        capital: dict[str, Counter[str]] = {}
        for language, lines in texts.items():
            lower[language], capital[language] = Counter(), Counter()
            for line in lines:
                for word, first in _words(line):
                    (capital if word[0].isupper() and not first else lower)[language][word.lower()] += 1
        names = {
            language: {word for word, count in words.items() if count < _TRUSTED and count > lower[language][word]}
            for language, words in capital.items()
        }
        names["de"] = set().union(*(found for language, found in names.items() if language != "de")) - set(lower.get("de", ()))
        together = {language: lower[language] + capital[language] for language in texts}
        words = cls(
            {
                language: {word: count for word, count in found.most_common() if count >= RARE and word not in names[language]}
                for language, found in together.items()
            },
            {},
        )
        for language, lines in held_out.items():
            likely = sorted(found for line in lines if (found := words._mean_likelihood(line, language)) is not None)
            words.usual[language] = round(likely[int(_ODD * len(likely))], 3)
        return words

    @classmethod
    def read(cls, folder: Path) -> Words | None:
        """Those of the bundle in `folder`, or None if it has none."""
        file = folder / FILE
        if not file.is_file():
            return None
        stored = json.loads(gzip.decompress(file.read_bytes()))
        return cls(stored["counts"], stored["usual"])

    def write(self, folder: Path) -> None:
        """Into the bundle in `folder`; the same words make the same bytes."""
        text = json.dumps({"counts": self.counts, "usual": self.usual}, ensure_ascii=False, separators=(",", ":"))
        (folder / FILE).write_bytes(gzip.compress(text.encode(), mtime=0))

    def recognise(self, text: str) -> Recognised:
        """The language of a text of at least a word or two."""
        for language, script in _SCRIPTS.items():
            letters = sum(letter.isalpha() for letter in text)
            if letters and len(script.findall(text)) > letters / 2 and not re.search("[\u3040-\u30ff]", text):
                return Recognised(language, 1.0, (language,))
        words = [word.lower() for word, _ in _words(text)]
        if not words or len(_FOREIGN.findall(text)) > len("".join(words)) / 2:
            return Recognised(None, 0.0)
        # What no language knows speaks for none of them, least of all for the one of which the fewest words were read.
        unknown = 0.5 / max(self._totals.values())
        likely = {language: self._likelihood(words, language, unknown) for language in self.counts}
        order = sorted(likely, key=lambda language: -likely[language])
        share = self._share(words, order[0])
        if share < _KNOWN:
            return Recognised(None, share)
        return Recognised(order[0], share, tuple(one for one in order if likely[order[0]] - likely[one] < math.log(_SURE)))

    def is_odd(self, text: str, language: str) -> bool:
        """Whether a text is unlike what was read in training, so that its translation may well be nonsense.

        So is one of names and unknown words alone; one without any word is not, nor is a single word that is known, however rare.
        """
        found = [word.lower() for word, _ in _words(text)]
        if language not in self.usual or not found or (len(found) == 1 and self._share(found, language) == 1):
            return False
        likely = self._mean_likelihood(text, language)
        return likely is None or likely < self.usual[language]

    def invented(self, text: str, source: str, language: str) -> list[str]:
        """Words of a translation that may be made up, piece by piece: never read in its language, and not in the source either.

        Compounds of known words and forms of them are no inventions.
        """
        if language not in self.counts:
            return []
        given = {word.lower() for word, _ in _words(source)}
        found = dict.fromkeys(word for word, _ in _words(text))
        return [word for word in found if word.lower() not in given and not self._is_possible(word.lower(), language)]

    def is_name(self, word: str, language: str, first: bool) -> bool:
        """Whether a word, perhaps the `first` of its sentence, is capitalised and unknown: copied rather than translated.

        Of German, which capitalises all nouns, it may be a noun too; what stands around it has to tell.
        """
        if language not in self.counts or not word[:1].isupper() or len(word) < 2:
            return False
        lowered, known = word.lower(), self.counts[language]
        parts = [part for part in _PARTS.split(lowered) if len(part) > 1]
        if not parts or any(part in known or part.removesuffix("s") in known for part in (lowered, *parts)):
            return False
        if language == "de" and any(lowered[cut:] in known for cut in range(3, len(lowered) - 4)):  # a compound
            return False
        return not (first and language != "de" and _is_form(lowered, language, known))

    def _is_possible(self, word: str, language: str) -> bool:
        known = self.counts[language]
        if any(part in known for part in (word, *_PARTS.split(word)) if len(part) > 1) or _is_form(word, language, known):
            return True
        halves = [(word[:cut], word[cut:]) for cut in range(3, len(word) - 2)] if language == "de" else []
        return len(word) < 2 or any((left in known or left.removesuffix("s") in known) and right in known for left, right in halves)

    def _share(self, words: list[str], language: str) -> float:
        known = self.counts[language]
        return sum(word in known or word.split("'")[-1].split("’")[-1] in known for word in words) / len(words)

    def _mean_likelihood(self, text: str, language: str) -> float | None:
        """Of the words that are no names, of which an unknown one counts as seen half a time; None if there are only names."""
        words = [word.lower() for word, first in _words(text) if not self.is_name(word, language, first)]
        return self._likelihood(words, language, 0.5 / self._totals[language]) / len(words) if words else None

    def _likelihood(self, words: list[str], language: str, unknown: float) -> float:
        """Logarithm of the probability of the words, each for itself; `unknown` is that of a word that is not known."""
        known, total = self.counts[language], self._totals[language]
        seen = (max(known.get(word, 0), known.get(word.split("'")[-1].split("’")[-1], 0)) for word in words)
        return sum(math.log(count / total if count else unknown) for count in seen)


def _is_form(word: str, language: str, known: Mapping[str, int]) -> bool:
    """Whether an unknown word may be a form of a known one: skateboarders of skateboarder. Czech words have many."""
    if language == "cs" and len(word) >= 6:
        beginning = word[: max(4, len(word) - 4)]
        return any(other.startswith(beginning) for other in known)
    return any(word[:-cut] in known for cut in (1, 2, 3) if len(word) - cut >= 4)


def _words(text: str) -> Iterable[tuple[str, bool]]:
    """Each word, and whether it is the first of its sentence."""
    end = -1
    for match in _WORD.finditer(text):
        between = text[max(end, 0) : match.start()]
        yield match.group(), end < 0 or _ENDS.search(between) is not None
        end = match.end()
