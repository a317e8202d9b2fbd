"""Padding inside convolutions: torch's are symmetric, TensorFlow's "same" padding is not, ONNX's can be either.

A `Pad` node moves the whole tensor once more, and where networks are quantised it is an island of float32.
"""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import NodeProto, helper, numpy_helper
from onnxruntime.quantization.shape_inference import quant_pre_process


def fold_padding(path: Path) -> None:
    """Rewrite an ONNX file with its constants computed and without the `Pad` nodes whose zeros convolutions can add themselves."""
    quant_pre_process(str(path), str(path), skip_symbolic_shape=True)
    model = onnx.load(str(path))
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    readers: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    for pad in [node for node in graph.node if node.op_type == "Pad"]:
        after = readers[pad.output[0]]
        widths = numpy_helper.to_array(constants[pad.input[1]]).tolist()
        value = numpy_helper.to_array(constants[pad.input[2]]) if len(pad.input) > 2 and pad.input[2] else 0
        constant = all(attribute.s == b"constant" for attribute in pad.attribute if attribute.name == "mode")
        if not constant or value != 0 or any(node.op_type != "Conv" for node in after) or any(widths[i] for i in (0, 1, 4, 5)):
            continue
        for node in after:
            attributes = [attribute for attribute in node.attribute if attribute.name != "pads"]
            already = next((list(attribute.ints) for attribute in node.attribute if attribute.name == "pads"), [0] * 4)
            wanted = [before + more for before, more in zip(already, (*widths[2:4], *widths[6:8]), strict=True)]
            del node.attribute[:]
            node.attribute.extend([*attributes, helper.make_attribute("pads", wanted)])
            node.input[0] = pad.input[0]
        graph.node.remove(pad)
    onnx.save_model(model, str(path))
