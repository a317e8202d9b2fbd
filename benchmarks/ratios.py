"""Two ways to do the same, timed in turns, so that whatever else the machine does meets both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """Medians over the rounds: seconds of ours and of the baseline, and of `baseline / ours`, with the extremes of the latter."""

    ours: float
    baseline: float
    median: float
    least: float
    most: float

    def __str__(self) -> str:
        times = f"ours {_readable(self.ours)}, baseline {_readable(self.baseline)}"
        return f"{self.median:.2f}× as fast ({self.least:.2f} to {self.most:.2f}); {times}"


def compare(ours: Callable[[], object], baseline: Callable[[], object], rounds: int) -> Ratio:
    """Time both in turns, after one round that is not counted; which comes first changes with every round."""
    mine, theirs = [], []
    for number in range(rounds + 1):
        pair = [(ours, mine), (baseline, theirs)]
        for work, times in pair if number % 2 else reversed(pair):
            started = time.perf_counter()
            work()
            times.append(time.perf_counter() - started)
    mine, theirs = mine[1:], theirs[1:]
    ratios = [their / my for my, their in zip(mine, theirs, strict=True)]
    return Ratio(statistics.median(mine), statistics.median(theirs), statistics.median(ratios), min(ratios), max(ratios))


def _readable(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.2f} ms"
