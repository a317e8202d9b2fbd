"""Everybody is spoken to in his own language, or all in one."""

import json

import pytest

from mmembed.app.labels import label_languages, read_labels
from mmembed.app.speech import Speech, forced_language, preferred


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        (None, "en"),
        ("", "en"),
        ("*", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("en;q=0.5, DE;q=0.7", "de"),
        ("pt-BR,pt;q=0.9,de;q=0.5", "en"),
        ("de;q=0, en;q=0.1", "en"),
        ("de;q=x, ;;,en;q=0.1", "en"),
        ("ja,zh-CN", "en"),
    ],
)
def test_the_language_that_is_preferred_if_there_is_it(accepted: str | None, language: str) -> None:
    assert preferred(accepted, ("de", "en")) == language


def test_answers_are_in_the_language_of_whoever_is_answered() -> None:
    speech = Speech()
    assert speech.labels.search.tab == "Search"
    with speech.answering("de-CH"):
        assert speech.labels.search.tab == "Suchen"
        with speech.answering("en"):
            assert speech.labels.search.tab == "Search"
        assert speech.labels.search.tab == "Suchen"
    assert speech.labels.search.tab == "Search"


def test_what_is_built_is_said_in_every_language_and_chosen_by_the_browser() -> None:
    speech = Speech()
    tab, many = speech.written.search.tab, speech.say(lambda labels: labels.index.samples.format(count=7))
    said = speech.translations()
    assert set(said) == set(label_languages())
    for mark, german in ((tab, "Suchen"), (many, "Mit 7 Beispielfotos ausprobieren")):
        marker, _, rest = mark.partition("__i18n__")
        found = json.loads(rest)
        assert marker == "" and found["__type__"] == "translation_metadata"
        assert said["de"][found["key"]] == german
    described = {"inputs": [{"label": tab, "type": "string"}, {"label": "as it is"}], "count": 3}
    assert speech.in_english(described) == {"inputs": [{"label": "Search", "type": "string"}, {"label": "as it is"}], "count": 3}


def test_one_language_for_all_is_spoken_whatever_is_accepted() -> None:
    speech = Speech(read_labels("de"))
    with speech.answering("en"):
        assert speech.labels.search.tab == "Suchen"
    assert speech.written.search.tab == "Suchen"
    assert speech.say(lambda labels: labels.search.button) == "Suchen"
    assert speech.translations() == {} and speech.languages == ("de",)


@pytest.mark.parametrize(("environment", "language"), [({}, None), ({"MMEMBED_LANGUAGE": ""}, None), ({"MMEMBED_LANGUAGE": "de"}, "de")])
def test_only_the_variable_forces_a_language(environment: dict[str, str], language: str | None) -> None:
    assert forced_language({"LANG": "de_DE.UTF-8", **environment}) == language
