"""A file or its bytes → Picture: never a crash, a block or a bomb, always a reason."""

from __future__ import annotations

import hashlib
import stat
import warnings
from datetime import datetime
from functools import lru_cache
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from mmembed.errors import UnreadablePicture
from mmembed.media.colour import to_srgb
from mmembed.media.picture import Picture

MAX_BYTES = 2**30
MAX_PIXELS = 180_000_000

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

# Between half the limit and the limit Pillow warns; pictures that large are welcome here, and above it Pillow raises.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def read_file(path: Path, target: int | None = None) -> Picture:
    """Decode a file.

    Args:
        path: a regular file, or a link to one.
        target: the side in pixels that both sides of the result should at least have, if the file's picture has them.
            Large pictures are then decoded and reduced to twice that, which is several times faster.

    Raises:
        UnreadablePicture: the file is missing, no picture, damaged, or too large to be safe.
    """
    return decode(file_bytes(path), target, path=path)


def read_bytes(data: bytes, target: int | None = None) -> Picture:
    """Decode the bytes of a picture file; otherwise like `read_file`."""
    return decode(data, target)


def file_bytes(path: Path) -> bytes:
    """Everything in a regular file. Pipes and devices, which may block for ever, are refused unopened.

    Raises:
        UnreadablePicture: there is no such file, it may not be read, or it is larger than MAX_BYTES.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnreadablePicture("it is a folder" if stat.S_ISDIR(status.st_mode) else "it is not a regular file")
        if status.st_size > MAX_BYTES:
            raise UnreadablePicture(f"the file has more than {MAX_BYTES // 2**20} MB, too many to be safe")
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UnreadablePicture("there is no such file") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        raise UnreadablePicture(f"the file cannot be read: {getattr(error, 'strerror', None) or error}") from error


def fingerprint(data: bytes) -> str:
    """SHA-256 of a file's bytes, in hex: what identifies a content wherever it lies."""
    return hashlib.sha256(data).hexdigest()


def decode(data: bytes, target: int | None = None, digest: str | None = None, path: Path | None = None) -> Picture:
    """Decode the bytes of a picture file whose `fingerprint` may be known already; see `read_file`."""
    if not data:
        raise UnreadablePicture("the file is empty")
    try:
        with Image.open(BytesIO(data), formats=_formats()) as image:
            return _decode(image, target, digest or fingerprint(data), path)
    except UnreadablePicture:
        raise
    except UnidentifiedImageError as error:
        raise UnreadablePicture(_unidentified(data)) from error
    except Image.DecompressionBombError as error:
        raise UnreadablePicture(_TOO_LARGE) from error
    except MemoryError as error:
        raise UnreadablePicture("there is not enough memory to decode it") from error
    except Exception as error:  # hostile bytes reach every kind of exception inside a decoder
        raise UnreadablePicture(f"it is damaged or cut short ({' '.join(str(error).split())[:120] or type(error).__name__})") from error


_TOO_LARGE = f"it has more than {MAX_PIXELS // 1_000_000} million pixels, too many to be safe"


def _decode(image: Image.Image, target: int | None, digest: str, path: Path | None) -> Picture:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadablePicture(_TOO_LARGE)
    width, height = image.size
    if target is None or image.draft(None, (2 * target, 2 * target)) is None:
        image.load()
        width, height = image.size  # TIFF turns itself upright in load()
    image.load()
    exif = _exif(image)  # only now: formats differ in what is known before the pixels are
    upright = to_srgb(image, target)
    turn = exif.get(ExifTags.Base.Orientation)
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


def _taken(exif: dict[int, object]) -> datetime | None:
    for tag in (ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized):
        try:
            return datetime.strptime(str(exif[tag]).strip(" \0")[:19], "%Y:%m:%d %H:%M:%S")
        except (KeyError, ValueError):  # absent, blank or zeros, as from cameras whose clock was never set
            continue
    return None


def _unidentified(data: bytes) -> str:
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS and "HEIF" not in _formats():
        return "it is a HEIC picture; to read those: pip install pillow-heif"
    return "it is not a picture in a format that can be read"


@lru_cache(maxsize=1)
def _formats() -> tuple[str, ...]:
    """Those of _FORMATS this installation has; HEIF comes with the optional package pillow-heif."""
    Image.init()
    try:
        import pillow_heif  # type: ignore[import-not-found, unused-ignore]

        pillow_heif.register_heif_opener()
    except ImportError:
        pass
    return tuple(name for name in _FORMATS if name in Image.OPEN)
