"""Files that nobody should have to open: every kind of damage, as bytes made from a seed, and what has to become of it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import Image

Make = Callable[[np.random.Generator], bytes]


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(rng: np.random.Generator, width: int = 40, height: int = 30) -> Image.Image:
    """Random pixels, which no format compresses to nothing."""
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))


def cut(kind: str, least: float = 0.05, most: float = 0.9) -> Make:
    """A file of this kind that ends too early."""

    def make(rng: np.random.Generator) -> bytes:
        data = saved(noise(rng), kind)
        return data[: int(len(data) * rng.uniform(least, most))]

    return make


def png(width: int, height: int, pixels: bytes = b"\0" * 1000, wrong_sum: bool = False) -> bytes:
    """A PNG that says it has this size, whatever its pixels are."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) ^ wrong_sum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def circular_tiff(rng: np.random.Generator) -> bytes:
    """Its only directory has no size and names itself as the next."""
    return b"II*\0" + struct.pack("<IHHHII", 8, 1, 258, 3, 1, int(rng.integers(1, 9))) + struct.pack("<I", 8)


def huge_bmp(rng: np.random.Generator) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, 60_000, int(rng.integers(50_000, 60_000)), 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + header + rng.bytes(100)


def exploding_profile(rng: np.random.Generator) -> bytes:
    return saved(noise(rng), "PNG", icc_profile=rng.bytes(300))


def odd_exif(rng: np.random.Generator) -> bytes:
    return saved(noise(rng), "JPEG", exif=b"Exif\0\0" + rng.choice([b"II*\0", b"MM\0*"]) + rng.bytes(60), quality=95)


def panorama(rng: np.random.Generator) -> bytes:
    return saved(Image.new("L", (30_000, 300), int(rng.integers(256))), "JPEG")


def animation(rng: np.random.Generator) -> bytes:
    return saved(noise(rng), "GIF", save_all=True, append_images=[noise(rng), noise(rng)])


# Name and suffix → bytes, and a pattern for the reason. Kinds without a reason are odd but have to be indexed.
KINDS: dict[str, tuple[str, Make, str | None]] = {
    "empty": (".jpg", lambda rng: b"", "empty"),
    "zeros": (".jpg", lambda rng: b"\0" * int(rng.integers(1, 5000)), "not a picture"),
    "random bytes": (".png", lambda rng: b"\1" + rng.bytes(500), "not a picture"),
    "text": (".jpeg", lambda rng: b"hello " * int(rng.integers(1, 99)), "not a picture"),
    "web page": (".webp", lambda rng: b"<!doctype html><title>404</title>" + rng.bytes(9).hex().encode(), "not a picture"),
    "PostScript": (".bmp", lambda rng: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n" + rng.bytes(9).hex().encode(), "not a picture"),
    "vector drawing": (
        ".gif",
        lambda rng: b"<svg><!--%s--></svg>" % rng.bytes(4).hex().encode(),
        "not a picture",
    ),
    "film": (".heic", lambda rng: b"\0\0\0\x18ftypmp42" + rng.bytes(200), "not a picture"),
    "cut HEIC": (".heic", lambda rng: b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + rng.bytes(99), "HEIC|damaged|not a picture"),
    "cut JPEG": (".jpg", cut("JPEG"), "damaged or cut short|not a picture"),
    "JPEG header": (".jpg", lambda rng: saved(noise(rng), "JPEG")[: int(rng.integers(3, 100))], "damaged or cut short|not a picture"),
    "cut PNG": (".png", cut("PNG"), "damaged or cut short"),
    "cut WebP": (".webp", cut("WEBP"), "damaged or cut short|not a picture"),
    "cut GIF": (".gif", cut("GIF"), "damaged or cut short|not a picture"),
    "cut BMP": (".bmp", cut("BMP"), "damaged or cut short"),
    "cut TIFF": (".tif", cut("TIFF"), "damaged or cut short|not a picture"),
    "cut AVIF": (".avif", cut("AVIF"), "damaged or cut short|not a picture"),
    "cut JPEG 2000": (".jp2", cut("JPEG2000"), "damaged or cut short|not a picture"),
    "cut raw": (".dng", lambda rng: b"II*\0" + rng.bytes(400), "raw photo|damaged|not a picture"),
    "wrong checksum": (".png", lambda rng: png(9, 9, rng.bytes(300), True), "damaged|not a picture"),
    "bomb": (".png", lambda rng: png(20_000, int(rng.integers(15_000, 30_000))), "million pixels"),
    "huge bitmap": (".bmp", huge_bmp, "million pixels|damaged|not a picture"),
    "too few pixels": (".png", lambda rng: png(50, 50, rng.bytes(20)), "damaged or cut short"),
    "no width": (".png", lambda rng: png(0, int(rng.integers(1, 9))), "damaged|not a picture"),
    "circular TIFF": (".tiff", circular_tiff, "damaged|not a picture"),
    "PNG called JPEG": (".jpg", lambda rng: saved(noise(rng), "PNG"), None),
    "JPEG called raw": (".nef", lambda rng: saved(noise(rng), "JPEG"), None),
    "odd EXIF": (".jpg", odd_exif, None),
    "odd profile": (".png", exploding_profile, None),
    "panorama": (".jpg", panorama, None),
    "one pixel": (".png", lambda rng: saved(noise(rng, 1, 1), "PNG"), None),
    "strip": (".png", lambda rng: saved(noise(rng, 1, 900), "PNG"), None),
    "CMYK": (".jpg", lambda rng: saved(noise(rng).convert("CMYK"), "JPEG"), None),
    "sixteen bits": (".tif", lambda rng: saved(Image.fromarray(rng.integers(0, 65536, (9, 9), np.uint16)), "TIFF"), None),
    "transparent": (".webp", lambda rng: saved(noise(rng).convert("RGBA"), "WEBP"), None),
    "animation": (".gif", animation, None),
}
