"""Several processes that fill one gallery: each takes its share of the files, and the first of them speaks for all."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from mmembed.errors import GalleryError, InvalidConfig, MissingPackage
from mmembed.gallery.items import IndexReport

_MEETING = timedelta(minutes=10)  # the longest that one process waits for the others to begin
_WORKING = timedelta(days=30)  # ... and to end


class Team(Protocol):
    """Who works on one indexing run."""

    @property
    def size(self) -> int:
        """How many processes."""
        ...

    @property
    def threads(self) -> int | None:
        """How many CPU threads this process may use; None if as many as it likes."""
        ...

    @property
    def leads(self) -> bool:
        """Whether this process is the one that removes what is gone, and reports."""
        ...

    def takes(self, name: str) -> bool:
        """Whether the file at this path is in this process's share."""
        ...

    def reports(self, own: IndexReport) -> list[IndexReport]:
        """The reports of all processes; waits until all have given theirs.

        Raises:
            GalleryError: one of them has failed.
        """
        ...


class Alone:
    """One process, which does everything."""

    size, threads, leads = 1, None, True

    def takes(self, name: str) -> bool:
        return True

    def reports(self, own: IndexReport) -> list[IndexReport]:
        return [own]


@dataclass(frozen=True)
class Launched:
    """One of the processes that `accelerate launch` or `torchrun` has started.

    Attributes:
        rank: which, from 0.
        size: of how many.
        on_this_machine: how many of them share its cores.
        group: torch's, with gloo, over which they meet.
    """

    rank: int
    size: int
    on_this_machine: int
    group: Any

    @property
    def threads(self) -> int | None:
        return max(1, (os.cpu_count() or 1) // self.on_this_machine)

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def takes(self, name: str) -> bool:
        """By the path alone: what the others find at other moments makes no difference."""
        return zlib.crc32(os.fsencode(name)) % self.size == self.rank

    def reports(self, own: IndexReport) -> list[IndexReport]:
        from torch import distributed

        every: list[Any] = [None] * self.size
        try:
            distributed.all_gather_object(every, own, self.group)
        except RuntimeError as error:
            raise GalleryError(
                "Another process of this run has failed or was stopped; what was written stays, and the same command goes on from there."
            ) from error
        return every


@contextmanager
def launched() -> Iterator[Team]:
    """The team this process belongs to, by the environment variables that launchers set; else it is alone.

    Raises:
        InvalidConfig: the variables are incomplete, or the others cannot be reached.
        MissingPackage: torch is not installed.
    """
    try:
        rank, size = (int(os.environ.get(name) or default) for name, default in (("RANK", 0), ("WORLD_SIZE", 1)))
        here = int(os.environ.get("LOCAL_WORLD_SIZE") or size)
    except ValueError as error:
        raise InvalidConfig(f"RANK and WORLD_SIZE, which launchers of several processes set, must be numbers ({error}).") from error
    if size <= 1:
        yield Alone()
        return
    try:
        from torch import distributed
    except ModuleNotFoundError as error:
        raise MissingPackage("torch", "hub", "Indexing in several processes") from error
    try:  # gloo, because what is exchanged is no tensor, and before any model is loaded, which then finds it made
        distributed.init_process_group("gloo", timeout=_MEETING)
        group = distributed.new_group(backend="gloo", timeout=_WORKING)
    except (ValueError, RuntimeError) as error:
        raise InvalidConfig(
            f"WORLD_SIZE says that this is one of {size} processes, but they cannot meet ({' '.join(str(error).split())[:120]}); "
            "start them with accelerate launch or torchrun, or unset WORLD_SIZE."
        ) from error
    try:
        yield Launched(rank, size, here, group)
    finally:
        distributed.destroy_process_group()
