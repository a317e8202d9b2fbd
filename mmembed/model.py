"""A space and what writes, under one name: what `mmembed.load()` returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mmembed.errors import InvalidQuery
from mmembed.generate import captions
from mmembed.generate.base import PLAIN, Caption, Captioner, Captioning, Decoder, Style, Translation, Translator, reads_vectors
from mmembed.generate.translation import Explained, Translating
from mmembed.generate.words import Words
from mmembed.media.picture import Picture
from mmembed.presets import Preset
from mmembed.space.base import Space


def no_words() -> None:
    """Of a model of which it is not known what it was trained on."""
    return


@dataclass(frozen=True)
class Model:
    """Presets brought to life: `space` embeds, `decoder` writes; or, instead of it, `captioner` and `translator`.

    Attributes:
        preset: what was loaded; of several joined with `+`, their facts together.
        space: embeds pictures and texts.
        decoder: writes from joint vectors. With a captioner and a translator it only says which languages they serve.
        captioner: describes pictures from their pixels, or None.
        translator: translates, or None.
        rerank_weight: how much the picture chooses among the candidates of a translator that does not see it.
        captioning: what was tuned for this space and what writes the captions together.
        words: gives the words that what translates was trained on, or None; read when first asked for.
        pivot: the language between two others that are not translated directly; empty if it needs none.
        doubtful_translations: by pair, such as `en-de`, the score below which a translation may well be wrong.
    """

    preset: Preset
    space: Space
    decoder: Decoder
    captioner: Captioner | None = None
    translator: Translator | None = None
    rerank_weight: float = 0.0
    captioning: Captioning = Captioning()  # noqa: RUF009  (it is frozen)
    words: Callable[[], Words | None] = no_words
    pivot: str = ""
    doubtful_translations: Mapping[str, float] = field(default_factory=dict)

    @property
    def picture_size(self) -> int:
        """The side in pixels to open pictures with (`target`), so that every part of the model sees enough."""
        return max(self.space.picture_size, *(part.picture_size for part in (self.captioner, self.translator) if part is not None), 0)

    def caption(
        self, pictures: Sequence[Picture], language: str = "en", count: int = 1, beams: int = 4, style: Style = PLAIN
    ) -> list[Caption]:
        """Describe pictures, one caption each.

        Args:
            pictures: what to describe. Opened with `target=model.picture_size` they are read faster, and look the same to it.
            language: code of the language to write in, such as "de".
            count: how many wordings of each; the best is the caption, the others are its `alternatives`.
            beams: width of the search for the likeliest words; more is slower and seldom better.
            style: length, or sampling instead of the search.

        Raises:
            UnknownLanguage: captions are not written in `language`.
            InvalidQuery: they cannot be written in that style.
        """
        return self.caption_in(pictures, [language], count, beams, style)[0]

    @property
    def reads_vectors(self) -> bool:
        """Whether captions are written from vectors of `space`, so that a gallery's need no picture to be opened."""
        return self.captioner is None or reads_vectors(self.captioner, self.space)

    def caption_in(
        self, pictures: Sequence[Picture], languages: Sequence[str], count: int = 1, beams: int = 4, style: Style = PLAIN
    ) -> list[list[Caption]]:
        """`caption` in several languages, one list a language in their order; the space looks at each picture once.

        Raises:
            UnknownLanguage: captions are not written in one of the languages.
            InvalidQuery: they cannot be written in that style.
        """
        vectors = self.space.embed_pictures(pictures)
        if self.captioner is None or self.reads_vectors:
            return self.caption_vectors(vectors, languages, count, beams, style)
        return [
            captions.caption_pictures(self.space, self.captioner, pictures, vectors, language, count, beams, style, self.captioning)
            for language in languages
        ]

    def caption_vectors(
        self, vectors: np.ndarray, languages: Sequence[str], count: int = 1, beams: int = 4, style: Style = PLAIN
    ) -> list[list[Caption]]:
        """`caption_in` of pictures of which only the vectors, float32 `[N, dim]`, are at hand, such as a gallery's.

        A vector need not be a picture's: between two of them, or near a text's, lies something to be described, too.

        Raises:
            UnknownLanguage: captions are not written in one of the languages.
            InvalidQuery: the model has a captioner that needs the pictures themselves; see `reads_vectors`.
        """
        if self.captioner is not None and self.reads_vectors:
            return [
                captions.caption_pictures(self.space, self.captioner, (), vectors, language, count, beams, style, self.captioning)
                for language in languages
            ]
        return [
            captions.caption_vectors(self.space, self.decoder, vectors, language, count, beams, style, self.captioning)
            for language in languages
        ]

    def translate(
        self,
        texts: Sequence[str],
        to: str,
        source_language: str | None = None,
        pictures: Sequence[Picture | None] | None = None,
        count: int = 1,
        beams: int = 4,
        style: Style = PLAIN,
    ) -> list[Translation]:
        """Translate texts, looking at a picture for each where there is one.

        Languages may be given by any common code: `de`, `de-AT`, `deu`, `deu_Latn`.

        Args:
            texts: each of one or more sentences, at most 5,000 characters. `<mask>` stands for a word that the picture tells.
            to: the language to write.
            source_language: the language of the texts; None to recognise it, text by text, if the model can.
            pictures: for each text its picture or None; None if there are none at all.
            count: how many wordings of each; the best is the translation, the others are its `alternatives`.
            beams: width of the search for the likeliest words.
            style: length, or sampling instead of the search.

        Raises:
            UnknownLanguage: `to` or the language of a text is not served.
            UnknownPair: there is no translation between just these two.
            InvalidQuery: a text is empty, too long, in no known language or in `to` already, or `pictures` has another length
                than `texts`.
        """
        if pictures is not None and len(pictures) != len(texts):
            raise InvalidQuery(f"There are {len(texts)} texts but {len(pictures)} pictures; give one picture (or None) for each text.")
        seen = list(pictures) if pictures is not None else []
        rows = [row for row, picture in enumerate(seen) if picture is not None]
        vectors = None
        if rows:
            vectors = np.full((len(texts), self.space.dim), np.nan, np.float32)
            vectors[rows] = self.space.embed_pictures([picture for picture in seen if picture is not None])
        return self.translating(beams, style).translate(texts, to, source_language, vectors, count, pictures)

    def explain(self, text: str, to: str, picture: Picture, source_language: str | None = None, count: int = 1) -> Explained:
        """A translation with the picture and one from the words alone, so that one sees what the picture changed.

        Raises:
            UnknownLanguage: as for `translate`.
            UnknownPair: as for `translate`.
            InvalidQuery: as for `translate`.
        """
        return self.translating().explain(text, to, source_language, picture, count)

    def translating(self, beams: int = 4, style: Style = PLAIN) -> Translating:
        """What translates, for those who have vectors instead of pictures, or texts of which each shall fail alone."""
        return Translating(
            self.space, self.decoder, self.words(), self.pivot, beams, style, self.translator, self.rerank_weight,
            self.doubtful_translations,
        )  # fmt: skip
