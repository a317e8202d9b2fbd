"""The reliability diagram: what confidences say against what comes true."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from mmembed.errors import InvalidData, MissingPackage
from mmembed.evaluate.confidence import ConfidenceScores

SUFFIXES = (".png", ".svg", ".pdf")
_COLOURS = 64


def check_plot(path: Path) -> None:
    """Notice what would keep `plot_reliability` from drawing, before the measuring and not after it.

    Raises:
        InvalidData: the file's name does not end in one of `SUFFIXES`, or its folder does not exist.
        MissingPackage: matplotlib is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InvalidData(f"A plot is written to a file that ends in {', '.join(SUFFIXES)}; {path.name} does not.")
    if not path.parent.is_dir():
        raise InvalidData(f"The folder {path.parent} for the plot does not exist.")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingPackage("matplotlib", "eval", "Drawing the reliability diagram") from error


def plot_reliability(results: Sequence[ConfidenceScores], path: Path) -> None:
    """One panel for each kind of query, one line for each size of gallery; areas of the dots grow with the searches in a bin.

    Raises:
        InvalidData: the file cannot be written under this name; see `check_plot`.
        MissingPackage: matplotlib is not installed.
    """
    check_plot(path)
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kinds = list(dict.fromkeys(result.queries for result in results))
    figure = Figure(figsize=(4.2 * len(kinds), 4.2), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
    for panel, kind in zip(panels, kinds, strict=True):
        panel.plot([0, 1], [0, 1], color="0.7", linewidth=1, linestyle="--")
        for result in (result for result in results if result.queries == kind):
            stated, true = [group.stated for group in result.bins], [group.true for group in result.bins]
            areas = [10 + 190 * group.count / result.searches for group in result.bins]
            [line] = panel.plot(stated, true, linewidth=1.5, label=f"{_pictures(result.size)}, ECE {result.error:.1f} %")
            panel.scatter(stated, true, s=areas, color=line.get_color())
        panel.set(title=f"best hit for {kind}", xlabel="confidence", xlim=(0, 1), ylim=(0, 1), aspect="equal")
        panel.legend(fontsize="small", frameon=False)
    panels[0].set_ylabel("share that is right")
    if path.suffix.lower() != ".png":
        figure.savefig(path)
        return
    figure.dpi = 150
    canvas.draw()
    # A palette of so few colours as a diagram has makes a third of the bytes.
    Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").quantize(_COLOURS).save(path, optimize=True)


def _pictures(count: int) -> str:
    return f"{count:,} picture" + "s" * (count != 1)
