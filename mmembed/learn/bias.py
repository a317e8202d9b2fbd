"""Bias correction: each channel of a quantised network gets the mean that it has in float32 (Nagel et al. 2019, section 4.2,
https://arxiv.org/abs/1906.04721).

Rounding weights moves the mean of what a convolution gives, and layer after layer these shifts add up.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from mmembed.space.sessions import session


def correct_biases(model: ModelProto, plain: ModelProto, batches: Sequence[np.ndarray], plain_batches: Sequence[np.ndarray]) -> None:
    """Move the biases of the convolutions of `model`, one after the other, so that each sees what was mended before it.

    Args:
        model: QDQ, biases int32.
        plain: the same network in float32, its convolutions of the same names.
        batches: inputs of the quantised network, typical ones.
        plain_batches: the same for the float one.
    """
    outputs = {node.name: node.output[0] for node in _convolutions(plain)}
    wanted = dict(zip(outputs, _means(plain, list(outputs.values()), plain_batches), strict=True))
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    dequantised = {node.output[0]: node for node in model.graph.node if node.op_type == "DequantizeLinear"}
    for node in _convolutions(model):
        stored, scale = (constants[name] for name in dequantised[node.input[2]].input[:2])
        [mean] = _means(model, node.output, batches)
        moved = numpy_helper.to_array(stored) + np.rint((wanted[node.name] - mean) / numpy_helper.to_array(scale))
        stored.CopyFrom(numpy_helper.from_array(moved.astype(np.int32), stored.name))


def _convolutions(model: ModelProto) -> list[NodeProto]:
    return [node for node in model.graph.node if node.op_type == "Conv"]


def _means(model: ModelProto, outputs: Sequence[str], batches: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The mean of each channel of some values `[N, C, H, W]` of a network, `[C]` each."""
    showing = ModelProto()
    showing.CopyFrom(model)
    del showing.graph.output[:]
    showing.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs)
    network = session(showing.SerializeToString(), None)
    [pixels] = network.get_inputs()
    found = [[value.mean((2, 3)) for value in network.run(list(outputs), {pixels.name: batch})] for batch in batches]
    return [np.concatenate(values).mean(0) for values in zip(*found, strict=True)]
