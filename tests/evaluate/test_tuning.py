"""`tune captions` and `tune translations`, on fakes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import mmembed
from mmembed.bundle import read_manifest, write_manifest
from mmembed.cli import cli
from mmembed.errors import InvalidData
from mmembed.evaluate.pictures import PictureFolder
from mmembed.evaluate.tuning import AGREEMENTS, CAPTION_WEIGHTS, WEIGHTS, WeightScore, best, tune_captions, tune_doubts, tune_translations
from mmembed.generate.base import Candidate
from mmembed.generate.parts import PartsDecoder
from mmembed.model import Model
from tests import datasets_on_disk
from tests.fakes import FakeSpace, colour_picture, fake_model
from tests.test_compose import Dictionary, English

COLOURS = ("red", "green", "blue")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for name in COLOURS:
        Image.fromarray(colour_picture(name).pixels).save(tmp_path / f"{name}.png")
    return tmp_path


class Undecided:
    """Proposes every colour, red first, whatever it sees."""

    caption_languages = ("en",)
    translation_languages = ()

    def generate(
        self, prefix: np.ndarray | None, source: Sequence[str] | None, language: str, beams: int = 4, count: int = 1
    ) -> list[list[Candidate]]:
        assert prefix is not None
        return [[Candidate(f"a {name} thing is here", -0.1 * rank) for rank, name in enumerate(COLOURS)] for _ in prefix]


def test_the_picture_chooses_as_much_as_serves_the_captions(images: Path) -> None:
    pytest.importorskip("pycocoevalcap")
    references = {"en": {f"{name}.png": [f"a {name} thing is here"] for name in COLOURS}}
    model = replace(fake_model(), decoder=Undecided())
    with PictureFolder(images) as folder:
        found = tune_captions(model, folder, references, (0.0, 0.01, 5.0, 8.0), (0.0,))
        assert [score.weights for score in found.weights] == [{"weight": weight, "agreement": 0.0} for weight in (0.0, 0.01, 5.0, 8.0)]
        assert best(found.weights).weights["weight"] == 5.0
        assert best(found.weights).scores["mean"] == best(found.weights).scores["en"] > found.weights[0].scores["en"]
        assert found.weights[0].changed == 0
        assert found.weights[2].changed == pytest.approx(66.7)
        assert found.trust is None, "all captions are right"
        with pytest.raises(InvalidData, match="there are 1"):
            tune_captions(model, folder, {"en": {"red.png": ["red"]}})


class Outvoted(Undecided):
    """Says in two ways of three what no reference does not say, but first something else; in German it has no choice."""

    caption_languages = ("en", "de")

    def generate(
        self, prefix: np.ndarray | None, source: Sequence[str] | None, language: str, beams: int = 4, count: int = 1
    ) -> list[list[Candidate]]:
        assert prefix is not None
        texts = ("dogs sleep", "a red thing is here now", "a red thing is here too") if language == "en" else ("ein rotes Ding ist hier",)
        return [[Candidate(text, -0.1 * rank) for rank, text in enumerate(texts)] for _ in prefix]


def test_what_the_candidates_share_chooses_as_much_as_serves_the_captions(images: Path) -> None:
    pytest.importorskip("pycocoevalcap")
    english = {"red.png": ["a red thing is here now"], "blue.png": ["cats play all day"]}
    german = {"red.png": ["ein rotes Ding ist hier"], "blue.png": ["eine Katze spielt"]}
    model = replace(fake_model(), decoder=Outvoted())
    with PictureFolder(images) as folder:
        found = tune_captions(model, folder, {"en": english, "de": german}, (0.0,), (0.0, 1.0, 2.0))
    assert best(found.weights).weights == {"weight": 0.0, "agreement": 1.0}
    assert [score.changed for score in found.weights] == [0.0, 50.0, 50.0]
    for score in found.weights:
        assert score.scores["mean"] == pytest.approx((score.scores["en"] + score.scores["de"]) / 2, abs=0.01)


def test_how_far_english_captions_are_to_be_trusted(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pycocoevalcap")
    monkeypatch.setattr(mmembed, "load", lambda name: replace(fake_model(), decoder=Undecided()), raising=False)
    table = images / "captions.tsv"
    table.write_text("image\tlang\tcaption\nred.png\ten\ta red thing\ngreen.png\ten\ta green thing\nblue.png\ten\ta yellow thing\n")
    given = ["tune", "captions", "--images", str(images), "--captions", str(table)]
    *_, row = (json.loads(line) for line in CliRunner().invoke(cli, [*given, "--json"]).stdout.splitlines())
    assert (row["captions"], row["right"]) == (3, 66.7), "nobody calls the blue one blue"
    assert 0 < row["doubtful_below"] < 1
    *_, share, curve, bound, doubted = CliRunner().invoke(cli, given).stdout.splitlines()
    assert share.startswith("66.7 % of 3 captions name nothing wrong")
    assert curve == f"Confidence: slope {row['slope']:g}, offset {row['offset']:g}"
    assert bound.startswith(f"Below {row['doubtful_below']:g} are 5 % of these captions")
    assert doubted == f"So {row['doubted']:.1f} % of all these captions are doubtful"
    assert row["unfamiliar_below"] == -1 and row["doubted_unlike"] is None


def test_how_many_captions_of_other_pictures_would_be_marked(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pycocoevalcap")

    class Homely(FakeSpace):
        def familiarity(self, vectors: np.ndarray) -> np.ndarray:
            return vectors[:, :3].sum(1)

    monkeypatch.setattr(mmembed, "load", lambda name: replace(fake_model(), space=Homely(), decoder=Undecided()), raising=False)
    table = images / "captions.tsv"
    table.write_text("image\tlang\tcaption\nred.png\ten\ta red thing\ngreen.png\ten\ta green thing\nblue.png\ten\ta yellow thing\n")
    others = tmp_path / "others"
    others.mkdir()
    for name, colour in (("dark", (10, 0, 0)), ("red", (255, 0, 0))):
        Image.new("RGB", (8, 8), colour).save(others / f"{name}.png")
    given = ["tune", "captions", "--images", str(images), "--captions", str(table), "--unlike", str(others)]
    *_, row = (json.loads(line) for line in CliRunner().invoke(cli, [*given, "--json"]).stdout.splitlines())
    assert row["unfamiliar_below"] == pytest.approx(1, abs=0.01), "as the three colours are"
    assert (row["doubted"], row["doubted_unlike"]) == (0, 50), "what is nearly black is told from the colours"
    assert (
        CliRunner().invoke(cli, given).stdout.splitlines()[-1]
        == "So 0.0 % of all these captions are doubtful, and 50.0 % of those of others"
    )


def test_the_picture_chooses_as_much_as_serves_the_translations(images: Path) -> None:
    writer, translator = English(), Dictionary()
    model = Model(fake_model().preset, FakeSpace(), PartsDecoder(writer, translator), writer, translator)
    names = ["red.png", "blue.png", "green.png", None]
    truths = ["red a b c", "blue a b c", "green a b c", "anything"]
    with PictureFolder(images) as folder:
        scores = tune_translations(model, ["a b c"] * 4, truths, "en", "de", names, folder, (0.0, 5.0))
        assert [score.weights for score in scores] == [{"weight": 0}, {"weight": 5}]
        assert best(scores).weights == {"weight": 5}
        assert best(scores).scores["bleu"] == 100
        assert scores[0].changed == 0
        assert scores[1].changed == pytest.approx(66.7)
        with pytest.raises(InvalidData, match="nothing to choose by"):
            tune_translations(model, ["a"], ["b"], "en", "de", [None], folder)
        with pytest.raises(InvalidData, match="1 sentences, 2 references"):
            tune_translations(model, ["a"], ["b", "c"], "en", "de", [None], folder)


@pytest.mark.torch
def test_a_dataset_is_tuned_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    pytest.importorskip("pycocoevalcap")
    monkeypatch.setattr(mmembed, "load", lambda name: fake_model(), raising=False)
    source = datasets_on_disk.parquet(tmp_path)
    german = ["tune", "captions", "--dataset", str(source), "--text-column", "caption,de=german", "--lang", "de", "--json"]
    chosen = CliRunner().invoke(cli, [*german, "--weight", "2", "--agreement", "3", "--agreement", "1"])
    assert [(row["agreement"], row["weight"]) for row in map(json.loads, chosen.stdout.splitlines())] == [(3, 2), (1, 2)]
    rows = [json.loads(line) for line in CliRunner().invoke(cli, german).stdout.splitlines()]
    weights = [(row["agreement"], row["weight"]) for row in rows]
    assert weights == list(product(AGREEMENTS, CAPTION_WEIGHTS)), "how sure captions are is measured in English"
    assert CliRunner().invoke(cli, ["tune", "captions", "--captions", str(source)]).exit_code == 2


@pytest.mark.torch
def test_translations_are_tuned_on_a_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("datasets")
    writer, translator = English(), Dictionary()
    model = Model(fake_model().preset, FakeSpace(), PartsDecoder(writer, translator), writer, translator)
    monkeypatch.setattr(mmembed, "load", lambda name: model, raising=False)
    given = ["tune", "translations", "--dataset", str(datasets_on_disk.imagefolder(tmp_path)), "--text-column", "en=text,de=german"]
    found = CliRunner().invoke(cli, [*given, "--from", "en", "--to", "de", "--json"])
    rows = [json.loads(line) for line in found.stdout.splitlines()]
    assert [row["weight"] for row in rows] == list(WEIGHTS)
    assert rows[-1]["changed"] > 0
    assert CliRunner().invoke(cli, ["tune", "translations", "--from", "en", "--to", "de"]).exit_code == 2


class Hesitant:
    """The more words, the less sure."""

    caption_languages = ()
    translation_languages = ("en", "de", "fr")

    def generate(
        self, prefix: np.ndarray | None, source: Sequence[str] | None, language: str, beams: int = 4, count: int = 1
    ) -> list[list[Candidate]]:
        assert source is not None
        return [[Candidate(text, -float(len(text.split())))] for text in source]


def test_translations_are_doubtful_below_what_nearly_all_captions_have() -> None:
    texts = [" ".join(["red"] * count) for count in range(1, 101)]
    model = replace(fake_model(), decoder=Hesitant(), pivot="en")
    found = tune_doubts(model, {"en": texts, "de": ["rot", "rot rot", ""], "fr": ["rouge"], "zh": ["红"]})
    assert list(found) == ["en-de", "en-fr", "de-en", "fr-en"], "German to French goes through English, Chinese is not served"
    assert found["en-de"] == pytest.approx(-90.1)
    assert sum(-len(text.split()) < found["en-de"] for text in texts) == 10
    assert tune_doubts(model, {"en": texts, "de": ["rot"]}, limit=3)["en-de"] == pytest.approx(-90, abs=1)
    with pytest.raises(InvalidData, match="two of the languages"):
        tune_doubts(model, {"en": texts})


def test_the_command_writes_doubts_into_the_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"name": "x", "digest": "0", "dim": 4, "languages": ["en"], "captions": [], "translations": ["en", "de"], "picture_size": 32}
    fields |= {"max_length": 8, "calibration": {"slope": 1.0, "offset": 0.0}, "licence": "none"}
    write_manifest(tmp_path, fields)
    asked: list[str] = []
    model = replace(fake_model(), decoder=Hesitant(), pivot="en")
    monkeypatch.setattr(mmembed, "load", lambda name: asked.append(name) or model, raising=False)
    table = tmp_path / "table.tsv"
    table.write_text("split\timage\ten\tde\nval\ta\ta dog\tein Hund\ntest\tb\ta b c d\ta b c d\n", encoding="utf-8")
    given = ["tune", "doubts", "--table", str(table), "--bundle", str(tmp_path)]
    assert CliRunner().invoke(cli, given).exit_code == 0
    assert asked == [str(tmp_path)]
    manifest = read_manifest(tmp_path)
    assert manifest.doubtful_translations == {"en-de": -2.0, "de-en": -2.0}
    assert manifest.licence == "none"
    rows = [json.loads(line) for line in CliRunner().invoke(cli, [*given[:-2], "--split", "test", "--json"]).stdout.splitlines()]
    assert rows == [{"pair": "en-de", "below": -4.0}, {"pair": "de-en", "below": -4.0}]


def test_of_equal_weights_the_smallest_is_best() -> None:
    given = ((0.0, 20.0), (1.0, 21.0), (2.0, 21.0))
    scores = [WeightScore({"weight": weight}, {"bleu": bleu, "chrf": 60.0}, 0.0) for weight, bleu in given]
    assert best(scores).weights == {"weight": 1.0}
