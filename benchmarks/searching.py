"""Searching: `python -m benchmarks.searching` and, for a million vectors, `python -m benchmarks.searching --million`.

The vectors are real ones (the bundled space's background set) with noise, so that each has near and far neighbours. Baselines:
for a cold search, none (the CPU time of the whole process is printed); for a warm one, numpy's product and partition of the
same matrix; at a million, the exact search.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np

import mmembed
from benchmarks.ratios import compare
from mmembed.gallery import Gallery, Query, Term
from mmembed.gallery.search import embed_query, nearest
from mmembed.gallery.store import Content, NewPath
from mmembed.model import Model

_NOISE = 0.6  # its length, beside vectors of length 1
_PART = 20_000


@click.command()
@click.option("--million", is_flag=True, help="Also a million vectors; takes minutes and gigabytes.")
@click.option("--rounds", default=51, show_default=True)
def main(million: bool, rounds: int) -> None:
    """CPU time of a cold search, and the time of warm ones."""
    model = mmembed.load("mini")
    with tempfile.TemporaryDirectory() as name:
        _fill(Path(name) / "10k", model, 10_000)
        print(f"cold search of 10,000: {_cold(Path(name) / '10k', 5):.2f} s of CPU time (median of 5 processes)")
        _fill(Path(name) / "100k", model, 100_000)
        with Gallery(Path(name) / "100k", model) as gallery:
            matrix = gallery.vectors()[1]
            queries = iter(_made_up(model, 4 * rounds, 7))
            result = compare(lambda: gallery.search(Query((Term(next(queries)),)), 20), lambda: _scan(matrix, next(queries)), rounds)
            print(f"warm query of 100,000: {1 / result.median:.2f} times a bare numpy scan; {result}")
        if million:
            _fill(Path(name) / "1m", model, 1_000_000)
            _million(Path(name) / "1m", model, rounds)


def _million(folder: Path, model: Model, rounds: int) -> None:
    with Gallery(folder, model) as gallery:
        started = time.perf_counter()
        gallery._approximate.bring_up_to_date()
        print(f"the derived file of a million: made in {time.perf_counter() - started:.0f} s")
        rows = gallery._matrix.rows()
        shares, queries = [], _made_up(model, rounds, 9)
        texts = model.space.embed_texts([f"{thing} {place}" for thing in _THINGS for place in _PLACES])
        for label, some in (("picture", queries), ("text", texts)):
            shares, ours, exact = [], [], []
            for vector in some:
                query = embed_query(model.space, Query((Term(vector),)))
                started = time.perf_counter()
                found = gallery._nearest(query, 20, None)
                ours.append(time.perf_counter() - started)
                started = time.perf_counter()
                truth = nearest(model.space, rows, query, 20)
                exact.append(time.perf_counter() - started)
                shares.append(len({*found.ids.tolist()} & {*truth.ids.tolist()}) / 20)
            medians = statistics.median(ours), statistics.median(exact)
            print(
                f"a million, {len(some)} {label} queries: recall@20 {np.mean(shares):.3f}; {medians[1] / medians[0]:.1f}× as fast as "
                f"the exact search (p50 {medians[0] * 1000:.1f} ms against {medians[1] * 1000:.1f} ms)"
            )


_THINGS = ("a dog", "two children", "a man with a hat", "a red car", "a woman on a bicycle")
_PLACES = ("in snow", "on a beach", "in a street", "by the water", "in the grass")


def _scan(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    similarities = matrix @ vector
    best = np.argpartition(-similarities, 19)[:20]
    return best[np.argsort(-similarities[best])]


def _cold(folder: Path, times: int) -> float:
    """Median CPU seconds, user and system, of a process that searches once."""
    command = [sys.executable, "-m", "mmembed", "search", "two dogs in snow", "--gallery", str(folder)]
    seconds = []
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(seconds)


def _made_up(model: Model, count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    real = np.load(Path(mmembed.__file__).parent / "weights" / "mini" / "background.npy").astype(np.float32)
    noise = rng.standard_normal((count, real.shape[1]), np.float32) * np.float32(_NOISE / real.shape[1] ** 0.5)
    vectors = real[rng.integers(0, len(real), count)] + noise
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _fill(folder: Path, model: Model, count: int) -> None:
    """A gallery of made-up pictures."""
    with Gallery(folder, model) as gallery:
        for start in range(0, count, _PART):
            vectors = _made_up(model, min(_PART, count - start), start)
            contents = [Content(f"{start + row:064}", 1, 4, 3, None, vector) for row, vector in enumerate(vectors)]
            paths = [NewPath(f"/photos/{one.fingerprint}.jpg", one.fingerprint, 1, 1) for one in contents]
            gallery.store.write(model.space.identity, contents, paths)


if __name__ == "__main__":
    main()
