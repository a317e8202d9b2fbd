"""Spaces of transformers, loaded from disk: their vectors are those of the library used as its documentation says."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmembed.errors import InvalidConfig, InvalidQuery, UnavailableModel
from mmembed.hub.running import Running
from mmembed.media.picture import Picture
from mmembed.space.transformers import TransformersSpace
from tests.hub.checkpoints import SPACES

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.torch

Checkpoint = Callable[[str], Path]
CPU = Running("cpu", "fp32")
TEXTS = ["two dogs run through the snow", "ein Hund", "a man rides a red motorcycle across the street"]


def photo(seed: int, width: int = 60, height: int = 44) -> Picture:
    """Smooth colours, different at every edge."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    return Picture.from_array(np.asarray(small.resize((width, height), Image.Resampling.BICUBIC)))


def space(folder: Path, where: Running = CPU) -> TransformersSpace:
    return TransformersSpace(folder, folder.name, ("en",), where)


def unit(output: torch.Tensor) -> np.ndarray:
    pooled = getattr(output, "pooler_output", output)
    return torch.nn.functional.normalize(pooled.float(), dim=-1).numpy()


@pytest.mark.parametrize("kind", SPACES)
def test_vectors_are_those_of_the_library(checkpoint: Checkpoint, kind: str) -> None:
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    folder, pictures = checkpoint(kind), [photo(1), photo(2, 30, 90)]
    model, tokens = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    images = AutoImageProcessor.from_pretrained(folder, backend="pil")
    padding = {"padding": "max_length", "max_length": 64} if "siglip" in kind else {"padding": True}
    lowered = [text.lower() for text in TEXTS] if "siglip" in kind else TEXTS
    with torch.no_grad():
        ids = tokens(lowered, truncation=True, return_tensors="pt", **padding)
        if "siglip" in kind:
            ids = {"input_ids": ids["input_ids"]}
        texts = unit(model.get_text_features(**ids))
        seen = unit(model.get_image_features(**images(images=[Image.fromarray(one.pixels) for one in pictures], return_tensors="pt")))

    ours = space(folder)
    np.testing.assert_allclose(ours.embed_texts(TEXTS), texts, atol=2e-6)
    np.testing.assert_allclose(ours.embed_pictures(pictures), seen, atol=2e-6)
    assert ours.embed_texts(TEXTS).dtype == np.float32
    assert ours.embed_texts(TEXTS).shape == (3, ours.dim)
    assert abs(float(texts[0] @ texts[1])) < 0.99  # the tiny model tells texts apart, or the comparison would mean nothing


@pytest.mark.parametrize("kind", SPACES)
def test_vectors_do_not_depend_on_their_batch_mates(checkpoint: Checkpoint, kind: str) -> None:
    ours = space(checkpoint(kind))
    pictures = [photo(seed, 40 + seed, 50) for seed in range(5)]
    texts = [*TEXTS, "a " * 30, "x"]
    together = ours.embed_pictures(pictures), ours.embed_texts(texts)
    alone = np.concatenate([ours.embed_pictures([one]) for one in pictures]), np.concatenate([ours.embed_texts([one]) for one in texts])
    for many, single in zip(together, alone, strict=True):
        assert ((many * single).sum(1) >= 0.9999).all()


@pytest.mark.parametrize("kind", ["siglip", "siglip2", "siglip2-naflex"])
def test_siglip_texts_are_filled_up_to_the_fixed_length(checkpoint: Checkpoint, kind: str) -> None:
    """Padding to the longest text, as other families do, gives another vector: this pins that ours is not that one."""
    from transformers import AutoModel, AutoTokenizer

    folder = checkpoint(kind)
    ids = AutoTokenizer.from_pretrained(folder)(["a dog"], padding=True, return_tensors="pt")["input_ids"]
    assert ids.shape[1] < 64
    with torch.no_grad():
        wrong = unit(AutoModel.from_pretrained(folder).get_text_features(input_ids=ids))
    assert float((space(folder).embed_texts(["a dog"]) @ wrong.T).item()) < 0.999


def test_siglip_reads_texts_in_lower_case(checkpoint: Checkpoint) -> None:
    ours = space(checkpoint("siglip2"))
    upper, lower = ours.embed_texts(["Two DOGS", "two dogs"])
    np.testing.assert_allclose(upper, lower, atol=1e-6)


