"""A space and a decoder under one name: what `mmembed.load()` returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mmembed.errors import InvalidQuery
from mmembed.generate import captions, translation
from mmembed.generate.base import Caption, Decoder, Translation
from mmembed.media.picture import Picture
from mmembed.presets import Preset
from mmembed.space.base import Space


@dataclass(frozen=True)
class Model:
    """A preset brought to life: `space` embeds, `decoder` writes."""

    preset: Preset
    space: Space
    decoder: Decoder

    def caption(self, pictures: Sequence[Picture], language: str = "en", count: int = 1, beams: int = 4) -> list[Caption]:
        """Describe pictures, one caption each, with up to `count` - 1 alternatives.

        Raises:
            UnknownLanguage: the decoder does not write captions in `language`.
        """
        return captions.caption_vectors(self.space, self.decoder, self.space.embed_pictures(pictures), language, count, beams)

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

        Raises:
            UnknownLanguage: `to` or `source_language` is not served.
            InvalidQuery: a text is empty, or `pictures` has another length than `texts`.
        """
        if pictures is not None and len(pictures) != len(texts):
            raise InvalidQuery(f"There are {len(texts)} texts but {len(pictures)} pictures; give one picture (or None) for each text.")
        return translation.translate(self.space, self.decoder, texts, to, source_language, pictures, count, beams)
