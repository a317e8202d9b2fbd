"""How a training run goes: a line of JSON now and then, and a drawing of them."""

from __future__ import annotations

import json
from pathlib import Path


class Log:
    """`log.jsonl` and `log.png` in a folder."""

    def __init__(self, folder: Path) -> None:
        self._lines, self._drawing = folder / "log.jsonl", folder / "log.png"

    def add(self, step: int, **values: float) -> None:
        """Append what was measured at a step."""
        with open(self._lines, "a", encoding="utf-8") as file:
            file.write(json.dumps({"step": step} | {name: round(value, 4) for name, value in values.items()}) + "\n")

    def draw(self) -> None:
        """Draw `loss` and `val_loss` over the steps, if any were logged; after a restart the later figures count."""
        if not self._lines.exists():
            return
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        rows = [json.loads(line) for line in self._lines.read_text(encoding="utf-8").splitlines()]
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        for name, label in (("loss", "training"), ("val_loss", "validation")):
            points = {row["step"]: row[name] for row in rows if name in row}
            if points:
                axes.plot(sorted(points), [points[step] for step in sorted(points)], label=label)
        axes.set(xlabel="step", ylabel="loss a piece")
        axes.grid(alpha=0.3)
        axes.legend()
        figure.savefig(self._drawing, dpi=120)
