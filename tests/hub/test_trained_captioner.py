"""`mmembed train decoder` for spaces from a hub: recipe → captioner → `mmembed caption`, on tiny checkpoints."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

torch = pytest.importorskip("torch")
for package in ("transformers", "accelerate", "onnx", "sentencepiece"):
    pytest.importorskip(package)

from mmembed.cli import cli  # noqa: E402
from mmembed.errors import InvalidConfig, InvalidQuery  # noqa: E402
from mmembed.generate.base import Style, reads_vectors  # noqa: E402
from mmembed.hub.shelf import repositories  # noqa: E402
from mmembed.media.picture import Picture  # noqa: E402
from mmembed.presets import load  # noqa: E402
from mmembed.space.transformers import TransformersSpace  # noqa: E402
from tests.fakes import COLOURS, GERMAN  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

Checkpoint = Callable[[str], Path]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def succeed(*arguments: object) -> Result:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three noisy pictures of each colour, with an English and a German caption each."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "pictures").mkdir()
    random, rows = np.random.default_rng(0), ["image\tlang\tcaption"]
    for name, colour in COLOURS.items():
        for number in range(3):
            pixels = (np.array(colour) * 255 + random.normal(0, 20, (48, 64, 3))).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "pictures" / f"{name}{number}.png")
            rows += [f"{name}{number}.png\ten\ta {name} wall", f"{name}{number}.png\tde\t{GERMAN[name]} ist die Wand"]
    (folder / "captions.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def recipe_for(data: Path, space: Path, output: Path, **changes: Any) -> Path:
    content = {
        "pictures": str(data / "pictures"), "captions": str(data / "captions.tsv"), "space": str(space), "output": str(output),
        "cache": str(data / "cache"), "languages": ["en", "de"], "weights": {"captions": {"en": 1, "de": 1}}, "views": ["plain", "crop0"],
        "vocabulary": 300, "width": 64, "encoder_layers": 1, "decoder_layers": 1, "prefix_length": 2, "steps": 600, "batch": 16,
        "save_every": 150, "warmup": 10, "learning_rate": 3e-3, "noise": 0.02, "average": 0.95, "precision": "no", "name": "colours",
        "licence": "CC0", **changes,
    }  # fmt: skip
    content = {key: value for key, value in content.items() if value is not None}
    path = output.with_suffix(".yaml")
    path.write_text(json.dumps(content), encoding="utf-8")  # JSON is YAML
    return path


@pytest.fixture(scope="module")
def trained(data: Path, checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the command printed: the folder of a captioner for the tiny CLIP."""
    output = tmp_path_factory.mktemp("trained") / "clip-colours"
    result = succeed("train", "decoder", "--config", recipe_for(data, checkpoint("clip"), output))
    folder = Path(result.stdout.splitlines()[-1])
    assert folder == output / "captioner"
    return folder


def photos(data: Path) -> list[Path]:
    return [data / "pictures" / f"{name}0.png" for name in COLOURS]


