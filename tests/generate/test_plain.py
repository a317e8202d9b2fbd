"""Plain captions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mmembed.bundle import read_manifest
from mmembed.generate.plain import plain_captions
from mmembed.space.kinds import Kinds
from tests.fakes import FakeSpace, colour_kinds, colour_picture

WEIGHTS = Path(__file__).parents[2] / "mmembed" / "weights" / "mini"


def test_a_sentence_has_the_noun_with_its_article_and_a_capital_first() -> None:
    red = FakeSpace().embed_pictures([colour_picture("red")])
    kinds = replace(colour_kinds(), names={"en": ["hour"] * 4, "cs": ["hodina"] * 4, "sv": ["timme"] * 4}, articles={"en": ["an"] * 4})
    assert [plain_captions(kinds, red, code)[0].text for code in kinds.names] == ["A photo of an hour.", "Hodina na fotografii.", "Timme"]
    assert plain_captions(kinds, red, "en")[0].score == pytest.approx(float(kinds.certainty(red)[0]))
    assert plain_captions(kinds, np.zeros((0, 4), np.float32), "en") == []


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
        [caption] = plain_captions(kinds, picture, language)
        assert caption.text[-1] in ".。", language
