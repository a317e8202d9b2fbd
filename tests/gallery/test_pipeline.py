"""Queues that never hold more than they may, keep the order and pass errors on."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from dataclasses import dataclass

import pytest

from mmembed.gallery.pipeline import Behind, ahead


@dataclass(frozen=True)
class Heavy:
    number: int
    weight: int


@pytest.mark.parametrize(("count", "weight", "most"), [(5, 10**9, 5 + 3), (100, 50, 6 + 3)])
def test_reading_ahead_stays_within_number_and_bytes(count: int, weight: int, most: int) -> None:
    made, taken, waiting = [0], [0], []
    lock = threading.Lock()

    def work(number: int) -> Heavy:
        with lock:
            made[0] += 1
            waiting.append(made[0] - taken[0])
        return Heavy(number, 10)

    with closing(ahead(range(200), work, 2, count, weight)) as results:
        for expected, result in enumerate(results):
            assert result.number == expected
            taken[0] += 1
            time.sleep(0.0005)  # time in which the readers could run away
    assert made[0] == 200
    assert max(waiting) <= most


def test_reading_ahead_stops_when_nobody_takes_any_more() -> None:
    done: list[int] = []

    def work(number: int) -> Heavy:
        done.append(number)
        return Heavy(number, 1)

    results = ahead(range(1000), work, 2, 5, 100)
    next(results)
    results.close()
    assert len(done) < 20
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mmembed-read")]


def test_writing_behind_is_in_order_and_at_most_so_many_wait() -> None:
    finished: list[int] = []
    begun, most = [0], [0]
    with Behind[int](2) as writer:

        def job(number: int) -> int:
            time.sleep(0.001)
            finished.append(number)
            return number

        results = []
        for number in range(30):
            begun[0] += 1
            results += writer.do(lambda number=number: job(number))  # type: ignore[misc]
            most[0] = max(most[0], begun[0] - len(finished))
        results += writer.rest()
    assert results == finished == list(range(30))
    assert most[0] <= 3


def test_an_error_while_writing_ends_the_run() -> None:
    def fail() -> None:
        raise RuntimeError("disk")

    with Behind[None](2) as writer:
        writer.do(fail)
        with pytest.raises(RuntimeError, match="disk"):
            writer.rest()
