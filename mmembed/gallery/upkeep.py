"""What a gallery holds and whether it is sound, without a model."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmembed.errors import GalleryError
from mmembed.gallery.database import DATABASE
from mmembed.gallery.places import name_of
from mmembed.gallery.sqlite import SqliteStore
from mmembed.gallery.store import Root, Store
from mmembed.media import inside

_AT_ONCE = 2000


@dataclass(frozen=True)
class Summary:
    """What a gallery holds.

    Attributes:
        pictures: different contents.
        files: paths that hold them.
        unreadable: files that could not be decoded when they were last read.
        spaces: number of vectors by space.
        captions: number of captions by language.
        marks: number of hits marked right, and of those marked wrong.
        roots: what was indexed, each with the number of its files in the gallery and whether it is there now.
        bytes_on_disk: of the gallery's own folder.
    """

    pictures: int
    files: int
    unreadable: int
    spaces: dict[str, int]
    captions: dict[str, int]
    marks: tuple[int, int]
    roots: tuple[tuple[Root, int, bool], ...]
    bytes_on_disk: int


@dataclass(frozen=True)
class Soundness:
    """What `check` found, in words.

    Attributes:
        damage: what is wrong with the gallery itself.
        missing: indexed files that are not there now.
        changed: indexed files that are not as they were.
    """

    damage: tuple[str, ...]
    missing: tuple[Path, ...]
    changed: tuple[Path, ...]


@contextmanager
def made_for_good(folder: Path) -> Iterator[None]:
    """If there is no gallery in `folder` yet, and what is done inside fails before a single picture is in it, no trace of it stays."""
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    before = (folder / DATABASE).exists()
    try:
        yield
    except BaseException:  # Ctrl-C too
        if not before and (folder / DATABASE).exists() and _is_empty(folder):
            for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"):
                (folder / name).unlink(missing_ok=True)
            with suppress(OSError):  # something else is in it
                for place in made:
                    place.rmdir()
        raise


def _is_empty(folder: Path) -> bool:
    try:
        with closing(SqliteStore(folder, create=False)) as store:
            return len(store) == 0
    except GalleryError:  # whatever it is, it is not an empty gallery
        return False


def summarise(store: Store, folder: Path) -> Summary:
    """Counts of everything in the store, which is in `folder`."""
    everywhere = [os.path.abspath(os.sep)]
    roots = tuple((root, len(store.paths_below([root.name], "")), os.path.exists(root.name)) for root in store.roots())
    size = sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
    files, failures = store.count_paths(), len(store.failures_below(everywhere))
    return Summary(len(store), files, failures, store.spaces(), store.caption_languages(), store.count_marks(), roots, size)


def forget(store: Store, places: Sequence[str | Path]) -> int:
    """Drop these files and folders, and what is known of those below them; the files themselves stay.

    Returns the number of paths dropped.
    """
    names = [name_of(place) for place in places]
    known = list(store.paths_below(names, ""))
    store.remove(known)
    store.forget_failures(list(store.failures_below(names)))
    store.forget(names)
    return len(known)


def check(store: Store) -> Soundness:
    """Look at every row of the store, every vector and every file's stat; changes nothing."""
    damage = list(store.check())
    for space, dim in store.dims().items():
        ids, wrong = store.changes(space, dim, None).ids, 0
        for start in range(0, len(ids), _AT_ONCE):
            vectors = store.vectors_of(space, dim, ids[start : start + _AT_ONCE].tolist())[1]
            wrong += int((~(np.abs(np.linalg.norm(vectors, axis=1) - 1) < 1e-2)).sum())  # NaN is wrong, too
        if wrong:
            damage.append(f"{wrong} vectors of {space} are not of length 1")
    missing, changed = [], []
    for name, held in store.paths_below([os.path.abspath(os.sep)], "").items():
        try:
            status = os.stat(inside.holder(name) or name)
        except OSError:
            missing.append(Path(name))
        else:
            if (status.st_size, status.st_mtime_ns) != (held.size, held.mtime_ns):
                changed.append(Path(name))
    return Soundness(tuple(damage), tuple(missing), tuple(changed))
