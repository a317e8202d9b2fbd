"""Sentences in two languages from a dataset: which belongs to which, and to which picture."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mmembed.errors import InvalidData
from mmembed.hub.layout import Wanted
from mmembed.hub.parallel import lay_out_parallel
from tests.datasets_on_disk import FORMS, NAMES, png

datasets = pytest.importorskip("datasets")
pytestmark = pytest.mark.torch


@pytest.mark.parametrize("form", FORMS)
def test_each_sentence_has_its_translation_and_its_picture(tmp_path: Path, form: Callable[[Path], Path]) -> None:
    source = form(tmp_path)
    english = {"table.parquet": "caption", "shard.tar": "txt", "folder": "text"}[source.name]
    found = lay_out_parallel(Wanted(str(source), {"train": "train"}, None, {"en": [english], "de": ["german"]}), "de", "en", tmp_path)
    told = sorted(zip(found.sources, found.references, found.pictures, strict=True))
    rows = sorted([*NAMES, NAMES[0]] if source.suffix == ".parquet" else NAMES)
    assert [(german, translation) for german, translation, _ in told] == [(f"{name} Wand", f"{name} wall") for name in rows]
    with zipfile.ZipFile(found.folder) as archive:
        assert [archive.read(picture or "") for _, _, picture in told] == [png(name) for name in rows]
    assert found.lost == ()


def test_rows_without_picture_or_translation(tmp_path: Path) -> None:
    content = {
        "image": [{"bytes": png("red"), "path": None}, {"bytes": b"no picture", "path": None}, None, None],
        "en": ["a", "b", "c", "d"],
        "de": ["A", "B", "C", None],
    }
    features = datasets.Features({"image": datasets.Image(decode=False), "en": datasets.Value("string"), "de": datasets.Value("string")})
    datasets.Dataset.from_dict(content, features=features).cast_column("image", datasets.Image()).to_parquet(str(tmp_path / "t.parquet"))
    wanted = Wanted(str(tmp_path / "t.parquet"), {"train": "train"})
    found = lay_out_parallel(wanted, "en", "de", tmp_path)
    assert list(zip(found.sources, found.references, found.pictures, strict=True)) == [
        ("a", "A", "train-0.picture"), ("b", "B", None), ("c", "C", None),
    ]  # fmt: skip
    assert len(found.lost) == 1
    assert "row 1 of train" in found.lost[0]
    with pytest.raises(InvalidData, match="has no column 'fr'"):
        lay_out_parallel(wanted, "en", "fr", tmp_path)
