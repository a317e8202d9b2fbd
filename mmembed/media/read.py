"""A file or its bytes → Picture: never a crash, a block or a bomb, always a reason."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
import warnings
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import PIL
from PIL import ExifTags, Image, UnidentifiedImageError

from mmembed.errors import UnreadablePicture
from mmembed.media import inside, raw
from mmembed.media.colour import to_srgb
from mmembed.media.limits import refuse_large
from mmembed.media.picture import Picture

MAX_BYTES = 2**30
MAX_PIXELS = 180_000_000

_LARGE_PIXELS = 50_000_000
_one_large_at_a_time = threading.Lock()  # several threads with a decoded panorama each would take gigabytes

# What photos come in. Others that Pillow knows stay out on purpose: EPS and WMF, for one, start outside programs.
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "JPEG2000", "PPM", "HEIF")
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow warns of odd files without naming them, and of pictures that are welcome here; what cannot be read it raises.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", module=r"PIL\.")


def read_file(path: Path, target: int | None = None) -> Picture:
    """Decode a file.

    Args:
        path: a regular file, or a link to one.
        target: the side in pixels that both sides of the result should at least have, if the file's picture has them.
            Large pictures are then decoded and reduced to twice that, which is several times faster.

    Raises:
        UnreadablePicture: the file is missing, no picture, damaged, or too large to be safe.
    """
    return decode(file_content(path).data, target, path=path)


def read_bytes(data: bytes, target: int | None = None) -> Picture:
    """Decode the bytes of a picture file; otherwise like `read_file`."""
    return decode(data, target)


class FileContent(NamedTuple):
    """All bytes of a file, and its size and modification time (nanoseconds) when it was opened."""

    data: bytes
    size: int
    mtime_ns: int


def file_content(path: str | Path) -> FileContent:
    """Everything in a regular file. Pipes and devices, which may block for ever, are refused unopened.

    Raises:
        UnreadablePicture: there is no such file, it may not be read, or it is larger than MAX_BYTES.
    """
    if holder := inside.holder(path):
        return _held_content(holder, path)
    try:
        _refuse(os.stat(path))
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
        with open(handle, "rb", buffering=0) as file:
            status = os.fstat(handle)
            _refuse(status)  # again: meanwhile the name may have become something else's
            return FileContent(file.readall(), status.st_size, status.st_mtime_ns)
    except FileNotFoundError as error:
        raise UnreadablePicture("there is no such file", lasting=False) from error
    except MemoryError as error:
        raise UnreadablePicture("there is not enough memory to read it", lasting=False) from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise UnreadablePicture(f"the file cannot be read: {getattr(error, 'strerror', None) or error}", lasting=False) from error


def as_image(path: str) -> dict[str, Any] | None:
    """A photo as `datasets` takes it: where it is or, of one in a table or an archive, its bytes; None if it is not there."""
    if inside.holder(path) is None:
        return {"bytes": None, "path": path} if os.path.exists(path) else None
    try:
        return {"bytes": file_content(path).data, "path": os.path.basename(path)}
    except UnreadablePicture:
        return None


def _held_content(holder: str, path: str | Path) -> FileContent:
    try:
        status = os.stat(holder)
    except OSError as error:
        raise UnreadablePicture(f"{holder} cannot be read: {error.strerror or error}", lasting=False) from error
    return FileContent(inside.content(path, MAX_BYTES), status.st_size, status.st_mtime_ns)


def _refuse(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UnreadablePicture("it is a folder" if stat.S_ISDIR(status.st_mode) else "it is not a regular file", lasting=False)
    refuse_large(status.st_size, MAX_BYTES)


def fingerprint(data: bytes) -> str:
    """SHA-256 of a file's bytes, in hex: what identifies a content wherever it lies."""
    return hashlib.sha256(data).hexdigest()


def decode(data: bytes, target: int | None = None, digest: str | None = None, path: Path | None = None) -> Picture:
    """Decode the bytes of a picture file whose `fingerprint` may be known already; see `read_file`."""
    if not data:
        raise UnreadablePicture("the file is empty")
    digest = digest or fingerprint(data)
    if path is not None and path.suffix.lower() in raw.RAW_SUFFIXES and (inside := raw.preview(data)) is not None:
        return _decode_preview(inside, target, digest, path)
    return _decode_bytes(data, target, digest, path)


