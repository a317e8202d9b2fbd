"""Renew what is generated in the docs: `python -m scripts.write_docs`, or with the names of the parts to renew.

    commands   docs/commands.md, from the commands' help
    python     docs/python.md, from signatures and docstrings; needs griffelib, of the extra `test`
    examples   what the examples in README.md and some pages of docs/ print; needs the extra `samples`, takes a minute

With `--check` nothing is written; the exit code is 1 if something is out of date.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_PAGES = ("tour", "gallery", "captions", "translation")
EXAMPLES = (ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in _PAGES))


def commands() -> dict[Path, str]:
    """docs/commands.md, if it is out of date: what it should be."""
    from mmembed.cli import cli
    from scripts.docs.commands import page

    return _other({ROOT / "docs" / "commands.md": page(cli)})


def python() -> dict[Path, str]:
    """docs/python.md, if it is out of date: what it should be."""
    from scripts.docs.python import page

    return _other({ROOT / "docs" / "python.md": page(ROOT)})


def examples() -> dict[Path, str]:
    """The pages whose examples print something else now, and what they should be. Small differences do not count."""
    from scripts.docs.examples import differences, renewed

    now = {path: renewed(path.read_text(encoding="utf-8")) for path in EXAMPLES}
    return {path: text for path, text in now.items() if differences(path.read_text(encoding="utf-8"), text)}


def _other(wanted: dict[Path, str]) -> dict[Path, str]:
    return {path: text for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text}


PARTS: dict[str, Callable[[], dict[Path, str]]] = {"commands": commands, "python": python, "examples": examples}


def main() -> int:
    """Write or check; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--check", action="store_true", help="only say what is out of date")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    found = {path: text for part in chosen.parts or PARTS for path, text in PARTS[part]().items()}
    for path, text in found.items():
        print(f"{path.relative_to(ROOT)} {'is out of date' if chosen.check else 'renewed'}")
        if not chosen.check:
            path.write_text(text, encoding="utf-8")
    return 1 if chosen.check and found else 0


if __name__ == "__main__":
    sys.exit(main())
