from __future__ import annotations

import lzma
import zipfile
from pathlib import Path

import pytest

from mmembed.errors import InvalidData
from mmembed.learn.data import PictureSource, read_captions, read_parallel, read_paraphrases, read_splits, reserved_names


def test_captions_are_read_plain_and_compressed(tmp_path: Path) -> None:
    content = 'image\tlang\tcaption\na.jpg\ten\tA "dog" .\nb.jpg\tde\tEin Hund\n'
    (tmp_path / "plain.tsv").write_text(content, encoding="utf-8")
    with lzma.open(tmp_path / "packed.tsv.xz", "wt", encoding="utf-8") as file:
        file.write(content)
    plain, packed = read_captions(tmp_path / "plain.tsv"), read_captions(tmp_path / "packed.tsv.xz")
    assert plain == packed
    assert [(row.picture, row.language, row.text) for row in plain] == [("a", "en", 'A "dog" .'), ("b", "de", "Ein Hund")]


def test_a_table_without_its_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    path.write_text("image\tcaption\na\tb\n")
    with pytest.raises(InvalidData, match="lang"):
        read_captions(path)
    with pytest.raises(InvalidData, match="does not exist"):
        read_splits(tmp_path / "none.tsv")


def test_parallel_rows_keep_their_languages_apart(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    path.write_text("split\timage\ten\tde\ntrain\t1.jpg\ta dog\tein Hund\n", encoding="utf-8")
    (row,) = read_parallel(path, ("en", "de"))
    assert (row.split, row.picture, row.texts) == ("train", "1", {"en": "a dog", "de": "ein Hund"})


def test_sentences_about_pictures_that_are_not_trained_on_are_not_trained_on_either(tmp_path: Path) -> None:
    reserved = reserved_names({"1_a": "train", "2_b": "val", "3_c": "test"})
    assert reserved == {"2", "2_b", "3", "3_c"}
    path = tmp_path / "x.tsv"
    path.write_text(
        "split\timage\ten\tlang\tcaption\n"
        + "".join(f"train\t{n}.jpg\ta dog\ten\ta dog\n" for n in (1, 2, 3, 4))
        + "val\t2.jpg\ta cat\ten\ta cat\n"
    )
    for rows in (read_parallel(path, ("en",), reserved), read_paraphrases(path, reserved)):
        assert [row.split for row in rows] == ["train", "reserved", "reserved", "train", "val"]
    assert [row.split for row in read_parallel(path, ("en",))] == ["train"] * 4 + ["val"]


@pytest.mark.parametrize("packed", [False, True])
def test_pictures_come_by_stem_from_folders_and_zips(tmp_path: Path, packed: bool) -> None:
    place = tmp_path / "pictures"
    (place / "sub").mkdir(parents=True)
    (place / "sub" / "b.webp").write_bytes(b"bb")
    (place / "a.jpg").write_bytes(b"a")
    if packed:
        with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
            for file in place.rglob("*.*"):
                archive.write(file, file.relative_to(place))
        place = tmp_path / "p.zip"
    source = PictureSource(place)
    assert source.stems == ["a", "b"]
    assert source.read("b") == b"bb"
