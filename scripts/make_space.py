"""Lay out a Hugging Face Space in a new folder: `python -m scripts.make_space FOLDER`. Nothing is uploaded.

The Space holds the package, its weights and configurations, and the files of `spaces/`; see docs/deploying.md.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "*.pyi", ".gradio")


def requirements() -> str:
    """What the Space installs: the lite install and the sample photos; Gradio is there already, as `sdk_version` says."""
    lines = [line for name in ("lite", "samples") for line in (ROOT / "requirements" / f"{name}.txt").read_text("utf-8").splitlines()]
    return "".join(f"{line}\n" for line in lines if line and not line.startswith(("#", "gradio")))


def make(folder: Path) -> None:
    """Fill a folder that must not exist yet."""
    shutil.copytree(ROOT / "spaces", folder, ignore=_LEFT_OUT)
    for name in ("mmembed", "configs"):
        shutil.copytree(ROOT / name, folder / name, ignore=_LEFT_OUT)
    shutil.copy(ROOT / "LICENSE", folder)
    (folder / "requirements.txt").write_text(requirements(), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if Path(sys.argv[1]).exists():
        sys.exit(f"{sys.argv[1]} exists already; name a new folder.")
    make(Path(sys.argv[1]))
