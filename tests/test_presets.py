from __future__ import annotations

from pathlib import Path

import pytest

from mmembed.backends import BUNDLED, roles
from mmembed.bundle import read_manifest
from mmembed.commands.models import _description
from mmembed.errors import InvalidConfig, UnknownPreset
from mmembed.hub.find import is_name
from mmembed.languages import canonical
from mmembed.presets import Preset, load, presets, read_config

ROOT = Path(__file__).parent.parent
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


@pytest.mark.parametrize("preset", presets().values(), ids=lambda preset: preset.name)
def test_every_preset_says_what_one_has_to_know(preset: Preset) -> None:
    served = roles(preset.backend)
    assert served
    assert preset.licence and preset.use.endswith(".") and preset.parameters_m and preset.size_mb > 0
    assert bool(preset.languages) == ("space" in served)
    assert bool(preset.captions) == ("captioner" in served)
    assert bool(preset.translations) == ("translator" in served)
    codes = {*preset.languages, *preset.captions, *preset.translations} - {"all"}
    assert codes == {canonical(code) for code in codes}
    assert all(score.value > 0 and score.what and score.url.startswith("https://") for score in preset.published)
    assert preset.backend == BUNDLED or is_name(preset.weights.format(source="en", to="de"))
    told = _description(preset)
    assert ("never run here" in told) == (not preset.measured)
    assert ("nothing noted" in told) == (not preset.published)
    if "NC" in preset.licence:
        assert "Non-commercial use only" in preset.use


def test_terms_that_forbid_commercial_use_are_said() -> None:
    assert "commercial use is forbidden" in presets()["mobileclip2-s0"].use
    assert "non-commercial" in presets()["mini"].use


def test_the_measurements_of_mini_are_those_of_the_readme() -> None:
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        if "|" in line
    ]
    retrieval, captions = ([row for row in rows if row and row[0] == "en"][index] for index in (0, 1))
    found = presets()["mini"].measured
    assert found["text-to-image R@10 en"] == float(retrieval[3])
    assert found["CIDEr-D en"] == float(captions[1])
    assert found["BLEU en-de"] == float(next(row for row in rows if row and row[0] == "en→de")[1])
