from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmembed.errors import InvalidConfig
from mmembed.hub.running import Batches, Running, placement, running
from mmembed.media.picture import Picture

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
    batches, work = Batches(8), _limited(2, seen, torch.OutOfMemoryError("CUDA out of memory."))
    with pytest.warns(UserWarning, match="going on with [42]"):
        found = batches.run(work, range(11))  # type: ignore[arg-type]
    assert found == [10 * row for row in range(11)]
    assert seen == [8, 4, 2, 2, 2, 2, 2, 1]
    assert batches.run(work, range(4)) == [0, 10, 20, 30]  # type: ignore[arg-type]
    assert seen[8:] == [2, 2], "what did not fit is not tried again"


def test_other_errors_and_single_rows_are_not_tried_again() -> None:
    with pytest.raises(RuntimeError, match="shape"):
        Batches(4).run(_limited(0, [], RuntimeError("shape mismatch")), range(4))  # type: ignore[arg-type]
    seen: list[int] = []
    with pytest.raises(torch.OutOfMemoryError), pytest.warns(UserWarning, match="not enough memory"):
        Batches(4).run(_limited(0, seen, torch.OutOfMemoryError("CUDA out of memory.")), range(4))  # type: ignore[arg-type]
    assert seen == [4, 2, 1]


def test_what_does_not_fit_on_one_gpu_is_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10 * 10**9, 16 * 10**9))
    gpu = Running("cuda:0", "bf16")
    assert placement(6 * 10**9, gpu) == {"": "cuda:0"}
    assert placement(8 * 10**9, gpu) == "auto"


def test_spaces_captioners_and_translators_go_on_with_smaller_batches(
    checkpoint: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each through its own code: the model's own call fails as torch does when more than two rows come."""
    from mmembed.compose import describe
    from mmembed.generate.blip import BlipCaptioner
    from mmembed.generate.marian import MarianTranslator
    from mmembed.space.transformers import TransformersSpace

    where, sizes = Running("cpu", "fp32"), []

    def limit(kind: type, name: str) -> None:
        real = getattr(kind, name)

        def limited(self: Any, **inputs: Any) -> Any:
            rows = len(next(value for value in inputs.values() if isinstance(value, torch.Tensor)))
            sizes.append(rows)
            if rows > 2:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return real(self, **inputs)

        monkeypatch.setattr(kind, name, limited)

    import transformers

    limit(transformers.CLIPModel, "get_text_features")
    space = TransformersSpace(checkpoint("clip"), "clip", (), where)
    with pytest.warns(UserWarning, match="going on with 2"):
        assert space.embed_texts(["a dog"] * 5).shape == (5, space.dim)
    limit(transformers.BlipForConditionalGeneration, "generate")
    captioner = BlipCaptioner(describe(str(checkpoint("blip"))), where)
    captioner.max_new_tokens = 4
    with pytest.warns(UserWarning, match="going on with 2"):
        assert len(captioner.describe([Picture.from_array(np.zeros((40, 40, 3), np.uint8))] * 5, "en", 1, 1)) == 5
    limit(transformers.MarianMTModel, "generate")
    translator = MarianTranslator(describe(str(checkpoint("marian"))), where)
    with pytest.warns(UserWarning, match="going on with 2"):
        assert len(translator.translate(["two dogs run"] * 5, "de", "en", None, 1, 1)) == 5
    assert sizes == [5, 2, 2, 1] * 3
