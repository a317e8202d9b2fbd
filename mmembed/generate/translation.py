"""Translation: the decoder reads the source's states and, when there is one, the picture's vector; or a translator of its own
does, and the picture chooses among the candidates of one that sees no pictures.

A text is taken apart into sentences, numbers and names are kept, and what the model does not know is said in notes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mmembed.errors import InvalidQuery, MmembedError, UnknownLanguage
from mmembed.generate import notes
from mmembed.generate.base import PLAIN, Candidate, Decoder, Style, Translation, Translator
from mmembed.generate.endings import ended_as
from mmembed.generate.keeping import best, kept_parts, variants
from mmembed.generate.polish import usable
from mmembed.generate.rerank import CANDIDATES, fits, rerank
from mmembed.generate.sentences import Sentence, join, split
from mmembed.generate.style import in_style
from mmembed.generate.words import Words
from mmembed.languages import canonical, find
from mmembed.media.picture import Picture
from mmembed.space.base import Space
from mmembed.space.text import MASK
from mmembed.space.unit import unit

LONGEST = 5_000
"""Characters that are translated at once; whoever has more gives it in parts."""


@dataclass(frozen=True)
class Draft:
    """A text on its way: sentence by sentence, each with its candidates, best first, and the parts that could not be kept."""

    sentences: tuple[tuple[Candidate, ...], ...]
    lacking: tuple[str, ...]
    text: str

    @property
    def score(self) -> float:
        """Mean over the sentences."""
        return float(np.mean([candidates[0].score for candidates in self.sentences]))


@dataclass(frozen=True)
class Source:
    """The language of a text, empty if nobody can tell, and others that it may as well be in."""

    language: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Explained:
    """What a picture changed.

    Attributes:
        grounded: the translation made with the picture.
        plain: the one made from the words alone; its similarity too is to the picture, so that the two compare.
    """

    grounded: Translation
    plain: Translation


@dataclass(frozen=True)
class Translating:
    """What translates: the parts of a model, and how it is to write.

    Attributes:
        space: embeds texts and pictures.
        decoder: writes, unless there is a translator.
        words: what writes was trained on; None if it is not known, and then no language is recognised, no name kept, and final
            marks stay as they were written.
        pivot: the language between two others that are not translated directly, and what a text is taken for if it may be in
            several; empty if it needs none.
        beams: width of the beam search.
        style: of the texts.
        translator: writes in the decoder's place, or None.
        rerank_weight: how much a picture chooses among the candidates of a translator that does not see it; at 0 it is not
            looked at, and the result says so.
        doubtful_below: by pair, such as `en-de`, the score below which a translation may well be wrong; see `evaluate.tuning`.
    """

    space: Space
    decoder: Decoder
    words: Words | None = None
    pivot: str = ""
    beams: int = 4
    style: Style = PLAIN
    translator: Translator | None = None
    rerank_weight: float = 0.0
    doubtful_below: Mapping[str, float] = field(default_factory=dict)

    def code_of(self, language: str) -> str:
        """The code that is used here for the language.

        Raises:
            UnknownLanguage: it is not served. What a translator of its own serves, it says itself, pair by pair.
            InvalidQuery: it is no code of a language.
        """
        if self.translator is not None:
            return canonical(language)
        found = find(language, self.decoder.translation_languages)
        if found is None:
            raise UnknownLanguage(language, self.decoder.translation_languages)
        return found

    def source_of(self, text: str, to: str, source_language: str | None) -> Source:
        """The language of a text that can be translated: as given, else as recognised.

        Of a text that may be in several, such as "Taxi", it is one that it can be translated from: the pivot if that is among
        them, else the likeliest.

        Raises:
            InvalidQuery: the text is empty or too long, its language is not recognised, or it is in `to` already.
            UnknownLanguage: one of the languages is not served.
        """
        served, to = self.decoder.translation_languages, self.code_of(to)
        given = self.code_of(source_language) if source_language is not None else None
        if not text.strip():
            raise InvalidQuery("There is nothing to translate: the text is empty.")
        if len(text) > LONGEST:
            raise InvalidQuery(f"The text has {len(text):,} characters; at most {LONGEST:,} are translated at once, so give it in parts.")
        if given is not None or self.words is None:
            return Source(given or "")
        found = self.words.recognise(text.replace(MASK, " "))
        if found.language is None:
            raise InvalidQuery(f"The language of the text was not recognised; say which of {', '.join(served)} it is (--from).")
        known = [language for language in found.possible if language in served]
        if not known:
            raise UnknownLanguage(found.language, served)
        if known == [to]:
            raise InvalidQuery(f"The text seems to be in {to!r} already; if it is not, say which language it is in (--from).")
        others = [language for language in known if language != to]
        language = self.pivot if self.pivot in others else others[0]
        return Source(language, tuple(one for one in known if one != language))

    def refusal(self, text: str, to: str, source_language: str | None) -> str:
        """Why this text cannot be translated, in a sentence; empty if it can. For batches, where one text fails alone."""
        try:
            self.source_of(text, to, source_language)
        except MmembedError as error:
            return str(error)
        return ""

    def translate(
        self,
        texts: Sequence[str],
        to: str,
        source_language: str | None = None,
        vectors: np.ndarray | None = None,
        count: int = 1,
        pictures: Sequence[Picture | None] | None = None,
    ) -> list[Translation]:
        """Translate texts.

        Args:
            texts: each of one or more sentences.
            to: code of the language to write.
            source_language: code of the texts' language; None to recognise it, text by text.
            vectors: float32 `[N, dim]`, the pictures'; a row of NaN where there is none.
            count: how many wordings, alternatives included.
            pictures: those of the vectors, for a translator that looks at pixels.

        Raises:
            InvalidQuery, UnknownLanguage: see `source_of`.
            UnknownPair: the translator does not translate between these languages.
        """
        origins = [self.source_of(text, to, source_language) for text in texts]
        languages = [origin.language for origin in origins]
        if not texts:
            return []
        to, seen = self.code_of(to), list(pictures) if pictures is not None else [None] * len(texts)
        prefix = np.full((len(texts), self.space.dim), np.nan, np.float32) if vectors is None else vectors.astype(np.float32)
        steps = list(texts)
        between: dict[int, Draft] = {}
        indirect = [row for row, language in enumerate(languages) if self._is_indirect(language, to)]
        if indirect:
            drafts = self._step(
                [texts[row] for row in indirect], [languages[row] for row in indirect], self.pivot, prefix[indirect],
                [seen[row] for row in indirect], 1,
            )  # fmt: skip
            between = dict(zip(indirect, drafts, strict=True))
            for row, draft in between.items():
                steps[row] = draft.text
        read = [self.pivot if row in between else language for row, language in enumerate(languages)]
        drafts = self._step(steps, read, to, prefix, seen, count)
        similarities = self._similarities(texts, drafts, prefix)
        grounded = self._looks & ~np.isnan(prefix[:, 0])
        return [
            self._finished(texts[row], origins[row], to, draft, between.get(row), similarities[row], bool(grounded[row]), count)
            for row, draft in enumerate(drafts)
        ]

    def explain(self, text: str, to: str, source_language: str | None, picture: Picture, count: int = 1) -> Explained:
        """One text with the picture and without, both measured against the picture.

        Raises:
            InvalidQuery, UnknownLanguage: see `source_of`.
        """
        seen = self.space.embed_pictures([picture])
        vectors = np.concatenate([seen, np.full_like(seen, np.nan)])
        grounded, plain = self.translate([text, text], to, source_language, vectors, count, [picture, None])
        sentences = [sentence.text for sentence in split(plain.text)] or ["?"]
        return Explained(grounded, replace(plain, similarity=float((self.space.embed_texts(sentences) @ seen[0]).mean())))

    def _is_indirect(self, language: str, to: str) -> bool:
        return bool(self.pivot and language and self.pivot not in (language, to))

    @property
    def _chooses(self) -> bool:
        """Whether pictures choose among the candidates."""
        return self.translator is not None and not self.translator.sees and self.rerank_weight != 0

    @property
    def _looks(self) -> bool:
        """Whether pictures make a difference."""
        return self.translator is None or self.translator.sees or self._chooses

    def _step(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        to: str,
        vectors: np.ndarray,
        pictures: Sequence[Picture | None],
        count: int,
    ) -> list[Draft]:
        """One translation of each text, in as few calls of the decoder as there can be."""
        taken_apart = [split(text) for text in texts]
        inside = [
            (row, sentence.text, kept_parts(sentence.text, languages[row], self.words.is_name) if self.words and languages[row] else [])
            for row, sentences in enumerate(taken_apart)
            for sentence in sentences
        ]
        tries = [variants(sentence, parts, languages[row], to) for row, sentence, parts in inside]
        rows = [row for (row, _, _), variants_ in zip(inside, tries, strict=True) for _ in variants_]
        flat = [variant.text for variants_ in tries for variant in variants_]
        written = iter(self._write(flat, [languages[row] for row in rows], to, vectors[rows], [pictures[row] for row in rows], count))
        choices: list[list[Candidate]] = []
        lacking: list[list[str]] = [[] for _ in texts]
        for (row, sentence, parts), variants_ in zip(inside, tries, strict=True):
            chosen, gaps = best([(variant, usable(next(written), self.style)) for variant in variants_], parts, to)
            choices.append([replace(one, text=ended_as(one.text, sentence, to)) for one in chosen] if self.words else chosen)
            lacking[row] += gaps
        if self._chooses:
            choices = self._chosen(choices, vectors[[row for row, _, _ in inside]])
        sentences: list[list[tuple[Candidate, ...]]] = [[] for _ in texts]
        for (row, _, _), chosen in zip(inside, choices, strict=True):
            sentences[row].append(tuple(chosen))
        return [
            Draft(tuple(found), tuple(gaps), join([candidates[0].text for candidates in found], apart))
            for found, gaps, apart in zip(sentences, lacking, taken_apart, strict=True)
        ]

    def _write(
        self,
        texts: Sequence[str],
        languages: Sequence[str],
        to: str,
        vectors: np.ndarray,
        pictures: Sequence[Picture | None],
        count: int,
    ) -> list[list[Candidate]]:
        """Candidates of single sentences, more than are shown: what loops or lacks a name is passed over."""
        wanted = max(self.beams, count)
        if self.translator is None:
            prefix = None if np.isnan(vectors).all() else vectors
            return self.decoder.generate(prefix, texts, to, wanted, wanted, **in_style(self.decoder, self.style))
        if self._chooses and not np.isnan(vectors).all():
            wanted = max(wanted, CANDIDATES)
        found: dict[int, list[Candidate]] = {}
        for language in dict.fromkeys(languages):
            rows = [row for row, one in enumerate(languages) if one == language]
            written = self.translator.translate(
                [texts[row] for row in rows], to, language or None, [pictures[row] for row in rows] if self.translator.sees else None,
                wanted, wanted, **in_style(self.translator, self.style),
            )  # fmt: skip
            found.update(zip(rows, written, strict=True))
        return [found[row] for row in range(len(texts))]

    def _chosen(self, candidates: list[list[Candidate]], vectors: np.ndarray) -> list[list[Candidate]]:
        """The candidates of each sentence that has a picture, in the order in which they fit it."""
        chosen, pictured = list(candidates), [row for row in range(len(candidates)) if not np.isnan(vectors[row, 0])]
        for row, cosines in zip(pictured, fits(self.space, [candidates[row] for row in pictured], vectors[pictured]), strict=True):
            chosen[row] = rerank(candidates[row], self.rerank_weight * cosines)
        return chosen

    def _similarities(self, texts: Sequence[str], drafts: Sequence[Draft], prefix: np.ndarray) -> list[float]:
        """Of each translation to its picture, or else to its source: the mean over its sentences."""
        blind = [row for row in range(len(texts)) if np.isnan(prefix[row, 0])]
        anchors = prefix.copy()
        sources = [[sentence.text for sentence in split(texts[row])] for row in blind]
        if sources:
            embedded = self.space.embed_texts([sentence for sentences in sources for sentence in sentences])
            starts = np.cumsum([0, *(len(sentences) for sentences in sources[:-1])])
            means = np.add.reduceat(embedded, starts, axis=0)
            anchors[blind] = unit(means)
        lines = [candidates[0].text or "?" for draft in drafts for candidates in draft.sentences]
        written = self.space.embed_texts(lines)
        starts = np.cumsum([0, *(len(draft.sentences) for draft in drafts[:-1])])
        targets = unit(np.add.reduceat(written, starts, axis=0))
        return [float(anchor @ target) for anchor, target in zip(anchors, targets, strict=True)]

    def _finished(
        self, source: str, origin: Source, to: str, draft: Draft, before: Draft | None, similarity: float, looked: bool, count: int
    ) -> Translation:
        lacking = [*(before.lacking if before else ()), *draft.lacking]
        score = draft.score if before is None else (draft.score + before.score) / 2
        others = _others(draft, split(source), count)
        via = self.pivot if before else ""
        written_by = self.translator.name if self.translator is not None else ""
        remarks = (
            *notes.about_source(origin.language, origin.others),
            *notes.about_parts(lacking),
            *self._doubts(source, origin.language, to, draft, before),
        )
        return Translation(source, draft.text, to, looked, score, similarity, others, origin.language, via, remarks, written_by)

    def _doubts(self, source: str, language: str, to: str, draft: Draft, before: Draft | None) -> list[notes.Note]:
        """Which of the sentences are unlike what was read in training, of which others the decoder is unsure, and which words of the
        translation of the rest may be made up."""
        sentences = [sentence.text for sentence in split(source)]
        odd = [bool(self.words and language and self.words.is_odd(one.replace(MASK, " "), language)) for one in sentences]
        steps = [(language, to, draft)] if before is None else [(language, self.pivot, before), (self.pivot, to, draft)]
        unsure = [False] * len(sentences)
        for source_language, target, step in steps:
            least = self.doubtful_below.get(f"{source_language}-{target}", -np.inf)
            doubted = [candidates[0].score < least for candidates in step.sentences]
            same = len(doubted) == len(sentences)  # of the text on its way through the pivot there may be more or fewer
            unsure = [one or (doubted[row] if same else any(doubted)) for row, one in enumerate(unsure)]
        doubtful = [one and not unlike for one, unlike in zip(unsure, odd, strict=True)]
        said = [*notes.about_oddness(sentences, odd), *notes.about_doubt(sentences, doubtful)]
        if self.words and len(draft.sentences) == len(sentences):
            noted = [one or other for one, other in zip(odd, doubtful, strict=True)]
            rest = [candidates[0].text for candidates, known in zip(draft.sentences, noted, strict=True) if not known]
            said += notes.about_words(self.words.invented(" ".join(rest), source, to))
        return said


def _others(draft: Draft, sentences: list[Sentence], count: int) -> tuple[str, ...]:
    """Further wordings of the whole: the second of every sentence together, then the third, as far as there are any."""
    found = []
    for number in range(1, count):
        texts = [candidates[min(number, len(candidates) - 1)].text for candidates in draft.sentences]
        found.append(join(texts, sentences) if len(sentences) == len(texts) else " ".join(texts))
    return tuple(text for text in dict.fromkeys(found) if text != draft.text)
