"""From a bundle back to the folder it was exported from, so that training can go on from the weights that ship.

The picture tower comes back from half precision, the text tower's frozen layers exactly (they are on the 4-bit grid of the package
that carries them), its tuned layers and the decoder from blocks of eight bits.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import sentencepiece as spm
import torch
from onnx import numpy_helper
from torch import Tensor

from mmembed.backends import BUNDLED
from mmembed.compose import bundle_folder, describe
from mmembed.errors import InvalidConfig
from mmembed.generate.bundled import CAPTIONS, WRITER
from mmembed.learn.backbones.e5 import E5File, package_file
from mmembed.learn.backbones.efficientnet import folded, load_lite2
from mmembed.learn.conditioned import ConditionedDecoder, NetworkConfig
from mmembed.learn.export import MATRICES_A_LAYER
from mmembed.learn.heads import Head, JointHeads
from mmembed.learn.text_tower import TextTower, pretrained_text_tower, save_text_tower
from mmembed.learn.trained_decoder import TrainedDecoder

_FOUR = 4  # bits
_UNUSED = 2  # rows that mBART leaves out before its positions
_ATTENTION = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj")


class OnnxWeights:
    """The weights of an ONNX file: by name, and its packed matrices in the order in which they are used."""

    def __init__(self, path: Path) -> None:
        graph = onnx.load(str(path)).graph
        self._arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self._nodes = graph.node

    def __contains__(self, name: str) -> bool:
        return name in self._arrays or f"{name}.half" in self._arrays

    def __getitem__(self, name: str) -> Tensor:
        """As float32, whether it is stored in single or in half precision."""
        values = self._arrays[name] if name in self._arrays else self._arrays[f"{name}.half"]
        return torch.from_numpy(values.astype(np.float32))

    def unnamed(self) -> Iterator[Tensor]:
        """What the exporter computed."""
        return (self[name] for name in self._arrays if name.startswith("onnx::") and self._arrays[name].dtype != np.uint8)

    def count(self, pattern: str) -> int:
        """How many names there are that `pattern` makes of 0, 1, 2, …"""
        return next(number for number in itertools.count() if pattern.format(number) not in self)

    def matrices(self) -> Iterator[tuple[int, Tensor]]:
        """Every matrix that a node multiplies with, as bits a number and float32 `[outputs, inputs]`."""
        for node in self._nodes:
            if node.op_type == "MatMulNBits":
                settings = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
                yield settings["bits"], unpacked(self._arrays[node.input[1]], self[node.input[2]].numpy(), settings)
            elif node.op_type == "MatMul" and node.input[1] in self._arrays:
                yield 32, self[node.input[1]].T


def unpacked(blocks: np.ndarray, scales: np.ndarray, settings: dict[str, int]) -> Tensor:
    """The matrix of symmetric blocks, float32 `[N, K]`; see ONNX Runtime's `MatMulNBits`.

    Args:
        blocks: uint8 `[N, K / block, block · bits / 8]`.
        scales: one a block.
        settings: the node's attributes: `N`, `K`, `bits` (4 or 8) and `block_size`.
    """
    count, width, bits, size = (settings[name] for name in ("N", "K", "bits", "block_size"))
    whole = blocks.reshape(count, -1, blocks.shape[-1])
    if bits == 4:
        whole = np.stack([whole & 15, whole >> 4], -1).reshape(count, whole.shape[1], size)
    numbers = (whole.astype(np.float32) - 2 ** (bits - 1)) * scales.reshape(count, -1, 1)
    return torch.from_numpy(numbers.reshape(count, -1)[:, :width].copy())


def restore(name: str, output: Path) -> Path:
    """Write into the new folder `output` what `train space` and `train decoder` left of a bundle's weights, and return it.

    A decoder of its own for captions goes into the folder `captions` in it. The mean of the text tower's vectors, which only
    training needs, is not in a bundle and is left at zero; `train space` with this `start` measures it.

    Args:
        name: a preset of the bundled kind, or the folder of a bundle.

    Raises:
        InvalidConfig: that is no bundle, or there is something in `output` already.
        MissingPackage: the packages with the backbones are not installed.
        UnknownPreset: there is nothing of that name.
    """
    preset = describe(name)
    if preset.backend != BUNDLED:
        raise InvalidConfig(f"{name} is no bundle; name mini, or a folder that `mmembed train bundle` made.")
    if output.exists() and any(output.iterdir()):
        raise InvalidConfig(f"{output} is not empty; name a new folder.")
    bundle = bundle_folder(preset)
    network, pieces = folded(load_lite2()[0]), kept_pieces(bundle / "text.model")
    output.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(bundle / "text.model", output / "text.model")
    (output / "pieces.json").write_text(json.dumps(pieces))
    pictures, texts = OnnxWeights(bundle / "picture.onnx"), OnnxWeights(bundle / "text.onnx")
    network.load_state_dict({part: pictures[f"network.{part}"] for part in network.state_dict()})
    torch.save(network.state_dict(), output / "picture_tower.pt")
    tower = _text_tower(texts, output)
    save_text_tower(tower, output)
    heads = JointHeads(network.features, tower.model.config.hidden_size, len(pictures["head.linear.bias"]), 0.0, 0.0)
    _fill_head(heads.picture, pictures)
    _fill_head(heads.text, texts)
    torch.save(heads.state_dict(), output / "heads.pt")
    for networks, folder in ((bundle, output), (bundle / CAPTIONS, output / CAPTIONS)):
        if (networks / WRITER).is_file():
            folder.mkdir(exist_ok=True)
            shutil.copyfile(bundle / "decoder.model", folder / "decoder.model")
            _write_decoder(networks, folder)
    return output


def kept_pieces(model: Path) -> list[int]:
    """Which pieces of the package's vocabulary a trimmed one keeps."""
    place = {text: row for row, text in enumerate(E5File(package_file()).pieces.texts)}
    kept = spm.SentencePieceProcessor(model_file=str(model))
    return [place[kept.id_to_piece(row)] for row in range(kept.get_piece_size())]


