"""A second indexing run: `python -m benchmarks.incremental`.

Baseline: `os.walk` over the same folders and one `os.stat` for each file. Ours: `Gallery.index` when nothing has changed.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click
import numpy as np

from benchmarks.ratios import compare
from mmembed.gallery import Gallery
from tests.fakes import FakeSpace


class Instant(FakeSpace):
    """Embeds in no time: the model is not what is measured."""


@click.command()
@click.option("--files", default=10_000, show_default=True)
@click.option("--rounds", default=21, show_default=True)
def main(files: int, rounds: int) -> None:
    """Seconds for a run that finds nothing to do, against walking alone."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "photos"
        for number in range(files):
            file = root / f"{number // 100:03}" / f"IMG_{number:05}.ppm"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"P6 2 1 255 " + np.array([255, *divmod(number, 256), 0, 0, 0], np.uint8).tobytes())
        with Gallery(Path(name) / "g", Instant()) as gallery:
            assert gallery.index([root]).embedded == files

            def again() -> None:
                assert gallery.index([root]).unchanged == files

            result = compare(again, lambda: _walk(root), rounds)
    print(f"{files} unchanged files: {1 / result.median:.2f} times as long as os.walk and os.stat; {result}")


def _walk(root: Path) -> None:
    for folder, _, names in os.walk(root):
        for name in names:
            os.stat(os.path.join(folder, name))  # noqa: PTH116, PTH118


if __name__ == "__main__":
    main()
