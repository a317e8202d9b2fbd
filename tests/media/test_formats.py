"""Formats that need more than Pillow: HEIC and cameras' raw files."""

from __future__ import annotations

import base64
import struct
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmembed.errors import UnreadablePicture
from mmembed.media import raw, read
from mmembed.media.picture import Picture
from tests.media.test_read import assert_corners, corners, saved

# The picture of `corners()`, taken on 14 July 2019, written by pillow-heif 1.8.1 (which can write HEIC, unlike what reads it here).
HEIC = base64.b85decode(
    "0000SW^{RQXk}?*00000ZE0pPXk}?*ZE0a<0005LZDn*}000000000XXk=`10000000000aA{+700000000000000000000G-+&aV*mgE07O6l"
    "0ssL300001;s5~v00000009R80ssI200QX%0RR9100000N&o-=IB98aW&i*H00062000$fZf0cy000000RRAKc4ILB0000LX>Mj^0ssI300IC2"
    "MR;ju000004sdC7Z2$lO00031008}IaB^?}007--aAR)(004Gqc4I>U18@KU0FVFx0000U@BsY%`1k+-4+CHT0RR|40Sp2E{{wIU00RJ!00093"
    "00RIXx&lC90096hLID8-Z~y=U0FVFx0{{R603M(qfd!W8<fgf}2xu@M00096AOHXZ03l)k0RRR>0l{;?i2wiq6Ju{|a&BX6cmM$a4FCp!0000K"
    "X>)L8000000000$0000$0000eV{Bn?0000$000010000W000010000000002|NsBs000020000GaA|mH000000|*ER0000OX>e^}0000000001"
    "009Mo0s{qv0000QX>w&|000000000EV`Ot<00IC3009610a<NiVRQfh0Rt!juLStp^629Y|6r=0|JhUf|LIq9-##+`rRt==)Lg&+?qwvghz{rd"
    "p02g*)A`LN(G+8(9}H0A;Yv27yznyeWm`sz*rhR*nx#3tG8BKq`TzcrK!5y|S_$><zxh4=hwQRP|CLoOpWmAYJsds0lMTra-w^=FS5_^q0WsNa"
    "LInPL3(b^-9)e|<mf{#9x5Fm({nNIjQTR*l9XyWk)ueG@lT@|ZNTOY&EEd>-)kpRol8ZD1yTVlN_06YOR<kmWQ=yDm;&L<=myAnLMZ4#A0~-Bh"
    "iM~I4ctbT!LW753n@_W46Pw#3<fcgk528%V{g3PZugvZ3|IDltEC2ui21R&jW&i+9O#mtY000O80f%V-1ONa40RR918UO$Q0004y0{{X5000yK"
    "001li0000oFflngFgH3eG$1iBIx;XiGcW)"
)


def dng(preview: bytes, orientation: int = 1, width: int = 64, height: int = 32) -> bytes:
    """A raw photo: a grey sensor of `width` × `height`, and a JPEG as its preview."""
    sensor = np.full((height, width), 1000, "<u2").tobytes()
    sensor_at = 8 + len(preview) + len(preview) % 2
    details_at = sensor_at + len(sensor)
    details = _directory(
        details_at,
        {
            254: (4, [0]),
            256: (4, [width]),
            257: (4, [height]),
            258: (3, [16]),
            259: (3, [1]),
            262: (3, [32803]),
            273: (4, [sensor_at]),
            277: (3, [1]),
            278: (4, [height]),
            279: (4, [len(sensor)]),
            33421: (3, [2, 2]),
            33422: (1, b"\0\1\1\2"),
            50717: (4, [65535]),
        },
    )
    main_at = details_at + len(details)
    one, none = (1, 1), (0, 1)
    main = _directory(
        main_at,
        {
            254: (4, [1]),
            256: (4, [320]),
            257: (4, [160]),
            258: (3, [8, 8, 8]),
            259: (3, [7]),
            262: (3, [6]),
            271: (2, b"Maker\0"),
            272: (2, b"Model\0"),
            273: (4, [8]),
            274: (3, [orientation]),
            277: (3, [3]),
            278: (4, [160]),
            279: (4, [len(preview)]),
            330: (4, [details_at]),
            50706: (1, b"\1\4\0\0"),
            50708: (2, b"Maker Model\0"),
            50721: (10, [one, none, none, none, one, none, none, none, one]),
            50728: (5, [one, one, one]),
        },
    )
    return (b"II*\0" + struct.pack("<I", main_at) + preview).ljust(sensor_at, b"\0") + sensor + details + main


def _directory(start: int, entries: dict[int, tuple[int, object]]) -> bytes:
    """A TIFF directory at `start`: tag → kind and values."""
    forms = {3: "H", 4: "I", 5: "II", 10: "ii"}
    listed, behind = struct.pack("<H", len(entries)), b""
    behind_at = start + 2 + 12 * len(entries) + 4
    for tag, (kind, values) in sorted(entries.items()):
        if isinstance(values, bytes):
            data, count = values, len(values)
        else:
            assert isinstance(values, list)
            data, count = b"".join(struct.pack("<" + forms[kind], *(v if isinstance(v, tuple) else (v,))) for v in values), len(values)
        if len(data) <= 4:
            listed += struct.pack("<HHI", tag, kind, count) + data.ljust(4, b"\0")
        else:
            listed += struct.pack("<HHII", tag, kind, count, behind_at + len(behind))
            behind += data + b"\0" * (len(data) % 2)
    directory = listed + struct.pack("<I", 0) + behind
    return directory + b"\0" * (len(directory) % 2)


def test_heic() -> None:
    pytest.importorskip("pi_heif")
    picture = read.read_bytes(HEIC)
    assert (picture.width, picture.height, picture.taken) == (64, 32, datetime(2019, 7, 14, 10, 20, 30))
    assert_corners(picture, 30)
    for share in (0.3, 0.6, 0.95):
        with pytest.raises(UnreadablePicture, match="damaged|not a picture"):
            read.read_bytes(HEIC[: int(len(HEIC) * share)])


@pytest.mark.parametrize(("orientation", "size"), [(1, (64, 32)), (6, (32, 64)), (8, (32, 64)), (3, (64, 32))])
def test_raw_previews_are_upright(tmp_path: Path, orientation: int, size: tuple[int, int]) -> None:
    pytest.importorskip("rawpy")
    stored = {1: None, 3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}[orientation]
    upright = corners(320, 160) if orientation in (1, 3) else corners(160, 320)
    file = tmp_path / "a.dng"
    file.write_bytes(dng(saved(upright.transpose(stored) if stored is not None else upright, "JPEG", quality=95), orientation))
    picture = Picture.open(file, 40)
    assert (picture.width, picture.height, picture.taken) == (*size, None)
    assert picture.fingerprint == read.fingerprint(file.read_bytes()) and picture.path == file
    assert_corners(picture, 20)


def test_a_raw_photo_without_a_preview_is_developed(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    file = tmp_path / "a.dng"
    file.write_bytes(dng(b"\0" * 100))
    picture = Picture.open(file)
    assert (picture.width, picture.height) == (64, 32) and picture.pixels.shape[2] == 3


def test_raw_photos_name_the_package_they_need(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(UnreadablePicture, match="pip install rawpy"):
        raw.preview(b"II*\0")
