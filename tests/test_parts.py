"""What captions and translations promise, kept by models of several parts too: sentences, styles, galleries, datasets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

import mmembed
from mmembed.errors import InvalidQuery
from mmembed.generate.base import Style
from tests.test_cli import lines, photos, run
from tests.test_compose import BLUE, RED, model

__all__ = ["photos", "run"]  # fixtures

Run = Callable[..., Result]


@pytest.fixture
def parts(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The commands, on a captioner that looks at pixels and a translator that does not."""
    monkeypatch.setattr(mmembed, "load", lambda name="mini", threads=None: model(5.0))
    return run


def test_the_picture_chooses_in_every_sentence() -> None:
    found = model(5.0).translate(["one. two."], "de", "en", [BLUE])[0]
    assert (found.text, found.grounded, found.written_by) == ("blue one. blue two.", True, "dictionary")


def test_explaining_sees_what_the_picture_chose() -> None:
    explained = model(5.0).explain("x", "de", RED, "en")
    assert (explained.grounded.text, explained.plain.text) == ("red x", "green x")


def test_a_captioner_without_styles_has_its_length_chosen_and_does_not_sample() -> None:
    assert model().caption([RED], "en", style=Style(longest=3))[0].text == "red"
    with pytest.raises(InvalidQuery, match="cannot sample"):
        model().caption([RED], "en", style=Style(seed=1))


def test_a_gallery_is_described_from_its_files(parts: Run, photos: Path) -> None:
    parts("index", photos)
    result = parts("caption", "photos.mm", "--json")
    assert sorted((line["text"], line["written_by"]) for line in lines(result)) == [("blue", "namer"), ("red", "namer")]
    assert "2 had captions already" in parts("caption", "photos.mm").stderr
    (photos / "blue.png").unlink()
    gone = parts("caption", "photos.mm", "--again")
    assert "1 photos described, 1 skipped" in gone.stderr


def test_a_dataset_goes_to_a_table_once(parts: Run, photos: Path, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    first = parts("caption", "--dataset", photos, "-o", "captions.csv")
    assert "3 photos described" in first.stderr
    assert "en: written by namer" in first.stderr
    assert (tmp_path / "captions.csv").read_text(encoding="utf-8").splitlines()[0].endswith(",written_by")
    assert "3 had captions already" in parts("caption", "--dataset", photos, "-o", "captions.csv").stderr
    assert parts("caption", "--dataset", photos, "--sidecar", "txt").exit_code == 2


def test_common_codes_name_languages(parts: Run, photos: Path) -> None:
    [found] = lines(parts("caption", photos / "red.png", "--lang", "deu", "--json"))
    assert (found["language"], found["text"]) == ("de", "green red")
    [translated] = lines(parts("translate", "x", "--to", "de-AT", "--from", "eng", "--json"))
    assert (translated["language"], translated["written_by"]) == ("de", "dictionary")
