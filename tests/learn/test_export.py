"""The exported decoder against its reference, transformers' `generate()`, on small random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from mmembed.generate.bundled import BundledDecoder, Networks  # noqa: E402
from mmembed.generate.steering import Reorder, Step  # noqa: E402
from mmembed.learn.conditioned import ConditionedDecoder, NetworkConfig  # noqa: E402
from mmembed.learn.export import Weights, export_decoder  # noqa: E402
from mmembed.learn.trained_decoder import TrainedDecoder  # noqa: E402
from mmembed.learn.vocabulary import train_pieces  # noqa: E402
from mmembed.space.bundled import EncodedTexts  # noqa: E402

pytestmark = pytest.mark.torch
STATE, DIM, LENGTH = 64, 32, 12
PIECES = [2, *range(10, 150)]


class Reading:
    """Stands in for the space: gives each text random states of its own length."""

    dim = DIM

    def encode_texts(self, texts: list[str]) -> EncodedTexts:
        random = np.random.default_rng(len(texts))
        lengths = [len(text.split()) for text in texts]
        mask = np.arange(max(lengths)) < np.array(lengths)[:, None]
        states, words = (random.normal(size=(*mask.shape, STATE)).astype(np.float32) * mask[..., None] for _ in range(2))
        return EncodedTexts(states, words, mask)


class Unruled:
    """Stands in for `Rules` and forbids nothing."""

    def __init__(self, step: Step, reorder: Reorder, *rules: object) -> None:
        self.step, self.reorder = step, reorder


def made(vocabulary: int, width: int, inner: int) -> ConditionedDecoder:
    """A decoder with random weights."""
    torch.manual_seed(3)
    shape = NetworkConfig(vocabulary, DIM, STATE, width=width, encoder_layers=2, decoder_layers=2, heads=4, inner=inner, prefix_length=3)
    network = ConditionedDecoder(shape).eval()
    with torch.no_grad():  # random weights are too undecided for a search to have one answer
        for parameter in network.network.parameters():
            parameter.mul_(3)
    return network


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[ConditionedDecoder, BundledDecoder]:
    folder: Path = tmp_path_factory.mktemp("decoder")
    letters = "a dog runs on the beach with ball and two men in red shirts walk by water under blue sky".split()
    train_pieces([" ".join(letters[i:] + letters[:i]) for i in range(len(letters))], 300, ("en", "de"), folder / "decoder.model")
    import sentencepiece as spm

    size = spm.SentencePieceProcessor(model_file=str(folder / "decoder.model")).get_piece_size()
    network = made(size, 64, 128)
    export_decoder(TrainedDecoder(network, {"de": PIECES}), folder, Weights(8))
    return network, BundledDecoder(folder, Reading(), ("en", "de"), ("en", "de"), LENGTH)  # type: ignore[arg-type]


def test_the_table_of_embeddings_is_stored_once(pair: tuple[ConditionedDecoder, BundledDecoder]) -> None:
    import onnx

    network, decoder = pair
    tensors, size = onnx.load(decoder._folder / "writer.onnx").graph.initializer, network.config.vocabulary
    large = [tensor.data_type for tensor in tensors if list(tensor.dims[:1]) == [size] and len(tensor.dims) > 1]
    assert sorted(large) == [onnx.TensorProto.FLOAT, onnx.TensorProto.UINT8]  # scales and blocks of the output projection


@pytest.mark.parametrize("beams", [2, 4])
@pytest.mark.parametrize("kind", ["captions", "texts", "both"])
def test_it_writes_what_the_reference_writes(
    pair: tuple[ConditionedDecoder, BundledDecoder], kind: str, beams: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mmembed.generate.bundled.Rules", Unruled)  # the reference knows nothing of the rules for style
    network, decoder = pair
    rows = 6
    prefix = np.random.default_rng(5).normal(size=(rows, DIM)).astype(np.float32) if kind != "texts" else None
    if kind == "both" and prefix is not None:
        prefix[2] = np.nan
    source = ["w " * (row + 2) for row in range(rows)] if kind != "captions" else None
    feeds = {name: torch.from_numpy(value) for name, value in decoder._memory(decoder._networks(source), prefix, source).items()}
    tag = decoder._pieces.piece_to_id("<de>")
    ids, scores = network.generate(**feeds, tag=tag, pieces=PIECES, beams=beams, count=1, length=LENGTH)
    expected = [decoder._pieces.decode([i for i in row.tolist()[1:] if i not in (1, 2)]) for row in ids]
    found = decoder.generate(prefix, source, "de", beams, 1)
    agreeing = [one[0].text == text for one, text in zip(found, expected, strict=True)]
    assert np.mean(agreeing) >= 0.8, list(zip([one[0].text for one in found], expected, strict=True))
    assert all(abs(one[0].score - float(score)) < 0.05 for one, score, same in zip(found, scores, agreeing, strict=True) if same)


@pytest.mark.parametrize(("width", "inner", "weights"), [(64, 300, Weights(8)), (48, 96, Weights(8)), (64, 128, None)])
def test_the_first_words_have_the_logits_of_the_reference(width: int, inner: int, weights: Weights | None, tmp_path: Path) -> None:
    network = made(300, width, inner)  # once with as many inner units as pieces, once not in whole blocks
    export_decoder(TrainedDecoder(network, {"de": PIECES}), tmp_path, weights)
    networks = Networks(tmp_path)
    prefix, nothing = np.ones((2, DIM), np.float32), np.zeros((2, 1, STATE), np.float32)
    feeds = {"prefix": prefix, "states": nothing, "words": nothing, "mask": np.zeros((2, 1), bool)}
    memory = dict(zip(("cross_keys", "cross_values", "memory_mask"), networks.reader.run(None, feeds), strict=True))
    layers, _, heads, _, size = memory["cross_keys"].shape
    empty, ids = np.zeros((layers, 2, heads, 0, size), np.float32), np.array([5, 271])
    found = networks.writer.run(None, {"ids": ids, "position": np.array([0]), "keys": empty, "values": empty, **memory})[0]
    with torch.inference_mode():
        read = (torch.from_numpy(feeds[name]) for name in ("prefix", "states", "words", "mask"))
        expected = network.logits(network(*read, torch.from_numpy(ids)[:, None])[:, 0], torch.arange(300)).numpy()
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.999


def test_tuned_layers_are_stored_finer_than_the_others(tmp_path: Path) -> None:
    import onnx
    import onnxruntime
    from transformers import BertConfig, BertModel

    from mmembed.learn.export import TextNetwork, export_text
    from mmembed.learn.heads import Head
    from mmembed.learn.text_tower import TextTower

    torch.manual_seed(0)
    shape = {"hidden_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 128, "vocab_size": 96}
    tower = TextTower(BertModel(BertConfig(**shape), add_pooling_layer=False).eval(), None, 2)  # type: ignore[arg-type]
    head = Head(64, 32, 0.0)
    path = tmp_path / "text.onnx"
    export_text(tower, head, path)
    bits = [next(a.i for a in node.attribute if a.name == "bits") for node in onnx.load(path).graph.node if node.op_type == "MatMulNBits"]
    assert sorted(bits) == [4] * 12 + [8] * 6  # six matrices a layer
    ids = np.array([[0, 5, 6, 2], [0, 7, 2, 1]])
    mask = (ids != 1).astype(np.int64)
    found = onnxruntime.InferenceSession(path).run(None, {"ids": ids, "mask": mask})
    with torch.inference_mode():
        expected = TextNetwork(tower, head.eval())(torch.from_numpy(ids), torch.from_numpy(mask))
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.nn.functional.cosine_similarity(torch.from_numpy(ours).flatten(1), theirs.flatten(1)).min() > 0.97
