"""`compare`, on the fake model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

import mmembed.presets
from mmembed.cli import cli
from mmembed.errors import UnavailableModel
from mmembed.evaluate.compare import Compared, Comparison, header_and_rows, markdown, measure
from mmembed.model import Model
from tests import datasets_on_disk
from tests.fakes import colour_picture, fake_model

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


@pytest.mark.torch
@pytest.mark.parametrize("form", datasets_on_disk.FORMS)
def test_a_dataset_is_compared_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: Callable[[Path], Path]) -> None:
    pytest.importorskip("datasets")
    monkeypatch.setattr(mmembed.presets, "load", lambda name: fake_model(name))
    monkeypatch.setattr("mmembed.evaluate.compare.compare", lambda names, what, _: [measure(name, what) for name in names])
    given = ["compare", "one", "two", "--dataset", str(form(tmp_path)), "--text-column", "de=german", "--rows", "3", "--json"]
    found = CliRunner().invoke(cli, given, catch_exceptions=False)
    rows = [json.loads(line) for line in found.stdout.splitlines()]
    assert [(row["preset"], row["recall"], row["problem"]) for row in rows] == [
        ("one", {"de": [100.0, 100.0]}, ""), ("two", {"de": [100.0, 100.0]}, ""),
    ]  # fmt: skip
    assert CliRunner().invoke(cli, ["compare", "one", "--images", str(tmp_path)]).exit_code == 2
