"""Translation: the decoder reads the source's states and, when there is one, the picture's vector.

A text is taken apart into sentences, numbers and names are kept, and what the model does not know is said in notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mmembed.errors import InvalidQuery, MmembedError, UnknownLanguage
from mmembed.generate.base import Candidate, Decoder, Style, Translation
from mmembed.generate.captions import PLAIN, generate
from mmembed.generate.keeping import best, kept_parts, variants
from mmembed.generate.polish import usable
from mmembed.generate.sentences import Sentence, join, split
from mmembed.generate.words import Words
from mmembed.media.picture import Picture
from mmembed.space.base import Space
from mmembed.space.text import MASK

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
        decoder: writes.
        words: what the decoder was trained on; None if it is not known, and then no language is recognised and no name kept.
        pivot: the language between two others that the decoder does not translate directly; empty if it needs none.
        beams: width of the beam search.
        style: of the texts.
    """

    space: Space
    decoder: Decoder
    words: Words | None = None
    pivot: str = ""
    beams: int = 4
    style: Style = PLAIN

    def source_of(self, text: str, to: str, source_language: str | None) -> str:
        """The language of a text that can be translated: as given, else as recognised; empty if nobody can tell.

        Raises:
            InvalidQuery: the text is empty or too long, its language is not recognised, or it is in `to` already.
            UnknownLanguage: one of the languages is not served.
        """
        served = self.decoder.translation_languages
        for language in (to, source_language):
            if language is not None and language not in served:
                raise UnknownLanguage(language, served)
        if not text.strip():
            raise InvalidQuery("There is nothing to translate: the text is empty.")
        if len(text) > LONGEST:
            raise InvalidQuery(f"The text has {len(text):,} characters; at most {LONGEST:,} are translated at once, so give it in parts.")
        if source_language is not None or self.words is None:
            return source_language or ""
        found = self.words.recognise(text.replace(MASK, " ")).language
        if found is None:
            raise InvalidQuery(f"The language of the text was not recognised; say which of {', '.join(served)} it is.")
        if found not in served:
            raise UnknownLanguage(found, served)
        if found == to:
            raise InvalidQuery(f"The text seems to be in {to!r} already; if it is not, say which language it is in.")
        return found

    def refusal(self, text: str, to: str, source_language: str | None) -> str:
        """Why this text cannot be translated, in a sentence; empty if it can. For batches, where one text fails alone."""
        try:
            self.source_of(text, to, source_language)
        except MmembedError as error:
            return str(error)
        return ""

    def translate(
        self, texts: Sequence[str], to: str, source_language: str | None = None, vectors: np.ndarray | None = None, count: int = 1
    ) -> list[Translation]:
        """Translate texts.

        Args:
            texts: each of one or more sentences.
            to: code of the language to write.
            source_language: code of the texts' language; None to recognise it, text by text.
            vectors: float32 `[N, dim]`, the pictures'; a row of NaN where there is none.
            count: how many wordings, alternatives included.

        Raises:
            InvalidQuery, UnknownLanguage: see `source_of`.
        """
        languages = [self.source_of(text, to, source_language) for text in texts]
        if not texts:
            return []
        prefix = np.full((len(texts), self.space.dim), np.nan, np.float32) if vectors is None else vectors.astype(np.float32)
        steps = list(texts)
        between: dict[int, Draft] = {}
        indirect = [row for row, language in enumerate(languages) if self._is_indirect(language, to)]
        if indirect:
            drafts = self._step([texts[row] for row in indirect], [languages[row] for row in indirect], self.pivot, prefix[indirect], 1)
            between = dict(zip(indirect, drafts, strict=True))
            for row, draft in between.items():
                steps[row] = draft.text
        read = [self.pivot if row in between else language for row, language in enumerate(languages)]
        drafts = self._step(steps, read, to, prefix, count)
        similarities = self._similarities(texts, drafts, prefix)
        return [
            self._finished(
                texts[row], languages[row], to, draft, between.get(row), similarities[row], bool(~np.isnan(prefix[row, 0])), count
            )
            for row, draft in enumerate(drafts)
        ]

    def explain(self, text: str, to: str, source_language: str | None, picture: Picture, count: int = 1) -> Explained:
        """One text with the picture and without, both measured against the picture.

        Raises:
            InvalidQuery, UnknownLanguage: see `source_of`.
        """
        seen = self.space.embed_pictures([picture])
        vectors = np.concatenate([seen, np.full_like(seen, np.nan)])
        grounded, plain = self.translate([text, text], to, source_language, vectors, count)
        sentences = [sentence.text for sentence in split(plain.text)] or ["?"]
        return Explained(grounded, replace(plain, similarity=float((self.space.embed_texts(sentences) @ seen[0]).mean())))

    def _is_indirect(self, language: str, to: str) -> bool:
        return bool(self.pivot and language and self.pivot not in (language, to))

    def _step(self, texts: Sequence[str], languages: Sequence[str], to: str, vectors: np.ndarray, count: int) -> list[Draft]:
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
        prefix = vectors[rows]
        wanted = max(self.beams, count)
        written = iter(generate(self.decoder, None if np.isnan(prefix).all() else prefix, flat, to, wanted, wanted, self.style))
        sentences: list[list[tuple[Candidate, ...]]] = [[] for _ in texts]
        lacking: list[list[str]] = [[] for _ in texts]
        for (row, _, parts), variants_ in zip(inside, tries, strict=True):
            chosen, gaps = best([(variant, usable(next(written), self.style)) for variant in variants_], parts, to)
            sentences[row].append(tuple(chosen))
            lacking[row] += gaps
        return [
            Draft(tuple(found), tuple(gaps), join([candidates[0].text for candidates in found], apart))
            for found, gaps, apart in zip(sentences, lacking, taken_apart, strict=True)
        ]

    def _similarities(self, texts: Sequence[str], drafts: Sequence[Draft], prefix: np.ndarray) -> list[float]:
        """Of each translation to its picture, or else to its source: the mean over its sentences."""
        blind = [row for row in range(len(texts)) if np.isnan(prefix[row, 0])]
        anchors = prefix.copy()
        sources = [[sentence.text for sentence in split(texts[row])] for row in blind]
        if sources:
            embedded = self.space.embed_texts([sentence for sentences in sources for sentence in sentences])
            starts = np.cumsum([0, *(len(sentences) for sentences in sources[:-1])])
            means = np.add.reduceat(embedded, starts, axis=0)
            anchors[blind] = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
        lines = [candidates[0].text or "?" for draft in drafts for candidates in draft.sentences]
        written = self.space.embed_texts(lines)
        starts = np.cumsum([0, *(len(draft.sentences) for draft in drafts[:-1])])
        targets = np.add.reduceat(written, starts, axis=0)
        targets /= np.maximum(np.linalg.norm(targets, axis=1, keepdims=True), 1e-9)
        return [float(anchor @ target) for anchor, target in zip(anchors, targets, strict=True)]

    def _finished(
        self, source: str, language: str, to: str, draft: Draft, before: Draft | None, similarity: float, looked: bool, count: int
    ) -> Translation:
        gaps = list(dict.fromkeys([*(before.lacking if before else ()), *draft.lacking]))
        notes = [f"This could not be carried over: {', '.join(gaps)}."] if gaps else []
        if self.words and language and self.words.is_odd(source.replace(MASK, " "), language):
            notes.append("The text is unlike the captions this model learned from; do not rely on the translation.")
        score = draft.score if before is None else (draft.score + before.score) / 2
        others = _others(draft, split(source), count)
        via = self.pivot if before else ""
        return Translation(source, draft.text, to, looked, score, similarity, others, language, via, tuple(notes))


def _others(draft: Draft, sentences: list[Sentence], count: int) -> tuple[str, ...]:
    """Further wordings of the whole: the second of every sentence together, then the third, as far as there are any."""
    found = []
    for number in range(1, count):
        texts = [candidates[min(number, len(candidates) - 1)].text for candidates in draft.sentences]
        found.append(join(texts, sentences) if len(sentences) == len(texts) else " ".join(texts))
    return tuple(text for text in dict.fromkeys(found) if text != draft.text)
