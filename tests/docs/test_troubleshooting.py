"""The messages in docs/troubleshooting.md are those of the program."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def spoken() -> str:
    """All texts in the source, with `\x00` where something is put in."""
    texts = []
    for file in [*(ROOT / "mmembed").rglob("*.py"), *(ROOT / "scripts").glob("*.py"), ROOT / "start.py"]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                texts.append("".join(part.value if isinstance(part, ast.Constant) else "\x00" for part in node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(node.value)
    return "\n".join(texts)


def test_the_messages_are_those_of_the_program() -> None:
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    messages = re.findall(r"\*\*`([^`]+)`\*\*", page) + re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    assert len(messages) > 20
    said = spoken()
    unsaid = [message for message in messages if not all(part.strip(" .;…") in said for part in message.split("…"))]
    assert unsaid == []
