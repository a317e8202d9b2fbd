"""Plain captions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mmembed.bundle import read_manifest
from mmembed.generate.base import Naming
from mmembed.generate.plain import plain_captions
from mmembed.space.kinds import Kinds
from tests.bundled import WEIGHTS
from tests.fakes import FakeSpace, colour_kinds, colour_picture


def test_a_sentence_has_the_noun_with_its_article_and_a_capital_first() -> None:
    red = FakeSpace().embed_pictures([colour_picture("red")])
    kinds = replace(colour_kinds(), names={"en": ["hour"] * 4, "cs": ["hodina"] * 4, "sv": ["timme"] * 4}, articles={"en": ["an"] * 4})
    captions = [plain_captions(kinds, red, code, Naming(0.0, 1.0, 0.0))[0] for code in kinds.names]
    assert [caption.text for caption in captions if caption] == ["A photo of an hour.", "Hodina na fotografii.", "Timme"]
    assert plain_captions(kinds, np.zeros((0, 4), np.float32), "en", Naming(0.0, 1.0, 0.0)) == []


def test_how_likely_it_is_right_follows_from_the_evidence() -> None:
    pictures = FakeSpace().embed_pictures([colour_picture("red"), colour_picture("blue")])
    kinds = replace(colour_kinds(), usual=np.log(np.full(4, 0.25, np.float32)))
    red, blue = kinds.evidence(pictures)
    assert red != blue
    captions = plain_captions(kinds, pictures, "en", Naming(min(red, blue), 2.0, -1.0))
    assert [caption.score for caption in captions if caption] == pytest.approx(
        [float(-np.log1p(np.exp(1 - 2 * evidence))) for evidence in (red, blue)], abs=1e-5
    )
    captions = plain_captions(kinds, pictures, "en", Naming(max(red, blue), 2.0, -1.0))
    assert [caption is None for caption in captions] == [red < blue, blue < red]


def test_the_bundled_kinds_have_articles_and_all_their_languages_a_sentence() -> None:
    kinds = Kinds.read(WEIGHTS / "kinds.npz")
    used = {language: sorted(set(articles)) for language, articles in kinds.articles.items()}
    assert used == {"en": ["", "a", "an"], "de": ["", "ein", "eine"], "fr": ["de la", "des", "du", "un", "une"]}
    said = {name: article for language in used for name, article in zip(kinds.names[language], kinds.articles[language], strict=True)}
    for noun in ("an accordion", "a unicycle", "eine Erdbeere", "ein Fernglas", "une fraise", "des lunettes de soleil", "du maïs"):
        name = next(name for name in said if noun.endswith(f" {name}"))
        assert f"{said[name]} {name}" == noun
    assert said["sunglasses"] == said["Mais"] == ""
    picture = np.eye(1, kinds.vectors.shape[1], dtype=np.float32)
    for language in read_manifest(WEIGHTS).captions:
        [caption] = plain_captions(kinds, picture, language, Naming(-100.0, 1.0, 0.0))
        assert caption and caption.text[-1] in ".。", language
