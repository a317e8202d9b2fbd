"""Translation around the decoder: languages, sentences, names and numbers, detours, what goes wrong. The decoder is a word list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from mmembed.errors import InvalidQuery, UnknownLanguage
from mmembed.generate.base import Candidate
from mmembed.generate.translation import LONGEST, Translating
from mmembed.generate.words import Words
from tests.fakes import FakeSpace, colour_picture

DICTIONARY = {
    "de": {"a": "ein", "man": "Mann", "rides": "fährt", "in": "in", "the": "der", "city": "Stadt", "five": "fünf", "three": "drei",
           "dogs": "Hunde", "run": "laufen", "woman": "Frau", "and": "und", "black": "schwarze", "red": "rot"},
    "fr": {"a": "un", "man": "homme", "rides": "roule", "in": "dans", "the": "la", "city": "ville", "dogs": "chiens", "red": "rouge"},
    "en": {"ein": "a", "mann": "man", "fährt": "rides", "rot": "red", "in": "in", "der": "the", "stadt": "city", "hunde": "dogs"},
}  # fmt: skip
TEXTS = {
    "en": [" ".join(DICTIONARY["de"])] * 50,
    "de": ["Ein Mann fährt rot in der Stadt Hunde drei fünf Frau und laufen"] * 50,
}


class Dictionary:
    """Writes word for word, "thing" for words it does not know, and the colour of the picture at the end."""

    caption_languages = ()
    translation_languages = ("en", "de", "fr", "cs")

    def __init__(self) -> None:
        self.read: list[str] = []

    def generate(
        self, prefix: np.ndarray | None, source: Sequence[str] | None, language: str, beams: int = 4, count: int = 1
    ) -> list[list[Candidate]]:
        assert source is not None
        self.read += source
        texts, known = [], DICTIONARY.get(language, {})
        for row, text in enumerate(source):
            translated = re.sub(r"[\w:]+", lambda word: known.get(word.group().lower(), "thing"), text)
            seen = prefix is not None and not np.isnan(prefix[row]).any()
            texts.append(translated[:-1] + " " + ("hot" if prefix[row][0] > 0.5 else "cold") + "." if seen else translated)
        return [[Candidate(text, -0.5), Candidate(f"Also: {text}", -1.0)][:count] for text in texts]


@pytest.fixture
def translating() -> Translating:
    words = Words(Words.counted(TEXTS, {}).counts, {"en": -5.0, "de": -5.0})
    return Translating(FakeSpace(), Dictionary(), words, "en", beams=2)


def test_the_language_is_recognised(translating: Translating) -> None:
    english, german = translating.translate(["a man rides", "ein Mann fährt"], "fr")
    assert (english.source_language, german.source_language) == ("en", "de")
    assert english.text == "un homme roule"


def test_a_text_that_may_be_in_several_languages_is_not_refused(translating: Translating) -> None:
    # "in" is as common in both.
    for to, taken, other in (("de", "en", "de"), ("en", "de", "en"), ("fr", "en", "de")):
        [found] = translating.translate(["in"], to)
        assert found.source_language == taken, to
        assert found.notes[0] == f"The text was taken for {taken!r}, but could be {other!r}; say which language it is in (--from)."
    assert translating.translate(["in"], "de", "en")[0].notes == ()


def test_other_pairs_go_through_english_and_say_so(translating: Translating) -> None:
    direct, detour = translating.translate(["a man rides", "ein Mann fährt"], "fr")
    assert (direct.via, detour.via) == ("", "en")
    assert detour.text == "un homme roule"
    assert translating.translate(["ein Mann"], "en")[0].via == ""


def test_sentences_keep_their_order_and_layout(translating: Translating) -> None:
    [found] = translating.translate(["a man rides.\n\nthree dogs run! a city"], "de")
    assert found.text == "ein Mann fährt.\n\ndrei Hunde laufen! ein Stadt"
    [both] = translating.translate(["a man. a city."], "de", count=2)
    assert both.alternatives == ("Also: ein Mann. Also: ein Stadt.",)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("27 dogs run in the city.", "27 Hunde laufen in der Stadt."),
        ("Peter rides in Prague.", "Peter fährt in Prague."),
        ("Karl Novak and Maria run.", "Karl Novak und Maria laufen."),
        ("a Nikon dogs run.", "ein Nikon Hunde laufen."),
        ("3 dogs and 10:30.", "3 Hunde und 10:30."),
    ],
)
def test_numbers_and_names_are_copied(translating: Translating, source: str, expected: str) -> None:
    [found] = translating.translate([source], "de", "en")
    assert found.text == expected
    assert found.notes == ()


def test_what_cannot_be_carried_over_is_said(translating: Translating) -> None:
    # The list has no Czech words, so no stand-in is found again.
    [found] = translating.translate(["Peter rides."], "cs", "en")
    assert found.notes == ("This could not be carried over: Peter.",)


def test_a_mask_is_no_name(translating: Translating) -> None:
    translating.translate(["a <mask> rides in the city."], "de")
    assert translating.decoder.read[-1] == "a <mask> rides in the city."  # type: ignore[attr-defined]


def test_pictures_are_seen_in_every_sentence_and_only_in_their_row(translating: Translating) -> None:
    vectors = np.full((2, 4), np.nan, np.float32)
    vectors[1] = translating.space.embed_pictures([colour_picture("red")])[0]
    blind, seeing = translating.translate(["a man. a city.", "a man. a city."], "de", "en", vectors)
    assert (blind.grounded, seeing.grounded) == (False, True)
    assert blind.text == "ein Mann. ein Stadt."
    assert seeing.text == "ein Mann hot. ein Stadt hot."


def test_explaining_measures_both_against_the_picture(translating: Translating) -> None:
    explained = translating.explain("red", "de", "en", colour_picture("red"))
    assert (explained.grounded.grounded, explained.plain.grounded) == (True, False)
    vector = translating.space.embed_pictures([colour_picture("red")])[0]
    for found in (explained.grounded, explained.plain):
        assert found.similarity == pytest.approx(float(translating.space.embed_texts([found.text])[0] @ vector), abs=1e-6)


def test_odd_texts_are_translated_with_a_warning(translating: Translating) -> None:
    common, odd = translating.translate(["a man rides in the city.", "quarterly earnings disappointed in the end"], "de", "en")
    assert common.notes == ()
    assert "unlike" in odd.notes[0]


def test_of_several_sentences_the_odd_ones_are_named(translating: Translating) -> None:
    [found] = translating.translate(["a man rides in the city. quarterly earnings disappointed. a man."], "de", "en")
    [note] = found.notes
    assert "Unlike the captions" in note
    assert note.endswith("“quarterly earnings disappointed.”.")


class Unsure(Dictionary):
    """Gives long sentences a low score."""

    def generate(
        self, prefix: np.ndarray | None, source: Sequence[str] | None, language: str, beams: int = 4, count: int = 1
    ) -> list[list[Candidate]]:
        found = super().generate(prefix, source, language, beams, count)
        return [[Candidate(one.text, -float(len(one.text.split()))) for one in candidates] for candidates in found]


def test_what_the_decoder_is_unsure_of_is_said(translating: Translating) -> None:
    unsure = replace(translating, decoder=Unsure(), doubtful_below={"en-de": -3.5, "en-fr": -1.5})
    texts = ["a man rides in", "a man. a man rides in.", "a man rides in. the city a man.", "a man"]
    one, two, three, short = unsure.translate(texts, "de", "en")
    assert one.notes == ("The model is unsure of this translation; it may well be wrong.",)
    assert two.notes == ("The model is unsure how to translate this, so it may well be wrong: “a man rides in.”.",)
    assert three.notes == one.notes
    assert short.notes == ()
    [through] = unsure.translate(["ein Mann"], "fr", "de")
    assert (through.via, through.notes) == ("en", one.notes), "the second step is doubtful"
    assert unsure.translate(["a man rides in the city"], "cs", "en")[0].notes == (), "nothing is known of this pair"


@pytest.mark.parametrize(
    ("source", "expected"),
    [("a man. five dogs.", "ein Mann. fünf Hunde."), ("a man", "ein Mann"), ("a man! dogs? run...", "ein Mann! Hunde? laufen...")],
)
def test_each_sentence_ends_as_its_source_does(translating: Translating, source: str, expected: str) -> None:
    class Careless(Dictionary):
        """Drops and adds full stops."""

        def generate(
            self, prefix: np.ndarray | None, source: Sequence[str] | None, language: str, beams: int = 4, count: int = 1
        ) -> list[list[Candidate]]:
            found = super().generate(prefix, source, language, beams, count)
            return [
                [Candidate(one.text.rstrip(".!?") if one.text[-1] in ".!?" else one.text + ".", one.score) for one in candidates]
                for candidates in found
            ]

    assert replace(translating, decoder=Careless()).translate([source], "de", "en")[0].text == expected


@pytest.mark.parametrize(
    ("text", "to", "source", "error", "words"),
    [
        ("", "de", None, InvalidQuery, "empty"),
        (" \n", "de", "en", InvalidQuery, "empty"),
        ("a man " * LONGEST, "de", "en", InvalidQuery, "characters"),
        ("Dos perros corren", "de", None, InvalidQuery, "not recognised"),
        ("一只狗在跑", "de", None, UnknownLanguage, "'zh'"),
        ("ein Mann fährt", "de", None, InvalidQuery, "already"),
        ("a man", "sv", None, UnknownLanguage, "'sv'"),
        ("a man", "de", "sv", UnknownLanguage, "'sv'"),
    ],
)
def test_what_cannot_be_translated(
    translating: Translating, text: str, to: str, source: str | None, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        translating.translate(["a man", text], to, source)
    assert words in translating.refusal(text, to, source)
    assert translating.refusal("a man", "de", None) == ""


def test_without_words_nothing_is_recognised_or_kept() -> None:
    plain = Translating(FakeSpace(), Dictionary())
    [found] = plain.translate(["Peter rides."], "de")
    assert (found.text, found.source_language, found.notes) == ("thing fährt.", "", ())


def test_nothing_in_nothing_out(translating: Translating) -> None:
    assert translating.translate([], "de") == []
