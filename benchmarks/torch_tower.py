"""The bundled picture tower in eager torch, float32: the same weights and operations, read from its ONNX file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch.nn import functional

Tensor = torch.Tensor


class TorchTower:
    """Runs the graph; everything that does not depend on the picture is computed once, when it is loaded."""

    def __init__(self, file: Path) -> None:
        """
        Raises:
            NotImplementedError: the graph has an operation that is not below.
        """
        graph = onnx.load(str(file)).graph
        self._input, self._output = graph.input[0].name, graph.output[0].name
        self._known: dict[str, Tensor] = {one.name: torch.from_numpy(numpy_helper.to_array(one).copy()) for one in graph.initializer}
        self._steps: list[tuple[Callable[..., Tensor], list[str], str, dict[str, Any]]] = []
        for node in graph.node:
            if node.op_type not in _OPERATIONS:
                raise NotImplementedError(f"The baseline does not know the operation {node.op_type}.")
            settings = {one.name: _value(one) for one in node.attribute}
            work = _OPERATIONS[node.op_type]
            if all(name in self._known for name in node.input if name):
                self._known[node.output[0]] = work(*(self._known.get(name) for name in node.input), **settings)
            else:
                self._steps.append((work, list(node.input), node.output[0], settings))

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 `[N, H, W, 3]` → float32 `[N, dim]`."""
        values = {**self._known, self._input: torch.from_numpy(pixels)}
        with torch.inference_mode():
            for work, names, output, settings in self._steps:
                values[output] = work(*(values.get(name) for name in names), **settings)
        return values[self._output].numpy()


def _value(attribute: onnx.AttributeProto) -> Any:
    found = onnx.helper.get_attribute_value(attribute)
    if isinstance(found, onnx.TensorProto):
        return torch.from_numpy(numpy_helper.to_array(found).copy())
    return found.decode() if isinstance(found, bytes) else found


def _constant(**settings: Any) -> Tensor:
    return torch.as_tensor(next(iter(settings.values())))


def _cast(x: Tensor, to: int, **_: Any) -> Tensor:
    return x.to(torch.from_numpy(np.zeros(1, onnx.helper.tensor_dtype_to_np_dtype(to))).dtype)


def _conv(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, strides: Any, group: int = 1, pads: Any = (0,) * 4, **_: Any) -> Tensor:
    top, left, bottom, right = pads
    if (top, left) != (bottom, right):
        x, top, left = functional.pad(x, (left, right, top, bottom)), 0, 0
    return functional.conv2d(x, weight, bias, tuple(strides), (top, left), groups=group)


def _slice(x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor, steps: Tensor | None = None) -> Tensor:
    strides = steps.tolist() if steps is not None else [1] * len(starts)
    for start, end, axis, step in zip(starts.tolist(), ends.tolist(), axes.tolist(), strides, strict=True):
        if step < 0:
            x, start, end, step = x.flip(axis), -start - 1, x.shape[axis], -step
        x = x[(slice(None),) * (axis % x.dim()) + (slice(start, min(end, x.shape[axis]), step),)]
    return x


def _pad(x: Tensor, pads: Tensor, value: Tensor | None = None, _: Any = None, mode: str = "constant") -> Tensor:
    half = len(pads) // 2
    before, after = pads[:half].tolist(), pads[half:].tolist()
    widths = [width for axis in reversed(range(half)) for width in (before[axis], after[axis])]
    return functional.pad(x, widths, mode, float(value) if value is not None else 0.0)


def _reshape(x: Tensor, shape: Tensor, **_: Any) -> Tensor:
    return x.reshape([x.shape[axis] if size == 0 else size for axis, size in enumerate(shape.tolist())])


def _mean(x: Tensor, axes: Any, keepdims: int = 1, **_: Any) -> Tensor:
    return x.mean([int(axis) for axis in axes], keepdim=bool(keepdims))


def _norm(x: Tensor, axes: Any, keepdims: int = 1, **_: Any) -> Tensor:
    return x.norm(dim=[int(axis) for axis in axes], keepdim=bool(keepdims))


def _gemm(x: Tensor, weight: Tensor, bias: Tensor, transB: int = 0, **_: Any) -> Tensor:
    return functional.linear(x, weight if transB else weight.T, bias)


def _clip(x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    return x.clamp(None if low is None else float(low), None if high is None else float(high))


_OPERATIONS: dict[str, Callable[..., Tensor]] = {
    "Add": torch.add,
    "Cast": _cast,
    "Clip": _clip,
    "Concat": lambda *parts, axis: torch.cat(parts, axis),
    "Constant": _constant,
    "ConstantOfShape": lambda shape, value: value.expand(shape.tolist()).clone(),
    "Conv": _conv,
    "DequantizeLinear": lambda x, scale, zero, axis=1: (x.float() - zero.float()) * scale,
    "Div": lambda x, y: torch.div(x, y, rounding_mode=None if x.is_floating_point() else "floor"),
    "Expand": lambda x, shape: x.expand(torch.broadcast_shapes(x.shape, shape.tolist())),
    "Gather": lambda x, index, axis=0: x.select(axis, int(index)) if index.dim() == 0 else x.index_select(axis, index),
    "Gemm": _gemm,
    "Mul": torch.mul,
    "Pad": _pad,
    "ReduceL2": _norm,
    "ReduceMean": _mean,
    "Relu": torch.relu,
    "Reshape": _reshape,
    "Shape": lambda x, start=0, end=None: torch.tensor(x.shape[start:end]),
    "Slice": _slice,
    "Sub": torch.sub,
    "Transpose": lambda x, perm: x.permute(*perm),
    "Unsqueeze": lambda x, axes: x.unsqueeze(int(axes)),
}
