"""A space and a decoder under one name: what `mmembed.load()` returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mmembed.errors import InvalidQuery
from mmembed.generate import captions
from mmembed.generate.base import Caption, Captioning, Decoder, Style, Translation
from mmembed.generate.captions import PLAIN
from mmembed.generate.translation import Explained, Translating
from mmembed.generate.words import Words
from mmembed.media.picture import Picture
from mmembed.presets import Preset
from mmembed.space.base import Space


def _no_words() -> None:
    return None


@dataclass(frozen=True)
class Model:
    """A preset brought to life: `space` embeds, `decoder` writes.

    Attributes:
        preset: what was loaded.
        space: embeds pictures and texts.
        decoder: writes captions and translations.
        captioning: what was tuned for this space and decoder together.
        words: gives the words the decoder was trained on, or None; read when first asked for.
        pivot: the language between two others that the decoder does not translate directly; empty if it needs none.
    """

    preset: Preset
    space: Space
    decoder: Decoder
    captioning: Captioning = Captioning()  # noqa: RUF009  (it is frozen)
    words: Callable[[], Words | None] = _no_words
    pivot: str = ""

    def caption(
        self, pictures: Sequence[Picture], language: str = "en", count: int = 1, beams: int = 4, style: Style = PLAIN
    ) -> list[Caption]:
        """Describe pictures, one caption each, with up to `count` - 1 alternatives.

        Raises:
            UnknownLanguage: the decoder does not write captions in `language`.
            InvalidQuery: the decoder cannot write in that style.
        """
        return self.caption_in(pictures, [language], count, beams, style)[0]

    def caption_in(
        self, pictures: Sequence[Picture], languages: Sequence[str], count: int = 1, beams: int = 4, style: Style = PLAIN
    ) -> list[list[Caption]]:
        """`caption` in several languages, one list a language; each picture is looked at once.

        Raises:
            UnknownLanguage: captions are not written in one of the languages.
        """
        return self.caption_vectors(self.space.embed_pictures(pictures), languages, count, beams, style)

    def caption_vectors(
        self, vectors: np.ndarray, languages: Sequence[str], count: int = 1, beams: int = 4, style: Style = PLAIN
    ) -> list[list[Caption]]:
        """`caption_in` of pictures of which only the vectors, float32 `[N, dim]`, are at hand, such as a gallery's."""
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

        A text may have several sentences; its language is recognised if `source_language` is not given.

        Raises:
            UnknownLanguage: `to` or the language of a text is not served.
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
        return self.translating(beams, style).translate(texts, to, source_language, vectors, count)

    def explain(self, text: str, to: str, picture: Picture, source_language: str | None = None, count: int = 1) -> Explained:
        """A translation with the picture and one from the words alone, so that one sees what the picture changed.

        Raises:
            InvalidQuery, UnknownLanguage: as `translate`.
        """
        return self.translating().explain(text, to, source_language, picture, count)

    def translating(self, beams: int = 4, style: Style = PLAIN) -> Translating:
        """What translates, for those who have vectors, or rows that shall fail one by one."""
        return Translating(self.space, self.decoder, self.words(), self.pivot, beams, style)
