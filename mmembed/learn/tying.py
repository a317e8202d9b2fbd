"""One table for reading and for writing: a packed network's embeddings are read from the blocks of its output projection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

_ZERO = 128  # of symmetric blocks of eight bits; see ONNX Runtime's `MatMulNBits`


def tie(path: Path, table: str) -> None:
    """Rewrite an ONNX file so that rows of `table` `[V, K]` are taken from the last matrix in it, the output projection `[V, K]`.

    Both have to hold the same numbers (Press and Wolf 2017, https://arxiv.org/abs/1608.05859), and the matrix has to be packed in
    whole blocks of eight bits. `table` may be stored in half precision; see `export.store_half`.

    Raises:
        ValueError: the last matrix is of another shape.
    """
    model = onnx.load(str(path))
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    name = table if table in stored else f"{table}.half"
    rows, width = stored[name].dims
    projection = [node for node in graph.node if node.op_type == "MatMulNBits"][-1]
    blocks, scales = projection.input[1:3]
    if (stored[blocks].dims[0], stored[blocks].dims[1] * stored[blocks].dims[2]) != (rows, width):
        raise ValueError(f"{path.name}: the last matrix, {list(stored[blocks].dims)} in blocks, is not {table}, {[rows, width]}.")
    gather = next(node for node in graph.node if node.op_type == "Gather" and node.input[0] == table)
    constants = {"zero": np.float32(_ZERO), "last": np.array([-1]), "width": np.array([0, width])}
    graph.initializer.extend(numpy_helper.from_array(np.asarray(value), f"{table}.{key}") for key, value in constants.items())
    place = list(graph.node).index(gather)
    for node in reversed(_rows(table, blocks, scales, gather.input[1], gather.output[0])):
        graph.node.insert(place, node)
    graph.node.remove(gather)
    for node in [node for node in graph.node if node.op_type == "Cast" and node.input[0] == name]:
        graph.node.remove(node)
    graph.initializer.remove(stored[name])
    onnx.save_model(model, str(path))


def _rows(table: str, blocks: str, scales: str, ids: str, output: str) -> list[NodeProto]:
    """The nodes that unpack the rows `ids`: blocks `[V, K / block, block]`, their scales `[V, K / block]` → `[N, K]`."""

    def node(kind: str, inputs: list[str], result: str, **attributes: Any) -> NodeProto:
        return helper.make_node(kind, inputs, [result], name=f"{table}.{kind}.{result}", **attributes)

    return [
        node("Gather", [blocks, ids], f"{table}.bytes"),
        node("Cast", [f"{table}.bytes"], f"{table}.signed", to=TensorProto.FLOAT),
        node("Sub", [f"{table}.signed", f"{table}.zero"], f"{table}.numbers"),
        node("Gather", [scales, ids], f"{table}.scale"),
        node("Unsqueeze", [f"{table}.scale", f"{table}.last"], f"{table}.factor"),
        node("Mul", [f"{table}.numbers", f"{table}.factor"], f"{table}.scaled"),
        node("Reshape", [f"{table}.scaled", f"{table}.width"], output),
    ]
