"""Folders and rows → vectors in the store, incrementally: only what is new or changed is read, only what is unknown is embedded."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from mmembed.errors import InvalidData, UnreadablePicture
from mmembed.gallery.absence import Absence
from mmembed.gallery.items import IndexReport, Row, Skipped
from mmembed.gallery.pipeline import Behind, ahead
from mmembed.gallery.store import Content, Failure, HeldPath, NewPath, Root, Store
from mmembed.gallery.team import Alone, Team
from mmembed.media import read
from mmembed.media.find import FoundFile, find_pictures
from mmembed.media.picture import Picture
from mmembed.space.base import Space

BATCH = 32
"""Files embedded and written at once."""

_BYTES_AHEAD = 2**27  # of decoded pixels that wait for the model, and as much again in the batch that is being filled
_BATCHES_BEHIND = 2  # written while the model goes on; with the batch in the model, the most that is lost by a kill
_READERS = min(4, os.cpu_count() or 1)

Progress = Callable[[int, int, str], None]
Job = TypeVar("Job")


@dataclass(frozen=True)
class _Reading:
    """What became of a file or row: its content's fingerprint and size, and the picture unless that content is known; or why not."""

    file: FoundFile
    fingerprint: str = ""
    size: int = 0
    picture: Picture | None = None
    problem: UnreadablePicture | None = None
    unchanged: bool = False

    @property
    def weight(self) -> int:
        return self.picture.pixels.nbytes if self.picture is not None else 0


@dataclass(frozen=True)
class _Written:
    """What became of a batch: numbers of embedded and reused contents, and the files whose content was known, but is no longer."""

    embedded: int
    reused: int
    again: list[FoundFile]


