"""Any Pillow image → 8-bit sRGB on white, so that every picture reaches the space in the same colours."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image, ImageCms

_PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}


def to_srgb(image: Image.Image, target: int | None = None) -> Image.Image:
    """RGB, 8 bits a channel, sRGB, transparency composited on white.

    Args:
        image: a loaded image in any mode.
        target: if given, the image is first reduced by whole factors while both sides stay at least twice as long.
    """
    image = _flatten(image)
    factor = min(image.size) // (2 * target) if target else 1
    if factor > 1:
        image = image.reduce(factor)  # before the profile: a colour transform of every pixel of a large picture is slow
    return _apply_profile(image).convert("RGB")


def _flatten(image: Image.Image) -> Image.Image:
    """To mode L, RGB or CMYK."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        flat = Image.fromarray(_to_eight_bits(np.asarray(image)))
    elif image.mode == "LAB":
        transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
        return ImageCms.applyTransform(image, transform) or image
    elif image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        flat = Image.alpha_composite(white, layer).convert("RGB")
    elif image.mode == "1":
        flat = image.convert("L")
    elif image.mode in ("L", "RGB", "CMYK"):
        return image
    else:
        flat = image.convert("RGB")
    flat.info = {"icc_profile": profile} if profile else {}
    return flat


def _to_eight_bits(values: np.ndarray) -> np.ndarray:
    """Grey values of more than 8 bits, `[H, W]`, scaled (not clipped) to uint8.

    Integers span 16 bits unless a value says they are larger; fractions span 0 to 1, or else 0 to 255, or else their own range.
    """
    floats = np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = min(0.0, float(floats.min())), float(floats.max())
    usual = (65535.0,) if np.issubdtype(values.dtype, np.integer) else (1.0, 255.0)
    high = next((limit for limit in usual if high <= limit), high)
    return np.rint((floats - low) * (255.0 / (high - low))).astype(np.uint8)


def _apply_profile(image: Image.Image) -> Image.Image:
    """Convert through the embedded ICC profile; one that is broken or for another kind of image is ignored, as browsers do."""
    data = image.info.get("icc_profile")
    if not data:
        return image
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(data))
        if _PROFILE_MODES.get(profile.profile.xcolor_space.strip()) != image.mode:
            return image
        if "sRGB" in (profile.profile.profile_description or ""):
            return image  # most photos: nothing to do
        transform = ImageCms.buildTransform(profile, ImageCms.createProfile("sRGB"), image.mode, "RGB")
        return ImageCms.applyTransform(image, transform) or image
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return image
