"""A captioner and a translator in the place of a `Decoder`, and a `Decoder` with its own space in the place of either."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmembed.errors import InvalidQuery
from mmembed.generate.base import PLAIN, Candidate, Captioner, Decoder, Style, Translator, reads_vectors
from mmembed.generate.pairs import require_languages
from mmembed.generate.style import in_style
from mmembed.languages import canonical, find
from mmembed.media.picture import Picture
from mmembed.space.base import Space


class PartsDecoder:
    """What a model of several parts shows as its `Decoder`: the languages, translation without pictures, and captions of vectors
    in `space` if the captioner reads them."""

    def __init__(self, captioner: Captioner, translator: Translator, space: Space | None = None) -> None:
        self._captioner, self._translator, self._space = captioner, translator, space

    @property
    def caption_languages(self) -> tuple[str, ...]:
        """The captioner's."""
        return self._captioner.languages

    @property
    def translation_languages(self) -> tuple[str, ...]:
        """The translator's."""
        return self._translator.languages

    def generate(
        self, prefix: np.ndarray | None, source: Sequence[str] | None, language: str, beams: int = 4, count: int = 1
    ) -> list[list[Candidate]]:
        """Only what needs no pixels; `Model.caption` and `Model.translate` do the rest.

        Raises:
            InvalidQuery: a vector is to be described by a captioner that needs pixels, or looked at.
        """
        if source is None and prefix is not None and self._space is not None and reads_vectors(self._captioner, self._space):
            return self._captioner.describe_vectors(prefix, language, max(beams, count), count)
        if source is None or prefix is not None:
            raise InvalidQuery(f"{self._captioner.name} describes pictures, not their vectors; give it the pictures themselves.")
        return self._translator.translate(source, language, None, None, beams, count)


class DecoderCaptioner:
    """A `Captioner` that reads pictures through its own space, such as the bundled model's.

    Attributes:
        follows_style: True; `describe` says if the decoder cannot.
    """

    follows_style = True

    def __init__(self, name: str, space: Space, decoder: Decoder) -> None:
        self.name, self._space, self._decoder = name, space, decoder
        self.picture_size = space.picture_size

    @property
    def languages(self) -> tuple[str, ...]:
        """The decoder's."""
        return self._decoder.caption_languages

    def credit(self, language: str) -> str:
        """The model's name."""
        return self.name

    def describe(
        self, pictures: Sequence[Picture], language: str, beams: int = 4, count: int = 1, style: Style = PLAIN
    ) -> list[list[Candidate]]:
        """See `Captioner.describe`; in a style if the decoder follows one."""
        return self.describe_vectors(self._space.embed_pictures(pictures), language, beams, count, style)

    def reads(self, space: Space) -> bool:
        """See `VectorCaptioner.reads`; the digest of a large model's weights is not asked for where names differ already."""
        return space.name == self._space.name and space.identity == self._space.identity

    def describe_vectors(
        self, vectors: np.ndarray, language: str, beams: int = 4, count: int = 1, style: Style = PLAIN
    ) -> list[list[Candidate]]:
        """See `VectorCaptioner.describe_vectors`."""
        return self._decoder.generate(vectors, None, language, max(beams, count), count, **in_style(self._decoder, style))


class DecoderTranslator:
    """The same as a `Translator`.

    Attributes:
        follows_style: True; `translate` says if the decoder cannot.
    """

    sees, follows_style = True, True

    def __init__(self, name: str, space: Space, decoder: Decoder) -> None:
        self.name, self._space, self._decoder = name, space, decoder
        self.picture_size = space.picture_size

    @property
    def languages(self) -> tuple[str, ...]:
        """The decoder's."""
        return self._decoder.translation_languages

    def translate(
        self,
        texts: Sequence[str],
        to: str,
        source_language: str | None,
        pictures: Sequence[Picture | None] | None = None,
        beams: int = 4,
        count: int = 1,
        style: Style = PLAIN,
    ) -> list[list[Candidate]]:
        """See `Translator.translate`; a picture that several texts have is looked at once."""
        require_languages(self.name, [canonical(code) for code in (to, source_language) if code], self.languages)
        prefix = None
        if pictures is not None and any(picture is not None for picture in pictures):
            seen = {id(picture): picture for picture in pictures if picture is not None}
            vectors = dict(zip(seen, self._space.embed_pictures(list(seen.values())), strict=True))
            nothing = np.full(self._space.dim, np.nan, np.float32)
            prefix = np.array([vectors.get(id(picture), nothing) for picture in pictures], np.float32)
        served = find(to, self.languages) or to
        return self._decoder.generate(prefix, texts, served, max(beams, count), count, **in_style(self._decoder, style))
