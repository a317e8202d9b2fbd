"""A trained decoder and the space it reads → a folder that `--preset` opens as a captioner."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path

from mmembed.generate.trained import CaptionerManifest
from mmembed.hub.files import CAPTIONER
from mmembed.learn.export import Weights, export_decoder
from mmembed.learn.trained_decoder import TrainedDecoder


def export_captioner(trained: TrainedDecoder, vocabulary: Path, manifest: CaptionerManifest, folder: Path, bits: int = 8) -> Path:
    """Write the folder anew, all at once; returns it.

    Args:
        vocabulary: the decoder's SentencePiece model.
        bits: what its matrices are stored in.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    export_decoder(trained, partial, Weights(bits))
    shutil.copyfile(vocabulary, partial / "decoder.model")
    (partial / CAPTIONER).write_text(json.dumps(asdict(manifest), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    partial.rename(folder)
    return folder
