"""Features of training pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from mmembed.learn.data import PictureSource  # noqa: E402
from mmembed.learn.features import picture_features  # noqa: E402

pytestmark = pytest.mark.torch


class Corner(torch.nn.Module):
    """The colour of the upper left corner."""

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels[:, :, 0, 0]


def test_training_sees_photos_upright_as_search_does(tmp_path: Path) -> None:
    upright = Image.fromarray(np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held sideways
    upright.save(tmp_path / "a.png")
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "b.png", exif=exif)
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "c.png")
    found = picture_features(Corner(), PictureSource(tmp_path), 8, ["plain", "mirror", "crop0"], tmp_path / "cache")
    assert found.shape == (3, 3, 3)
    assert np.array_equal(found[0, :2], found[1, :2])
    assert not np.array_equal(found[0, 0], found[2, 0])
    assert not np.array_equal(found[0, 0], found[0, 1])
