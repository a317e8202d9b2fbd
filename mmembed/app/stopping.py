"""Long work that whoever began it may stop."""

from __future__ import annotations

import threading


class Stopped(Exception):
    """Somebody stopped what was going on; carries how far it had come."""

    def __init__(self, done: int = 0, total: int = 0) -> None:
        super().__init__(done, total)
        self.done, self.total = done, total


class Switch:
    """One for each kind of work. Visitors stop their own and nobody else's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped: set[str] = set()

    def reset(self, visitor: str) -> None:
        """Before the work begins, which may be long after somebody asked for it."""
        with self._lock:
            self._stopped.discard(visitor)

    def stop(self, visitor: str) -> None:
        """From another thread, while the work goes on or waits."""
        with self._lock:
            self._stopped.add(visitor)

    def check(self, visitor: str, done: int = 0, total: int = 0) -> None:
        """From the work, as often as it can. Raises Stopped if the visitor wants no more of it."""
        with self._lock:
            if visitor not in self._stopped:
                return
            self._stopped.discard(visitor)
        raise Stopped(done, total)
