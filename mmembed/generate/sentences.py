"""A text → its sentences, with what stands between them, so that a translation can be put together in the same order."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST = 500
"""Characters of one piece, about what a text tower reads: a longer sentence is cut where a comma, or else a space, allows it."""

# Dots that end no sentence: initials, ordinals ("3. Mai"), and what is usually abbreviated in the languages served.
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st jr sr vs etc e.g i.e no approx inc ltd z.b d.h u.a bzw ca nr str usw hr fr evtl ggf sog "
    "m mme mlle p.ex env av bd např tzv atd apod č ul mj tj resp cca p a.m p.m".split()
)
_END = re.compile(r"""(?:[.!?…]+["'”’»)\]]*(?=\s|$)|[。！？]+["”’」』）]*|[؟۔]+|\n\s*\n?)""")


@dataclass(frozen=True)
class Sentence:
    """A sentence without surrounding space, and the white space that follows it in the text."""

    text: str
    space: str


def split(text: str, longest: int = LONGEST) -> list[Sentence]:
    """The sentences of a text in order; together with their spaces they make up the stripped text."""
    text = text.strip()
    pieces = []
    start = 0
    for match in _END.finditer(text):
        if match.end() < len(text) and not _ends_here(text, start, match):
            continue
        pieces.append(text[start : match.end()])
        start = match.end()
    pieces.append(text[start:])
    joined: list[Sentence] = []
    for piece in (part for whole in pieces for part in _cut(whole, longest)):
        body = piece.strip()
        if not body:
            if joined:
                joined[-1] = Sentence(joined[-1].text, joined[-1].space + piece)
            continue
        lead, tail = piece[: piece.index(body[0])] if piece[0].isspace() else "", piece[len(piece.rstrip()) :]
        if joined and lead:
            joined[-1] = Sentence(joined[-1].text, joined[-1].space + lead)
        joined.append(Sentence(body, tail))
    return joined


def join(texts: list[str], sentences: list[Sentence]) -> str:
    """Texts in the place of the sentences; between two that had no space, as in Chinese, comes one."""
    parts = []
    for text, sentence in zip(texts, sentences, strict=True):
        parts += [text, sentence.space or (" " if text[-1:] in ".!?…" else "")]
    return "".join(parts).strip()


def _ends_here(text: str, start: int, match: re.Match[str]) -> bool:
    mark, before, after = match.group(), text[start : match.start()], text[match.end() :].lstrip()
    if mark[0] != "." or len(mark.rstrip("\"'”’»)]")) > 1:
        return True
    if is_abbreviated(before):
        return False
    return not (_last_word(before).isdigit() and after[:1].islower())  # "am 3. september"


def is_abbreviated(before: str) -> bool:
    """Whether the full stop after this text belongs to its last word: "Dr.", "J.", "U.S."."""
    word = _last_word(before)
    return word in _ABBREVIATIONS or re.fullmatch(r"[^\W\d_]", word) is not None or re.search(r"\.[^\W\d_]$", word) is not None


def _last_word(text: str) -> str:
    return re.split(r"\s", text)[-1].lstrip("(\"'“„«").lower()


def _cut(piece: str, longest: int) -> list[str]:
    """A piece of at most `longest` characters each, cut after a comma or semicolon, else at a space, else anywhere."""
    parts = []
    while len(piece) > longest:
        window = piece[:longest]
        cut = max(window.rfind(mark) for mark in (", ", "; ", ": ", "，", "；", "、", "،")) + 1
        cut = cut if cut > longest // 3 else window.rfind(" ") if " " in window.strip() else longest
        cut = cut if cut > 0 else longest
        parts.append(piece[:cut])
        piece = piece[cut:]
    return [*parts, piece]
