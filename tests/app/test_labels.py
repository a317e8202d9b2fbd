from dataclasses import fields, is_dataclass
from string import Formatter
from typing import Any, get_type_hints

import pytest
import yaml

from mmembed.app import labels
from mmembed.app.labels import Labels, label_languages, read_labels, read_languages, read_settings
from mmembed.errors import InvalidConfig
from mmembed.presets import config_folder, presets


def _fields(kind: Any, prefix: str = "") -> set[str]:
    hints = get_type_hints(kind)
    found: set[str] = set()
    for field in fields(kind):
        hint = hints[field.name]
        found |= _fields(hint, f"{prefix}{field.name}.") if is_dataclass(hint) else {f"{prefix}{field.name}"}
    return found


def _file(language: str) -> dict[str, str]:
    return _flat(yaml.safe_load((config_folder() / "app" / f"{language}.yaml").read_text(encoding="utf-8")))


def _flat(part: dict[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for key, content in part.items():
        found |= _flat(content, f"{prefix}{key}.") if isinstance(content, dict) else {f"{prefix}{key}": content}
    return found


def _blanks(text: str) -> list[str]:
    return sorted({name for _, name, _, _ in Formatter().parse(text) if name is not None})


@pytest.mark.parametrize("language", label_languages())
def test_every_word_in_the_file_is_used_and_every_used_word_is_in_the_file(language: str) -> None:
    assert set(_file(language)) == _fields(Labels)
    assert read_labels(language).language == language


@pytest.mark.parametrize("language", label_languages())
def test_every_language_fills_in_the_same_things(language: str) -> None:
    theirs, english = _file(language), _file("en")
    assert {key: _blanks(theirs[key]) for key in english} == {key: _blanks(text) for key, text in english.items()}


def test_there_is_english_and_german_and_they_differ() -> None:
    assert {"en", "de"} <= set(label_languages())
    assert read_labels("de").search.tab == "Suchen"
    assert read_labels("de").number(1234.5, 1) == "1.234,5"


def test_counts_agree_with_their_words() -> None:
    words = read_labels()
    assert words.count_photos(0) == "no photos indexed yet"
    assert words.count_photos(1) == "1 photo"
    assert words.count_photos(12345) == "12,345 photos"


@pytest.mark.parametrize("language", sorted(set(label_languages()) - {"en"}))
def test_terms_of_all_presets_are_said_in_the_language(language: str) -> None:
    words = read_labels(language)
    unsaid = [preset.use for preset in presets().values() if words.terms(preset.use) == preset.use]
    assert unsaid == []
    assert words.terms("MIT") == "MIT", "the name of a licence"
    mini = presets()["mini"]
    assert words.terms(f"a: MIT; mini: {mini.licence}. mini: {mini.use}") == (
        f"a: MIT; mini: {words.terms(mini.licence)}. mini: {words.terms(mini.use)}"
    )
    assert read_labels("en").terms(mini.use) == mini.use


def test_only_right_to_left_languages_say_so() -> None:
    languages = read_languages()
    assert languages.right_to_left("ar")
    assert not languages.right_to_left("de")
    assert not languages.right_to_left("xx")


def test_a_language_without_a_name_is_shown_by_its_code() -> None:
    assert read_languages().choices(("de", "xx")) == [("Deutsch", "de"), ("xx", "xx")]


def test_settings_are_consistent() -> None:
    settings = read_settings()
    assert settings.results <= settings.most_results <= settings.most_shown
    assert settings.alternatives <= settings.most_alternatives
    assert all(len(one.text) <= settings.text_characters for one in settings.translations)


def test_an_incomplete_language_is_refused(tmp_path, monkeypatch) -> None:
    (tmp_path / "xx.yaml").write_text("title: only this\n", encoding="utf-8")
    monkeypatch.setattr(labels, "_folder", lambda: tmp_path)
    with pytest.raises(InvalidConfig, match=r"xx\.yaml"):
        read_labels("xx")
