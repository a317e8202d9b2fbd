"""The picture tower in int8 against itself in float32, on small random networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from mmembed.learn.backbones.efficientnet import EfficientNetLite  # noqa: E402
from mmembed.learn.export import export_picture  # noqa: E402
from mmembed.learn.heads import Head  # noqa: E402
from mmembed.learn.quantised import batches_of, export_quantised  # noqa: E402
from mmembed.space.sessions import session  # noqa: E402

pytestmark = pytest.mark.torch
SIZE = 64


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray]:
    folder: Path = tmp_path_factory.mktemp("towers")
    torch.manual_seed(1)
    network, head = EfficientNetLite(), Head(EfficientNetLite.features, 32, 0.0)
    pictures = (np.random.default_rng(0).random((24, 4, 4, 3)) * 255).astype(np.uint8).repeat(SIZE // 4, 1).repeat(SIZE // 4, 2)
    network.train()
    with torch.no_grad():  # so that batch normalisation has statistics, and activations a usual size
        for _ in range(20):
            network((torch.from_numpy(pictures).permute(0, 3, 1, 2).float() - 127) / 128)
    network.eval(), head.eval()
    export_picture(network, head, SIZE, False, folder / "picture.onnx")
    export_quantised(network, head, SIZE, list(batches_of(pictures, 8)), folder / "picture.int8.onnx")
    with torch.inference_mode():
        expected = head(network((torch.from_numpy(pictures).permute(0, 3, 1, 2).float() - 127) / 128)).numpy()
    np.save(folder / "expected.npy", expected)
    return folder, pictures


def run(path: Path, pixels: np.ndarray) -> np.ndarray:
    found: np.ndarray = session(path, None).run(["vector"], {"pixels": pixels})[0]
    return found


def test_both_files_give_what_torch_gives(exported: tuple[Path, np.ndarray]) -> None:
    folder, pictures = exported
    expected = np.load(folder / "expected.npy")
    assert (run(folder / "picture.onnx", pictures) * expected).sum(1).min() > 0.9999
    assert (run(folder / "picture.int8.onnx", pictures) * expected).sum(1).mean() > 0.98


def test_the_convolutions_are_int8_and_nothing_lies_between_them(exported: tuple[Path, np.ndarray]) -> None:
    graph = onnx.load(str(exported[0] / "picture.int8.onnx")).graph
    made_by = {name: node for node in graph.node for name in node.output}
    weights = {tensor.name: tensor for tensor in graph.initializer}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) > 40
    for node in convolutions:
        assert [made_by[name].op_type for name in node.input[:2]] == ["DequantizeLinear"] * 2
        assert weights[made_by[node.input[1]].input[0]].data_type == onnx.TensorProto.INT8
    assert "Pad" not in {node.op_type for node in graph.node}
    assert (exported[0] / "picture.int8.onnx").stat().st_size < 0.8 * (exported[0] / "picture.onnx").stat().st_size


def test_no_two_products_next_to_each_other_can_saturate_16_bits(exported: tuple[Path, np.ndarray]) -> None:
    graph = onnx.load(str(exported[0] / "picture.int8.onnx")).graph
    weights = [onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.INT8]
    multiplied = [values.astype(int) for values in weights if values.ndim == 4 and values.shape[1] > 1]  # not depthwise
    assert len(multiplied) > 20
    for values in multiplied:
        rows = abs(values.reshape(len(values), -1))
        pairs = rows.reshape(len(rows), -1, 2).sum(2) if values[0, 0].size == 1 else 2 * rows
        assert 255 * pairs.max() < 1 << 15
        assert pairs.max() > 100  # of 128: no precision is given away


def test_padding_is_the_convolutions_own_in_float_as_well(exported: tuple[Path, np.ndarray]) -> None:
    graph = onnx.load(str(exported[0] / "picture.onnx")).graph
    pads = [tuple(attribute.ints) for node in graph.node for attribute in node.attribute if attribute.name == "pads"]
    assert "Pad" not in {node.op_type for node in graph.node}
    assert any(top != bottom for top, _, bottom, _ in pads)  # TensorFlow's is uneven where the stride is 2


def test_a_vector_does_not_depend_on_its_batch(exported: tuple[Path, np.ndarray]) -> None:
    folder, pictures = exported
    together = run(folder / "picture.int8.onnx", pictures[:5])
    alone = np.concatenate([run(folder / "picture.int8.onnx", pictures[i : i + 1]) for i in range(5)])
    assert (together * alone).sum(1).min() > 0.9999
