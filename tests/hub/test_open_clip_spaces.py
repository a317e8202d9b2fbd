"""Spaces of open_clip, loaded from disk: their vectors are those of the library used as its documentation says."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mmembed.errors import InvalidConfig
from mmembed.hub.running import Running
from mmembed.media.picture import Picture
from mmembed.space.open_clip import OpenClipSpace
from tests.hub.checkpoints import OPEN_CLIP

torch = pytest.importorskip("torch")
library = pytest.importorskip("open_clip", exc_type=(ImportError, RuntimeError))
pytestmark = pytest.mark.torch

Checkpoint = Callable[[str], Path]
TEXTS = ["two dogs run through the snow", "ein Hund", "A man rides a red motorcycle!"]


def photo(seed: int, width: int = 60, height: int = 44) -> Picture:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    return Picture.from_array(np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)))


def space(folder: Path, precision: str = "fp32") -> OpenClipSpace:
    return OpenClipSpace(folder, folder.name, ("en",), Running("cpu", precision))


def reference(folder: Path) -> tuple[Any, Any, Any]:
    changes = {}
    if folder.name in ("open-clip-roberta", "open-clip-nllb"):  # its text tower's shape would otherwise come from the hub
        text = library.factory.json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]["text_cfg"]
        changes["text_cfg"] = {**text, "hf_model_name": str(folder), "hf_model_pretrained": False}
    model, preprocess = library.create_model_from_pretrained(f"local-dir:{folder}", **changes)
    return model.eval(), preprocess, library.get_tokenizer(f"local-dir:{folder}")


@pytest.mark.parametrize("kind", OPEN_CLIP)
def test_vectors_are_those_of_the_library(checkpoint: Checkpoint, kind: str) -> None:
    folder, pictures = checkpoint(kind), [photo(1), photo(2, 30, 90)]
    model, preprocess, tokens = reference(folder)
    with torch.no_grad():
        seen = model.encode_image(torch.stack([preprocess(Image.fromarray(one.pixels)) for one in pictures]), normalize=True)
        texts = model.encode_text(tokens(TEXTS), normalize=True)
    ours = space(folder)
    np.testing.assert_allclose(ours.embed_pictures(pictures), seen.numpy(), atol=2e-6)
    np.testing.assert_allclose(ours.embed_texts(TEXTS), texts.numpy(), atol=2e-6)
    assert ours.embed_texts(TEXTS).shape == (3, ours.dim)
    assert ours.picture_size == 32
    assert abs(float(texts[0] @ texts[1])) < 0.99


@pytest.mark.parametrize("kind", OPEN_CLIP)
def test_vectors_do_not_depend_on_their_batch_mates(checkpoint: Checkpoint, kind: str) -> None:
    ours = space(checkpoint(kind))
    pictures, texts = [photo(seed, 40 + seed, 50) for seed in range(4)], [*TEXTS, "a " * 30]
    for embed, rows in ((ours.embed_pictures, pictures), (ours.embed_texts, texts)):
        alone = np.concatenate([embed([row]) for row in rows])  # type: ignore[operator]
        assert ((embed(rows) * alone).sum(1) >= 0.9999).all()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("kind", "limit"), [("open-clip", 77), ("open-clip-siglip", 64), ("open-clip-roberta", 77), ("open-clip-nllb", 62)]
)
def test_long_texts_are_cut_with_a_warning(checkpoint: Checkpoint, kind: str, limit: int) -> None:
    ours = space(checkpoint(kind))
    with pytest.warns(UserWarning, match=rf"1 text\(s\) longer than {limit} tokens were cut"):
        assert np.isfinite(ours.embed_texts(["dog " * 300, "a dog"])).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours.embed_texts(["a dog", "internationalisation " * 3])


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_gives_the_same_direction(checkpoint: Checkpoint, precision: str) -> None:
    full, half = space(checkpoint("open-clip")), space(checkpoint("open-clip"), precision)
    pictures = [photo(1), photo(2)]
    assert ((full.embed_pictures(pictures) * half.embed_pictures(pictures)).sum(1) > 0.99).all()
    assert ((full.embed_texts(TEXTS) * half.embed_texts(TEXTS)).sum(1) > 0.99).all()
    assert not np.array_equal(full.embed_texts(TEXTS), half.embed_texts(TEXTS))  # it really ran in half precision


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open_clip_config.json").write_text('{"model_cfg": {}}')
    with pytest.raises(InvalidConfig, match="does not describe a model of open_clip"):
        space(tmp_path)
