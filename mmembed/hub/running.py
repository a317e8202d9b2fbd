"""Where and how a torch model runs: device and precision by Accelerate, and smaller batches when memory runs out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from mmembed.errors import InvalidConfig, MissingPackage

if TYPE_CHECKING:
    import torch

PRECISIONS = ("fp32", "fp16", "bf16", "int8")
DEVICE_VARIABLE, PRECISION_VARIABLE = "MMEMBED_DEVICE", "MMEMBED_PRECISION"

Input = TypeVar("Input")
Output = TypeVar("Output")


@dataclass(frozen=True)
class Running:
    """A device and a precision.

    Attributes:
        device: as torch names it, such as `cuda:0`, `mps` or `cpu`.
        precision: one of PRECISIONS; int8 is for spaces on the CPU, everything else then runs in fp32.
    """

    device: str
    precision: str

    @property
    def dtype(self) -> torch.dtype:
        import torch

        return {"fp16": torch.float16, "bf16": torch.bfloat16}.get(self.precision, torch.float32)


def running(device: str | None = None, precision: str | None = None) -> Running:
    """Where to run: as asked for, by argument or environment variable, or else the best there is.

    Accelerate finds the device: under `accelerate launch` each process gets its own. By itself a GPU runs in bf16 where it
    can, in fp16 otherwise, and a CPU in fp32.

    Raises:
        InvalidConfig: there is no such device or precision here.
        MissingPackage: torch or accelerate is not installed.
    """
    try:
        import torch
        from accelerate import PartialState
    except ModuleNotFoundError as error:
        raise MissingPackage(error.name or "torch", "hub", "A model from the hub") from error
    device = device or os.environ.get(DEVICE_VARIABLE) or str(PartialState().device)
    precision = precision or os.environ.get(PRECISION_VARIABLE) or None
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # AssertionError: torch without CUDA
        raise InvalidConfig(
            f"There is no device {device!r} here ({' '.join(str(error).split())[:100]}); leave it out or use cpu."
        ) from error
    if precision is None:
        precision = "fp32" if device.startswith("cpu") else "bf16" if _has_bf16(device) else "fp16"
    if precision not in PRECISIONS:
        raise InvalidConfig(f"There is no precision {precision!r}; there are {', '.join(PRECISIONS)}.")
    return Running(device, precision)


class Batches:
    """Rows in batches, whose size is halved when memory runs out, and stays so."""

    def __init__(self, size: int) -> None:
        self.size = size

    def run(self, work: Callable[[Sequence[Input]], Sequence[Output]], rows: Sequence[Input]) -> list[Output]:
        """`work` on `rows`, at most `size` at a time; a batch that does not fit is done again in smaller ones.

        Raises:
            whatever `work` raises, and an out-of-memory error when not even a single row fits.
        """
        results: list[Output] = []
        while len(results) < len(rows):
            part = rows[len(results) : len(results) + self.size]
            try:
                results.extend(work(part))
            except Exception as error:
                if len(part) == 1 or not _out_of_memory(error):
                    raise
                self.size = max(1, len(part) // 2)
                warnings.warn(f"There is not enough memory for {len(part)} at once; going on with {self.size}.", stacklevel=2)
                _free()
        return results


def placement(folder_bytes: int, where: Running) -> Any:
    """The `device_map` to load with: one device if the weights fit well, else spread by Accelerate over what there is.

    Args:
        folder_bytes: size of the weights on disk; taken as their size in memory.
    """
    import torch

    if where.device.startswith("cuda"):
        free, _ = torch.cuda.mem_get_info(where.device)
        if folder_bytes > 0.7 * free:
            return "auto"
    return {"": where.device}


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Without the progress bars and reports that transformers prints while it reads weights; errors still come."""
    from transformers.utils import logging

    level, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bar:
            logging.enable_progress_bar()


def _has_bf16(device: str) -> bool:
    import torch

    return device.startswith("cuda") and torch.cuda.is_bf16_supported()


def _out_of_memory(error: Exception) -> bool:
    from accelerate.utils.memory import should_reduce_batch_size

    return isinstance(error, MemoryError) or "OutOfMemoryError" in type(error).__name__ or should_reduce_batch_size(error)


def _free() -> None:
    from accelerate.utils.memory import clear_device_cache

    with suppress(Exception):
        clear_device_cache(garbage_collection=True)
