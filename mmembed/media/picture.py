"""The picture that every room works with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright RGB picture.

    Attributes:
        pixels: uint8 `[H, W, 3]`, sRGB, EXIF orientation applied. May be smaller than the file's picture when it was
            opened with a `target` side.
        fingerprint: SHA-256 (hex) of the file's bytes, or of the pixels for a picture that never was a file.
        width: upright width of the whole picture in the file, in pixels.
        height: upright height of the whole picture in the file, in pixels.
        taken: when the picture was taken, from EXIF, without time zone; None if it does not say.
        path: where it was read from, or None.
    """

    pixels: np.ndarray
    fingerprint: str
    width: int
    height: int
    taken: datetime | None = None
    path: Path | None = None

    @classmethod
    def open(cls, path: str | Path, target: int | None = None) -> Picture:
        """Read a file in any of the formats that `mmembed index` reads.

        Args:
            path: the file.
            target: how long both sides of `pixels` have to be at least, in pixels, about; decoding large photographs is faster
                with it. None for all pixels.

        Raises:
            UnreadablePicture: the file is missing, is no picture, is damaged, or is too large to be safe.
        """
        from mmembed.media.read import read_file

        return read_file(Path(path), target)

    @classmethod
    def from_bytes(cls, data: bytes, target: int | None = None) -> Picture:
        """Decode the bytes of a picture file; otherwise like `open`.

        Raises:
            UnreadablePicture: they are no picture, are damaged, or are too many to be safe.
        """
        from mmembed.media.read import read_bytes

        return read_bytes(data, target)

    @classmethod
    def from_array(cls, pixels: np.ndarray) -> Picture:
        """A picture from uint8 `[H, W, 3]` RGB pixels.

        Raises:
            ValueError: the array has another type or shape, or no pixels.
        """
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise ValueError(f"A picture is uint8 [H, W, 3]; this array is {pixels.dtype} {list(pixels.shape)}.")
        pixels = np.ascontiguousarray(pixels)
        digest = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
        return cls(pixels, digest, pixels.shape[1], pixels.shape[0])
