"""Whether this CPU multiplies 8-bit numbers exactly, found out by letting it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from mmembed.space.sessions import session


@cache
def exact_int8(probe: Path) -> bool:
    """True if the largest products of 8 by 8 bits come out right.

    x86 CPUs without VNNI add them up in pairs of 16 bits, where large ones saturate; a network in int8 then goes astray
    (https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html#when-and-why-do-i-need-to-try-u8u8).

    Args:
        probe: an ONNX file that multiplies `x` uint8 `[N, K]` by a matrix of the largest int8 numbers, `[K, M]`, into `y` int32.
    """
    network = session(probe, 1)
    width = int(network.get_inputs()[0].shape[1])
    found = network.run(["y"], {"x": np.full((16, width), 255, np.uint8)})[0]
    return bool((found == 255 * 127 * width).all())
