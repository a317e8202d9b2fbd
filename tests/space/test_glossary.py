"""Names of kinds of things, found in queries."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmembed.space.glossary import Glossary, Mention, stemmed

GLOSSARY = Glossary(
    {
        "en": {
            stemmed(name, "en"): kinds
            for name, kinds in {"accordion": [0], "sports car": [1], "owl": [2, 3], "boot": [4], "dog": []}.items()
        },
        "de": {stemmed(name, "de"): kinds for name, kinds in {"Akkordeon": [0], "Eule": [2, 3], "Boot": []}.items()},
        "zh": {"手风琴": [0], "鹰": [5]},
    }
)


def test_names_are_found_in_any_form_and_language_with_their_share_of_the_words() -> None:
    assert GLOSSARY.find("accordion") == GLOSSARY.find("Akkordeons") == GLOSSARY.find("手风琴") == [Mention((0,), 1.0)]
    owls, cars = GLOSSARY.find("Two owls beside the sports cars")
    assert (owls.kinds, cars.kinds) == ((2, 3), (1,)) and (owls.share, cars.share) == pytest.approx((1 / 6, 2 / 6))
    assert GLOSSARY.find("一个拉手风琴的人") == [Mention((0,), 3 / 8)]
    assert GLOSSARY.find("the car") == GLOSSARY.find("?!") == GLOSSARY.find("") == []


def test_what_captions_know_well_is_left_to_the_text_also_in_another_language() -> None:
    assert GLOSSARY.find("a dog") == []
    assert GLOSSARY.find("Boot") == [], "a German boat is no English boot"


def test_a_word_of_another_language_is_no_name_unless_it_stands_alone() -> None:
    def foreign(words: str, language: str) -> bool:
        return (words, language) == ("accordion", "en")

    assert GLOSSARY.find("rotes Accordion", foreign) == []
    assert GLOSSARY.find("rotes Akkordeon", foreign) == [Mention((0,), 0.5)]
    assert GLOSSARY.find("Accordion", foreign) == [Mention((0,), 1.0)], "nothing else says which language it is"


def test_one_chinese_character_is_a_name_only_by_itself() -> None:
    assert GLOSSARY.find("鹰") == [Mention((5,), 1.0)]
    assert GLOSSARY.find("鹰嘴豆") == []


def test_what_is_written_is_read(tmp_path: Path) -> None:
    for name in ("first", "second"):
        GLOSSARY.save(tmp_path / name)
    assert Glossary.read(tmp_path / "first") == GLOSSARY
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
