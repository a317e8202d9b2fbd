"""What flows out of the decoder, and what every decoder promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeGuard, cast

import numpy as np

from mmembed.generate.notes import Note
from mmembed.media.picture import Picture
from mmembed.space.base import Space
from mmembed.space.logistic import logistic


@dataclass(frozen=True)
class Candidate:
    """One text a decoder proposes; `score` is its length-normalised log-probability."""

    text: str
    score: float


@dataclass(frozen=True)
class Style:
    """How texts are to be written.

    Attributes:
        shortest: fewest words (Chinese: characters).
        longest: most words (Chinese: characters); 0 means as many as the decoder can.
        seed: None for beam search; a number for sampling, the same texts for the same number.
        temperature: of sampling; below 1 keeps to likely words, above 1 ventures.
        top_p: sampling draws from the likeliest pieces that together have this probability (nucleus sampling,
            https://arxiv.org/abs/1904.09751).
    """

    shortest: int = 0
    longest: int = 0
    seed: int | None = None
    temperature: float = 1.0
    top_p: float = 0.9


PLAIN = Style()
"""As the model itself writes."""


@dataclass(frozen=True)
class Naming:
    """When the space says plainly what kind of thing an unfamiliar picture shows, and how likely that is right; see `generate.plain`.

    Attributes:
        above: said if the evidence (see `space.kinds.Kinds.evidence`) is at least this.
        slope: of the evidence, in Platt scaling: what is said is right with the probability 1 / (1 + exp(-(slope · evidence + offset))).
        offset: see `slope`.
    """

    above: float
    slope: float
    offset: float

    def probability(self, evidence: np.ndarray) -> np.ndarray:
        """That what is said with this evidence is right, of the same shape."""
        return logistic(self.slope * evidence + self.offset)


@dataclass(frozen=True)
class Captioning:
    """What was tuned on validation data for one space and one decoder together; part of a bundle's manifest.

    Attributes:
        rerank_weight: weight of the cosines to the picture beside a candidate's mean log-probability; see `generate.rerank`.
        agreement_weight: weight of what it shares with the other candidates.
        doubtful_below: captions of less confidence are marked as doubtful; see `evaluate.tuning`.
        unfamiliar_below: captions of pictures less like those the space learned from (see `space.base.FamiliarSpace`) are marked
            so, too, but for plain ones.
        slope: of the cosine between a caption that was written and its picture, in Platt scaling: the caption is right with the
            probability 1 / (1 + exp(-(slope · cosine + offset))). 0 where that was not measured.
        offset: see `slope`.
        naming: when an unfamiliar picture is only named; None leaves all captions to what writes them.
    """

    rerank_weight: float = 0.0
    agreement_weight: float = 0.0
    doubtful_below: float = 0.05
    slope: float = 0.0
    offset: float = 0.0
    unfamiliar_below: float = -1.0
    naming: Naming | None = None

    @property
    def chooses(self) -> bool:
        """Whether another candidate than the decoder's first may be taken."""
        return bool(self.rerank_weight or self.agreement_weight)

    def probability(self, cosines: np.ndarray) -> np.ndarray:
        """That captions of these cosines to their pictures are right, of the same shape."""
        return logistic(self.slope * cosines + self.offset)


@dataclass(frozen=True)
class Caption:
    """A description of a picture.

    Attributes:
        text: the caption.
        language: ISO 639-1 code.
        score: length-normalised log-probability under the decoder; of a plain caption (`generate.plain`) that it is right.
        similarity: cosine between caption and picture in the joint space.
        alternatives: further candidates, best first.
        confidence: calibrated probability that a caption of this similarity names nothing that is not in the picture; of a plain
            caption, that the picture shows what it names. Where that was not measured for what wrote it (see `Captioning`), the
            probability that a picture of this similarity is what a text describes, which is higher: captions are chosen by their
            similarity. None for captions stored earlier.
        doubtful: whether the confidence is lower than that of nearly all captions that are right, or the picture `unfamiliar`; of a plain
            caption, which such pictures have, only the former.
        written_by: the models that wrote it, in words, such as "blip-base in English, then opus-mt"; empty for a bundle.
        unfamiliar: whether the picture is less like those that were learned from than nearly all of the right captions' are; then
            a caption may well be about something else, however well it fits, but for a plain one, which is about that.
        looks_like: of an unfamiliar picture, the names of the kinds of things that it looks most like, in the caption's language;
            the space knows more kinds by sight than captions told it of.
    """

    text: str
    language: str
    score: float
    similarity: float
    alternatives: tuple[str, ...] = ()
    confidence: float | None = field(default=None, compare=False)  # a judgement of the caption, not a part of it
    doubtful: bool = field(default=False, compare=False)
    written_by: str = ""
    unfamiliar: bool = field(default=False, compare=False)
    looks_like: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Translation:
    """A translated text.

    Attributes:
        source: the text that was translated.
        text: its translation.
        language: ISO 639-1 code of `text`.
        grounded: whether a picture was looked at.
        score: length-normalised log-probability under the decoder.
        similarity: cosine between translation and picture if there is one, else between translation and source.
        alternatives: further candidates, best first.
        source_language: code of the source's language, as given or as recognised; empty if neither.
        via: the language it went through, such as `en` from German to French; empty if it was translated directly.
        notes: what the reader should know, in sentences, such as a name that could not be carried over.
        written_by: the models that wrote it, in words; empty for a bundle.
    """

    source: str
    text: str
    language: str
    grounded: bool
    score: float
    similarity: float
    alternatives: tuple[str, ...] = ()
    source_language: str = ""
    via: str = ""
    notes: tuple[Note, ...] = ()
    written_by: str = ""


class Decoder(Protocol):
    """Turns joint vectors and source texts into text.

    Attributes:
        caption_languages: codes it describes pictures in.
        translation_languages: codes it translates between.
    """

    @property
    def caption_languages(self) -> tuple[str, ...]: ...

    @property
    def translation_languages(self) -> tuple[str, ...]: ...

    def generate(
        self, prefix: np.ndarray | None, source: Sequence[str] | None, language: str, beams: int = 4, count: int = 1
    ) -> list[list[Candidate]]:
        """The `count` best texts for each row, best first.

        Args:
            prefix: float32 `[N, dim]` joint vectors; a row of NaN, or None for all, means "no picture".
            source: N texts to translate, or None for captions.
            language: code of the language to write in.
            beams: width of the beam search.
            count: how many candidates to return for each row, at most `beams`.
        """
        ...


class StyledDecoder(Decoder, Protocol):
    """A decoder that also writes in a given style.

    Attributes:
        follows_style: True; a decoder without it writes as it does.
    """

    @property
    def follows_style(self) -> bool: ...

    def generate(
        self,
        prefix: np.ndarray | None,
        source: Sequence[str] | None,
        language: str,
        beams: int = 4,
        count: int = 1,
        style: Style = PLAIN,
    ) -> list[list[Candidate]]:
        """See `Decoder.generate`."""
        ...


class Captioner(Protocol):
    """Describes pictures from their pixels, as most models from a hub do, not from their joint vectors.

    Attributes:
        name: what it is called.
        languages: codes of the languages it writes.
        picture_size: side in pixels that pictures should at least have; the `target` to open them with.
    """

    @property
    def name(self) -> str: ...

    @property
    def languages(self) -> tuple[str, ...]: ...

    @property
    def picture_size(self) -> int: ...

    def describe(self, pictures: Sequence[Picture], language: str, beams: int = 4, count: int = 1) -> list[list[Candidate]]:
        """The `count` best captions of each picture, best first."""
        ...

    def credit(self, language: str) -> str:
        """Which models write in this language, in words."""
        ...


class VectorCaptioner(Captioner, Protocol):
    """A captioner that reads a space's vectors, so that a picture whose vector is at hand is not looked at again."""

    def reads(self, space: Space) -> bool:
        """Whether the vectors of this space are those it reads."""
        ...

    def describe_vectors(self, vectors: np.ndarray, language: str, beams: int = 4, count: int = 1) -> list[list[Candidate]]:
        """`describe` of pictures of which only the vectors, float32 `[N, dim]`, are at hand."""
        ...


def reads_vectors(captioner: Captioner, space: Space) -> TypeGuard[VectorCaptioner]:
    """Whether a captioner describes pictures from their vectors in this space."""
    return hasattr(captioner, "describe_vectors") and cast(VectorCaptioner, captioner).reads(space)


class Translator(Protocol):
    """Translates texts, looking at pictures or not.

    Attributes:
        name: what it is called.
        languages: codes of the languages it translates between; not every pair has to exist.
        sees: whether it looks at pictures.
        picture_size: side in pixels that pictures should at least have; 0 if it looks at none.
    """

    @property
    def name(self) -> str: ...

    @property
    def languages(self) -> tuple[str, ...]: ...

    @property
    def sees(self) -> bool: ...

    @property
    def picture_size(self) -> int: ...

    def translate(
        self,
        texts: Sequence[str],
        to: str,
        source_language: str | None,
        pictures: Sequence[Picture | None] | None = None,
        beams: int = 4,
        count: int = 1,
    ) -> list[list[Candidate]]:
        """The `count` best translations of each text, best first.

        Raises:
            UnknownPair: it does not translate between these languages.
            InvalidQuery: it needs to know the language of the texts.
        """
        ...
