"""The pictures of an evaluation: a folder or a zip file, read one at a time, embedded once."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mmembed.errors import InvalidData, UnreadablePicture
from mmembed.media.picture import Picture
from mmembed.model import Model
from mmembed.space.base import Space

Progress = Callable[[int, int, str], None]
BATCH = 32


class PictureFolder:
    """Pictures in a folder (with its subfolders) or in a zip file, found by name; without either, names are paths.

    A name is looked up exactly, then by its stem, because repacked data sets change the suffix (`1.jpg` is `1.webp`).
    With `by_number`, a stem also stands for the one file whose stem is it plus an underscore and more: Multi30k says
    `1000268201.jpg` where Flickr8k says `1000268201_693b08cb0e.jpg`.

    Raises:
        InvalidData: `path` does not exist, or is a file that is no zip file.
    """

    def __init__(self, path: Path | None, by_number: bool = False) -> None:
        if path is not None and not path.exists():
            raise InvalidData(f"{path} does not exist; give a folder or a .zip file of pictures.")
        self.path = path or Path()
        self._zip = None if path is None or path.is_dir() else _open_zip(path)
        self._names: set[str] = set()
        self._names_are_paths = path is None
        if self._zip is not None:
            self._names = {name for name in self._zip.namelist() if not name.endswith("/")}
        elif path is not None:
            self._names = {file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()}
        # Sorted, so that of several files with one stem the same one is taken on every machine.
        self._by_stem: dict[str, str] = {}
        numbers: dict[str, list[str]] = {}
        for name in sorted(self._names):
            stem = PurePosixPath(name).stem
            self._by_stem.setdefault(stem, name)
            numbers.setdefault(stem.split("_")[0], []).append(name)
        self._by_number = {number: names[0] for number, names in numbers.items() if len(names) == 1} if by_number else {}

    def close(self) -> None:
        """Close the zip file, if it is one."""
        if self._zip is not None:
            self._zip.close()

    def __enter__(self) -> PictureFolder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def names(self) -> list[str]:
        """All files of the folder or zip file, sorted."""
        return sorted(self._names)

    def find(self, name: str) -> str | None:
        """The file that `name` means, or None."""
        if name in self._names or (self._names_are_paths and Path(name).is_file()):
            return name
        stem = PurePosixPath(name.replace("\\", "/")).stem
        return self._by_stem.get(stem) or self._by_number.get(stem)

    def require(self, names: Sequence[str]) -> dict[str, str]:
        """Each name → its file.

        Raises:
            InvalidData: some names have no file; a benchmark on fewer pictures than it names would be another one.
        """
        found = {name: self.find(name) for name in names}
        missing = [name for name, file in found.items() if file is None]
        if missing:
            place = "do not exist" if self._names_are_paths else f"are not in {self.path}"
            raise InvalidData(f"{len(missing)} of {len(found)} pictures {place}, the first of them {missing[0]}.")
        return {name: file for name, file in found.items() if file is not None}

    def open(self, name: str, target: int | None = None) -> Picture:
        """Read one picture by any of its names.

        Raises:
            InvalidData: there is no such file.
            UnreadablePicture: it cannot be decoded.
        """
        file = self.require([name])[name]
        try:
            return Picture.open(self.path / file, target) if self._zip is None else Picture.from_bytes(self._zip.read(file), target)
        except (UnreadablePicture, zipfile.BadZipFile) as error:
            raise UnreadablePicture(f"The picture {file} of the evaluation cannot be used: {error}") from error


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise InvalidData(f"{path} is neither a folder nor a zip file.") from error


def batches(count: int, size: int = BATCH) -> Iterator[slice]:
    """Consecutive slices of at most `size` that cover `count` rows."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def embed_pictures(space: Space, folder: PictureFolder, names: Sequence[str], progress: Progress | None = None) -> np.ndarray:
    """Vectors of the named pictures, float32 `[N, dim]`; only one batch of pixels is in memory at a time."""
    folder.require(names)
    vectors = np.empty((len(names), space.dim), np.float32)
    for rows in batches(len(names)):
        vectors[rows] = space.embed_pictures([folder.open(name, space.picture_size) for name in names[rows]])
        if progress:
            progress(rows.stop, len(names), "pictures")
    return vectors


def embed_texts(space: Space, texts: Sequence[str], progress: Progress | None = None, message: str = "texts") -> np.ndarray:
    """Vectors of texts, float32 `[N, dim]`, batch by batch."""
    vectors = np.empty((len(texts), space.dim), np.float32)
    for rows in batches(len(texts), 2 * BATCH):
        vectors[rows] = space.embed_texts(texts[rows])
        if progress:
            progress(rows.stop, len(texts), message)
    return vectors


class _Remembering:
    """A space that embeds each picture and each text once: evaluations look at the same ones in several ways."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._pictures: dict[str, np.ndarray] = {}
        self._texts: dict[str, np.ndarray] = {}
        self.name = space.name
        self.identity = space.identity
        self.dim = space.dim
        self.languages = space.languages
        self.picture_size = space.picture_size

    def __getattr__(self, name: str) -> Any:
        """What only some spaces have, such as `familiarity`, `kinds`, `as_queries`, `commonness` and `certainty`."""
        return getattr(self._space, name)

    def embed_pictures(self, pictures: Sequence[Picture]) -> np.ndarray:
        new = {picture.fingerprint: picture for picture in pictures if picture.fingerprint not in self._pictures}
        if new:
            self._pictures.update(zip(new, self._space.embed_pictures(list(new.values())), strict=True))
        return np.array([self._pictures[picture.fingerprint] for picture in pictures], np.float32).reshape(-1, self.dim)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        new = list(dict.fromkeys(text for text in texts if text not in self._texts))
        if new:
            self._texts.update(zip(new, self._space.embed_texts(new), strict=True))
        return np.array([self._texts[text] for text in texts], np.float32).reshape(-1, self.dim)

    def confidence(self, query: np.ndarray, similarities: np.ndarray, among: int | None = None, commonness: float = 0.0) -> np.ndarray:
        return self._space.confidence(query, similarities, among, commonness)


def remembering(model: Model) -> Model:
    """The same model, embedding each picture and text only the first time it sees it (2 kB of memory each at 512 dimensions)."""
    return model if isinstance(model.space, _Remembering) else replace(model, space=_Remembering(model.space))
