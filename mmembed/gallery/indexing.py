"""Folders → vectors in the store, incrementally: only what is new or changed is read, only what is unknown is embedded."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mmembed.errors import GalleryError, InvalidData, UnreadablePicture
from mmembed.gallery.items import IndexReport, Skipped
from mmembed.gallery.store import Content, Store, StoredPath
from mmembed.media import read
from mmembed.media.find import Finding, FoundFile, find_pictures
from mmembed.media.picture import Picture
from mmembed.space.base import Space

BATCH = 32
"""Files embedded and written at once: the most that is lost when the process is killed."""

_READERS = min(4, os.cpu_count() or 1)

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class _Reading:
    """What became of a file: its content's fingerprint and size, and the picture unless that content is known; or why not."""

    file: FoundFile
    fingerprint: str = ""
    size: int = 0
    picture: Picture | None = None
    reason: str = ""


class Indexing:
    """One run over some folders; see `Gallery.index`."""

    def __init__(self, store: Store, space: Space, progress: Progress | None = None) -> None:
        self._store = store
        self._space = space
        self._progress = progress or (lambda done, total, message: None)
        self._known: set[str] = set()
        self._unreadable: list[Skipped] = []
        self._embedded = 0
        self._reused = 0

    def run(self, folders: Sequence[str | Path]) -> IndexReport:
        """Bring the store up to date with the folders; whatever it holds from elsewhere stays.

        Raises:
            GalleryError: none of the folders can be looked at.
            InvalidData: there is not a single picture file in them.
        """
        started = time.monotonic()
        finding = find_pictures(folders)
        _refuse_nothing(finding)
        before = self._store.paths()
        self._known = self._store.embedded(self._space.identity)
        stale = [file for file in finding.files if not self._is_unchanged(file, before.get(file.path))]
        total, unchanged = len(finding.files), len(finding.files) - len(stale)
        self._progress(unchanged, total, f"{len(stale)} of {total} files are new or changed")
        self._update(stale, unchanged, total)

        empty = _roots_without_files(finding)
        gone = _gone(finding, before, empty) + [lost.path for lost in self._unreadable if lost.path in before]
        self._store.remove(gone)
        skipped = [Skipped(problem.path, problem.reason) for problem in finding.problems] + self._unreadable
        skipped += [Skipped(root, "there are no pictures in it") for root in empty - {lost.path for lost in skipped}]
        skipped.sort(key=lambda lost: lost.path)
        return IndexReport(total, self._embedded, self._reused, unchanged, len(gone), tuple(skipped), time.monotonic() - started)

    def _is_unchanged(self, file: FoundFile, held: StoredPath | None) -> bool:
        if held is None or (held.size, held.mtime_ns) != (file.size, file.mtime_ns):
            return False
        return held.fingerprint in self._known

    def _update(self, files: Sequence[FoundFile], done: int, total: int) -> None:
        """Read, embed and write `files`, a batch at a time, reading ahead while the model works."""
        batch: list[_Reading] = []
        again: list[FoundFile] = []
        with closing(_ahead(files, self._read)) as readings:
            for number, reading in enumerate(readings, 1):
                if reading.reason:
                    self._unreadable.append(Skipped(reading.file.path, reading.reason))
                else:
                    batch.append(reading)
                if len(batch) == BATCH or number == len(files):
                    again += self._embed_and_write(batch)
                    self._progress(done + number - len(again), total, f"{self._embedded} embedded, {self._reused} reused")
                    batch = []
        if again:  # another process removed contents we relied on; they are no longer in _known, so this ends
            self._update(again, total - len(again), total)

    def _read(self, file: FoundFile) -> _Reading:
        """Runs in the reading threads. Copies read at the same moment are each decoded; they are embedded once all the same."""
        try:
            data = read.file_bytes(file.path)
            digest = read.fingerprint(data)
            picture = None if digest in self._known else read.decode(data, self._space.picture_size, digest, file.path)
            return _Reading(file, digest, len(data), picture)
        except UnreadablePicture as error:
            return _Reading(file, reason=str(error))

    def _embed_and_write(self, batch: Sequence[_Reading]) -> list[FoundFile]:
        """Returns the files of which the content was known, but is no longer."""
        if not batch:
            return []
        fresh = {one.fingerprint: one for one in batch if one.picture is not None and one.fingerprint not in self._known}
        pictures = [one.picture for one in fresh.values() if one.picture is not None]
        vectors = self._space.embed_pictures(pictures) if pictures else ()
        contents = [
            Content(one.fingerprint, one.size, picture.width, picture.height, picture.taken, vector)
            for one, picture, vector in zip(fresh.values(), pictures, vectors, strict=True)
        ]
        paths = [StoredPath(one.file.path, one.fingerprint, one.file.size, one.file.mtime_ns) for one in batch]
        left_out = set(self._store.write(self._space.identity, contents, paths))
        self._known.update(fresh)
        self._known.difference_update(one.fingerprint for one in batch if one.file.path in left_out)
        self._embedded += len(fresh)
        self._reused += len(batch) - len(fresh) - len(left_out)
        return [one.file for one in batch if one.file.path in left_out]


def _ahead(files: Iterable[FoundFile], work: Callable[[FoundFile], _Reading]) -> Generator[_Reading, None, None]:
    """`work` on each file in threads, in order, never more than a batch ahead, so that memory stays flat."""
    with ThreadPoolExecutor(_READERS, "mmembed-read") as pool:
        waiting: deque[Future[_Reading]] = deque()
        try:
            for file in files:
                waiting.append(pool.submit(work, file))
                if len(waiting) > BATCH:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _refuse_nothing(finding: Finding) -> None:
    if finding.files:
        return
    if finding.missing:
        raise GalleryError(f"{finding.missing[0]} does not exist; whatever was indexed from it stays in the gallery.")
    if finding.problems:
        raise GalleryError(f"There is nothing to index: {finding.problems[0].path}: {finding.problems[0].reason}.")
    if not finding.roots:
        raise InvalidData("There is nothing to index: give at least one folder.")
    raise InvalidData(f"There are no pictures in {', '.join(map(str, finding.roots))}.")


def _roots_without_files(finding: Finding) -> set[Path]:
    return {root for root in finding.roots if not any(_is_within(file.path, [root]) for file in finding.files)}


def _gone(finding: Finding, before: dict[Path, StoredPath], empty: set[Path]) -> list[Path]:
    """Paths that were indexed below the roots and are there no longer.

    Nothing counts as gone below what could not be looked at, or below a root that is empty: it may be a drive that is
    not mounted, and a vector costs more to make than to keep.
    """
    found = {file.path for file in finding.files}
    searched = [root for root in finding.roots if root not in empty]
    unknown = [problem.path for problem in finding.problems]
    return [path for path in before if path not in found and _is_within(path, searched) and not _is_within(path, unknown)]


def _is_within(path: Path, folders: Iterable[Path]) -> bool:
    name = os.fspath(path)
    return any(name == os.fspath(folder) or name.startswith(os.path.join(folder, "")) for folder in folders)
