"""Languages, names and oddness from the words of training texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmembed.generate.words import Words
from tests.bundled import WEIGHTS, needs_weights

TEXTS = {
    "en": ["A man rides a bike in the city.", "Two dogs run in the snow.", "An Asian man rides a bike."] * 30
    + ["A man named Peter runs."] * 5,
    "de": ["Ein Mann fährt Fahrrad in der Stadt.", "Zwei Hunde laufen im Schnee.", "Ein Mann mit einem Helm."] * 30,
}


@pytest.fixture
def words() -> Words:
    return Words.counted(TEXTS, {"en": ["Dogs run snow city bike"], "de": TEXTS["de"]})


def test_the_language_of_a_word_or_two(words: Words) -> None:
    assert [words.recognise(text).language for text in ("two dogs", "Hunde", "im Schnee", "a bike")] == ["en", "de", "de", "en"]
    assert words.recognise("一只狗在跑").language == "zh"
    assert words.recognise("كلب يركض").language == "ar"


@pytest.mark.parametrize("text", ["Dos perros corren por la playa.", "Две собаки бегут.", "犬が走っている。", "12345", "👍", "xyzzy"])
def test_what_is_none_of_the_languages_is_not_guessed(words: Words, text: str) -> None:
    assert words.recognise(text).language is None


def test_a_word_of_several_languages_is_not_claimed_for_one() -> None:
    words = Words({"en": {"the": 900, "taxi": 9, "horse": 90}, "de": {"die": 900, "taxi": 10, "hello": 8, "katze": 90}}, {})
    assert words.recognise("Taxi").possible == ("de", "en")
    assert words.recognise("hello").possible == ("de", "en"), "seen in one of them, seldom"
    assert words.recognise("horse").possible == ("en",)
    assert words.recognise("Katze").possible == ("de",)
    assert words.recognise("the taxi").possible == ("en",)
    assert words.recognise("xyzzy").possible == ()


def test_unknown_words_speak_for_no_language() -> None:
    words = Words({"en": {"the": 90_000}, "cs": {"pes": 90}}, {})
    assert words.recognise("the xyzzy plugh").language is None, "two of three words are unknown"
    assert words.recognise("xyzzy the").possible == ("en",), "though fewer words were read in Czech, so that none is as rare there"


def test_names_are_unknown_words_with_a_capital(words: Words) -> None:
    assert words.is_name("Prague", "en", False)
    assert words.is_name("Peter", "en", True), "seldom and mostly capitalised in training: a name too"
    assert not words.is_name("Asian", "en", False), "often enough to be known"
    assert not words.is_name("Dogs", "en", True)
    assert not words.is_name("Bikes", "en", True), "a form of a known word"
    assert not words.is_name("prague", "en", False)
    assert not words.is_name("Prague", "fr", False), "nothing is known of this language"


def test_german_compounds_of_known_words_are_no_names(words: Words) -> None:
    assert not words.is_name("Bergfahrrad", "de", False)
    assert words.is_name("Prag", "de", False)


def test_texts_unlike_the_training_are_odd(words: Words) -> None:
    assert not words.is_odd("Two dogs run in the city.", "en")
    assert not words.is_odd("Peter rides a bike in Prague.", "en"), "names do not count"
    assert words.is_odd("stock prices fell sharply", "en")
    assert words.is_odd("Hello", "en"), "an unknown word alone, though it may be a name"
    assert not words.is_odd("12:30!", "en"), "there is nothing to translate"


def test_words_survive_the_disk(words: Words, tmp_path: Path) -> None:
    assert Words.read(tmp_path) is None
    words.write(tmp_path)
    first = (tmp_path / "words.json.gz").read_bytes()
    again = Words.read(tmp_path)
    assert again is not None
    assert (again.counts, again.usual) == (words.counts, words.usual)
    again.write(tmp_path)
    assert (tmp_path / "words.json.gz").read_bytes() == first


@pytest.mark.skipif(not (WEIGHTS / "words.json.gz").is_file(), reason="the bundle has no words")
class TestBundled:
    pytestmark = needs_weights

    def test_short_captions_of_all_languages(self) -> None:
        words = Words.read(WEIGHTS)
        assert words is not None
        expected = {
            "en": ["dog", "two men", "The black dog runs."],
            "de": ["Hund", "zwei Männer", "Der schwarze Hund rennt."],
            "fr": ["chien", "deux hommes", "Le chien noir court."],
            "cs": ["pes", "dva muži", "Černý pes běží."],
        }
        for language, texts in expected.items():
            assert [words.recognise(text).language for text in texts] == [language] * len(texts)

    @pytest.mark.parametrize("text", ["Hello", "Taxi", "Radio", "hotel", "Hello world"])
    def test_a_word_of_several_languages_is_claimed_for_none(self, text: str) -> None:
        words = Words.read(WEIGHTS)
        assert words is not None
        assert {"en", "de"} <= set(words.recognise(text).possible)
        assert words.is_odd(text, "en") == ("Hello" in text)

    @pytest.mark.parametrize(("text", "language"), [("horse", "en"), ("Katze", "de"), ("cheval", "fr"), ("kůň", "cs")])
    def test_a_word_of_one_language_is_sure(self, text: str, language: str) -> None:
        words = Words.read(WEIGHTS)
        assert words is not None
        assert words.recognise(text).possible == (language,)

    def test_news_is_odd_and_a_caption_is_not(self) -> None:
        words = Words.read(WEIGHTS)
        assert words is not None
        assert words.is_odd("Stock prices fell sharply after the central bank raised its interest rates.", "en")
        assert not words.is_odd("A little girl in a pink dress is climbing the stairs.", "en")

    def test_what_was_never_read_may_be_made_up(self) -> None:
        words = Words.read(WEIGHTS)
        assert words is not None
        assert words.invented("Ein Mann mit vierrörigem Fahrrad und Pfaskan.", "A man with a bike.", "de") == ["vierrörigem", "Pfaskan"]
        assert words.invented("Peter fährt in Pfaskan Fahrrad.", "Peter rides a bike in Pfaskan.", "de") == [], "it stands in the source"
        assert words.invented("Ein Bergfahrrad steht am Strandhaus.", "A bike", "de") == [], "compounds"
        assert words.invented("Un homme s'appuie sur l'arbre.", "A man", "fr") == []
        assert words.invented("一个男人", "a man", "zh") == [], "nothing is known of this language"

    def test_a_single_word_is_odd_only_if_it_is_unknown(self) -> None:
        words = Words.read(WEIGHTS)
        assert words is not None
        assert not any(words.is_odd(word, "en") for word in ("lion", "Ambulance.", "accordion"))
        assert words.is_odd("democracy", "en")
