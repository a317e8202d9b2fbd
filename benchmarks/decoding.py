"""Writing: `python -m benchmarks.decoding --trained build/mini`, a folder that `mmembed train restore` made of the bundle.

Baseline: transformers' `generate()` with its key-value cache, the decoder as `mmembed train decoder` left it (float32, inference
mode, eager attention, batches of 16, the fastest number of threads). Ours: the exported decoder, as captions and translations use
it, rules included. Both search with four beams; ours alone chooses among the pieces of one language.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import sentencepiece as spm
import torch

import mmembed
from benchmarks.ratios import compare
from mmembed.bundle import read_manifest
from mmembed.generate.bundled import CAPTIONS, BundledDecoder
from mmembed.learn.trained_decoder import TrainedDecoder, load_decoder

_BATCH, _BEAMS = 16, 4
_SENTENCES = (
    "A man in a blue shirt is standing on a ladder cleaning a window.",
    "Two dogs run through the snow.",
    "A little girl in a pink dress is climbing a set of stairs in an entry way.",
    "People are sitting outside a café on a sunny afternoon.",
)


@click.command()
@click.option("--trained", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="Folder of train restore.")
@click.option("--rows", default=64, show_default=True, help="Captions, and translations, a round.")
@click.option("--rounds", default=5, show_default=True)
def main(trained: Path, rows: int, rounds: int) -> None:
    """Captions and translations a second, against transformers."""
    model = mmembed.load("mini")
    decoder = model.decoder
    assert isinstance(decoder, BundledDecoder)
    weights = Path(mmembed.__file__).parent / "weights" / "mini"
    captions = trained / CAPTIONS
    translator, captioner = load_decoder(trained), load_decoder(captions if captions.is_dir() else trained)
    pieces = spm.SentencePieceProcessor(model_file=str(trained / "decoder.model"))
    length = read_manifest(weights).max_length
    vectors = np.resize(np.load(weights / "background.npy").astype(np.float32), (rows, model.space.dim))
    sentences = [_SENTENCES[row % len(_SENTENCES)] for row in range(rows)]

    def theirs(prefix: np.ndarray | None, source: list[str] | None, language: str) -> None:
        for start in range(0, rows, _BATCH):
            part = slice(start, start + _BATCH)
            read = None if prefix is None else prefix[part], None if source is None else source[part]
            feeds = {name: torch.from_numpy(value) for name, value in decoder._memory(decoder._networks(source), *read).items()}
            _generate(captioner if source is None else translator, feeds, pieces.piece_to_id(f"<{language}>"), length)

    _tune(lambda: theirs(vectors, None, "en"))
    print(f"{os.cpu_count()} cores; the baseline is fastest with {torch.get_num_threads()} thread(s)")
    for name, prefix, source, language in (("captions", vectors, None, "en"), ("translations", None, sentences, "de")):
        result = compare(
            lambda p=prefix, s=source, to=language: decoder.generate(p, s, to, _BEAMS, 1),
            lambda p=prefix, s=source, to=language: theirs(p, s, to),
            rounds,
        )
        print(f"{rows} {name}: {result}; {rows / result.ours:.1f} a second")


def _generate(reference: TrainedDecoder, feeds: dict[str, torch.Tensor], tag: int, length: int) -> None:
    every = list(range(reference.network.config.vocabulary))
    reference.network.generate(**feeds, tag=tag, pieces=every, beams=_BEAMS, count=1, length=length)


def _tune(work: Callable[[], None]) -> None:
    """Leave torch with the number of threads that does `work` fastest."""
    times = {}
    for threads in sorted({1, max(1, (os.cpu_count() or 1) // 2), os.cpu_count() or 1}):
        torch.set_num_threads(threads)
        work()
        started = time.perf_counter()
        work()
        times[threads] = time.perf_counter() - started
    torch.set_num_threads(min(times, key=lambda threads: times[threads]))


if __name__ == "__main__":
    main()
