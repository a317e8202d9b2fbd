"""Every odd picture comes out upright, in sRGB, on white; everything else is an UnreadablePicture with a reason."""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import threading
import zlib
from datetime import datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from mmembed.errors import UnreadablePicture
from mmembed.media import read
from mmembed.media.picture import Picture

# Each corner its own colour, so that every turn and flip shows.
CORNERS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}


def corners(width: int = 64, height: int = 32) -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = CORNERS["red"]
    pixels[: height // 2, width // 2 :] = CORNERS["green"]
    pixels[height // 2 :, : width // 2] = CORNERS["blue"]
    pixels[height // 2 :, width // 2 :] = CORNERS["white"]
    return Image.fromarray(pixels)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def assert_corners(picture: Picture, tolerance: int = 6) -> None:
    height, width, _ = picture.pixels.shape
    got = [picture.pixels[y, x].astype(int) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    for pixel, (name, colour) in zip(got, CORNERS.items(), strict=True):
        assert np.abs(pixel - colour).max() <= tolerance, f"{name} became {pixel}"


def exif_turned(orientation: int) -> tuple[Image.Image, Image.Exif]:
    """A picture stored so that EXIF `orientation` brings `corners` back."""
    inverse = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = corners()
    return (image.transpose(read._TURNS[inverse[orientation]]) if orientation in inverse else image), exif


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_orientation_is_applied(kind: str, orientation: int) -> None:
    image, exif = exif_turned(orientation)
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {"lossless": True} if kind == "WEBP" else {}
    picture = read.read_bytes(saved(image, kind, exif=exif, **options))
    assert (picture.width, picture.height) == (64, 32)
    assert picture.pixels.shape == (32, 64, 3)
    assert_corners(picture, 20 if kind == "JPEG" else 0)


def test_orientation_holds_with_a_target_and_size_is_the_whole_pictures() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = corners(1600, 800).transpose(Image.Transpose.ROTATE_90)
    picture = read.read_bytes(saved(image, "JPEG", exif=exif, quality=95), target=50)
    assert (picture.width, picture.height) == (1600, 800)
    assert 100 <= picture.pixels.shape[0] < 200
    assert_corners(picture, 20)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_target_keeps_both_sides_long_enough_and_the_colours(kind: str) -> None:
    picture = read.read_bytes(saved(corners(2000, 900), kind), target=64)
    assert 128 <= min(picture.pixels.shape[:2]) < 256
    assert (picture.width, picture.height) == (2000, 900)
    assert_corners(picture)


def test_small_pictures_are_not_enlarged_for_a_target() -> None:
    assert read.read_bytes(saved(corners(), "PNG"), target=500).pixels.shape == (32, 64, 3)


def test_fingerprint_path_and_time_taken(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2019:07:14 10:20:30"
    file = tmp_path / "a.jpg"
    file.write_bytes(saved(corners(), "JPEG", exif=exif))
    picture = Picture.open(file)
    assert picture.fingerprint == hashlib.sha256(file.read_bytes()).hexdigest()
    assert picture.taken == datetime(2019, 7, 14, 10, 20, 30)
    assert picture.path == file
    assert Picture.from_bytes(file.read_bytes()).fingerprint == picture.fingerprint


@pytest.mark.parametrize("written", ["0000:00:00 00:00:00", "    :  :     :  :  ", "yesterday", "2019:02:30 10:00:00"])
def test_nonsense_for_a_time_is_no_time(written: str) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = written
    assert read.read_bytes(saved(corners(), "JPEG", exif=exif)).taken is None


def test_broken_exif_does_not_make_a_picture_unreadable() -> None:
    picture = read.read_bytes(saved(corners(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xffrubbish", quality=95, subsampling=0))
    assert_corners(picture, 20)


def test_cmyk_and_palette_and_bits() -> None:
    assert_corners(read.read_bytes(saved(corners().convert("CMYK"), "JPEG", quality=95, subsampling=0)), 30)
    assert_corners(read.read_bytes(saved(corners().quantize(8), "PNG")))
    assert_corners(read.read_bytes(saved(corners().quantize(8), "GIF")))
    bits = read.read_bytes(saved(corners().convert("1", dither=Image.Dither.NONE), "PNG"))
    assert set(np.unique(bits.pixels)) == {0, 255}


def test_greyscale_becomes_three_equal_channels() -> None:
    picture = read.read_bytes(saved(Image.new("L", (8, 8), 77), "PNG"))
    assert picture.pixels.shape == (8, 8, 3)
    assert (picture.pixels == 77).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(kind: str) -> None:
    ramp = np.linspace(0, 65535, 256, dtype=np.uint16)[None].repeat(4, 0)
    picture = read.read_bytes(saved(Image.fromarray(ramp), kind))
    assert np.abs(picture.pixels[0, :, 0].astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_dark_pictures_of_sixteen_bits_stay_dark(kind: str) -> None:
    picture = read.read_bytes(saved(Image.fromarray(np.full((4, 4), 10_000, np.uint16)), kind))
    assert (picture.pixels == round(10_000 / 257)).all()


def test_floats_from_zero_to_one_span_the_whole_range() -> None:
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None].repeat(4, 0)
    picture = read.read_bytes(saved(Image.fromarray(ramp), "TIFF"))
    assert (picture.pixels[0, :, 0] == np.arange(256)).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_white(mode: str) -> None:
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 4, 8))
    picture = read.read_bytes(saved(image.convert(mode), "PNG"))
    assert (picture.pixels[:, :4] == 0).all()
    assert (picture.pixels[:, 4:] == 255).all()


def test_transparent_palette_entry_is_white() -> None:
    image = Image.new("P", (8, 8), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.paste(1, (0, 0, 4, 8))
    for kind in ("PNG", "GIF"):
        picture = read.read_bytes(saved(image, kind, transparency=0))
        assert (picture.pixels[:, 4:] == 255).all(), kind
        assert (picture.pixels[:, :4] == (255, 0, 0)).all(), kind


def test_embedded_profile_is_converted_to_srgb() -> None:
    swapped = saved(corners(), "PNG", icc_profile=_swapped_profile())
    picture = read.read_bytes(swapped)
    height, width, _ = picture.pixels.shape
    top_left = picture.pixels[height // 4, width // 4].astype(int)
    assert top_left[1] > 200 > 100 > top_left[0], "a profile that names red what is green must turn red into green"


def _swapped_profile() -> bytes:
    """sRGB with its red and green primaries exchanged: wrong on purpose, so that a profile left unread shows."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    places = {bytes(profile[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    red, green = places[b"rXYZ"], places[b"gXYZ"]
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    for tag in (b"desc",):
        at, size = struct.unpack(">II", profile[places[tag] + 4 : places[tag] + 12])
        profile[at : at + size] = bytes(profile[at : at + size]).replace("sRGB".encode("utf-16-be"), "xxxx".encode("utf-16-be"))
    return bytes(profile)


@pytest.mark.parametrize("profile", [b"rubbish", b"\0" * 200, _swapped_profile()[:300]])
def test_a_broken_profile_is_ignored(profile: bytes) -> None:
    assert_corners(read.read_bytes(saved(corners(), "PNG", icc_profile=profile)))


def test_a_profile_for_another_kind_of_image_is_ignored() -> None:
    picture = read.read_bytes(saved(Image.new("L", (8, 8), 77), "PNG", icc_profile=_swapped_profile()))
    assert (picture.pixels == 77).all()


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "PNG", "WEBP"):
        picture = read.read_bytes(saved(frames[0], kind, save_all=True, append_images=frames[1:]))
        assert picture.pixels[0, 0, 0] > 240 > 20 > picture.pixels[0, 0, 2], kind


def test_the_content_decides_not_the_suffix(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    file.write_bytes(saved(corners(), "PNG"))
    assert_corners(Picture.open(file), 0)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "AVIF", "JPEG2000"])
def test_cut_files_are_unreadable_at_every_length(kind: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8))
    data = saved(noise, kind)
    for share in (0.01, 0.1, 0.5, 0.8):
        with pytest.raises(UnreadablePicture, match="damaged or cut short|not a picture"):
            read.read_bytes(data[: int(len(data) * share)])


def test_random_damage_gives_a_picture_or_a_reason() -> None:
    rng = np.random.default_rng(1)
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"):
        whole = saved(corners(), kind)
        for _ in range(60):
            data = bytearray(whole)
            for place in rng.integers(0, len(data), 8):
                data[place] = rng.integers(0, 256)
            with contextlib.suppress(UnreadablePicture):  # anything else fails the test
                assert read.read_bytes(bytes(data), target=8).pixels.dtype == np.uint8


def test_files_that_are_no_pictures(tmp_path: Path) -> None:
    cases = {"empty": b"", "not a picture": b"hello", "not a picture ": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"}
    for reason, data in cases.items():
        file = tmp_path / "a.jpg"
        file.write_bytes(data)
        with pytest.raises(UnreadablePicture, match=reason.strip()):
            Picture.open(file)


def test_missing_file_folder_and_impossible_name(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.jpg", "no such file"), (tmp_path, "folder"), (tmp_path / "a\0.jpg", "cannot be read")):
        with pytest.raises(UnreadablePicture, match=reason):
            Picture.open(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    pipe = tmp_path / "a.jpg"
    os.mkfifo(pipe)
    reasons: list[str] = []

    def attempt() -> None:
        try:
            Picture.open(pipe)
        except UnreadablePicture as error:
            reasons.append(str(error))

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(30)
    assert reasons == ["it is not a regular file"]


def _declared_png(width: int, height: int) -> bytes:
    """A tiny PNG that says it is huge."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def test_decompression_bombs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadablePicture, match="180 million pixels"):
        read.read_bytes(_declared_png(20_000, 20_000))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # as some applications do
    with pytest.raises(UnreadablePicture, match="180 million pixels"):
        read.read_bytes(_declared_png(20_000, 20_000))


def test_files_of_absurd_size_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "MAX_BYTES", 100)
    file = tmp_path / "a.png"
    file.write_bytes(saved(corners(), "PNG"))
    with pytest.raises(UnreadablePicture, match="too many to be safe"):
        Picture.open(file)


def test_heic_names_the_package_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "_formats", lambda: ("JPEG",))
    with pytest.raises(UnreadablePicture, match="pip install pi-heif"):
        read.read_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 100)


def test_many_threads_at_once() -> None:
    data = saved(corners(), "PNG")
    wrong: list[BaseException] = []

    def attempt() -> None:
        try:
            for _ in range(10):
                assert_corners(read.read_bytes(data))
                with pytest.raises(UnreadablePicture):
                    read.read_bytes(_declared_png(20_000, 20_000))
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
