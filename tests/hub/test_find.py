"""Names and folders: what is needed of a repository, what is on this machine, and one sentence when it is not."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from mmembed.cli import cli
from mmembed.errors import InvalidConfig, UnavailableModel
from mmembed.hub import find
from mmembed.hub.detect import backend_of
from mmembed.hub.files import complete, digest, text_tower, wanted, weight_files
from mmembed.hub.shelf import is_ready, repositories
from mmembed.presets import presets

hub = pytest.importorskip("huggingface_hub")
pytestmark = pytest.mark.torch


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub's."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def store(cache: Path, name: str, files: dict[str, str]) -> Path:
    """Put files into the cache as the hub's client does: a revision, a snapshot, links to blobs."""
    root = cache / f"models--{name.replace('/', '--')}"
    snapshot = root / "snapshots" / "abc"
    for folder in (root / "refs", root / "blobs", snapshot):
        folder.mkdir(parents=True, exist_ok=True)
    (root / "refs" / "main").write_text("abc")
    for number, (file, content) in enumerate(files.items()):
        blob = root / "blobs" / f"{number:064x}"
        blob.write_text(content)
        (snapshot / file).symlink_to(blob)
    return snapshot


FILES = [
    "README.md", "config.json", "flax_model.msgpack", "model.safetensors", "onnx/model.onnx", "open_clip_config.json",
    "open_clip_model.safetensors", "open_clip_pytorch_model.bin", "preprocessor_config.json", "pytorch_model.bin", "tf_model.h5",
    "tokenizer.json",
]  # fmt: skip


def test_weights_are_wanted_once_and_not_in_every_format() -> None:
    small = {"config.json", "open_clip_config.json", "preprocessor_config.json", "tokenizer.json"}
    assert set(wanted(FILES, "transformers")) == {*small, "model.safetensors"}
    assert set(wanted(FILES, "open_clip")) == {*small, "open_clip_model.safetensors"}
    assert wanted(FILES, "configuration") == ("config.json",)
    sharded = ["config.json", "model.safetensors.index.json", *(f"model-0000{n}-of-00002.safetensors" for n in (1, 2)), "x-1-of-2.bin"]
    assert set(wanted(sharded, "transformers")) == set(sharded) - {"x-1-of-2.bin"}


def test_a_copy_with_a_shard_missing_is_not_complete(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert not complete(tmp_path, "transformers")
    shards = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(shards))
    (tmp_path / "model-1.safetensors").write_text("x")
    assert not complete(tmp_path, "transformers")
    (tmp_path / "model-2.safetensors").write_text("y")
    assert complete(tmp_path, "transformers")
    assert [file.name for file in weight_files(tmp_path, "transformers")] == ["model-1.safetensors", "model-2.safetensors"]
    assert complete(tmp_path, "configuration") and not complete(tmp_path, "open_clip")


def test_what_is_in_the_cache_is_used_without_asking_the_hub(cache: Path) -> None:
    snapshot = store(cache, "owner/tiny", {"config.json": "{}", "model.safetensors": "weights"})
    assert find.folder_of("owner/tiny", "transformers") == snapshot
    assert find.folder_of(str(snapshot), "transformers") == snapshot


def test_the_digest_trusts_the_caches_names_of_large_files(cache: Path) -> None:
    first = digest(store(cache, "owner/tiny", {"config.json": "{}", "model.safetensors": "weights"}), "transformers")
    assert first == digest(store(cache, "other/name", {"config.json": "{}", "model.safetensors": "weights"}), "transformers")


@pytest.mark.usefixtures("cache")
def test_offline_is_one_sentence_at_once() -> None:
    with pytest.raises(
        UnavailableModel, match=r"owner/tiny is not on this machine, and offline .* what works now: mini\b.* pull owner/tiny"
    ):
        find.folder_of("owner/tiny", "transformers")
    with pytest.raises(UnavailableModel, match="neither a folder nor a name"):
        find.folder_of("no such folder", "transformers")


class _Failing:
    """An HfApi whose every question fails."""

    error: Exception = OSError("no route to host")

    def model_info(self, *_: Any, **settings: Any) -> None:
        assert settings["timeout"] <= 10
        raise self.error


@pytest.mark.usefixtures("cache")
def test_an_unreachable_hub_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(hub, "HfApi", _Failing)
    with pytest.raises(UnavailableModel, match=r"the hub cannot be reached \(no route to host\); what works now: mini"):
        find.folder_of("owner/tiny", "transformers")

    class RepositoryNotFoundError(Exception):
        pass

    class GatedRepoError(RepositoryNotFoundError):
        pass

    monkeypatch.setattr(_Failing, "error", RepositoryNotFoundError("404"))
    with pytest.raises(UnavailableModel, match="The hub has no model owner/tiny"):
        find.look_up("owner/tiny", "transformers")
    monkeypatch.setattr(_Failing, "error", GatedRepoError("403"))
    with pytest.raises(UnavailableModel, match="accept its terms"):
        find.look_up("owner/tiny", "transformers")


