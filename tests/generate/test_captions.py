"""Captions from candidates: reranking, doubt, style, and the two numbers behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from mmembed.errors import InvalidQuery, UnknownLanguage
from mmembed.generate.base import PLAIN, Candidate, Caption, Captioning, Naming, Style
from mmembed.generate.captions import caption_pictures, caption_vectors
from mmembed.generate.parts import DecoderCaptioner
from mmembed.space.base import Space
from mmembed.space.kinds import Kinds
from tests.fakes import FakeDecoder, FakeSpace, colour_kinds, colour_picture


class Scripted:
    """Says the same whatever it sees."""

    caption_languages = ("en",)
    translation_languages = ()

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def generate(
        self, prefix: np.ndarray | None, source: Sequence[str] | None, language: str, beams: int = 4, count: int = 1
    ) -> list[list[Candidate]]:
        assert prefix is not None
        return [[Candidate(text, -0.2 * rank) for rank, text in enumerate(self.texts)] for _ in prefix]


class Stylish(Scripted):
    """Writes the style it is given."""

    follows_style = True

    def generate(  # type: ignore[override]
        self, prefix: np.ndarray, source: None, language: str, beams: int, count: int, style: Style
    ) -> list[list[Candidate]]:
        return [[Candidate(f"seed {style.seed} words {style.shortest} {style.longest}", -1.0)] for _ in prefix]


RED = FakeSpace().embed_pictures([colour_picture("red")])


def captioned(*texts: str, count: int = 1, style: Style = Style(), captioning: Captioning = Captioning()):  # noqa: B008
    return caption_vectors(FakeSpace(), Scripted(*texts), RED, "en", count, 4, style, captioning)[0]


def test_without_weight_the_decoder_chooses() -> None:
    found = captioned("a blue thing", "a red thing", count=2)
    assert (found.text, found.alternatives) == ("a blue thing", ("a red thing",))


def test_with_weight_the_picture_chooses() -> None:
    found = captioned("a blue thing", "a red thing", "a green thing", count=2, captioning=Captioning(rerank_weight=1.0))
    assert (found.text, found.alternatives) == ("a red thing", ("a blue thing",))
    assert found.score == pytest.approx(-0.2)


def test_a_caption_that_does_not_fit_is_doubtful() -> None:
    right, wrong = captioned("red", captioning=Captioning(doubtful_below=0.5)), captioned("blue", captioning=Captioning(doubtful_below=0.5))
    assert (right.doubtful, wrong.doubtful, wrong.unfamiliar) == (False, True, False)
    assert right.confidence is not None and wrong.confidence is not None
    assert right.confidence > 0.9 > 0.1 > wrong.confidence


class Homely(FakeSpace):
    """Learned from red pictures."""

    kinds: Kinds | None = None

    def familiarity(self, vectors: np.ndarray) -> np.ndarray:
        return vectors[:, 0]


@pytest.mark.parametrize(("space", "expected"), [(Homely(), [False, True]), (FakeSpace(), [False, False])])
def test_a_caption_of_a_picture_unlike_those_learned_from_is_doubtful_however_well_it_fits(space: FakeSpace, expected: list[bool]) -> None:
    vectors = space.embed_pictures([colour_picture("red"), colour_picture("blue")])
    found = caption_vectors(space, FakeDecoder(), vectors, "en", captioning=Captioning(unfamiliar_below=0.5))
    assert [caption.text for caption in found] == ["red", "blue"]
    assert [caption.doubtful for caption in found] == [caption.unfamiliar for caption in found] == expected
    assert not any(caption.doubtful for caption in caption_vectors(space, FakeDecoder(), vectors, "en")), "nothing was measured"


def test_what_an_unfamiliar_picture_looks_like_is_said() -> None:
    space = Homely()
    space.kinds = colour_kinds()
    vectors = space.embed_pictures([colour_picture("red"), colour_picture("blue")])
    found = caption_vectors(space, FakeDecoder(), vectors, "de", captioning=Captioning(unfamiliar_below=0.5))
    assert [caption.looks_like for caption in found] == [(), ("Abendhimmel", "Himmel", "Rose")]


def test_what_an_unfamiliar_picture_surely_shows_is_said_plainly() -> None:
    space, tuned = Homely(), Captioning(unfamiliar_below=0.5, naming=Naming(0.0, 1.0, 0.0))
    space.kinds = replace(colour_kinds(), articles={"de": ["eine", "eine", "ein", "ein"]})
    vectors = space.embed_pictures([colour_picture("red"), colour_picture("blue")])

    def said(captioning: Captioning, language: str = "de", count: int = 1, style: Style = PLAIN) -> list[str]:
        captioner = DecoderCaptioner("fake", space, FakeDecoder())
        found = caption_vectors(space, FakeDecoder(), vectors, language, count, style=style, captioning=captioning)
        again = caption_pictures(space, captioner, (), vectors, language, count, style=style, captioning=captioning)
        texts, others = ([text for one in captions for text in (one.text, *one.alternatives)] for captions in (found, again))
        assert texts == others
        return texts

    plain = "Auf dem Foto ist ein Abendhimmel zu sehen."
    assert said(tuned) == ["rot", plain]
    assert said(tuned, "en") == ["red", "A photo of sky."]
    assert said(tuned, count=2) == ["rot", "rot!", plain, "blau"], "what the decoder writes comes after it"
    assert said(Captioning(unfamiliar_below=0.5)) == ["rot", "blau"], "unless that was tuned"
    assert said(Captioning(naming=Naming(0.0, 1.0, 0.0))) == ["rot", "blau"], "nothing is unfamiliar"
    space.kinds = replace(colour_kinds(), usual=np.log(np.full(4, 0.25, np.float32)))
    evidence = float(space.kinds.evidence(vectors)[1])
    assert 0 < evidence < np.log(4)
    assert said(replace(tuned, naming=Naming(evidence - 0.01, 1.0, 0.0))) == ["rot", "Auf dem Foto ist Abendhimmel zu sehen."]
    assert said(replace(tuned, naming=Naming(evidence + 0.01, 1.0, 0.0))) == ["rot", "blau"], "it is not surely that"
    space.kinds = replace(colour_kinds(), names={"en": colour_kinds().names["en"]})
    assert said(tuned) == ["rot", "blau"], "it has no German name"
    space.kinds = None
    assert said(tuned) == ["rot", "blau"]


def test_a_plain_caption_is_doubtful_by_its_own_confidence() -> None:
    space = Homely()
    space.kinds = colour_kinds()
    vectors = space.embed_pictures([colour_picture("blue")])

    def described(chance: float) -> Caption:
        naming = Naming(0.0, 0.0, float(np.log(chance / (1 - chance))))
        return caption_vectors(space, FakeDecoder(), vectors, "en", captioning=Captioning(0, 0, 0.5, unfamiliar_below=0.5, naming=naming))[
            0
        ]

    sure, unsure = described(0.51), described(0.49)
    assert (sure.text, sure.doubtful, sure.unfamiliar) == ("A photo of sky.", False, True)
    assert (unsure.text, unsure.doubtful, unsure.unfamiliar) == ("A photo of sky.", True, True)
    assert (sure.confidence, unsure.confidence) == (pytest.approx(0.51), pytest.approx(0.49))
    assert sure.looks_like == unsure.looks_like != ()


def test_a_plain_caption_of_another_length_than_asked_comes_last() -> None:
    space, captioning = Homely(), Captioning(unfamiliar_below=0.5, naming=Naming(0.0, 1.0, 0.0))
    space.kinds = colour_kinds()
    vectors = space.embed_pictures([colour_picture("blue")])
    [found] = caption_pictures(
        space, DecoderCaptioner("fake", space, Scripted("blue")), (), vectors, "en", 2, style=Style(longest=2), captioning=captioning
    )
    assert (found.text, found.alternatives) == ("blue", ("A photo of sky.",))


def test_a_captioner_that_looks_at_the_pixels_is_not_spoken_over() -> None:
    class Looking(DecoderCaptioner):
        def reads(self, space: Space) -> bool:
            return False

    space, picture = Homely(), colour_picture("blue")
    space.kinds = colour_kinds()
    captioning = Captioning(unfamiliar_below=0.5, naming=Naming(0.0, 1.0, 0.0))
    vectors = space.embed_pictures([picture])
    [found] = caption_pictures(space, Looking("fake", space, FakeDecoder()), [picture], vectors, "en", captioning=captioning)
    assert found.text == "blue"


def test_how_sure_a_written_caption_is_can_be_measured() -> None:
    measured = Captioning(doubtful_below=0.5, slope=4, offset=-3.0)
    right, wrong = captioned("red", captioning=measured), captioned("blue", captioning=measured)
    assert right.confidence == pytest.approx(1 / (1 + np.exp(3 - 4 * right.similarity)))
    assert right.confidence == pytest.approx(1 / (1 + np.exp(-1)), abs=0.01), "not the 0.98 of the space"
    assert (right.doubtful, wrong.doubtful) == (False, True)


def test_loops_are_passed_over_and_the_length_is_chosen() -> None:
    assert captioned("red and red and red and red", "a red wall").text == "a red wall"
    assert captioned("a red wall", "red", style=Style(longest=1)).text == "red"


def test_what_echoes_itself_comes_after_the_others_but_is_not_lost() -> None:
    echo = "a red thing on a red thing"
    for captioning in (Captioning(), Captioning(rerank_weight=5.0, agreement_weight=3.0)):
        found = captioned(echo, "a blue bird", "a green thing", count=3, captioning=captioning)
        assert found.text != echo
        assert found.alternatives[-1] == echo
    assert captioned(echo).text == echo


def test_the_asked_length_matters_more_than_the_picture_and_echoes() -> None:
    texts = ("a red thing", "a blue thing by a blue thing")
    found = captioned(*texts, style=Style(shortest=6), captioning=Captioning(rerank_weight=5.0))
    assert found.text == texts[1]


def test_a_style_reaches_the_decoder_that_follows_it() -> None:
    found = caption_vectors(FakeSpace(), Stylish(), RED, "en", style=Style(2, 9, seed=5))
    assert found[0].text == "seed 5 words 2 9"
    with pytest.raises(InvalidQuery, match="sample"):
        captioned("red", style=Style(seed=1))


def test_unknown_language_and_nothing() -> None:
    with pytest.raises(UnknownLanguage):
        caption_vectors(FakeSpace(), FakeDecoder(), RED, "xx")
    assert caption_vectors(FakeSpace(), FakeDecoder(), np.zeros((0, 4), np.float32), "en") == []
