"""Several parts as one model, on fakes: who serves what, and that the results say so."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mmembed.compose as compose_module
from mmembed.compose import compose
from mmembed.errors import InvalidQuery, UnknownLanguage, UnknownPair, UnknownPreset
from mmembed.generate.base import Candidate
from mmembed.generate.parts import DecoderCaptioner, DecoderTranslator, PartsDecoder
from mmembed.generate.rerank import fits, rerank
from mmembed.generate.through_english import ThroughEnglish
from mmembed.media.picture import Picture
from mmembed.model import Model
from mmembed.presets import Preset
from tests.fakes import FakeSpace, colour_picture, fake_model


class English:
    """Names the colour of a picture."""

    name, languages, picture_size = "namer", ("en",), 99

    def describe(self, pictures: Sequence[Picture], language: str, beams: int = 4, count: int = 1) -> list[list[Candidate]]:
        names = ["red" if picture.pixels[0, 0, 0] else "blue" for picture in pictures]
        return [[Candidate(name + "!" * n, -1.0 - n) for n in range(count)] for name in names]

    def credit(self, language: str) -> str:
        return self.name


class Dictionary:
    """Translates word by word, with a fixed n-best list; sees nothing."""

    name, languages, sees, picture_size = "dictionary", ("en", "de"), False, 0
    pairs = ("en-de",)

    def __init__(self) -> None:
        self.asked: list[int] = []

    def translate(
        self,
        texts: Sequence[str],
        to: str,
        source_language: str | None,
        pictures: Sequence[Picture | None] | None = None,
        beams: int = 4,
        count: int = 1,
    ) -> list[list[Candidate]]:
        assert pictures is None
        self.asked.append(count)
        words = ["green", "red", "blue", "white"]
        return [[Candidate(f"{words[n % 4]} {text}", -0.1 * (n + 1)) for n in range(count)] for text in texts]


def model(weight: float = 0.0, captioner: Any = None) -> Model:
    translator = Dictionary()
    writer = captioner or ThroughEnglish(English(), translator)
    return Model(fake_model().preset, FakeSpace(), PartsDecoder(writer, translator), writer, translator, weight)


RED, BLUE = colour_picture("red"), colour_picture("blue")


def test_captions_say_who_wrote_them() -> None:
    english = model().caption([RED, BLUE], "en", count=2)
    assert [caption.text for caption in english] == ["red", "blue"]
    assert english[0].alternatives == ("red!",)
    assert english[0].written_by == "namer"
    assert english[0].similarity == pytest.approx(1, abs=0.01)
    german = model().caption([RED], "de-AT")[0]
    assert (german.text, german.language) == ("green red", "de")
    assert german.written_by == "namer in English, then dictionary"
    with pytest.raises(UnknownLanguage, match="'fr'.*it knows en, de"):
        model().caption([RED], "fr")
    assert model().caption([], "en") == []


def test_a_text_only_translator_is_chosen_among_by_the_picture() -> None:
    plain = model(5.0).translate(["x"], "de", "en")[0]
    assert (plain.text, plain.grounded, plain.written_by) == ("green x", False, "dictionary")
    seen = model(5.0).translate(["x", "x"], "de", "en", [BLUE, None])
    assert [one.text for one in seen] == ["blue x", "green x"]
    assert [one.grounded for one in seen] == [True, False]
    unweighted = model(0.0).translate(["x"], "de", "en", [BLUE])[0]
    assert (unweighted.text, unweighted.grounded) == ("green x", False)
    many = model(5.0).translate(["x"], "de", "en", [RED], count=3)[0]
    assert many.text == "red x"
    assert len(many.alternatives) == 2


def test_reranking_weighs_score_and_fit() -> None:
    candidates = [Candidate("green", -0.1), Candidate("red", -0.3), Candidate("red too", -0.4)]
    [cosines] = fits(FakeSpace(), [candidates], FakeSpace().embed_pictures([RED]))
    assert cosines[1] > cosines[0]
    assert rerank(candidates, 0 * cosines)[0].text == "green"
    assert [one.text for one in rerank(candidates, cosines)] == ["red", "red too", "green"]
    assert rerank(candidates, np.zeros(3)) == candidates


def test_a_vector_cannot_be_described_by_a_captioner_that_needs_pixels() -> None:
    with pytest.raises(InvalidQuery, match="describes pictures, not their vectors"):
        model().decoder.generate(np.zeros((1, 4), np.float32), None, "en")
    assert model().picture_size == 99


def test_a_bundle_serves_as_captioner_and_translator() -> None:
    bundle = fake_model()
    captioner, translator = (kind("mini", bundle.space, bundle.decoder) for kind in (DecoderCaptioner, DecoderTranslator))
    whole = Model(bundle.preset, FakeSpace("other"), PartsDecoder(captioner, translator), captioner, translator)
    assert whole.caption([RED], "de")[0].text == "rot"
    assert whole.caption([RED], "de")[0].written_by == "mini"
    seen = whole.translate(["a b", "c d"], "deu", None, [RED, None])
    assert [one.text for one in seen] == ["b a rot", "d c"]
    with pytest.raises(UnknownPair, match="'zh'"):
        whole.translate(["a"], "zh")


def test_each_part_serves_what_none_before_it_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    made: dict[str, Preset] = {}

    def implementation(table: dict[str, str], backend: str) -> Any:
        def make(*arguments: Any) -> Any:
            if table is compose_module.SPACES:
                made["space"] = arguments[1]
                return FakeSpace(arguments[1])
            made["captioner" if table is compose_module.CAPTIONERS else "translator"] = arguments[0].name
            return English() if table is compose_module.CAPTIONERS else Dictionary()

        return make

    monkeypatch.setattr(compose_module, "implementation", implementation)
    monkeypatch.setattr(compose_module, "folder_of", lambda weights, library: tmp_path)
    monkeypatch.setattr(compose_module, "require_torch", lambda: None)
    whole = compose("siglip2-base+coca-l+opus-mt")
    assert made == {"space": "siglip2-base", "captioner": "coca-l", "translator": "opus-mt"}
    assert whole.preset.summary == "search by siglip2-base; captions by coca-l; translation by opus-mt"
    assert whole.preset.captions == ("en", "de")
    assert "siglip2-base: Apache-2.0; coca-l: MIT; opus-mt: " in whole.preset.licence
    assert whole.preset.size_mb == 1500 + 2554 + 310

    made.clear()
    rest = compose("blip-base")
    assert made == {"captioner": "blip-base"}
    assert rest.space.name == "mini"
    assert "translation by mini" in rest.preset.summary
    assert set(rest.preset.captions) == {"en", "de", "fr", "cs"}  # through English, as far as mini translates


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(UnknownPreset, match="no preset 'nonsense'"):
        compose("mini+nonsense")
