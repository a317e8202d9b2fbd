from __future__ import annotations

from pathlib import Path

import pytest

from mmembed.bundle import read_manifest
from mmembed.errors import InvalidConfig, UnknownPreset
from mmembed.presets import Preset, load, presets, read_config

GOOD = {
    "name": "x", "summary": "s", "backend": "bundled", "weights": "w", "languages": "[en]", "captions": "[en]",
    "translations": "[]", "licence": "CC0", "use": "anything", "size_mb": "1",
}  # fmt: skip


def write(folder: Path, **changes: str | None) -> Path:
    values = {**GOOD, **changes}
    path = folder / "x.yaml"
    path.write_text("".join(f"{key}: {value}\n" for key, value in values.items() if value is not None), encoding="utf-8")
    return path


def test_a_preset_is_read_and_its_measurements_default_to_none(tmp_path: Path) -> None:
    preset = read_config(write(tmp_path), Preset)
    assert preset.languages == ("en",)
    assert preset.measured == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sise_mb": "1"}, "unknown key 'sise_mb'"),
        ({"size_mb": "big"}, "size_mb"),
        ({"licence": None}, "licence"),
        ({"languages": "["}, "not valid YAML"),
    ],
)
def test_a_wrong_configuration_says_where(tmp_path: Path, changes: dict[str, str | None], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        read_config(write(tmp_path, **changes), Preset)


def test_a_missing_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"none\.yaml does not exist"):
        read_config(tmp_path / "none.yaml", Preset)


def test_mini_is_there_and_shows_its_terms() -> None:
    mini = presets()["mini"]
    assert "research" in mini.licence
    assert set(mini.translations) <= set(mini.captions)


def test_an_unknown_preset_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownPreset, match="mini"):
        load("minni")
    with pytest.raises(UnknownPreset):
        load(str(tmp_path))


def test_a_damaged_manifest_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"no manifest\.json"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text('{"name": 3}')
    with pytest.raises(InvalidConfig, match="damaged"):
        load(str(tmp_path))
