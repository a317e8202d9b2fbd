"""What no reader should see: loops, echoes, doubles, empty texts, spaces where none belong."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mmembed.generate.base import Candidate, Style

_CJK = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_TOKEN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W_]+(?:['’-][^\W_]+)*")
_STUTTER = re.compile(r"([^\W\d_]{1,4}?)\1{3,}", re.IGNORECASE)
_TIMES = 2  # a word may stand twice in a row ("vous vous"), a run of words may not
_LONGEST_RUN = 8
_ONCE = 6  # a run of this many words is not said twice, wherever
_ECHO = 3  # a run of this many is seldom said twice in a caption (of people's, four in a thousand)


def word_count(text: str) -> int:
    """Words; of scripts without spaces, characters."""
    return len(_TOKEN.findall(text))


def in_length(text: str, style: Style) -> bool:
    """Whether it is neither shorter nor longer than asked."""
    return style.shortest <= word_count(text) <= (style.longest or 10_000)


def loops(text: str) -> bool:
    """Whether words, runs of words, or syllables inside a word are said again and again."""
    return _STUTTER.search(text) is not None or _loop(_TOKEN.findall(text.lower())) is not None


def unlooped(text: str) -> str:
    """The text up to where it begins to say the same again."""
    while (span := _looping_span(text)) is not None:
        text = re.sub(r"\s+([.,;:!?。，])", r"\1", " ".join((text[: span[0]] + text[span[1] :]).split()))
    return text


def usable(candidates: Sequence[Candidate], style: Style) -> list[Candidate]:
    """The candidates that can be shown, in their order: without loops and doubles, and of the asked length as far as there are any.

    Never empty: the best candidate is mended if none is as it should be.
    """
    tidied = [Candidate(" ".join(one.text.split()), one.score) for one in candidates]
    kept = {one.text: one for one in reversed(tidied) if one.text and not loops(one.text)}
    found = sorted(kept.values(), key=lambda one: tidied.index(one))
    return sorted(found, key=lambda one: not in_length(one.text, style)) or [Candidate(unlooped(tidied[0].text), tidied[0].score)]


def echoes(text: str) -> bool:
    """Whether some three words stand in it twice ("a man on a motorcycle is sitting on a motorcycle"); never in scripts without spaces."""
    words = [word for word in _TOKEN.findall(text.lower()) if not _CJK.match(word)]
    runs = [tuple(words[start : start + _ECHO]) for start in range(len(words) - _ECHO + 1)]
    return len(set(runs)) < len(runs)


def arranged(candidates: Sequence[Candidate], style: Style) -> list[Candidate]:
    """The candidates in their order, except that those of another length than asked come last, and before them those that echo."""
    return sorted(candidates, key=lambda one: (not in_length(one.text, style), echoes(one.text)))


def _looping_span(text: str) -> tuple[int, int] | None:
    if stutter := _STUTTER.search(text):
        return stutter.end(1), stutter.end()
    tokens = list(_TOKEN.finditer(text))
    found = _loop([token.group().lower() for token in tokens])
    return (tokens[found[0]].start(), tokens[found[1] - 1].end()) if found else None


def _loop(words: Sequence[str]) -> tuple[int, int] | None:
    """Positions from and to of the first words that are too much."""
    for start in range(len(words)):
        for run in range(1, _LONGEST_RUN + 1):
            block = list(words[start : start + run])
            times = _TIMES if run == 1 or (run == 2 and all(map(_CJK.match, block))) else 1  # 一步一步 is "step by step"
            if len(block) == run and list(words[start : start + run * (times + 1)]) == block * (times + 1):
                return start + run * times, start + run * (times + 1)
    seen: dict[tuple[str, ...], int] = {}
    for start in range(len(words) - _ONCE + 1):
        block_at = tuple(words[start : start + _ONCE])
        if block_at in seen and start - seen[block_at] >= _ONCE:
            return start, start + _ONCE
        seen.setdefault(block_at, start)
    return None
