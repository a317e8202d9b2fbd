"""int8 copies of spaces: checked before they are used, kept, and never used when they differ."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmembed.compose import describe, load_space
from mmembed.hub.running import Running
from mmembed.media.picture import Picture
from mmembed.space import int8
from mmembed.space.int8 import Int8Space, int8_space
from mmembed.space.open_clip import OpenClipSpace
from mmembed.space.transformers import TransformersSpace
from tests.fakes import FakeSpace
from tests.hub.checkpoints import CALM

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

Checkpoint = Callable[[str], Path]
TEXTS = ["two dogs run through the snow", "ein Hund", "a man rides a red motorcycle across the street"]


def photo(seed: int) -> Picture:
    small = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8))
    return Picture.from_array(np.asarray(small.resize((60, 44), Image.Resampling.BICUBIC)))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MMEMBED_CACHE", str(tmp_path))
    return tmp_path / "int8"


@pytest.mark.parametrize("kind", ["clip", "siglip-calm", *sorted(CALM.keys() - {"open-clip-timm-calm"})])
def test_the_copy_agrees_with_the_original(checkpoint: Checkpoint, cache: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind in CALM:
        pytest.importorskip("open_clip", exc_type=(ImportError, RuntimeError))
    original = (OpenClipSpace if kind in CALM else TransformersSpace)(checkpoint(kind), kind, ("en",), Running("cpu", "fp32"))
    monkeypatch.setenv("MMEMBED_PRECISION", "int8")
    copy = load_space(describe(str(checkpoint(kind))))
    assert isinstance(copy, Int8Space)
    assert (copy.identity, copy.dim, copy.picture_size) == (original.identity, original.dim, original.picture_size)
    pictures = [photo(seed) for seed in range(4)]
    assert ((copy.embed_pictures(pictures) * original.embed_pictures(pictures)).sum(1) > 0.99).all()
    assert ((copy.embed_texts(TEXTS) * original.embed_texts(TEXTS)).sum(1) > 0.99).all()
    alone = np.concatenate([copy.embed_texts([text]) for text in TEXTS])
    assert ((alone * copy.embed_texts(TEXTS)).sum(1) >= 0.9999).all()
    query = copy.embed_texts(["a dog"])[0]
    np.testing.assert_allclose(copy.confidence(query, np.array([0.1, 0.3])), original.confidence(query, np.array([0.1, 0.3])), atol=1e-5)

    monkeypatch.setattr(int8, "_make", lambda *_: pytest.fail("it was made twice"))
    assert isinstance(int8_space(original), Int8Space)
    assert [folder.name for folder in cache.iterdir()] == [original.identity]


def test_a_copy_that_differs_is_not_used(checkpoint: Checkpoint, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = TransformersSpace(checkpoint("clip"), "clip", ("en",), Running("cpu", "fp32"))

    def wrong(space: TransformersSpace, folder: Path) -> None:
        real(space, folder)
        shutil.copy(folder / "text.onnx", folder / "kept.onnx")
        monkeypatch.setattr(Int8Space, "embed_texts", lambda self, texts: -space.embed_texts(texts))

    real = int8._export
    monkeypatch.setattr(int8, "_export", wrong)
    with pytest.warns(UserWarning, match="runs in fp32.*differs from the original"):
        assert int8_space(original) is original
    assert list(cache.iterdir()) == []


@pytest.mark.usefixtures("cache")
def test_what_cannot_be_exported_runs_as_it_is_and_says_so_in_one_line(checkpoint: Checkpoint, capfd: pytest.CaptureFixture[str]) -> None:
    """This tower resizes its positions when it runs, which ONNX does not know."""
    pytest.importorskip("open_clip", exc_type=(ImportError, RuntimeError))
    original = OpenClipSpace(checkpoint("open-clip-timm"), "timm", ("en",), Running("cpu", "fp32"))
    with pytest.warns(UserWarning, match="runs in fp32, its int8 copy cannot be used: Exporting the operator"):
        assert int8_space(original) is original
    assert capfd.readouterr().out == ""


@pytest.mark.usefixtures("cache")
def test_other_spaces_stay_as_they_are() -> None:
    space = FakeSpace()
    with pytest.warns(UserWarning, match="runs in fp32"):
        assert int8_space(space) is space


def test_the_quantizer_does_not_make_the_program_talk() -> None:
    code = "import logging; from mmembed.space.packing import quantizer; quantizer(); logging.getLogger('any').info('LOUD')"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert said.stderr == ""
