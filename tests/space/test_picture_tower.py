"""Which picture tower a bundle runs, and that it runs alike on every CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from mmembed.space import bundled
from mmembed.space.bundled import BundledSpace
from mmembed.space.sessions import session
from tests.bundled import WEIGHTS, mini, needs_weights


class TestShippedTowers:
    pytestmark = needs_weights

    def test_both_see_the_same(self) -> None:
        float32, int8 = (seen(session(WEIGHTS / name, None)) for name in ("picture.onnx", "picture.int8.onnx"))
        assert (float32 * int8).sum(1).min() > 0.97

    def test_no_product_saturates(self) -> None:
        """ONNX Runtime adds products up in 32 bits on every CPU if asked to, which takes longer."""
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry("session.x64quantprecision", "1")
        exact = onnxruntime.InferenceSession(str(WEIGHTS / "picture.int8.onnx"), options, providers=["CPUExecutionProvider"])
        assert (seen(session(WEIGHTS / "picture.int8.onnx", None)) == seen(exact)).all()


def seen(network: onnxruntime.InferenceSession) -> np.ndarray:
    """Vectors of pictures of blocks in strong colours."""
    size = mini().space.picture_size
    blocks = np.random.default_rng(0).integers(0, 2, (4, 8, 8, 3), dtype=np.uint8) * 255
    found: np.ndarray = network.run(["vector"], {"pixels": blocks.repeat(size // 8 + 1, 1).repeat(size // 8 + 1, 2)[:, :size, :size]})[0]
    return found


@pytest.mark.parametrize(
    ("files", "opened"), [({"picture.onnx"}, "picture.onnx"), ({"picture.onnx", "picture.int8.onnx"}, "picture.int8.onnx")]
)
def test_pictures_go_through_the_int8_tower_where_there_is_one(
    files: set[str], opened: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in files:
        (tmp_path / name).touch()
    monkeypatch.setattr(bundled, "session", lambda path, threads: path.name)
    space = BundledSpace(tmp_path, "some", "some-1", 4, ("en",), 8, bundled.Calibration(1.0, 0.0))
    assert space._pictures == opened
