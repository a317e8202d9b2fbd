"""When pictures go through the int8 tower."""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np
import pytest

from mmembed.space import bundled
from mmembed.space.arithmetic import exact_int8
from tests.bundled import WEIGHTS, mini, needs_weights

pytestmark = needs_weights
FLAGS = Path("/proc/cpuinfo")


@pytest.mark.skipif(platform.machine() != "x86_64" or not FLAGS.is_file(), reason="only Linux on x86 names its instructions in a file")
def test_what_the_processor_says_of_itself_agrees() -> None:
    assert exact_int8(WEIGHTS / "exact.onnx") or "vnni" not in FLAGS.read_text()


@pytest.mark.parametrize(("exact", "file"), [(True, "picture.int8.onnx"), (False, "picture.onnx")])
def test_the_tower_follows_the_processor(exact: bool, file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setattr(bundled, "exact_int8", lambda probe: exact)
    monkeypatch.setattr(bundled, "session", lambda path, threads: opened.append(path.name))
    space = mini().space
    type(space)._pictures.func(space)  # what the cached property computes
    assert opened == [file]


def test_both_towers_see_the_same() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    size = mini().space.picture_size
    pixels = pixels.repeat(size // 8 + 1, 1).repeat(size // 8 + 1, 2)[:, :size, :size]
    if not exact_int8(WEIGHTS / "exact.onnx"):
        pytest.skip("this CPU's int8 products saturate")
    float32, int8 = (
        bundled.session(WEIGHTS / name, None).run(["vector"], {"pixels": pixels})[0] for name in ("picture.onnx", "picture.int8.onnx")
    )
    assert (float32 * int8).sum(1).min() > 0.95
