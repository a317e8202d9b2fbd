"""Biases of a quantised network, moved so that its channels have the means that they have in float32."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static  # noqa: E402

from mmembed.learn.bias import correct_biases  # noqa: E402
from mmembed.learn.export import export_onnx  # noqa: E402
from mmembed.space.sessions import session  # noqa: E402

pytestmark = pytest.mark.torch
SHIFT = 4000  # of int32 biases


class Once(CalibrationDataReader):
    def __init__(self, pixels: np.ndarray) -> None:
        self._waiting = [{"pixels": pixels}]

    def get_next(self) -> dict[str, np.ndarray] | None:
        return self._waiting.pop() if self._waiting else None


@pytest.fixture
def networks(tmp_path: Path) -> tuple[Path, Path, np.ndarray]:
    """In float32 and in int8, and what they are shown."""
    torch.manual_seed(0)
    layers = OrderedDict(first=torch.nn.Conv2d(3, 8, 3), act=torch.nn.ReLU6(), second=torch.nn.Conv2d(8, 4, 1))
    pixels = np.random.default_rng(0).standard_normal((8, 3, 12, 12)).astype(np.float32)
    plain, quantised = tmp_path / "plain.onnx", tmp_path / "int8.onnx"
    export_onnx(
        torch.nn.Sequential(layers).eval(), {"pixels": torch.from_numpy(pixels)}, ["found"], {"pixels": {0: "N"}, "found": {0: "N"}}, plain
    )
    quantize_static(
        str(plain), str(quantised), Once(pixels), quant_format=QuantFormat.QDQ, per_channel=True,
        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
    )  # fmt: skip
    return plain, quantised, pixels


def means(path: Path, pixels: np.ndarray) -> np.ndarray:
    found: np.ndarray = session(path, 1).run(None, {"pixels": pixels})[0].mean((0, 2, 3))
    return found


def test_means_are_as_in_float(networks: tuple[Path, Path, np.ndarray]) -> None:
    plain, quantised, pixels = networks
    model = onnx.load(str(quantised))
    for tensor in model.graph.initializer:
        if tensor.name.endswith("bias_quantized"):
            moved = onnx.numpy_helper.to_array(tensor) + SHIFT
            tensor.CopyFrom(onnx.numpy_helper.from_array(moved.astype(np.int32), tensor.name))
    onnx.save_model(model, str(quantised))
    wanted, off = means(plain, pixels), np.abs(means(quantised, pixels) - means(plain, pixels)).mean()
    correct_biases(model, onnx.load(str(plain)), [pixels[:4], pixels[4:]], [pixels[:4], pixels[4:]])
    onnx.save_model(model, str(quantised))
    assert np.abs(means(quantised, pixels) - wanted).mean() < 0.01 * off
