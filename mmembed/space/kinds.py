"""Kinds of things that a space knows by sight: what a picture looks like, where its caption cannot be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_VECTORS, _SYNONYMS, _NAMES = "vectors", "synonyms", "names-"


@dataclass(frozen=True)
class Kinds:
    """Kinds of things.

    Attributes:
        vectors: for each the vector of a picture of it, or of what stands in for one, float32 `[K, dim]`, L2-normalised.
        names: by language what each is called, K of them.
        synonyms: for each its English names, separated by commas.
    """

    vectors: np.ndarray
    names: Mapping[str, Sequence[str]]
    synonyms: Sequence[str]

    def nearest(self, pictures: np.ndarray, count: int) -> np.ndarray:
        """Which kinds are nearest to pictures, float32 `[N, dim]`; the nearest first, int64 `[N, count]`."""
        return np.argsort(-(pictures @ self.vectors.T), axis=1, kind="stable")[:, :count]

    def looks_like(self, pictures: np.ndarray, language: str, count: int = 3) -> list[tuple[str, ...]]:
        """What the nearest kinds to pictures, float32 `[N, dim]`, are called; nothing in a language that has no names.

        Kinds of the same name count once.
        """
        names = self.names.get(language)
        if names is None:
            return [()] * len(pictures)
        spare = count + len(names) - len(set(names))
        return [tuple(dict.fromkeys(names[kind] for kind in row))[:count] for row in self.nearest(pictures, spare)]

    def save(self, path: Path) -> None:
        """Write them to `path` (.npz), the vectors in half precision."""
        stored: dict[str, Any] = {f"{_NAMES}{language}": np.array(names) for language, names in self.names.items()}
        stored |= {_VECTORS: self.vectors.astype(np.float16), _SYNONYMS: np.array(self.synonyms)}
        np.savez_compressed(path, **stored)

    @classmethod
    def read(cls, path: Path) -> Kinds:
        """What `save` wrote."""
        with np.load(path) as stored:
            names = {name.removeprefix(_NAMES): stored[name].tolist() for name in stored.files if name.startswith(_NAMES)}
            return cls(stored[_VECTORS].astype(np.float32), names, stored[_SYNONYMS].tolist())