def told(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_recipe_becomes_captions_of_pictures(data: Path, trained: Path, checkpoint: Checkpoint) -> None:
    """Each colour is named, in both languages: so it reads the vectors, and the tag of the language."""
    rows = told(run("caption", *photos(data), "--preset", trained, "--lang", "en,de", "--json"))
    found = {(Path(row["path"]).stem, row["language"]): row["text"] for row in rows}
    english = {(f"{name}0", "en"): f"A {name} wall." for name in COLOURS}
    assert found == {**english, **{(f"{name}0", "de"): f"{GERMAN[name].capitalize()} ist die Wand." for name in COLOURS}}
    assert {row["written_by"] for row in rows} == {"colours"}
    model = load(str(trained))
    assert model.space.identity == TransformersSpace(checkpoint("clip"), "x").identity
    assert (model.preset.captions, "CC0" in model.preset.licence) == (("en", "de"), True)


def test_it_joins_a_space_and_a_translator_by_hand(data: Path, trained: Path, checkpoint: Checkpoint) -> None:
    joined = f"{checkpoint('clip')}+{trained}+mini"
    [row] = told(run("caption", photos(data)[0], "--preset", joined, "--json"))
    assert row["text"] == "A red wall."
    assert load(joined).translator.name == "mini"  # type: ignore[union-attr]


def test_pictures_are_looked_at_once(data: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, seen = load(str(trained)), []
    real = TransformersSpace.embed_pictures

    def count(self: TransformersSpace, pictures: Sequence[Picture]) -> np.ndarray:
        seen.append(len(pictures))
        return real(self, pictures)

    monkeypatch.setattr(TransformersSpace, "embed_pictures", count)
    pictures = [Picture.open(path, model.picture_size) for path in photos(data)]
    captions = model.caption_in(pictures, ["en", "de"])
    assert sum(seen) == len(pictures)
    assert model.reads_vectors
    assert model.caption_vectors(real(model.space, pictures), ["en", "de"]) == captions  # type: ignore[arg-type]
    assert model.caption(pictures[:1], "en", style=Style(seed=3))[0].text
    with pytest.raises(InvalidQuery, match="translates nothing"):
        model.captioner._decoder.generate(None, ["a dog"], "de")  # type: ignore[union-attr]


def test_beside_another_space_it_reads_its_own(data: Path, trained: Path, checkpoint: Checkpoint) -> None:
    model = load(f"{checkpoint('siglip')}+{trained}")
    assert model.space.identity.startswith("siglip-")
    assert model.captioner is not None and not reads_vectors(model.captioner, model.space)
    pictures = [Picture.open(path, model.picture_size) for path in photos(data)]
    assert [caption.text for caption in model.caption(pictures, "en")] == [f"A {name} wall." for name in COLOURS]


def test_other_weights_under_the_same_name_are_refused(data: Path, trained: Path, checkpoint: Checkpoint, tmp_path: Path) -> None:
    folder, space = tmp_path / "captioner", tmp_path / "clip"
    shutil.copytree(trained, folder)
    shutil.copytree(checkpoint("clip"), space)
    manifest = json.loads((folder / "captioner.json").read_text())
    (folder / "captioner.json").write_text(json.dumps({**manifest, "space": str(space)}))
    assert load(str(folder)).caption([Picture.open(photos(data)[0])], "en")[0].text == "A red wall."
    weights = bytearray((space / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (space / "model.safetensors").write_bytes(bytes(weights))
    with pytest.raises(InvalidConfig, match="was trained on vectors of clip-.*is now clip-"):
        load(str(folder)).caption([Picture.open(photos(data)[0])], "en")
    shutil.rmtree(space)
    with pytest.raises(InvalidConfig, match="not there any more; name where it is now: --preset SPACE"):
        load(str(folder))
    assert repositories(str(trained)) == repositories(str(checkpoint("clip"))) == []
    (folder / "captioner.json").write_text(json.dumps({**manifest, "space": "siglip2-base"}))
    assert repositories(str(folder)) == [("google/siglip2-base-patch16-256", "transformers")]


def test_a_second_run_embeds_nothing_and_another_space_is_not_gone_on_with(
    data: Path, trained: Path, checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "again"
    with monkeypatch.context() as patch:
        patch.setattr(TransformersSpace, "embed_pictures", lambda *_: pytest.fail("the vectors are cached"))
        succeed("train", "decoder", "--config", recipe_for(data, checkpoint("clip"), output, steps=2, save_every=2))
    other = run("train", "decoder", "--config", recipe_for(data, checkpoint("metaclip2"), output, steps=2, save_every=2))
    assert other.exit_code == 1
    assert "holds a decoder for the space clip-" in other.output


def test_a_changed_picture_is_looked_at_again(data: Path, checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = TransformersSpace.embed_pictures
    monkeypatch.setattr(TransformersSpace, "embed_pictures", lambda self, some: (seen.append(len(some)), real(self, some))[1])
    files = sorted((data / "pictures").iterdir())
    settings = {"pictures": str(tmp_path / "pictures.zip"), "steps": 2, "save_every": 2, "views": ["plain"]}
    for first, expected in ((files[0], 15), (files[0], 15), (files[-1], 30)):  # the first picture's file, and all that were seen
        with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
            for file in files:
                archive.write(first if file is files[0] else file, file.name)
        succeed("train", "decoder", "--config", recipe_for(data, checkpoint("clip"), tmp_path / "zipped", **settings))
        assert sum(seen) == expected


def test_texts_alone_teach_captions(data: Path, checkpoint: Checkpoint, tmp_path: Path) -> None:
    recipe = recipe_for(data, checkpoint("siglip"), tmp_path / "texts", pictures=None, weights={"captions": {"en": 1}}, steps=20)
    folder = Path(succeed("train", "decoder", "--config", recipe).stdout.splitlines()[-1])
    model = load(str(folder))
    assert model.captioner is not None and "en" in model.preset.captions
    assert model.preset.captions[0] == "en"
    german = model.caption([Picture.open(photos(data)[0])], "de")[0]
    assert german.written_by == "colours in English, then mini"


def test_other_texts_stand_in_for_pictures_too(data: Path, checkpoint: Checkpoint, tmp_path: Path) -> None:
    (tmp_path / "parallel.tsv").write_text("split\timage\ten\tfr\ntrain\tx1.jpg\ta red wall\tun mur rouge\n")
    (tmp_path / "others.tsv").write_text("split\timage\tlang\tcaption\ntrain\tx1.jpg\ten\ta wall that is red\n")
    texts = {"parallel": str(tmp_path / "parallel.tsv"), "paraphrases": str(tmp_path / "others.tsv"), "parallel_languages": ["en", "fr"]}
    weights = {"captions": {"en": 1}, "text_captions": {"fr": 1}}
    settings = {**texts, "weights": weights, "languages": ["en", "de", "fr"], "steps": 2, "save_every": 2}
    recipe = recipe_for(data, checkpoint("clip"), tmp_path / "both", **settings)
    folder = Path(succeed("train", "decoder", "--config", recipe).stdout.splitlines()[-1])
    assert json.loads((folder / "captioner.json").read_text())["languages"] == ["en", "fr"]


@pytest.mark.parametrize("kind", ["open-clip", "coca", "mini"])
def test_any_space_will_do(data: Path, checkpoint: Checkpoint, tmp_path: Path, kind: str) -> None:
    if kind != "mini":
        pytest.importorskip("open_clip", exc_type=(ImportError, RuntimeError))
    recipe = recipe_for(data, Path("mini") if kind == "mini" else checkpoint(kind), tmp_path / "any", steps=2, save_every=2)
    model = load(succeed("train", "decoder", "--config", recipe).stdout.splitlines()[-1])
    assert model.captioner is not None and model.captioner.name == "colours"
    assert reads_vectors(model.captioner, model.space)
    assert len(model.caption([Picture.open(photos(data)[0])], "de")) == 1


def test_what_cannot_be_learnt_is_a_sentence(data: Path, checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases: dict[str, dict[str, Any]] = {
        "captions only; leave out classes and translations": {"weights": {"captions": {"en": 1}, "translations": {"en-de": 1}}},
        "is no space, so no decoder": {"space": "blip-base"},
        "holds no space: neither what": {"space": str(data)},
        "There is no preset 'nonsense'": {"space": "nonsense"},
        "no captions in fr": {"weights": {"captions": {"fr": 1}}},
        "No vocabulary of 100 pieces can be made": {"vocabulary": 100},
        "The picture broken cannot be trained on": {"pictures": str(tmp_path / "broken")},
    }
    shutil.copytree(data / "pictures", tmp_path / "broken")
    (tmp_path / "broken" / "broken.png").write_bytes(b"no picture")
    for number, (message, changes) in enumerate(cases.items()):
        space = changes.pop("space", checkpoint("clip"))
        result = run("train", "decoder", "--config", recipe_for(data, space, tmp_path / f"case{number}", **changes))
        assert result.exit_code == 1, message
        assert message in " ".join(result.output.split())
    monkeypatch.setattr("mmembed.learn.decoder_recipe.find_spec", lambda _: None)
    early = run("train", "decoder", "--config", recipe_for(data, checkpoint("clip"), tmp_path / "early"))
    assert early.exit_code == 1
    assert "needs the package onnx" in early.output
    assert not (tmp_path / "early").exists(), "it is said before anything is trained"
