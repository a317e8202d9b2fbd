"""Folders → vectors in the store, incrementally: only what is new or changed is read, only what is unknown is embedded."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmembed.errors import UnreadablePicture
from mmembed.gallery.absence import Absence
from mmembed.gallery.items import IndexReport, Skipped
from mmembed.gallery.pipeline import Behind, ahead
from mmembed.gallery.store import Content, Failure, HeldPath, NewPath, Root, Store
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


@dataclass(frozen=True)
class _Reading:
    """What became of a file: its content's fingerprint and size, and the picture unless that content is known; or why not."""

    file: FoundFile
    fingerprint: str = ""
    size: int = 0
    picture: Picture | None = None
    problem: UnreadablePicture | None = None

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
    """One run over some folders; see `Gallery.index`."""

    def __init__(self, store: Store, space: Space, progress: Progress | None = None) -> None:
        self._store = store
        self._space = space
        self._progress = progress or (lambda done, total, message: None)
        self._abilities = read.reading_abilities()
        self._skipped: list[Skipped] = []
        self._broken: list[str] = []
        self._failures: list[Failure] = []
        self._on_their_way: set[str] = set()
        self._embedded = self._reused = self._unreadable = 0

    def run(self, folders: Sequence[str | Path], hidden: bool = False, exclude: Sequence[str] = ()) -> IndexReport:
        """Bring the store up to date with the folders; whatever it holds from elsewhere stays.

        Raises:
            GalleryError: none of the folders can be looked at.
            InvalidData: there is not a single picture file in them, and there was none before.
        """
        started = time.monotonic()
        finding = find_pictures(folders, hidden, exclude)
        roots = [os.fspath(root) for root in finding.roots]
        before = self._store.paths_below(roots, self._space.identity)
        absence = Absence(finding, before, [root.name for root in self._store.roots()], self._store.drives())
        absence.refuse_nothing()
        failures = self._store.failures_below(roots)
        stale, unchanged, known_bad = self._sort_out(finding.files, before, failures)
        total = len(finding.files)
        self._progress(total - len(stale), total, f"{len(stale)} of {total} files are new or changed")
        if stale:
            self._update(stale, total - len(stale), total)

        gone = absence.gone(before) + [name for name in self._broken if name in before]
        self._store.remove(gone)
        self._store.forget_failures(absence.gone(failures))
        self._store.remember([Root(name, hidden, tuple(exclude)) for name in roots], [os.fspath(drive) for drive in finding.drives])
        skipped = sorted((*absence.skipped(), *known_bad, *self._skipped), key=lambda lost: lost.path)
        return IndexReport(total, self._embedded, self._reused, unchanged, len(gone), tuple(skipped), time.monotonic() - started)

    def _sort_out(
        self, files: Sequence[FoundFile], before: dict[str, HeldPath], failures: dict[str, Failure]
    ) -> tuple[list[FoundFile], int, list[Skipped]]:
        """Files to be read, how many need not, and those known to be unreadable with the decoders there are."""
        stale, known_bad = [], []
        for file in files:
            if before.get(file.name) == (file.size, file.mtime_ns, True):
                continue
            failure = failures.get(file.name)
            if failure and failure[1:3] == file[1:3] and failure.abilities == self._abilities:
                known_bad.append(Skipped(file.path, failure.reason, known=True))
            else:
                stale.append(file)
        return stale, len(files) - len(stale) - len(known_bad), known_bad

    def _update(self, files: Sequence[FoundFile], done: int, total: int) -> None:
        """Read, embed and write `files`: three things at once, a batch at a time."""
        again: list[FoundFile] = []
        before = self._embedded + self._reused + self._unreadable

        def report(written: Sequence[_Written]) -> None:
            for one in written:
                self._embedded += one.embedded
                self._reused += one.reused
                again.extend(one.again)
            now = self._embedded + self._reused + self._unreadable - before
            self._progress(done + now, total, f"{self._embedded} embedded, {self._reused} known by content")

        batch: list[_Reading] = []
        readings = ahead(files, self._read, _READERS, BATCH, _BYTES_AHEAD)
        with Behind[_Written](_BATCHES_BEHIND) as writer, closing(readings):
            for reading in readings:
                if reading.problem is None:
                    batch.append(reading)
                else:
                    self._note(reading.file, reading.problem)
                if len(batch) + len(self._failures) >= BATCH or sum(one.weight for one in batch) > _BYTES_AHEAD:
                    report(writer.do(self._written(batch)))
                    batch = []
            report(writer.do(self._written(batch)))
            report(writer.rest())
        if again:  # another process removed contents we relied on; now they are unknown, so this ends
            self._update(again, total - len(again), total)

    def _read(self, file: FoundFile) -> _Reading:
        """Runs in the reading threads. Copies read at the same moment are each decoded; they are embedded once all the same."""
        try:
            data, size, mtime_ns = read.file_content(file.name)
            file = FoundFile(file.name, size, mtime_ns)  # as it was when it was read
            digest = read.fingerprint(data)
            if self._store.embedded(self._space.identity, [digest]):
                return _Reading(file, digest, len(data))
            return _Reading(file, digest, len(data), read.decode(data, self._space.picture_size, digest, file.path))
        except UnreadablePicture as error:
            return _Reading(file, problem=error)

    def _note(self, file: FoundFile, problem: UnreadablePicture) -> None:
        self._unreadable += 1
        self._skipped.append(Skipped(file.path, str(problem)))
        if problem.lasting:
            self._broken.append(file.name)
            self._failures.append(Failure(file.name, file.size, file.mtime_ns, str(problem), self._abilities))

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