@pytest.mark.parametrize(("kind", "limit"), [("clip", 77), ("siglip", 64), ("siglip2", 64), ("metaclip2", 77)])
def test_long_texts_are_cut_with_a_warning(checkpoint: Checkpoint, kind: str, limit: int) -> None:
    ours = space(checkpoint(kind))
    with pytest.warns(UserWarning, match=rf"1 text\(s\) longer than {limit} tokens were cut"):
        long = ours.embed_texts(["dog " * 300, "a dog"])
    assert np.isfinite(long).all()
    with pytest.warns(UserWarning, match="were cut"):
        np.testing.assert_allclose(ours.embed_texts(["dog " * 300 + "and a cat"])[0], long[0], atol=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours.embed_texts(["a dog"])


def test_a_turned_photo_is_upright_before_it_is_embedded(checkpoint: Checkpoint) -> None:
    """A camera held sideways writes the pixels lying down and an EXIF note."""
    upright, buffer = photo(3, 64, 48), BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(upright.pixels).transpose(Image.Transpose.ROTATE_90).save(buffer, "PNG", exif=exif)
    ours = space(checkpoint("clip"))
    turned, straight, lying = ours.embed_pictures(
        [Picture.from_bytes(buffer.getvalue()), upright, Picture.from_array(np.rot90(upright.pixels).copy())]
    )
    np.testing.assert_allclose(turned, straight, atol=1e-5)
    assert float(turned @ lying) < 0.999


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_half_precision_gives_the_same_direction(checkpoint: Checkpoint, kind: str, precision: str) -> None:
    full, half = space(checkpoint(kind)), space(checkpoint(kind), Running("cpu", precision))
    pictures = [photo(1), photo(2)]
    assert half.embed_pictures(pictures).dtype == np.float32
    assert ((full.embed_pictures(pictures) * half.embed_pictures(pictures)).sum(1) > 0.99).all()
    assert ((full.embed_texts(TEXTS) * half.embed_texts(TEXTS)).sum(1) > 0.99).all()
    assert not np.array_equal(full.embed_texts(TEXTS), half.embed_texts(TEXTS))  # it really ran in half precision


def test_identity_follows_the_weights_not_the_name(checkpoint: Checkpoint, tmp_path: Path) -> None:
    import shutil

    folder = checkpoint("clip")
    copy = tmp_path / "another name"
    shutil.copytree(folder, copy)
    assert TransformersSpace(copy, "x", (), CPU).identity == TransformersSpace(folder, "y", (), CPU).identity
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(bytes(weights))
    changed = TransformersSpace(copy, "x", (), CPU).identity
    assert changed != TransformersSpace(folder, "y", (), CPU).identity
    assert changed.startswith("clip-")


def test_nothing_in_nothing_out(checkpoint: Checkpoint) -> None:
    ours = space(checkpoint("clip"))
    assert ours.embed_pictures([]).shape == ours.embed_texts([]).shape == (0, ours.dim)
    with pytest.raises(InvalidQuery, match="empty"):
        ours.embed_texts(["a dog", " "])


def test_a_model_without_two_towers_is_refused(tmp_path: Path) -> None:
    from transformers import BertConfig, BertModel

    BertModel(BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=9)).save_pretrained(
        tmp_path
    )
    with pytest.raises(InvalidConfig, match="no common space"):
        space(tmp_path).embed_texts(["a dog"])
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InvalidConfig, match="does not describe a model"):
        space(tmp_path)


def test_a_missing_tokenizer_is_a_sentence(checkpoint: Checkpoint, tmp_path: Path) -> None:
    for file in checkpoint("clip").iterdir():
        if not file.name.startswith(("tokenizer", "preprocessor")):
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(UnavailableModel, match="missing or damaged.*get them again with: mmembed pull"):
        space(tmp_path).embed_pictures([photo(1)])


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_confidence_rises_with_similarity(checkpoint: Checkpoint, kind: str) -> None:
    ours = space(checkpoint(kind))
    similarities = np.linspace(-0.2, 0.4, 50).astype(np.float32)
    confidence = ours.confidence(ours.embed_texts(["a dog"])[0], similarities)
    assert (np.diff(confidence) >= 0).all()
    assert 0 <= confidence[0] < confidence[-1] <= 1
