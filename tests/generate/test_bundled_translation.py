"""What the bundled model's translations promise whatever weights it has: parts are kept or missed in words, never silently lost."""

from __future__ import annotations

import pytest

from tests.bundled import WEIGHTS, mini, needs_weights

pytestmark = [
    *needs_weights,
    pytest.mark.skipif(not (WEIGHTS / "words.json.gz").is_file(), reason="the bundle has no words, so nothing is recognised or kept"),
]


@pytest.mark.parametrize("to", ["de", "fr", "cs"])
def test_numbers_and_names_are_kept_or_missed_in_words(to: str) -> None:
    parts = {
        "Peter rides a bike in Prague.": ("Peter", "Prag"),
        "27 people are standing in a line.": ("27",),
        "A man named Karl Novak holds a Nikon camera.": ("Karl", "Novak", "Nikon"),
        "Anna and Maria play with 45 dogs at 10:30.": ("Anna", "Maria", "45", "10:30"),
    }
    found = mini().translate(list(parts), to=to)
    for translation, expected in zip(found, parts.values(), strict=True):
        assert translation.source_language == "en"
        for part in expected:
            assert part in translation.text or any(part in note for note in translation.notes), (part, translation)


def test_several_sentences_and_a_detour() -> None:
    one, two = (
        mini().translate(["Ein Mann in einem roten Hemd."], to="fr")[0],
        mini().translate(["A dog runs.\n\nTwo men sit."], to="de")[0],
    )
    assert (one.source_language, one.via) == ("de", "en")
    assert two.text.count("\n\n") == 1


def test_a_text_unlike_captions_is_said_to_be_one() -> None:
    odd, usual = mini().translate(["Stock prices fell sharply after the bank raised its rates.", "A dog runs on the beach."], to="de")
    assert any("unlike" in note for note in odd.notes)
    assert usual.notes == ()


@pytest.mark.parametrize("to", ["de", "fr", "cs"])
def test_a_greeting_is_not_said_to_be_in_the_language_it_is_wanted_in(to: str) -> None:
    [found] = mini().translate(["Hello"], to=to)
    assert found.source_language == "en"
    assert "taken for 'en'" in found.notes[0]
    assert "unlike the captions" in found.notes[1]


def test_every_sentence_keeps_its_full_stop() -> None:
    for found in mini().translate(["A dog. Two men.", "A dog! Two men", "Where is the dog?"], to="de"):
        assert [mark for mark in found.text if mark in ".!?"] == [mark for mark in found.source if mark in ".!?"]
        assert found.text[-1:].isalpha() == found.source[-1:].isalpha()


def test_doubtful_translations_are_known_for_every_direct_pair() -> None:
    model = mini()
    codes = model.decoder.translation_languages
    assert set(model.doubtful_translations) == {f"{a}-{b}" for a in codes for b in codes if a != b and model.pivot in (a, b)}
    assert all(-3 < score < 0 for score in model.doubtful_translations.values())
    [found] = model.translate(["A dog. What time is it?"], to="de", source_language="en")
    assert any("“What time is it?”" in note for note in found.notes)
