"""Threads with bounded queues between them: reading ahead of the model, and writing behind it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, Protocol, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class Weighed(Protocol):
    """Something that says how many bytes it holds."""

    @property
    def weight(self) -> int:
        """Bytes."""
        ...


Made = TypeVar("Made", bound=Weighed)


def ahead(jobs: Iterable[Job], work: Callable[[Job], Made], threads: int, count: int, weight: int) -> Generator[Made, None, None]:
    """`work` on each job in threads, in order.

    Never more than `count` results, nor more than `weight` bytes (plus what the threads are at), wait to be taken: memory stays
    flat however many jobs there are.
    """
    scale = _Scale(weight)

    def weighed(number: int, job: Job) -> Made:
        scale.wait(number)
        made = work(job)
        scale.add(made.weight)
        return made

    with ThreadPoolExecutor(threads, "mmembed-read") as pool:
        waiting: deque[Future[Made]] = deque()
        try:
            for number, job in enumerate(jobs):
                waiting.append(pool.submit(weighed, number, job))
                if len(waiting) > count:
                    yield scale.take(waiting.popleft().result())
            while waiting:
                yield scale.take(waiting.popleft().result())
        finally:
            for future in waiting:
                future.cancel()
            scale.open()


class _Scale:
    """Holds back threads while too many bytes wait; never the one whose result is the next to be taken, so all goes on."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = self._taken = 0
        self._open = False
        self._changed = threading.Condition()

    def wait(self, number: int) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._open or self._held <= self._limit or number <= self._taken)

    def add(self, weight: int) -> None:
        with self._changed:
            self._held += weight

    def take(self, made: Made) -> Made:
        with self._changed:
            self._held -= made.weight
            self._taken += 1
            self._changed.notify_all()
        return made

    def open(self) -> None:
        """Let everybody through: nobody takes any more."""
        with self._changed:
            self._open = True
            self._changed.notify_all()


class Behind(Generic[Result]):
    """One thread that does jobs in order while the caller goes on; the caller waits when `count` of them are undone."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._pool = ThreadPoolExecutor(1, "mmembed-write")
        self._undone: deque[Future[Result]] = deque()

    def do(self, job: Callable[[], Result]) -> list[Result]:
        """Queue a job. Returns the results that have come meanwhile; an error of an earlier job is raised here."""
        results = self._finished(self._count - 1)
        self._undone.append(self._pool.submit(job))
        return results

    def rest(self) -> list[Result]:
        """Wait for all jobs."""
        return self._finished(0)

    def _finished(self, left: int) -> list[Result]:
        results = []
        while self._undone and (len(self._undone) > left or self._undone[0].done()):
            results.append(self._undone.popleft().result())
        return results

    def __enter__(self) -> Behind[Result]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
