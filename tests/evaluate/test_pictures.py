"""Names lead to the right file, and each picture is embedded once."""

from pathlib import Path

import numpy as np
import pytest

from mmembed.errors import InvalidData, UnreadablePicture
from mmembed.evaluate.pictures import PictureFolder, batches, embed_pictures, embed_texts, remembering
from tests.fakes import FakeSpace, colour_picture, fake_model


def test_exact_name_wins_over_stem(pictures: Path) -> None:
    (pictures / "red.jpg").write_bytes((pictures / "green.webp").read_bytes())
    with PictureFolder(pictures) as folder:
        assert folder.find("red.webp") == "red.webp"
        assert folder.find("red.png") == "red.jpg"  # the first by name, on every machine
        assert folder.find("orange.jpg") is None


def test_zip_and_folder_give_the_same_pictures(pictures: Path, zipped: Path) -> None:
    with PictureFolder(pictures) as folder, PictureFolder(zipped) as archive:
        assert np.array_equal(folder.open("blue.jpg").pixels, archive.open("blue.jpg").pixels)
        assert folder.open("blue.jpg").fingerprint == archive.open("blue.jpg").fingerprint


def test_by_number_needs_exactly_one_file(pictures: Path) -> None:
    (pictures / "red.webp").rename(pictures / "17_ab.webp")
    (pictures / "green.webp").rename(pictures / "18_ab.webp")
    (pictures / "blue.webp").rename(pictures / "18_cd.webp")
    with PictureFolder(pictures, by_number=True) as folder:
        assert folder.find("17.jpg") == "17_ab.webp"
        assert folder.find("18.jpg") is None
    with PictureFolder(pictures) as folder:
        assert folder.find("17.jpg") is None


def test_without_a_folder_names_are_paths(pictures: Path) -> None:
    with PictureFolder(None) as files:
        assert files.open(str(pictures / "red.webp")).width == 32
        with pytest.raises(InvalidData, match="1 of 1 pictures do not exist"):
            files.open(str(pictures / "red.jpg"))


def test_missing_pictures_are_counted(pictures: Path) -> None:
    with PictureFolder(pictures) as folder, pytest.raises(InvalidData, match=r"2 of 3 pictures are not in .*first of them x.jpg"):
        folder.require(["red.jpg", "x.jpg", "y.jpg"])


@pytest.mark.parametrize("name", ["nowhere", "text.zip"])
def test_neither_folder_nor_zip(tmp_path: Path, name: str) -> None:
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(InvalidData, match=name):
        PictureFolder(tmp_path / name)


def test_damaged_picture_is_named(pictures: Path) -> None:
    (pictures / "red.webp").write_bytes(b"no picture")
    with PictureFolder(pictures) as folder, pytest.raises(UnreadablePicture, match=r"red\.webp"):
        folder.open("red.jpg")


def test_batches_cover_everything_once() -> None:
    assert [list(range(100))[part] for part in batches(70, 32)] == [list(range(32)), list(range(32, 64)), list(range(64, 70))]
    assert list(batches(0)) == []


def test_embedding_in_batches_equals_embedding_at_once(pictures: Path) -> None:
    names = [f"{name}.jpg" for name in ("red", "green", "blue", "yellow")] * 10
    seen: list[int] = []
    with PictureFolder(pictures) as folder:
        vectors = embed_pictures(FakeSpace(), folder, names, lambda done, total, message: seen.append(done))
    expected = FakeSpace().embed_pictures([colour_picture(name) for name in ("red", "green", "blue", "yellow")] * 10)
    assert np.allclose(vectors, expected)
    assert seen == [32, 40]
    assert np.allclose(embed_texts(FakeSpace(), ["red", "blue"] * 40), FakeSpace().embed_texts(["red", "blue"] * 40))


def test_remembering_embeds_a_picture_once() -> None:
    model = fake_model()
    known = remembering(model)
    red, blue = colour_picture("red"), colour_picture("blue")
    first = known.space.embed_pictures([red, blue, red])
    assert np.array_equal(known.space.embed_pictures([blue, red]), first[[1, 0]])
    assert model.space.embedded == 2  # type: ignore[attr-defined]
    assert known.space.embed_pictures([]).shape == (0, 4)


def test_remembering_embeds_a_text_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    embed = FakeSpace.embed_texts
    monkeypatch.setattr(FakeSpace, "embed_texts", lambda self, texts: asked.extend(texts) or embed(self, texts))
    known = remembering(fake_model())
    first = known.space.embed_texts(["red", "blue", "red"])
    assert np.array_equal(known.space.embed_texts(["blue", "red"]), first[[1, 0]])
    assert asked == ["red", "blue"]
    assert known.space.embed_texts([]).shape == (0, 4)
