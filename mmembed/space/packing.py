"""onnxruntime's quantizer of weights, without its talk."""

from __future__ import annotations

import logging
from importlib import import_module
from pathlib import Path
from typing import Any


def pack(path: Path, settings: dict[str, Any], excluded: list[str] | None = None) -> None:
    """Store the matrices of an ONNX file in blocks of few bits, with one scale a block.

    Args:
        settings: of `DefaultWeightOnlyQuantConfig`.
        excluded: names of nodes that stay as they are.
    """
    import onnx

    module = quantizer()
    worker = module.MatMulNBitsQuantizer(
        onnx.load(str(path)), algo_config=module.DefaultWeightOnlyQuantConfig(**settings), nodes_to_exclude=excluded or None
    )
    worker.process()
    onnx.save_model(worker.model.model, str(path))


def quantizer() -> Any:
    """The module; importing it would otherwise make every logger of the program talk on standard error."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    module = import_module("onnxruntime.quantization.matmul_nbits_quantizer")
    root.setLevel(level)
    root.handlers[:] = handlers
    logging.getLogger(module.__name__).setLevel(logging.WARNING)
    return module