def test_pull_downloads_what_is_needed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    siblings = [SimpleNamespace(rfilename=name, size=1_000_000) for name in FILES]
    info = SimpleNamespace(siblings=siblings, sha="abc")
    monkeypatch.setattr(hub, "HfApi", lambda: SimpleNamespace(model_info=lambda *_, **__: info))
    asked: list[Any] = []

    def download(name: str, allow_patterns: list[str]) -> str:
        asked.append((name, sorted(allow_patterns)))
        return str(store(cache, name, dict.fromkeys(allow_patterns, "{}")))

    monkeypatch.setattr(hub, "snapshot_download", download)
    remote = find.look_up("owner/tiny", "transformers")
    assert remote.megabytes == 5
    folder = find.pull("owner/tiny", "transformers", remote)
    assert complete(folder, "transformers")
    assert asked == [("owner/tiny", sorted(wanted(FILES, "transformers")))]
    monkeypatch.setattr(hub, "snapshot_download", lambda *_, **__: (_ for _ in ()).throw(OSError("connection reset")))
    with pytest.raises(UnavailableModel, match=r"broke off; the same command goes on with it.*connection reset"):
        find.pull("owner/tiny", "transformers", remote)


def test_the_command_pulls_every_part_and_offline_none(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offline = CliRunner().invoke(cli, ["pull", "siglip2-base"])
    assert offline.exit_code == 1
    assert offline.stderr.startswith("mmembed: google/siglip2-base-patch16-256 is not on this machine, and offline")
    assert offline.stderr.count("\n") == 1
    monkeypatch.delenv("HF_HUB_OFFLINE")
    info = SimpleNamespace(siblings=[SimpleNamespace(rfilename=name, size=500_000) for name in FILES], sha="abc")
    monkeypatch.setattr(hub, "HfApi", lambda: SimpleNamespace(model_info=lambda *_, **__: info))
    monkeypatch.setattr(hub, "snapshot_download", lambda name, allow_patterns: str(store(cache, name, dict.fromkeys(allow_patterns, "{}"))))
    pulled = CliRunner().invoke(cli, ["pull", "siglip2-base+opus-mt", "--pair", "en-fr"])
    assert pulled.exit_code == 0, pulled.stderr
    names = ("google--siglip2-base-patch16-256", "Helsinki-NLP--opus-mt-en-fr")
    assert pulled.stdout.splitlines() == [str(cache / f"models--{name}" / "snapshots" / "abc") for name in names]
    assert "google/siglip2-base-patch16-256: 2 MB" in pulled.stderr
    assert CliRunner().invoke(cli, ["pull", "siglip2-base", "--pair", "en-fr"]).exit_code == 2
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert [preset for preset in ("siglip2-base", "opus-mt", "blip-base") if is_ready(presets()[preset])] == ["siglip2-base", "opus-mt"]


def test_which_repositories_a_preset_is_made_of(cache: Path) -> None:
    assert repositories("mini") == []
    assert repositories("siglip2-base") == [("google/siglip2-base-patch16-256", "transformers")]
    assert [name for name, _ in repositories("opus-mt", ["en-fr"])] == ["Helsinki-NLP/opus-mt-en-fr"]
    assert [name for name, _ in repositories("opus-mt")] == ["Helsinki-NLP/opus-mt-en-de", "Helsinki-NLP/opus-mt-de-en"]
    config = json.dumps({"model_cfg": {"text_cfg": {"hf_model_name": "xlm-roberta-base"}}})
    weights = presets()["xlm-roberta-b32"].weights
    assert not is_ready(presets()["xlm-roberta-b32"])
    store(cache, weights, {"open_clip_config.json": config, "open_clip_pytorch_model.bin": ""})
    assert repositories("xlm-roberta-b32") == [(weights, "open_clip"), ("FacebookAI/xlm-roberta-base", "configuration")]
    assert is_ready(presets()["xlm-roberta-b32"])
    assert text_tower({"text_cfg": {"hf_model_name": "facebook/nllb"}}) == "facebook/nllb"
    assert text_tower({"text_cfg": {}}) is None


@pytest.mark.parametrize(
    ("files", "backend"),
    [
        ({"config.json": {"model_type": "siglip"}}, "transformers"),
        ({"config.json": {"model_type": "metaclip_2"}}, "transformers"),
        ({"config.json": {"model_type": "marian"}}, "marian"),
        ({"config.json": {"model_type": "m2m_100"}}, "m2m100"),
        ({"config.json": {"model_type": "m2m_100"}, "tokenizer_config.json": {"tokenizer_class": "NllbTokenizerFast"}}, "nllb"),
        ({"config.json": {"model_type": "florence2"}}, "florence2"),
        ({"config.json": {"model_type": "qwen3_vl"}}, "chat"),
        ({"config.json": {"architecture": "vit"}, "open_clip_config.json": {"model_cfg": {"embed_dim": 1}}}, "open_clip"),
        ({"open_clip_config.json": {"model_cfg": {"multimodal_cfg": {}}}}, "coca"),
        ({"config.json": {"model_type": "m2m_100"}, "open_clip_config.json": {"model_cfg": {"embed_dim": 1}}}, "open_clip"),
        ({"config.json": {"model_type": "clip"}, "open_clip_config.json": {"model_cfg": {}}, "model.safetensors": ""}, "transformers"),
    ],
)
def test_the_family_is_seen_by_the_configuration(tmp_path: Path, files: dict[str, Any], backend: str) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    assert backend_of(str(tmp_path)) == backend


def test_other_families_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(InvalidConfig, match="kind 'bert', none of those known here; known are CLIP"):
        backend_of(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "jina_clip", "auto_map": {"AutoModel": "own.py"}}')
    with pytest.raises(InvalidConfig, match="its own Python code, which is not run; known are CLIP"):
        backend_of(str(tmp_path))
