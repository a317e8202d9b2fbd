"""`mmembed train export`: trained weights → the ONNX bundle that runs without torch."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional as F

from mmembed.learn.backbones.efficientnet import EfficientNetLite
from mmembed.learn.conditioned import ConditionedDecoder
from mmembed.learn.features import normalise_pixels
from mmembed.learn.heads import Head
from mmembed.learn.padding import fold_padding
from mmembed.learn.text_tower import TextTower
from mmembed.learn.trained_decoder import TrainedDecoder
from mmembed.learn.tying import tie
from mmembed.space.packing import pack

OPSET = 20
MATRICES_A_LAYER = 6  # query, key, value, output; two of the feed-forward network
_LARGE = 40_000  # numbers
_BYTE = 8


class PictureNetwork(nn.Module):
    """uint8 pixels `[N, S, S, 3]` → joint vectors `[N, dim]`."""

    def __init__(self, network: EfficientNetLite, head: Head) -> None:
        super().__init__()
        self.network, self.head = network, head

    def forward(self, pixels: Tensor) -> Tensor:
        return self.head(self.network(normalise_pixels(pixels)))


class MirroredPictureNetwork(PictureNetwork):
    """The same with features averaged with those of the mirror image, at twice the cost."""

    def forward(self, pixels: Tensor) -> Tensor:
        inputs = normalise_pixels(pixels)
        plain, mirrored = self.network(torch.cat([inputs, inputs.flip(3)])).chunk(2)
        return self.head((plain + mirrored) / 2)


class TextNetwork(nn.Module):
    """Ids and mask `[N, T]` → joint vectors `[N, dim]`, and states after `layers` layers and word embeddings `[N, T, width]`."""

    def __init__(self, tower: TextTower, head: Head) -> None:
        super().__init__()
        self.model, self.layers, self.head = tower.model, tower.layers, head

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        words = self.model.embeddings.word_embeddings(ids)
        positions = torch.arange(ids.shape[1]).unsqueeze(0)
        embeddings = self.model.embeddings
        hidden = words + embeddings.position_embeddings(positions) + embeddings.token_type_embeddings.weight[0]
        hidden = embeddings.LayerNorm(hidden)
        bias = (1.0 - mask[:, None, None, :].float()) * -1e4
        read = hidden = self._run(hidden, bias, 0, self.layers)
        hidden = self._run(hidden, bias, self.layers, None)
        weights = mask.unsqueeze(-1).float()
        pooled = (hidden * weights).sum(1) / weights.sum(1)
        return self.head.uncentred(pooled), read * weights, words * weights

    def _run(self, hidden: Tensor, bias: Tensor, first: int, last: int | None) -> Tensor:
        heads = self.model.config.num_attention_heads
        for layer in self.model.encoder.layer[first:last]:
            attention = layer.attention.self
            query, key, value = (split_heads(project(hidden), heads) for project in (attention.query, attention.key, attention.value))
            mixed = merge_heads(attend(query, key, value, bias))
            hidden = layer.attention.output.LayerNorm(layer.attention.output.dense(mixed) + hidden)
            hidden = layer.output.LayerNorm(layer.output.dense(F.gelu(layer.intermediate.dense(hidden))) + hidden)
        return hidden


class Reader(nn.Module):
    """The decoder's encoder: what was given → keys and values for cross-attention, `[layers, N, heads, S, size]`."""

    def __init__(self, decoder: ConditionedDecoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, prefix: Tensor, states: Tensor, words: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        present = (~prefix.isnan().any(1, keepdim=True)).float()
        # A row without anything to read would attend to nothing, so attention is masked with a finite number.
        read = [self.decoder.prefix(torch.nan_to_num(prefix)), self.decoder.source(torch.cat([states, words], -1))]
        attention = torch.cat([present.expand(-1, self.decoder.config.prefix_length), mask.float()], 1)
        bias = (1.0 - attention[:, None, None, :]) * -1e4
        encoder = self.decoder.network.model.encoder
        hidden = torch.cat(read, 1)
        positions = encoder.embed_positions.weight[encoder.embed_positions.offset :]
        hidden = encoder.layernorm_embedding(hidden + positions[: hidden.shape[1]])
        heads = self.decoder.config.heads
        for layer in encoder.layers:
            normed = layer.self_attn_layer_norm(hidden)
            query, key, value = (
                split_heads(p(normed), heads) for p in (layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj)
            )
            hidden = hidden + layer.self_attn.out_proj(merge_heads(attend(query, key, value, bias)))
            hidden = hidden + layer.fc2(F.gelu(layer.fc1(layer.final_layer_norm(hidden))))
        hidden = encoder.layer_norm(hidden)
        crosses = [layer.encoder_attn for layer in self.decoder.network.model.decoder.layers]
        keys = torch.stack([split_heads(cross.k_proj(hidden), heads) for cross in crosses])
        values = torch.stack([split_heads(cross.v_proj(hidden), heads) for cross in crosses])
        return keys, values, attention


class Writer(nn.Module):
    """One decoding step with cached keys and values, `[layers, R, heads, t, size]`, for R beams."""

    def __init__(self, decoder: ConditionedDecoder) -> None:
        super().__init__()
        self.decoder = decoder
        # A tensor of its own, so that the exporter keeps it apart from the output projection, the same numbers; see `tie`.
        self.table = nn.Parameter(decoder.network.model.decoder.embed_tokens.weight.detach().clone(), requires_grad=False)
        self.scale = decoder.config.width**0.5

    def forward(
        self, ids: Tensor, position: Tensor, keys: Tensor, values: Tensor, cross_keys: Tensor, cross_values: Tensor, memory_mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        network = self.decoder.network
        body, heads = network.model.decoder, self.decoder.config.heads
        hidden = (self.table[ids] * self.scale).unsqueeze(1) + body.embed_positions.weight[position + body.embed_positions.offset]
        hidden = body.layernorm_embedding(hidden)
        bias = (1.0 - memory_mask[:, None, None, :]) * -1e4
        all_keys, all_values = [], []
        for index, layer in enumerate(body.layers):
            normed = layer.self_attn_layer_norm(hidden)
            query, key, value = (
                split_heads(p(normed), heads) for p in (layer.self_attn.q_proj, layer.self_attn.k_proj, layer.self_attn.v_proj)
            )
            key, value = torch.cat([keys[index], key], 2), torch.cat([values[index], value], 2)
            all_keys.append(key)
            all_values.append(value)
            hidden = hidden + layer.self_attn.out_proj(merge_heads(attend(query, key, value)))
            query = split_heads(layer.encoder_attn.q_proj(layer.encoder_attn_layer_norm(hidden)), heads)
            hidden = hidden + layer.encoder_attn.out_proj(merge_heads(attend(query, cross_keys[index], cross_values[index], bias)))
            hidden = hidden + layer.fc2(F.gelu(layer.fc1(layer.final_layer_norm(hidden))))
        logits = network.lm_head(body.layer_norm(hidden))[:, 0] + network.final_logits_bias
        return logits, torch.stack(all_keys), torch.stack(all_values)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """`[N, T, width]` → `[N, heads, T, width / heads]`."""
    return x.unflatten(-1, (heads, x.shape[-1] // heads)).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """`[N, heads, T, size]` → `[N, T, heads · size]`."""
    return x.transpose(1, 2).flatten(2)


def attend(query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention, written out so that every exporter understands it."""
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    return (scores if bias is None else scores + bias).softmax(-1) @ value


def export_onnx(module: nn.Module, inputs: dict[str, Tensor], outputs: list[str], axes: dict[str, dict[int, str]], path: Path) -> None:
    """Export in eval mode with named inputs and outputs and the given dynamic axes."""
    with torch.inference_mode():
        torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )


@dataclass(frozen=True)
class Weights:
    """How many bits the matrices and the embedding tables of a network are stored in."""

    bits: int
    block: int = 32


def pack_weights(path: Path, weights: Weights, spare: Container[str] = ()) -> None:
    """Store the matrices (and, at 4 bits, the embedding rows) of an ONNX file in blocks of few bits, with one scale a block.

    Activations are quantised a row at a time when it runs, so a result never depends on its batch mates. Nodes whose names are
    in `spare` are left as they are.
    """
    excluded = [node.name for node in onnx.load(str(path)).graph.node if node.name in spare]
    settings = {
        "block_size": weights.block,
        "is_symmetric": True,
        "accuracy_level": 4,
        "bits": weights.bits,
        "op_types_to_quantize": ("MatMul", "Gather") if weights.bits == 4 else ("MatMul",),
        "quant_axes": (("MatMul", 0), ("Gather", 1)),
    }
    pack(path, settings, excluded)


def export_text(tower: TextTower, head: Head, path: Path) -> None:
    """Write `text.onnx`: 4-bit blocks for what is still on the package's own 4-bit grid, 8-bit ones for the tuned layers."""
    ids = torch.tensor([[0, 5, 6, 2], [0, 7, 2, 1]])
    sequence = {0: "texts", 1: "pieces"}
    axes = {"ids": sequence, "mask": sequence, "vector": {0: "texts"}, "states": sequence, "words": sequence}
    export_onnx(TextNetwork(tower, head), {"ids": ids, "mask": (ids != 1).long()}, ["vector", "states", "words"], axes, path)
    graph = onnx.load(str(path)).graph
    constants = {tensor.name for tensor in graph.initializer}
    matrices = [node.name for node in graph.node if node.op_type == "MatMul" and node.input[1] in constants]
    pack_weights(path, Weights(4), set(matrices[MATRICES_A_LAYER * tower.layers :]))
    pack_weights(path, Weights(8))


def export_decoder(trained: TrainedDecoder, folder: Path, weights: Weights | None) -> None:
    """Write `reader.onnx`, `writer.onnx` and `pieces.npz`; without `weights` the matrices stay in float32."""
    decoder, config = trained.network, trained.network.config
    pieces: dict[str, Any] = {language: np.array(ids, np.int32) for language, ids in trained.pieces.items()}
    np.savez_compressed(folder / "pieces.npz", **pieces)
    prefix, states = torch.randn(2, config.prefix_dim), torch.randn(2, 5, config.state_dim)
    reader = Reader(decoder)
    inputs = {"prefix": prefix, "states": states, "words": states, "mask": torch.ones(2, 5, dtype=torch.bool)}
    rows, memory = {0: "rows"}, {1: "rows", 3: "memory"}
    sequence = {0: "rows", 1: "pieces"}
    axes = {
        "prefix": rows,
        "states": sequence,
        "words": sequence,
        "mask": sequence,
        "cross_keys": memory,
        "cross_values": memory,
        "memory_mask": {0: "rows", 1: "memory"},
    }
    export_onnx(reader, inputs, ["cross_keys", "cross_values", "memory_mask"], axes, folder / "reader.onnx")
    with torch.inference_mode():
        keys, values, mask = reader(*inputs.values())
    empty = keys[..., :3, :]
    inputs = {
        "ids": torch.tensor([5, 6]),
        "position": torch.tensor([3]),
        "keys": empty,
        "values": empty,
        "cross_keys": keys,
        "cross_values": values,
        "memory_mask": mask,
    }
    past = {1: "rows", 3: "past"}
    axes = {
        "ids": rows,
        "keys": past,
        "values": past,
        "cross_keys": memory,
        "cross_values": memory,
        "memory_mask": {0: "rows", 1: "memory"},
    }
    axes |= {"logits": rows, "new_keys": {1: "rows", 3: "now"}, "new_values": {1: "rows", 3: "now"}}
    export_onnx(Writer(decoder), inputs, ["logits", "new_keys", "new_values"], axes, folder / "writer.onnx")
    if weights:
        for name in ("reader.onnx", "writer.onnx"):
            pack_weights(folder / name, weights)
            store_half(folder / name, _LARGE)
        if weights.bits == _BYTE and config.width % weights.block == 0:
            tie(folder / "writer.onnx", "table")


def export_picture(network: EfficientNetLite, head: Head, size: int, mirrored: bool, path: Path) -> None:
    """Write `picture.onnx` for squares of `size` pixels, its weights in half precision, its arithmetic in single."""
    pixels = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    module = (MirroredPictureNetwork if mirrored else PictureNetwork)(network, head)
    export_onnx(module, {"pixels": pixels}, ["vector"], {"pixels": {0: "pictures"}, "vector": {0: "pictures"}}, path)
    fold_padding(path)
    store_half(path)


def store_half(path: Path, smallest: int = 1024) -> None:
    """Store the large float32 tensors of an ONNX file as float16, cast back (once, when it is loaded)."""
    model = onnx.load(str(path))
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type == onnx.TensorProto.FLOAT and values.size >= smallest:
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.half"))
            casts.append(onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)
    onnx.save_model(model, str(path))