def _fill_head(head: Head, weights: OnnxWeights) -> None:
    state = {"linear.weight": weights["head.linear.weight"], "linear.bias": weights["head.linear.bias"]}
    if "head.centre" in weights:
        head.centre.copy_(weights["head.centre"])
    head.load_state_dict(state | {"centre": head.centre})


def _text_tower(weights: OnnxWeights, folder: Path) -> TextTower:
    """The pretrained tower with the layers that a bundle has tuned, which are those of more than four bits."""
    tower = pretrained_text_tower(folder)
    matrices = list(weights.matrices())
    layers = list(tower.model.encoder.layer)
    stored = [matrices[start : start + MATRICES_A_LAYER] for start in range(0, len(matrices), MATRICES_A_LAYER)]
    frozen = sum(all(bits == 4 for bits, _ in ones) for ones in stored)
    for number in range(frozen, len(layers)):
        layer, (query, key, value, mixed, wide, narrow) = layers[number], (matrix for _, matrix in stored[number])
        state = {name: weights[f"model.encoder.layer.{number}.{name}"] for name in layer.state_dict() if not _is_matrix(name)}
        attention = {"attention.self.query": query, "attention.self.key": key, "attention.self.value": value}
        found = attention | {"attention.output.dense": mixed, "intermediate.dense": wide, "output.dense": narrow}
        layer.load_state_dict(state | {f"{name}.weight": matrix for name, matrix in found.items()})
    return TextTower(tower.model, tower.pieces, frozen)


def _is_matrix(name: str) -> bool:
    return name.endswith(".weight") and "LayerNorm" not in name


def _write_decoder(networks: Path, output: Path) -> None:
    """`decoder.pt`, from the reader's and the writer's graphs."""
    reader, writer = OnnxWeights(networks / "reader.onnx"), OnnxWeights(networks / WRITER)
    packed = list(writer.matrices())
    if any(bits == _FOUR for bits, _ in packed):
        raise InvalidConfig(f"The decoder in {networks} has 4 bits a number, too few to go on from; export it with decoder_bits: 8.")
    *layers, table = (matrix for _, matrix in packed)  # the output projection comes last
    read, written = (matrix for _, matrix in reader.matrices()), iter(layers)
    prefix = reader["decoder.prefix.0.weight"]
    positions = writer["decoder.network.model.decoder.embed_positions.weight"]
    source = next(read)
    width = table.shape[1]
    shape = NetworkConfig(
        vocabulary=len(table),
        prefix_dim=prefix.shape[1],
        state_dim=source.shape[1] // 2,
        width=width,
        encoder_layers=reader.count("decoder.network.model.encoder.layers.{}.fc1.bias"),
        decoder_layers=writer.count("decoder.network.model.decoder.layers.{}.fc1.bias"),
        inner=len(reader["decoder.network.model.encoder.layers.0.fc1.bias"]),
        prefix_length=len(prefix) // width,
        max_positions=len(positions) - _UNUSED,
    )
    network = ConditionedDecoder(shape)
    state = {name: graph[f"decoder.{name}"] for graph in (writer, reader) for name in network.state_dict() if f"decoder.{name}" in graph}
    state["source.weight"] = source
    # The exporter folds the rows that are not used away, and with them the name.
    used = next(values for values in reader.unnamed() if values.shape == (shape.max_positions, width))
    state["network.model.encoder.embed_positions.weight"] = torch.cat([torch.zeros(_UNUSED, width), used])
    encoder, decoder = "network.model.encoder.layers.{}.", "network.model.decoder.layers.{}."
    for number in range(shape.encoder_layers):
        for part in (*_ATTENTION, "fc1", "fc2"):
            state[f"{encoder.format(number)}{part}.weight"] = next(read)
    crosses = list(read)  # the keys of all layers, then the values; see `Reader`
    for number in range(shape.decoder_layers):
        state[f"{decoder.format(number)}encoder_attn.k_proj.weight"] = crosses[number]
        state[f"{decoder.format(number)}encoder_attn.v_proj.weight"] = crosses[shape.decoder_layers + number]
        for part in (*_ATTENTION, "encoder_attn.q_proj", "encoder_attn.out_proj", "fc1", "fc2"):
            state[f"{decoder.format(number)}{part}.weight"] = next(written)
    tied = ("network.model.shared", "network.model.encoder.embed_tokens", "network.model.decoder.embed_tokens", "network.lm_head")
    state |= {f"{name}.weight": table for name in tied}
    network.load_state_dict(state)
    with np.load(networks / "pieces.npz") as stored:
        pieces = {language: stored[language].tolist() for language in stored.files}
    TrainedDecoder(network, pieces).save(output)
