"""Translation scores are sacreBLEU's own, pictures go where they should, and shuffling never leaves one in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sacrebleu

from mmembed.errors import InvalidData, UnknownLanguage
from mmembed.evaluate.masked import contains, evaluate_masked, interval
from mmembed.evaluate.pictures import PictureFolder
from mmembed.evaluate.tables import MaskedRow
from mmembed.evaluate.translations import evaluate_translations, shuffled, translate_rows, translation_metrics
from mmembed.generate.base import Candidate
from mmembed.model import Model
from tests.fakes import FakeDecoder, fake_model

IMAGES = ["red.jpg", None, "green.jpg", "blue.jpg", "red.jpg"]
SOURCES = ["one", "two words", "a b c", "x", "last one here"]
REFERENCES = ["one rot", "words two", "c b a grün", "x blau", "here one last rot"]


def test_scores_are_sacrebleus() -> None:
    given = ["ein Hund läuft im Schnee", "zwei Kinder spielen am Strand"]
    wanted = [["ein Hund rennt im Schnee", "zwei Kinder spielen an einem Strand"], ["der Hund läuft im Schnee", "Kinder spielen am Strand"]]
    metrics, signature = translation_metrics(given, wanted, "de")
    assert metrics.rows == 2
    assert metrics.bleu == pytest.approx(sacrebleu.corpus_bleu(given, wanted).score, abs=0.01)
    assert metrics.chrf == pytest.approx(sacrebleu.corpus_chrf(given, wanted).score, abs=0.01)
    assert "nrefs:2" in signature
    assert "tok:13a" in signature
    assert "tok:zh" in translation_metrics(["狗"], [["狗"]], "zh")[1]


def test_right_shuffled_and_no_picture(pictures: Path) -> None:
    with PictureFolder(pictures) as folder:
        result = evaluate_translations(fake_model(), SOURCES, [REFERENCES], "en", "de", IMAGES, folder)
    assert result.metrics.bleu == pytest.approx(100)
    assert result.metrics.rows == 5
    assert {name: metrics.rows for name, metrics in result.pictured.items()} == {"right": 4, "shuffled": 4, "none": 4}
    assert result.pictured["right"].chrf == 100 > result.pictured["shuffled"].chrf
    assert result.pictured["right"].chrf > result.pictured["none"].chrf
    assert {"from", "to", "rows", "bleu", "chrf", "signature", "pictured"} == set(result.as_dict())


def test_one_picture_cannot_be_shuffled(pictures: Path) -> None:
    with PictureFolder(pictures) as folder:
        result = evaluate_translations(fake_model(), ["a", "b"], [["a rot", "b"]], "en", "de", ["red.jpg", None], folder)
    assert result.metrics.chrf == 100
    assert result.pictured == {}


def test_without_pictures() -> None:
    result = evaluate_translations(fake_model(), ["a b", ""], [["b a", "x"]], "en", "de")
    assert result.pictured == {}
    assert result.metrics.rows == 2


@pytest.mark.parametrize(
    ("sources", "references", "images", "reason"),
    [
        ([], [[]], None, "no sentence"),
        (["a"], [["a", "b"]], None, "1 sentences but 2 references"),
        (["a", "b"], [["a", "b"]], ["red.jpg"], "2 sentences but 1 picture names"),
        (["a", "b"], [["a", "b"]], ["red.jpg", "x.jpg"], "x.jpg"),
    ],
)
def test_refused(pictures: Path, sources: list[str], references: list[list[str]], images: list[str | None] | None, reason: str) -> None:
    with PictureFolder(pictures) as folder, pytest.raises(InvalidData, match=reason):
        evaluate_translations(fake_model(), sources, references, "en", "de", images, folder)


def test_unserved_language() -> None:
    with pytest.raises(UnknownLanguage):
        evaluate_translations(fake_model(), ["a"], [["a"]], "en", "zh")


def test_order_survives_batching() -> None:
    sources = ["word " * (90 - row) + str(row) for row in range(90)] + [" "]
    written = translate_rows(fake_model(), sources, "en", "de", [None] * 91, None)
    assert [text.split()[0] for text in written[:-1]] == [str(row) for row in range(90)]
    assert written[-1] == ""


def test_names_without_folder() -> None:
    with pytest.raises(InvalidData, match="no folder"):
        translate_rows(fake_model(), ["a"], "en", "de", ["red.jpg"], None)


def test_shuffling_is_a_derangement_of_contents_and_repeats() -> None:
    names = [f"{row % 7}.jpg" for row in range(50)]
    once = shuffled(names)
    assert once == shuffled(names)
    assert all(name != other for name, other in zip(names, once, strict=True))
    assert set(once) == set(names)
    with pytest.raises(InvalidData):
        shuffled(["a.jpg", "a.jpg"])


def test_stems_begin_words() -> None:
    assert contains("Ein HUNDEwelpe rennt.", ["hund"])
    assert contains("l'homme, là", ["femme", "homme"])
    assert not contains("Der Schäferhund", ["hund"])
    assert not contains("anything", [])


def test_masked_words(pictures: Path) -> None:
    rows = [
        MaskedRow(f"{name}.jpg", "a <mask> wall", {"de": (stem,)}) for name, stem in (("red", "rot"), ("green", "grün"), ("blue", "blau"))
    ]
    with PictureFolder(pictures) as folder:
        [result] = evaluate_masked(fake_model(), rows, folder, ["de"])
        assert (result.rows, result.right, result.shuffled, result.none, result.gain) == (3, 100, 0, 0, 100)
        assert result.gain_95 == (100, 100)
        with pytest.raises(InvalidData, match="'fr'"):
            evaluate_masked(fake_model(), rows, folder, ["fr"])
        with pytest.raises(InvalidData):
            evaluate_masked(fake_model(), [], folder, ["de"])


def test_a_blind_model_gains_nothing(pictures: Path) -> None:
    class Blind(FakeDecoder):
        def generate(
            self, prefix: Any, source: Sequence[str] | None, language: str, beams: int = 4, count: int = 1
        ) -> list[list[Candidate]]:
            return super().generate(None, source, language, beams, count)

    model: Model = replace(fake_model(), decoder=Blind())
    rows = [MaskedRow(f"{name}.jpg", "rot <mask>", {"de": ("rot",)}) for name in ("red", "green")]
    with PictureFolder(pictures) as folder:
        [result] = evaluate_masked(model, rows, folder, ["de"])
    assert (result.right, result.none, result.gain, result.gain_95) == (100, 100, 0, (0, 0))


def test_interval_agrees_with_resampling() -> None:
    random = np.random.default_rng(1)
    differences = random.choice([-1, 0, 1], 300, p=[0.1, 0.6, 0.3])
    means = [100 * random.choice(differences, 300).mean() for _ in range(4000)]
    low, high = interval(differences)
    assert low < 100 * differences.mean() < high
    assert (low, high) == pytest.approx(tuple(np.percentile(means, [2.5, 97.5])), abs=1.0)
