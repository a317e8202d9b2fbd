"""The picture tower in int8, for CPUs whose int8 products are exact: static quantisation of its convolutions.

Weights have a scale a channel, activations one a tensor (QDQ, unsigned, from the smallest to the largest value seen). That is
exact only where products of 8 by 8 bits are summed in 32 (VNNI, ARM); where pairs are first summed in 16, large ones
saturate, and a bundle's picture tower runs in float32: see `mmembed.space.arithmetic`.
"""

from __future__ import annotations

import logging
import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from torch import nn

from mmembed.learn.backbones.efficientnet import EfficientNetLite
from mmembed.learn.export import OPSET, export_onnx, store_half
from mmembed.learn.heads import Head
from mmembed.learn.padding import fold_padding

_ZERO, _SCALE = 127, 1 / 128  # `normalise_pixels`: a pixel is its own quantised value


class _Batches(CalibrationDataReader):
    def __init__(self, batches: Iterable[np.ndarray]) -> None:
        self._batches = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        pixels = next(self._batches, None)
        return None if pixels is None else {"pixels": ((pixels.astype(np.float32) - _ZERO) * _SCALE).transpose(0, 3, 1, 2)}


def export_quantised(network: EfficientNetLite, head: Head, size: int, batches: Iterable[np.ndarray], path: Path) -> None:
    """Write `picture.int8.onnx`, which takes and gives what `picture.onnx` does.

    Args:
        size: side of the squares, pixels.
        batches: typical pictures, uint8 `[N, size, size, 3]`, by which the ranges of activations are set.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        example = {"pixels": torch.zeros(2, 3, size, size)}
        tower = nn.Sequential(OrderedDict(network=network, head=head))
        export_onnx(tower, example, ["vector"], {"pixels": {0: "pictures"}, "vector": {0: "pictures"}}, plain)
        fold_padding(plain)
        outside = [node.name for node in onnx.load(str(plain)).graph.node if node.name.startswith("/head/")]
        logging.getLogger().addFilter(_is_serious)  # the quantiser logs every scale it widens
        try:
            quantize_static(
                str(plain),
                str(path),
                _Batches(batches),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv", "Add", "Clip"],
                nodes_to_exclude=outside,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={"TensorQuantOverrides": {"pixels": [_pixel_range()]}},
            )
        finally:
            logging.getLogger().removeFilter(_is_serious)
    model = onnx.load(str(path))
    take_pixels(model, size)
    onnx.save_model(model, str(path))
    store_half(path)


def export_probe(path: Path, width: int = 64, outputs: int = 32) -> None:
    """Write `exact.onnx`; see `mmembed.space.arithmetic`."""
    matrix = numpy_helper.from_array(np.full((width, outputs), 127, np.int8), "matrix")
    pixels = helper.make_tensor_value_info("x", TensorProto.UINT8, ["rows", width])
    sums = helper.make_tensor_value_info("y", TensorProto.INT32, ["rows", outputs])
    graph = helper.make_graph([helper.make_node("MatMulInteger", ["x", "matrix"], ["y"])], "exact", [pixels], [sums], [matrix])
    onnx.save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10), str(path))


def _is_serious(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def _pixel_range() -> dict[str, Any]:
    return {"quant_type": QuantType.QUInt8, "scale": np.array(_SCALE, np.float32), "zero_point": np.array(_ZERO, np.uint8)}


def take_pixels(model: ModelProto, size: int) -> None:
    """Make the input uint8 `[N, size, size, 3]`: what was quantised from it is the pixels themselves."""
    graph = model.graph
    [quantise] = [node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == "pixels"]
    transpose = helper.make_node("Transpose", ["pixels"], [quantise.output[0]], "pixels_first", perm=[0, 3, 1, 2])
    graph.node.remove(quantise)
    graph.node.insert(0, transpose)
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["pictures", size, size, 3]))


def batches_of(pixels: Iterable[np.ndarray], size: int = 16) -> Iterator[np.ndarray]:
    """Squares uint8 `[S, S, 3]` in batches."""
    group: list[np.ndarray] = []
    for square in pixels:
        group.append(square)
        if len(group) == size:
            yield np.stack(group)
            group = []
    if group:
        yield np.stack(group)
