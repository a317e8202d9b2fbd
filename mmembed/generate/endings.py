"""A translation ends as its source does: with the same mark, as its language writes it, or with none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from mmembed.generate.sentences import is_abbreviated

_PLAIN = str.maketrans("。！？؟۔，、،；؛：", ".!??.,,,;;:")
_FINAL = re.compile(
    r"""(?P<space>\s*)(?:(?P<mark>[.!?…。！？؟۔]+)(?P<closed>["'”’“»」』)）\]]*)|(?P<comma>[,;:，、،；؛：]))$""",
)


@dataclass(frozen=True)
class Punctuation:
    """`configs/punctuation.yaml`: by language, final marks as `.`, `!`, `?` or the like → how they are written."""

    marks: dict[str, dict[str, str]]


@lru_cache(maxsize=1)
def punctuation() -> Punctuation:
    """The table."""
    from mmembed.presets import config_folder, read_config

    found: Punctuation = read_config(config_folder() / "punctuation.yaml", Punctuation)
    return found


def ended_as(translation: str, source: str, to: str) -> str:
    """The translation of one sentence with the final mark of its source: a full stop, a question mark, a comma, or none.

    Args:
        translation: what was written.
        source: the sentence it is of.
        to: code of the language of the translation, in whose way the mark is written.
    """
    wanted, found = _mark(_FINAL.search(source)), _FINAL.search(translation)
    if not translation.strip() or wanted == _mark(found):
        return translation
    if not wanted and found and found["mark"] == "." and is_abbreviated(translation[: found.start("mark")]):
        return translation
    written = punctuation().marks.get(to.split("-")[0], {}).get(wanted, wanted)
    return translation[: found.start()] + written + (found["closed"] or "") if found else translation + written


def _mark(final: re.Match[str] | None) -> str:
    """The mark, as Latin letters are followed by it; empty if there is none."""
    if final is None:
        return ""
    return (final["mark"] or final["comma"]).replace("…", "...").translate(_PLAIN)