def _decode_bytes(data: bytes, target: int | None, digest: str, path: Path | None, orientation: int = 1) -> Picture:
    """Decode what Pillow reads; `orientation` is for files that do not say theirs."""
    try:
        with Image.open(BytesIO(data), formats=_formats()) as image:
            if image.width * image.height <= _LARGE_PIXELS:
                return _decode(image, target, digest, path, orientation)
            with _one_large_at_a_time:
                return _decode(image, target, digest, path, orientation)
    except UnreadablePicture:
        raise
    except UnidentifiedImageError as error:
        raise UnreadablePicture(_unidentified(data)) from error
    except Image.DecompressionBombError as error:
        raise UnreadablePicture(_TOO_LARGE) from error
    except MemoryError as error:
        raise UnreadablePicture("there is not enough memory to decode it", lasting=False) from error
    except Exception as error:  # hostile bytes reach every kind of exception inside a decoder
        raise UnreadablePicture(f"it is damaged or cut short ({' '.join(str(error).split())[:120] or type(error).__name__})") from error


def reading_abilities() -> str:
    """Changes when files that could not be decoded may be worth another try, such as after installing a decoder."""
    return f"pillow {PIL.__version__}, {', '.join(_formats())}{', raw' if find_spec('rawpy') else ''}"


def _decode_preview(inside: raw.Preview, target: int | None, digest: str, path: Path) -> Picture:
    """A raw photo's preview, under the photo's own fingerprint and size."""
    if isinstance(inside.content, bytes):
        picture = _decode_bytes(inside.content, target, digest, path, inside.orientation)
        return replace(picture, width=inside.width, height=inside.height)
    pixels = np.asarray(to_srgb(Image.fromarray(inside.content), target))
    return Picture(pixels, digest, inside.width, inside.height, None, path)


_TOO_LARGE = f"it has more than {MAX_PIXELS // 1_000_000} million pixels, too many to be safe"


def _decode(image: Image.Image, target: int | None, digest: str, path: Path | None, orientation: int) -> Picture:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadablePicture(_TOO_LARGE)
    width, height = image.size
    if target is None or image.draft(None, (2 * target, 2 * target)) is None:
        image.load()
        width, height = image.size  # TIFF turns itself upright in load()
    image.load()
    exif = _exif(image)  # only now: formats differ in what is known before the pixels are
    upright = to_srgb(image, target)
    turn = exif.get(ExifTags.Base.Orientation, orientation)
    if turn in _TURNS:
        upright = upright.transpose(_TURNS[turn])
        if turn >= 5:
            width, height = height, width
    return Picture(np.asarray(upright), digest, width, height, _taken(exif), path)


def _exif(image: Image.Image) -> dict[int, object]:
    """Main and photographic EXIF entries; whatever is broken in them does not make the picture unreadable."""
    try:
        exif = image.getexif()
        return {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
    except Exception:
        return {}


_UNSET = datetime(1970, 1, 1)  # what clocks that were never set say, and LibRaw's previews


def _taken(exif: dict[int, object]) -> datetime | None:
    for tag in (ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized):
        try:
            taken = datetime.strptime(str(exif[tag]).strip(" \0")[:19], "%Y:%m:%d %H:%M:%S")
            return taken if taken > _UNSET else None
        except (KeyError, ValueError):  # absent, blank or zeros, as from cameras whose clock was never set
            continue
    return None


def _unidentified(data: bytes) -> str:
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS and "HEIF" not in _formats():
        return "it is a HEIC picture; to read those: pip install pi-heif"
    return "it is not a picture in a format that can be read"


@lru_cache(maxsize=1)
def _formats() -> tuple[str, ...]:
    """Those of _FORMATS this installation has. HEIF comes with pi-heif, or else with pillow-heif, whose wheels hold GPL code."""
    Image.init()
    for package in ("pi_heif", "pillow_heif"):
        if find_spec(package):
            import_module(package).register_heif_opener()
            break
    return tuple(name for name in _FORMATS if name in Image.OPEN)
