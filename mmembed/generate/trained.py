"""A captioner that `mmembed train decoder` made for a space: it reads that space's vectors and no others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mmembed.errors import InvalidConfig
from mmembed.generate.base import PLAIN, Candidate, Captioning, Style
from mmembed.generate.bundled import BundledDecoder
from mmembed.hub.files import CAPTIONER
from mmembed.media.picture import Picture
from mmembed.presets import read_json
from mmembed.space.base import Space


@dataclass(frozen=True)
class CaptionerManifest:
    """What a trained captioner says about itself, in `captioner.json`.

    Attributes:
        name: what it is called.
        space: the space it was trained for, as `--preset` takes it.
        identity: of that space; vectors of another one mean nothing to it.
        dim: length of their vectors.
        picture_size: the side in pixels to open pictures with, for the space.
        languages: codes of the languages it writes.
        max_length: greatest number of pieces it writes.
        licence: terms of what it was trained on.
        captioning: what was tuned for it and the space together.
    """

    name: str
    space: str
    identity: str
    dim: int
    picture_size: int
    languages: tuple[str, ...]
    max_length: int
    licence: str
    captioning: Captioning = Captioning()  # noqa: RUF009  (it is frozen)


def read_captioner(folder: Path) -> CaptionerManifest:
    """What the captioner in a folder says about itself.

    Raises:
        InvalidConfig: its `captioner.json` is missing or damaged.
    """
    absent = f"{folder} has no {CAPTIONER}; run mmembed train decoder again."
    manifest: CaptionerManifest = read_json(folder / CAPTIONER, CaptionerManifest, absent)
    return manifest


class TrainedCaptioner:
    """A `VectorCaptioner` from a folder that `mmembed train decoder` wrote.

    Attributes:
        follows_style: True: it writes in a given length, and samples.
    """

    follows_style = True

    def __init__(
        self, folder: Path, manifest: CaptionerManifest, serving: Space, own: Callable[[], Space], threads: int | None = None
    ) -> None:
        """
        Args:
            serving: the space that is loaded anyway; used if it is the one that the captioner reads.
            own: loads the one it was trained for, otherwise.
        """
        self.name, self.languages, self.picture_size = manifest.name, manifest.languages, manifest.picture_size
        self._manifest, self._serving, self._own = manifest, serving, own
        self._decoder = BundledDecoder(folder, None, manifest.languages, (), manifest.max_length, threads)

    def credit(self, language: str) -> str:
        """Its name."""
        return self.name

    def reads(self, space: Space) -> bool:
        """See `VectorCaptioner.reads`."""
        return space.dim == self._manifest.dim and space.identity == self._manifest.identity

    def describe(
        self, pictures: Sequence[Picture], language: str, beams: int = 4, count: int = 1, style: Style = PLAIN
    ) -> list[list[Candidate]]:
        """See `Captioner.describe`.

        Raises:
            InvalidConfig: the space it was trained for has other weights by now.
            UnavailableModel: that space is not on this machine and cannot be had.
        """
        return self.describe_vectors(self._space.embed_pictures(pictures), language, beams, count, style)

    def describe_vectors(
        self, vectors: np.ndarray, language: str, beams: int = 4, count: int = 1, style: Style = PLAIN
    ) -> list[list[Candidate]]:
        """See `VectorCaptioner.describe_vectors`."""
        return self._decoder.generate(vectors, None, language, max(beams, count), count, style)

    @cached_property
    def _space(self) -> Space:
        if self.reads(self._serving):
            return self._serving
        space = self._own()
        if not self.reads(space):
            raise InvalidConfig(
                f"{self.name} was trained on vectors of {self._manifest.identity}, but {self._manifest.space} is now {space.identity}; "
                f"get those weights again, or train it anew with: mmembed train decoder"
            )
        return space
