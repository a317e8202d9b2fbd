from __future__ import annotations

from collections.abc import Sequence

import pytest

from mmembed.errors import InvalidConfig
from mmembed.hub.running import in_batches, placement, running

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")
pytestmark = pytest.mark.torch


def test_the_device_and_precision_are_those_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert running("cpu").precision == "fp32"
    assert running("cpu", "bf16").dtype is torch.bfloat16
    monkeypatch.setenv("MMEMBED_DEVICE", "cpu")
    monkeypatch.setenv("MMEMBED_PRECISION", "fp16")
    assert (running().device, running().dtype) == ("cpu", torch.float16)
    assert placement(10**9, running()) == {"": "cpu"}


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(InvalidConfig, match="no device 'nonsense'"):
        running("nonsense")
    with pytest.raises(InvalidConfig, match="no precision 'fp8'"):
        running("cpu", "fp8")


def _limited(most: int, seen: list[int], error: Exception) -> object:
    def work(rows: Sequence[int]) -> list[int]:
        seen.append(len(rows))
        if len(rows) > most:
            raise error
        return [10 * row for row in rows]

    return work


def test_batches_are_halved_when_memory_runs_out() -> None:
    seen: list[int] = []
    with pytest.warns(UserWarning, match="going on with [42]"):
        found = in_batches(_limited(2, seen, torch.OutOfMemoryError("CUDA out of memory.")), range(11), 8)  # type: ignore[arg-type]
    assert found == [10 * row for row in range(11)]
    assert seen == [8, 4, 2, 2, 2, 2, 2, 1]


def test_other_errors_and_single_rows_are_not_tried_again() -> None:
    with pytest.raises(RuntimeError, match="shape"):
        in_batches(_limited(0, [], RuntimeError("shape mismatch")), range(4), 4)  # type: ignore[arg-type]
    seen: list[int] = []
    with pytest.raises(torch.OutOfMemoryError), pytest.warns(UserWarning, match="not enough memory"):
        in_batches(_limited(0, seen, torch.OutOfMemoryError("CUDA out of memory.")), range(4), 4)  # type: ignore[arg-type]
    assert seen == [4, 2, 1]
