"""What the reader of a translation should know, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

_QUOTED = 3
_LONGEST = 60


def about_source(language: str, others: Sequence[str]) -> list[str]:
    """The language of the text was found out, and it may be one of the `others` too."""
    if not others:
        return []
    return [f"The text was taken for {language!r}, but could be {' or '.join(map(repr, others))}; say which language it is in (--from)."]


def about_parts(lacking: Sequence[str]) -> list[str]:
    """These names and numbers are not in the translation."""
    return [f"This could not be carried over: {', '.join(dict.fromkeys(lacking))}."] if lacking else []


def about_oddness(sentences: Sequence[str], odd: Sequence[bool]) -> list[str]:
    """Some of the sentences are unlike what the model learned from."""
    if not any(odd):
        return []
    if all(odd):
        return ["The text is unlike the captions this model learned from; do not rely on the translation."]
    return [f"Unlike the captions this model learned from, so do not rely on the translation of it: {_quoted(sentences, odd)}."]


def about_doubt(sentences: Sequence[str], doubtful: Sequence[bool]) -> list[str]:
    """The model gives the translation of some of the sentences less probability than it gives those of captions."""
    if not any(doubtful):
        return []
    if all(doubtful):
        return ["The model is unsure of this translation; it may well be wrong."]
    return [f"The model is unsure how to translate this, so it may well be wrong: {_quoted(sentences, doubtful)}."]


def _quoted(sentences: Sequence[str], chosen: Sequence[bool]) -> str:
    found = [sentence for sentence, is_chosen in zip(sentences, chosen, strict=True) if is_chosen]
    shown = [f"“{one if len(one) <= _LONGEST else one[: _LONGEST - 1].rstrip() + '…'}”" for one in found[:_QUOTED]]
    more = f" and {len(found) - _QUOTED} more" if len(found) > _QUOTED else ""
    return ", ".join(shown) + more
