import sys

from mmembed.media import samples
from mmembed.media.picture import Picture
from mmembed.media.samples import sample_photos


def test_every_sample_is_a_readable_photo_and_no_package_is_imported() -> None:
    before = set(sys.modules)
    photos = sample_photos()
    assert not {"gradio", "skimage", "sklearn", "matplotlib"} & (set(sys.modules) - before)
    assert len({path.name for path in photos}) == len(photos)
    for path in photos:
        picture = Picture.open(path)
        assert min(picture.width, picture.height) >= 200, path


def test_photos_are_found_in_a_package_that_is_there(tmp_path, monkeypatch) -> None:
    (tmp_path / "borrowed").mkdir()
    (tmp_path / "borrowed" / "a.jpg").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(samples, "_PHOTOS", {"borrowed": ("a.jpg", "gone.jpg"), "not_installed_anywhere": ("b.jpg",)})
    assert sample_photos() == [tmp_path / "borrowed" / "a.jpg"]
    assert "borrowed" not in sys.modules
