"""A space in int8 for the CPU: exported to ONNX once, kept in the user's cache, and used only if it agrees with the original.

Matrices are stored in 8 bits, in blocks with a scale each; activations are quantised a row at a time when it runs, so that a
vector does not depend on its batch mates, as it would with one scale a batch.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from mmembed.errors import InvalidQuery, MissingPackage
from mmembed.hub.running import Running
from mmembed.media.picture import Picture
from mmembed.presets import config_folder, read_config
from mmembed.space.estimate import LogitEstimate
from mmembed.space.packing import pack
from mmembed.space.sessions import session
from mmembed.space.torch_space import TorchSpace

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

    from mmembed.space.base import Space

_OPSET = 18
_PACKING = {
    "block_size": 32, "is_symmetric": True, "accuracy_level": 4, "bits": 8, "op_types_to_quantize": ("MatMul",),
    "quant_axes": (("MatMul", 0),),
}  # fmt: skip
_PICTURE_BATCH, _TEXT_BATCH = 16, 64


@dataclass(frozen=True)
class Check:
    """`configs/int8.yaml`: what the copy is checked with.

    Attributes:
        least_cosine: below it, the copy is not used.
        pictures: how many pictures are made up.
        texts: what is embedded.
    """

    least_cosine: float
    pictures: int
    texts: tuple[str, ...]


class Int8Space:
    """A `Space` from the two networks in `folder`, preprocessing as the original does."""

    where = Running("cpu", "int8")

    def __init__(self, original: TorchSpace, folder: Path, estimate: LogitEstimate) -> None:
        self.name, self.identity, self.dim = original.name, original.identity, original.dim
        self.languages, self.picture_size = original.languages, original.picture_size
        self._original, self._folder, self._logits = original, folder, estimate

    @cached_property
    def _pictures(self) -> InferenceSession:
        return session(self._folder / "picture.onnx", None)

    @cached_property
    def _texts(self) -> InferenceSession:
        return session(self._folder / "text.onnx", None)

    def embed_pictures(self, pictures: Sequence[Picture]) -> np.ndarray:
        """float32 `[N, dim]`."""
        images = [Image.fromarray(np.ascontiguousarray(picture.pixels)) for picture in pictures]
        return self._run(self._pictures, self._original.picture_inputs, images, _PICTURE_BATCH)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """float32 `[N, dim]`; too long a text is cut, with a warning.

        Raises:
            InvalidQuery: a text is empty.
        """
        if any(not text.strip() for text in texts):
            raise InvalidQuery("The text is empty; write a few words.")
        return self._run(self._texts, self._original.text_inputs, list(texts), _TEXT_BATCH)

    def confidence(self, query: np.ndarray, similarities: np.ndarray, among: int | None = None, commonness: float = 0.0) -> np.ndarray:
        """Estimated as for the original."""
        return self._logits.confidence(similarities)

    def _run(self, network: InferenceSession, prepare: Any, rows: Sequence[Any], size: int) -> np.ndarray:
        vectors = np.zeros((len(rows), self.dim), np.float32)
        names = {one.name for one in network.get_inputs()}
        for start in range(0, len(rows), size):
            inputs = prepare(rows[start : start + size])
            feeds = {name: np.asarray(value) for name, value in inputs.items() if name in names}
            found = network.run(["vector"], feeds)[0]
            vectors[start : start + size] = found / np.linalg.norm(found, axis=1, keepdims=True)
        return vectors


def int8_space(space: Any) -> Space:
    """The int8 copy of a space, made now if there is none; the space itself, with a warning, where that cannot be.

    Raises:
        MissingPackage: onnx is not installed.
    """
    original: Space = space
    if not isinstance(space, TorchSpace):
        warnings.warn(f"int8 is for spaces of transformers and open_clip; {original.name} runs in fp32.", stacklevel=2)
        return original
    folder = cache_folder() / space.identity
    try:
        if not (folder / "check.json").is_file():
            _make(space, folder)
    except MissingPackage:
        raise
    except Exception as error:  # an exporter fails in many ways, and the original always works
        warnings.warn(f"{space.name} runs in fp32, its int8 copy cannot be used: {' '.join(str(error).split())[:200]}", stacklevel=2)
        return original
    facts = json.loads((folder / "check.json").read_text(encoding="utf-8"))
    return Int8Space(space, folder, LogitEstimate(facts["scale"], facts["bias"]))


def cache_folder() -> Path:
    """Where the copies are: `$MMEMBED_CACHE/int8`, else in the user's cache."""
    given = os.environ.get("MMEMBED_CACHE")
    root = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mmembed"
    return root / "int8"


def _make(space: TorchSpace, folder: Path) -> None:
    """Export, quantise and check beside `folder`, and move there only what has passed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as made:
        part = Path(made) / "copy"
        part.mkdir()
        check: Check = read_config(config_folder() / "int8.yaml", Check)
        pictures, texts = _probes(check), list(check.texts)
        _export(space, part)
        copy = Int8Space(space, part, space.estimate())
        cosines = {
            "pictures": float((copy.embed_pictures(pictures) * space.embed_pictures(pictures)).sum(1).min()),
            "texts": float((copy.embed_texts(texts) * space.embed_texts(texts)).sum(1).min()),
        }
        if min(cosines.values()) < check.least_cosine:
            raise ValueError(f"it differs from the original: least cosine {min(cosines.values()):.3f}, asked for {check.least_cosine}")
        logits = space.estimate()
        facts = {"least_cosine": cosines, "scale": logits.scale, "bias": logits.bias}
        (part / "check.json").write_text(json.dumps(facts), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)


def _probes(check: Check) -> list[Picture]:
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (check.pictures, 6, 8, 3), dtype=np.uint8)
    return [Picture.from_array(np.asarray(Image.fromarray(one).resize((320, 240), Image.Resampling.BICUBIC))) for one in small]


@contextmanager
def _written_out_attention() -> Iterator[None]:
    """torch's own attention takes a short cut when it only infers, which no exporter understands."""
    import torch

    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


@contextmanager
def _mute() -> Iterator[None]:
    """Without standard output, where results go: an export that fails prints the whole network there, past Python's own stream."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _export(space: TorchSpace, folder: Path) -> None:
    """`picture.onnx` and `text.onnx`, each with the output `vector` `[N, dim]`, not normalised."""
    try:
        import_module("onnx")
        import torch
    except ModuleNotFoundError as error:
        raise MissingPackage("onnx", "train", "Exporting a space to int8") from error
    towers = space.towers()
    examples = {
        "picture": space.picture_inputs([Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]),
        "text": space.text_inputs(["a dog in the snow", "a cat"]),
    }
    for name, inputs in examples.items():
        axes = {key: {0: "rows", **({1: "tokens"} if name == "text" else {})} for key in inputs}
        path = folder / f"{name}.onnx"
        with torch.inference_mode(), _written_out_attention(), _mute(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tracing warns of every constant
            torch.onnx.export(
                towers[name], tuple(torch.as_tensor(value) for value in inputs.values()), str(path), input_names=list(inputs),
                output_names=["vector"], dynamic_axes={**axes, "vector": {0: "rows"}}, opset_version=_OPSET, dynamo=False,
            )  # fmt: skip
        pack(path, _PACKING)
