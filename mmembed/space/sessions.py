"""How ONNX files are opened: on the CPU, quietly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


def session(network: Path | bytes, threads: int | None) -> InferenceSession:
    """An ONNX Runtime session on the CPU with `threads` threads (default: one a core), from a file or what is in one."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads sleep: others want the cores, too
    if threads:
        options.intra_op_num_threads = threads
    source = network if isinstance(network, bytes) else str(network)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
