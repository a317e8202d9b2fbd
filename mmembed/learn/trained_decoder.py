"""A decoder's weights on the disk, as `train decoder` leaves them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from mmembed.learn.conditioned import ConditionedDecoder, NetworkConfig

WEIGHTS = "decoder.pt"


@dataclass(frozen=True)
class TrainedDecoder:
    """The network with averaged weights, and the piece ids each language is written with."""

    network: ConditionedDecoder
    pieces: dict[str, list[int]]

    def save(self, folder: Path) -> None:
        """Replace what is in `folder`, all at once."""
        partial = (folder / WEIGHTS).with_suffix(".partial")
        torch.save({"shape": asdict(self.network.config), "pieces": self.pieces, "weights": self.network.state_dict()}, partial)
        partial.replace(folder / WEIGHTS)


def load_decoder(folder: Path, name: str = WEIGHTS) -> TrainedDecoder:
    """What `train decoder` left in `folder`, in eval mode."""
    saved = torch.load(folder / name, map_location="cpu", weights_only=True)
    network = ConditionedDecoder(NetworkConfig(**saved["shape"]))
    network.load_state_dict(saved["weights"])
    return TrainedDecoder(network.eval(), saved["pieces"])
