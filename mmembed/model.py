"""A space and what writes, under one name: what `mmembed.load()` returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmembed.errors import InvalidQuery
from mmembed.generate import captions, translation
from mmembed.generate.base import Caption, Captioner, Decoder, Translation, Translator
from mmembed.languages import find
from mmembed.media.picture import Picture
from mmembed.presets import Preset
from mmembed.space.base import Space


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
    """

    preset: Preset
    space: Space
    decoder: Decoder
    captioner: Captioner | None = None
    translator: Translator | None = None
    rerank_weight: float = 0.0

    @property
    def picture_size(self) -> int:
        """The side in pixels to open pictures with, so that every part of the model sees enough."""
        return max(self.space.picture_size, *(part.picture_size for part in (self.captioner, self.translator) if part is not None), 0)

    def caption(self, pictures: Sequence[Picture], language: str = "en", count: int = 1, beams: int = 4) -> list[Caption]:
        """Describe pictures, one caption each, with up to `count` - 1 alternatives.

        Raises:
            UnknownLanguage: captions are not written in `language`.
        """
        if self.captioner is not None:
            return captions.caption_pictures(self.space, self.captioner, pictures, language, count, beams)
        return self.caption_in(pictures, [language], count, beams)[0]

    def caption_in(self, pictures: Sequence[Picture], languages: Sequence[str], count: int = 1, beams: int = 4) -> list[list[Caption]]:
        """`caption` in several languages, one list a language; where vectors are described, each picture is looked at once.

        Raises:
            UnknownLanguage: captions are not written in one of the languages.
        """
        if self.captioner is not None:
            return [self.caption(pictures, language, count, beams) for language in languages]
        served = [find(language, self.decoder.caption_languages) or language for language in languages]
        vectors = self.space.embed_pictures(pictures)
        return [captions.caption_vectors(self.space, self.decoder, vectors, language, count, beams) for language in served]

    def translate(
        self,
        texts: Sequence[str],
        to: str,
        source_language: str | None = None,
        pictures: Sequence[Picture | None] | None = None,
        count: int = 1,
        beams: int = 4,
    ) -> list[Translation]:
        """Translate texts, looking at a picture for each where there is one.

        Languages may be given by any common code: `de`, `de-AT`, `deu`, `deu_Latn`.

        Raises:
            UnknownLanguage: `to` or `source_language` is not served.
            UnknownPair: there is no translation between just these two.
            InvalidQuery: a text is empty, or `pictures` has another length than `texts`.
        """
        if pictures is not None and len(pictures) != len(texts):
            raise InvalidQuery(f"There are {len(texts)} texts but {len(pictures)} pictures; give one picture (or None) for each text.")
        if self.translator is not None:
            return translation.translate_with(
                self.space, self.translator, texts, to, source_language, pictures, count, beams, self.rerank_weight
            )
        served = self.decoder.translation_languages
        to = find(to, served) or to
        source_language = (find(source_language, served) or source_language) if source_language is not None else None
        return translation.translate(self.space, self.decoder, texts, to, source_language, pictures, count, beams)
