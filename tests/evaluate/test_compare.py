"""`compare` and `tune`, on the fake model."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

import mmembed.presets
from mmembed.errors import InvalidData, UnavailableModel
from mmembed.evaluate.compare import Compared, Comparison, header_and_rows, markdown, measure
from mmembed.evaluate.pictures import PictureFolder
from mmembed.evaluate.tuning import best, tune
from mmembed.generate.parts import PartsDecoder
from mmembed.model import Model
from tests.fakes import FakeSpace, colour_picture, fake_model
from tests.test_compose import Dictionary, English

COLOURS = ("red", "green", "blue")


@pytest.fixture
def what(tmp_path: Path) -> Comparison:
    """Three plain pictures, each with a caption in English and one in a language nobody writes."""
    for name in COLOURS:
        Image.fromarray(colour_picture(name).pixels).save(tmp_path / f"{name}.png")
    rows = [f"{name}.png\t{language}\t{name}" for name in COLOURS for language in ("en", "xx")]
    (tmp_path / "captions.tsv").write_text("\n".join(["image\tlang\tcaption", *rows]) + "\n")
    (tmp_path / "source.txt").write_text("a b c d\ne f g h\n")
    (tmp_path / "references.txt").write_text("d c b a\nh g f e\n")
    return Comparison(tmp_path, tmp_path / "captions.tsv", source=tmp_path / "source.txt", references=tmp_path / "references.txt")


def test_a_preset_is_measured(what: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mmembed.presets, "load", lambda name: fake_model(name))
    found = measure("fake", what)
    assert found.recall == {"en": (100.0, 100.0), "xx": (100.0, 100.0)}
    assert found.bleu == {"en-de": 100.0}
    assert found.pictures_a_second > 0
    assert (found.space, found.licence, found.device, found.problem) == ("fake-0", "CC0", "cpu", "")


def test_captions_are_scored_where_they_can_be_written(what: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pycocoevalcap")
    monkeypatch.setattr(mmembed.presets, "load", lambda name: fake_model(name))
    found = measure("fake", Comparison(what.images, what.captions, describe=("en", "xx")))
    assert set(found.cider) == {"en"}
    assert found.problem == "writes no captions in xx"


def test_what_cannot_be_loaded_is_a_row_with_the_reason(what: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> Model:
        raise UnavailableModel(f"{name} is not here.")

    monkeypatch.setattr(mmembed.presets, "load", load)
    missing = measure("siglip2-base", what)
    assert (missing.space, missing.problem) == ("", "siglip2-base is not here.")
    good = Compared("mini", "mini-1", {"en": (18.0, 58.0)}, {}, {"en-de": 27.3}, 12.3, "cpu", 250.0, 62, "research use only")
    header, rows = header_and_rows([good, missing])
    assert header[:4] == ["preset", "R@1 en", "R@10 en", "BLEU en-de"]
    assert rows[0] == ["mini", "18.0", "58.0", "27.3", "12.3", "cpu", "250", "62", "research use only"]
    assert rows[1] == ["siglip2-base", *["–"] * 8]
    text = markdown([good, missing], Comparison(what.images, what.captions, limit=5))
    assert "only the first 5" in text and "siglip2-base is not here." in text


def test_the_weight_that_serves_best_is_found(what: Comparison) -> None:
    writer, translator = English(), Dictionary()
    model = Model(fake_model().preset, FakeSpace(), PartsDecoder(writer, translator), writer, translator)
    names = ["red.png", "blue.png", "green.png", None]
    truths = ["red a b c", "blue a b c", "green a b c", "anything"]
    with PictureFolder(what.images) as folder:
        scores = tune(model, ["a b c"] * 4, truths, "en", "de", names, folder, (0.0, 5.0))
        assert [score.weight for score in scores] == [0, 5]
        assert best(scores).weight == 5
        assert best(scores).bleu == 100
        assert scores[0].changed == 0
        assert scores[1].changed == pytest.approx(66.7)
        with pytest.raises(InvalidData, match="nothing to choose by"):
            tune(model, ["a"], ["b"], "en", "de", [None], folder)
        with pytest.raises(InvalidData, match="1 sentences, 2 references"):
            tune(model, ["a"], ["b", "c"], "en", "de", [None], folder)
