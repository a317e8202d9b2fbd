"""The picture tower in int8: static quantisation of its convolutions.

Weights have a scale a channel, activations one a tensor (QDQ, unsigned, from the smallest to the largest value seen). CPUs without VNNI
add products of 8 by 8 bits up in pairs of 16 bits, where large ones saturate
(https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html#when-and-why-do-i-need-to-try-u8u8), so weights are rounded
to steps of which no pair can. Biases make up for what rounding shifts (`mmembed.learn.bias`).
"""

from __future__ import annotations

import logging
import tempfile
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import GraphProto, ModelProto, TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from torch import nn

from mmembed.learn.backbones.efficientnet import EfficientNetLite
from mmembed.learn.bias import correct_biases
from mmembed.learn.export import export_onnx, store_half
from mmembed.learn.heads import Head
from mmembed.learn.padding import fold_padding

_MENDED = 4  # batches
_LEAST = np.float32(1e-6)
_ZERO, _SCALE = 127, 1 / 128  # `normalise_pixels`: a pixel is its own quantised value


class _Batches(CalibrationDataReader):
    def __init__(self, batches: Iterable[np.ndarray]) -> None:
        self._batches = iter(batches)

    def get_next(self) -> dict[str, np.ndarray] | None:
        pixels = next(self._batches, None)
        return None if pixels is None else {"pixels": _normalised(pixels)}


def _normalised(pixels: np.ndarray) -> np.ndarray:
    """uint8 `[N, S, S, 3]` → float32 `[N, 3, S, S]`."""
    return ((pixels.astype(np.float32) - _ZERO) * _SCALE).transpose(0, 3, 1, 2)


def export_quantised(network: EfficientNetLite, head: Head, size: int, batches: Sequence[np.ndarray], path: Path) -> None:
    """Write `picture.int8.onnx`, which takes and gives what `picture.onnx` does.

    Args:
        size: side of the squares, pixels.
        batches: typical pictures, uint8 `[N, size, size, 3]`, by which the ranges of activations are set; by the first of them biases are
            corrected.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain, found = Path(folder) / "plain.onnx", Path(folder) / "quantised.onnx"
        example = {"pixels": torch.zeros(2, 3, size, size)}
        tower = nn.Sequential(OrderedDict(network=network, head=head))
        export_onnx(tower, example, ["vector"], {"pixels": {0: "pictures"}, "vector": {0: "pictures"}}, plain)
        fold_padding(plain)
        original = onnx.load(str(plain))
        outside = [node.name for node in original.graph.node if node.name.startswith("/head/")]
        logging.getLogger().addFilter(_is_serious)  # the quantiser logs every scale it widens
        try:
            quantize_static(
                str(plain),
                str(found),
                _Batches(batches),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv", "Add", "Clip"],
                nodes_to_exclude=outside,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=CalibrationMethod.MinMax,
                extra_options={"TensorQuantOverrides": {"pixels": [_pixel_range()], **_weight_ranges(original.graph)}},
            )
        finally:
            logging.getLogger().removeFilter(_is_serious)
        model = onnx.load(str(found))
        take_pixels(model, size)
        correct_biases(model, original, batches[:_MENDED], [_normalised(pixels) for pixels in batches[:_MENDED]])
    onnx.save_model(model, str(path))
    store_half(path)


def _weight_ranges(graph: GraphProto) -> dict[str, list[dict[str, Any]]]:
    """Of the weights of convolutions, how far a channel's reach: so far that two neighbours add up to 128 steps at most, and 255 times
    that stays below 2^15. Where the order of larger kernels' numbers is not known, so far that none is above 64.

    Depthwise convolutions are not computed that way.
    """
    constants = {tensor.name: tensor for tensor in graph.initializer}
    found: dict[str, list[dict[str, Any]]] = {}
    for node in graph.node:
        if node.op_type == "Conv" and (weights := np.abs(numpy_helper.to_array(constants[node.input[1]]))).shape[1] > 1:
            rows = weights.reshape(len(weights), -1)
            pairs = np.add.reduceat(rows, range(0, rows.shape[1], 2), 1) if weights[0, 0].size == 1 else 2 * rows
            ends = np.maximum(pairs.max(1), _LEAST)
            found[node.input[1]] = [{"quant_type": QuantType.QInt8, "rmin": -end, "rmax": end, "symmetric": True} for end in ends]
            found[node.input[1]][0]["axis"] = 0
    return found


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
