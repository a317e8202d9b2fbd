"""Camera raw files → the preview that the camera put into them; needs the optional package rawpy."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO

import numpy as np

from mmembed.errors import UnreadablePicture

RAW_SUFFIXES = frozenset(".3fr .arw .cr2 .cr3 .dng .erf .iiq .kdc .mef .mos .mrw .nef .nrw .orf .pef .raf .rw2 .srw .x3f".split())


_ORIENTATIONS = {3: 3, 5: 8, 6: 6}  # LibRaw's way to say how to turn a photo → EXIF's


@dataclass(frozen=True)
class Preview:
    """The picture inside a raw photo.

    Attributes:
        content: the bytes of a JPEG file, or uint8 `[H, W, 3]`, which is upright.
        width: upright width of the raw photo, in pixels.
        height: upright height of the raw photo, in pixels.
        orientation: how to turn a JPEG file that does not say so itself, in EXIF's numbers.
    """

    content: bytes | np.ndarray
    width: int
    height: int
    orientation: int = 1


def preview(data: bytes) -> Preview | None:
    """The largest picture embedded in a raw photo; without one, the sensor's data developed at half size.

    None if the bytes are no raw photo at all.

    Raises:
        UnreadablePicture: it is damaged, or rawpy is not installed.
    """
    try:
        import rawpy
    except ImportError as error:
        raise UnreadablePicture("it is a camera's raw photo; to read those: pip install rawpy") from error
    try:
        with rawpy.imread(BytesIO(data)) as raw:
            sizes = raw.sizes
            width, height = (sizes.height, sizes.width) if sizes.flip in (5, 6) else (sizes.width, sizes.height)
            try:
                found = raw.extract_thumb()
            except (rawpy.LibRawNoThumbnailError, rawpy.LibRawUnsupportedThumbnailError):
                return Preview(raw.postprocess(half_size=True, use_camera_wb=True), width, height)
            if isinstance(found.data, bytes):
                return Preview(found.data, width, height, _ORIENTATIONS.get(sizes.flip, 1))
            return Preview(np.asarray(found.data), width, height)
    except rawpy.LibRawFileUnsupportedError:
        return None
    except rawpy.LibRawError as error:
        raise UnreadablePicture(f"it is a damaged raw photo ({error})") from error
