"""Which of the indexed files are gone, and which only cannot be seen now: a vector costs more to make than to keep."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from pathlib import Path

from mmembed.errors import GalleryError, InvalidData
from mmembed.gallery.items import Skipped
from mmembed.media.find import Finding


class Absence:
    """What a walk did not find of what was there before.

    A file is gone if its folder was looked through without it. Nothing counts as gone below what could not be looked at: a
    root or folder that is missing or unreadable, a link that leads nowhere, or a folder that used to be a drive of its own
    and now is not (the empty folder that an unmounted drive leaves behind).
    """

    def __init__(self, finding: Finding, before: Collection[str], roots: Sequence[str], drives: Sequence[str]) -> None:
        """
        Args:
            finding: what there is now.
            before: the paths held below the finding's roots.
            roots: all that was ever indexed.
            drives: all folders that were on another device than the folder they are in.
        """
        self._finding = finding
        self._before = before
        self._roots = roots
        mounted = {os.fspath(drive) for drive in finding.drives}
        self._lost_drives = [drive for drive in drives if drive not in mounted]

    def refuse_nothing(self) -> None:
        """
        Raises:
            GalleryError: none of the folders can be looked at.
            InvalidData: there is not a single picture file in them, and none was there before.
        """
        finding = self._finding
        if finding.files:
            return
        if finding.missing:
            raise GalleryError(f"{finding.missing[0]} does not exist; whatever was indexed from it stays in the gallery.")
        if finding.problems:
            raise GalleryError(f"There is nothing to index: {finding.problems[0].path}: {finding.problems[0].reason}.")
        if not finding.roots:
            raise InvalidData("There is nothing to index: give at least one folder.")
        if not self._before:
            raise InvalidData(f"There are no pictures in {', '.join(map(str, finding.roots))}.")

    def gone(self, names: Iterable[str]) -> list[str]:
        """Those of these paths, from below the roots, that are there no longer.

        What this run passes over, but a root of its own holds, stays.
        """
        absent = sorted(set(names) - self._found)
        gone = [name for name in absent if not any(is_within(name, places) for places in self._unseen)]
        return [name for name in gone if not (is_within(name, self._other_roots) and os.path.lexists(name))]

    def skipped(self) -> list[Skipped]:
        """What could not be looked at, or is empty; with the number of pictures that stay for that reason."""
        reasons = {os.fspath(problem.path): problem.reason for problem in self._finding.problems}
        for link in map(os.fspath, self._finding.dangling):
            if self._kept_below(link):
                reasons[link] = "it is a link that leads nowhere"
        for drive in self._lost_drives:
            if self._kept_below(drive):
                reasons.setdefault(drive, "it was a drive of its own, which is not there now")
        for root in self._empty_roots:
            reasons.setdefault(root, "there are no pictures in it")
        return [Skipped(Path(name), self._told(name, reason)) for name, reason in reasons.items()]

    @cached_property
    def _found(self) -> set[str]:
        return {file.name for file in self._finding.files}

    @cached_property
    def _absent(self) -> list[str]:
        return [name for name in self._before if name not in self._found]

    @cached_property
    def _empty_roots(self) -> list[str]:
        roots = [os.fspath(root) for root in self._finding.roots if root not in self._finding.missing]
        return [root for root in roots if not any(is_within(name, [root]) for name in self._found)]

    @cached_property
    def _other_roots(self) -> list[str]:
        walked = {os.fspath(root) for root in self._finding.roots}
        return [root for root in self._roots if root not in walked and is_within(root, walked)]

    @cached_property
    def _unseen(self) -> list[list[str]]:
        """Nothing is known of drives either in empty roots that were only indexed before drives were noted."""
        problems = [os.fspath(problem.path) for problem in self._finding.problems]
        doubtful = [root for root in self._empty_roots if not is_within(root, self._roots)]
        return [problems, [os.fspath(link) for link in self._finding.dangling], self._lost_drives, doubtful]

    def _kept_below(self, place: str) -> int:
        if not any(place in places for places in self._unseen):
            return 0
        return sum(is_within(name, [place]) for name in self._absent)

    def _told(self, name: str, reason: str) -> str:
        kept = self._kept_below(name)
        return f"{reason}; {kept} from there {'stay' if kept > 1 else 'stays'} in the gallery" if kept else reason


def is_within(name: str, folders: Iterable[str]) -> bool:
    """Whether a path is one of the folders or below one."""
    return any(name == folder or name.startswith(os.path.join(folder, "")) for folder in folders)
