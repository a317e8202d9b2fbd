"""Tables are read as promised, and refused with a reason."""

import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from mmembed.errors import InvalidData
from mmembed.evaluate import tables
from mmembed.evaluate.tables import CaptionRow, MaskedRow

Write = Callable[..., Path]


def test_captions_with_and_without_source(write_table: Write) -> None:
    plain = write_table("plain.tsv", "image | lang | caption", 'a.jpg | en | a "quoted dog')
    assert tables.read_captions(plain) == [CaptionRow("a.jpg", "en", 'a "quoted dog')]
    packed = plain.with_name("packed.tsv.xz")
    packed.write_bytes(lzma.compress("image\tlang\tsource\tcaption\na.jpg\tzh\tx\t一只狗\n".encode()))
    assert tables.read_captions(packed) == [CaptionRow("a.jpg", "zh", "一只狗", "x")]


@pytest.mark.parametrize(
    ("header", "row", "reason"),
    [
        ("image | lang", "a | en", "caption"),
        ("image | lang | caption", "a.jpg | en", "line 2"),
        ("image | lang | caption", "a | en |  ", "line 2"),
    ],
)
def test_captions_refused(write_table: Write, header: str, row: str, reason: str) -> None:
    with pytest.raises(InvalidData, match=reason):
        tables.read_captions(write_table("bad.tsv", header, row))


def test_binary_file_refused(tmp_path: Path) -> None:
    for name in ("x.tsv", "x.tsv.xz"):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00image")
        with pytest.raises(InvalidData, match=name):
            tables.read_captions(tmp_path / name)


def test_split(write_table: Write) -> None:
    path = write_table("splits.tsv", "image | split", "b.jpg | test", "a.jpg | train", "c.jpg | test")
    assert tables.read_split(path, "test") == ["b.jpg", "c.jpg"]
    with pytest.raises(InvalidData, match="test, train"):
        tables.read_split(path, "val")


def test_masked(write_table: Write) -> None:
    path = write_table("masked.tsv", "image | masked_en | de_stems | fr_stems", "a.jpg | A <mask> runs. | hund|Rüde | chien")
    assert tables.read_masked(path) == [MaskedRow("a.jpg", "A <mask> runs.", {"de": ("hund", "rüde"), "fr": ("chien",)})]
    for bad in (write_table("no.tsv", "image | masked_en", "a | b"), write_table("empty.tsv", "image | masked_en | de_stems")):
        with pytest.raises(InvalidData, match="de_stems"):
            tables.read_masked(bad)


def test_parallel(write_table: Write) -> None:
    path = write_table("task.tsv", "split | image | en | de", "test | 1.jpg | a | b", "train | 2.jpg | c | d")
    assert tables.read_parallel(path, "test", ["de", "en"]) == (["1.jpg"], {"de": ["b"], "en": ["a"]})
    with pytest.raises(InvalidData, match="fr"):
        tables.read_parallel(path, "test", ["fr"])
    with pytest.raises(InvalidData, match="val"):
        tables.read_parallel(path, "val", ["en"])


def test_lines_keep_empty_ones(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(b"a\r\n\r\n b \n")
    assert tables.read_lines(path) == ["a", "", "b"]
    path.write_bytes(b"\xff")
    with pytest.raises(InvalidData, match="UTF-8"):
        tables.read_lines(path)


def test_select_and_group() -> None:
    rows = [CaptionRow("a.jpg", "en", "1", "x"), CaptionRow("a.jpg", "en", "2", "x"), CaptionRow("b.jpg", "de", "3", "y")]
    assert tables.select(rows, ["a.webp"]) == rows[:2]
    assert tables.select(rows, languages=["de"]) == rows[2:]
    assert tables.select(rows, sources=["x"], languages=["de"]) == []
    assert tables.by_picture(rows) == {"a.jpg": ["1", "2"], "b.jpg": ["3"]}
    assert tables.by_picture(rows, first=1) == {"a.jpg": ["1"], "b.jpg": ["3"]}
    assert list(tables.by_language(rows)) == ["en", "de"]
    assert tables.stem("x/a.b.jpg") == "x/a.b"