class Indexing:
    """One run over some folders or rows; see `Gallery.index` and `Gallery.index_rows`."""

    def __init__(self, store: Store, space: Space, progress: Progress | None = None, team: Team | None = None) -> None:
        self._store = store
        self._space = space
        self._progress = progress or (lambda done, total, message: None)
        self._team = team or Alone()
        self._abilities = read.reading_abilities()
        self._skipped: list[Skipped] = []
        self._broken: list[str] = []
        self._failures: list[Failure] = []
        self._on_their_way: set[str] = set()
        self._before: dict[str, HeldPath] = {}
        self._failed_before: dict[str, Failure] = {}
        self._embedded = self._reused = self._unreadable = self._unchanged = 0
        self._started = time.monotonic()

    def run(self, folders: Sequence[str | Path], hidden: bool = False, exclude: Sequence[str] = ()) -> IndexReport:
        """Bring the store up to date with the folders; whatever it holds from elsewhere stays.

        Raises:
            GalleryError: none of the folders can be looked at; or another process of the team failed.
            InvalidData: there is not a single picture file in them, and there was none before.
        """
        finding = find_pictures(folders, hidden, exclude)
        roots = [os.fspath(root) for root in finding.roots]
        self._look_up(roots)
        absence = Absence(finding, self._before, [root.name for root in self._store.roots()], self._store.drives())
        absence.refuse_nothing()
        share = [file for file in finding.files if self._team.takes(file.name)]
        stale, known_bad = self._sort_out(share)
        self._unchanged, total = len(share) - len(stale) - len(known_bad), len(share)
        self._skipped += known_bad
        self._progress(total - len(stale), total, f"{len(stale)} of {total} files are new or changed")
        while stale:  # again if another process removed contents we relied on; then they are unknown, so this ends
            stale = self._update(stale, self._read, total - len(stale), total)

        reports = self._reports(total)
        if not self._team.leads:
            return self._report(reports)
        gone = absence.gone(self._before)
        self._store.remove(gone)
        self._store.forget_failures(absence.gone(self._failed_before))
        self._store.remember([Root(name, hidden, tuple(exclude)) for name in roots], [os.fspath(drive) for drive in finding.drives])
        return self._report(reports, len(gone), absence.skipped())

    def run_rows(self, place: str, rows: Iterable[Row]) -> IndexReport:
        """Bring the store up to date with rows, whose names are all below `place`; those that came earlier and not now are gone.

        Raises:
            InvalidData: there is not a single row.
            GalleryError: another process of the team failed.
        """
        self._look_up([place])
        seen: set[str] = set()
        taken = 0

        def share() -> Iterator[Row]:
            nonlocal taken
            for row in rows:
                seen.add(row.name)
                if self._team.takes(row.name):
                    taken += 1
                    yield row

        for file in self._update(share(), self._read_row, 0, 0):
            self._note(file, UnreadablePicture("another process has just removed it; index again", lasting=False))
        if not seen:
            raise InvalidData(f"There is nothing in {place}.")
        reports = self._reports(taken)
        if not self._team.leads:
            return self._report(reports)
        gone = [name for name in self._before if name not in seen]
        self._store.remove(gone)
        self._store.forget_failures([name for name in self._failed_before if name not in seen])
        return self._report(reports, len(gone))

    def _look_up(self, places: Sequence[str]) -> None:
        self._before = self._store.paths_below(places, self._space.identity)
        self._failed_before = self._store.failures_below(places)

    def _reports(self, found: int) -> list[IndexReport]:
        """Of all processes, each when its share is done."""
        broken = [name for name in self._broken if name in self._before]
        self._store.remove(broken)
        skipped, seconds = tuple(self._skipped), time.monotonic() - self._started
        return self._team.reports(IndexReport(found, self._embedded, self._reused, self._unchanged, len(broken), skipped, seconds))

    def _report(self, reports: Sequence[IndexReport], removed: int = 0, skipped: Sequence[Skipped] = ()) -> IndexReport:
        """Of all together, with what the leader did at the end."""
        return IndexReport.of_all([*reports, IndexReport(0, 0, 0, 0, removed, tuple(skipped), 0)], time.monotonic() - self._started)

    def _sort_out(self, files: Sequence[FoundFile]) -> tuple[list[FoundFile], list[Skipped]]:
        """Files to be read, and those known to be unreadable with the decoders there are; the others are as they were."""
        stale, known_bad = [], []
        for file in files:
            if self._before.get(file.name) == (file.size, file.mtime_ns, True):
                continue
            failure = self._failed_before.get(file.name)
            if failure and failure[1:3] == file[1:3] and failure.abilities == self._abilities:
                known_bad.append(Skipped(file.path, failure.reason, known=True))
            else:
                stale.append(file)
        return stale, known_bad

    def _update(self, jobs: Iterable[Job], work: Callable[[Job], _Reading], done: int, total: int) -> list[FoundFile]:
        """Read, embed and write: three things at once, a batch at a time. Returns what has to be done again."""
        again: list[FoundFile] = []
        before = self._embedded + self._reused + self._unreadable + self._unchanged

        def report(written: Sequence[_Written]) -> None:
            for one in written:
                self._embedded += one.embedded
                self._reused += one.reused
                again.extend(one.again)
            now = self._embedded + self._reused + self._unreadable + self._unchanged - before
            self._progress(done + now, total, f"{self._embedded} embedded, {self._reused} known by content")

        batch: list[_Reading] = []
        readings = ahead(jobs, work, _READERS, BATCH, _BYTES_AHEAD)
        with Behind[_Written](_BATCHES_BEHIND) as writer, closing(readings):
            for reading in readings:
                if reading.unchanged:
                    self._unchanged += 1
                    if self._unchanged % BATCH == 0:
                        report([])
                elif reading.problem is None:
                    batch.append(reading)
                else:
                    self._note(reading.file, reading.problem)
                if len(batch) + len(self._failures) >= BATCH or sum(one.weight for one in batch) > _BYTES_AHEAD:
                    report(writer.do(self._written(batch)))
                    batch = []
            report(writer.do(self._written(batch)))
            report(writer.rest())
        return again

    def _read(self, file: FoundFile) -> _Reading:
        """Runs in the reading threads. Copies read at the same moment are each decoded; they are embedded once all the same."""
        try:
            data, size, mtime_ns = read.file_content(file.name)
            file = FoundFile(file.name, size, mtime_ns)  # as it was when it was read
            return self._decoded(file, data, read.fingerprint(data))
        except UnreadablePicture as error:
            return _Reading(file, problem=error)

    def _read_row(self, row: Row) -> _Reading:
        """Like `_read`. A row has no modification time; the beginning of its fingerprint tells as well whether it changed."""
        if row.content is None:  # nothing is known if it only could not be had
            problem = UnreadablePicture(row.problem or "there is no picture in it", lasting=not row.problem)
            return _Reading(FoundFile(row.name, 0, 0), problem=problem)
        digest = read.fingerprint(row.content)
        file = FoundFile(row.name, len(row.content), int(digest[:15], 16))
        if self._before.get(row.name) == (file.size, file.mtime_ns, True):
            return _Reading(file, unchanged=True)
        try:
            return self._decoded(file, row.content, digest)
        except UnreadablePicture as error:
            return _Reading(file, problem=error)

    def _decoded(self, file: FoundFile, data: bytes, digest: str) -> _Reading:
        if self._store.embedded(self._space.identity, [digest]):
            return _Reading(file, digest, len(data))
        return _Reading(file, digest, len(data), read.decode(data, self._space.picture_size, digest, file.path))

    def _note(self, file: FoundFile, problem: UnreadablePicture) -> None:
        self._unreadable += 1
        failure = Failure(file.name, file.size, file.mtime_ns, str(problem), self._abilities)
        self._skipped.append(Skipped(file.path, str(problem), known=failure == self._failed_before.get(file.name)))
        if problem.lasting:
            self._broken.append(file.name)
            self._failures.append(failure)

    def _written(self, batch: Sequence[_Reading]) -> Callable[[], _Written]:
        """Embed a batch, and return what will write it and the failures noted so far."""
        fresh = {one.fingerprint: one for one in batch if one.picture is not None and one.fingerprint not in self._on_their_way}
        for known in self._store.embedded(self._space.identity, list(fresh)):
            del fresh[known]
        pictures = [one.picture for one in fresh.values() if one.picture is not None]
        vectors = self._space.embed_pictures(pictures) if pictures else np.empty((0, self._space.dim), np.float32)
        contents = []
        for one, picture, vector in zip(fresh.values(), pictures, vectors, strict=True):
            if np.isfinite(vector).all():
                contents.append(Content(one.fingerprint, one.size, picture.width, picture.height, picture.taken, vector))
        invalid = set(fresh) - {content.fingerprint for content in contents}
        for one in batch:
            if one.fingerprint in invalid:
                self._note(one.file, UnreadablePicture("the model makes no valid vector of it", lasting=False))
        batch = [one for one in batch if one.fingerprint not in invalid]
        self._on_their_way.update(content.fingerprint for content in contents)
        failures, self._failures = self._failures, []

        def write() -> _Written:
            paths = [NewPath(one.file.name, one.fingerprint, one.file.size, one.file.mtime_ns) for one in batch]
            left_out = self._store.write(self._space.identity, contents, paths) if paths else set()
            if failures:
                self._store.write_failures(failures)
            self._on_their_way.difference_update(content.fingerprint for content in contents)
            again = [one.file for one in batch if one.file.name in left_out]
            return _Written(len(contents), len(batch) - len(contents) - len(again), again)

        return write
