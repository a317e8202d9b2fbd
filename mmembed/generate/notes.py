"""What the reader of a translation should know, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_QUOTED = 3
_LONGEST = 60


@dataclass(frozen=True)
class NoteWords:
    """How the notes are said in a language, with {listed} for what each is about.

    Attributes:
        guessed: the language of the text, {first}, was found out, and it may be one of those listed too.
        lacking: the listed names and numbers are not in the translation.
        all_odd, odd: the text, or the listed sentences of it, are unlike what the model learned from.
        all_unsure, unsure: the model gives the translation of the text, or of the listed sentences, less probability than it gives those
            of captions.
        invented: the listed words of the translation are none that the model has read.
        either: stands between languages.
        more: stands after the sentences that are listed if there are {count} more.
    """

    guessed: str
    lacking: str
    all_odd: str
    odd: str
    all_unsure: str
    unsure: str
    invented: str
    either: str
    more: str


ENGLISH = NoteWords(
    guessed="The text was taken for {first}, but could be {listed}; say which language it is in (--from).",
    lacking="This could not be carried over: {listed}.",
    all_odd="The text is unlike the captions this model learned from; do not rely on the translation.",
    odd="Unlike the captions this model learned from, so do not rely on the translation of it: {listed}.",
    all_unsure="The model is unsure of this translation; it may well be wrong.",
    unsure="The model is unsure how to translate this, so it may well be wrong: {listed}.",
    invented="The model may have made this up: {listed}.",
    either=" or ",
    more=" and {count} more",
)


class Note(str):
    """A note in English, which a page says in its own language.

    Attributes:
        kind: which of the `NoteWords`.
        about: what it is about.
    """

    kind: str
    about: tuple[str, ...]

    def __new__(cls, kind: str, about: Sequence[str] = ()) -> Note:
        shown = [repr(code) for code in about] if kind == "guessed" else about
        note = super().__new__(cls, said(ENGLISH, kind, shown))
        note.kind, note.about = kind, tuple(about)
        return note

    def __getnewargs__(self) -> tuple[str, tuple[str, ...]]:  # type: ignore[override]
        return self.kind, self.about


def said(words: NoteWords, kind: str, about: Sequence[str]) -> str:
    """A note of this kind in the words of a language; `about` as it is to be shown."""
    template = str(getattr(words, kind))
    if kind == "guessed":
        return template.format(first=about[0], listed=words.either.join(about[1:]))
    if kind in ("lacking", "invented"):
        return template.format(listed=", ".join(about))
    shown = [f"“{one if len(one) <= _LONGEST else one[: _LONGEST - 1].rstrip() + '…'}”" for one in about[:_QUOTED]]
    more = words.more.format(count=len(about) - _QUOTED) if len(about) > _QUOTED else ""
    return template.format(listed=", ".join(shown) + more)


def about_source(language: str, others: Sequence[str]) -> list[Note]:
    """The language of the text was found out, and it may be one of the `others` too."""
    return [Note("guessed", [language, *others])] if others else []


def about_parts(lacking: Sequence[str]) -> list[Note]:
    """These names and numbers are not in the translation."""
    return [Note("lacking", list(dict.fromkeys(lacking)))] if lacking else []


def about_oddness(sentences: Sequence[str], odd: Sequence[bool]) -> list[Note]:
    """Some of the sentences are unlike what the model learned from."""
    return _about("odd", sentences, odd)


def about_doubt(sentences: Sequence[str], doubtful: Sequence[bool]) -> list[Note]:
    """The model gives the translation of some of the sentences less probability than it gives those of captions."""
    return _about("unsure", sentences, doubtful)


def about_words(invented: Sequence[str]) -> list[Note]:
    """Words of the translation that the model has never read."""
    return [Note("invented", invented)] if invented else []


def _about(kind: str, sentences: Sequence[str], chosen: Sequence[bool]) -> list[Note]:
    if all(chosen) or not any(chosen):
        return [Note(f"all_{kind}")] if any(chosen) else []
    return [Note(kind, [sentence for sentence, is_chosen in zip(sentences, chosen, strict=True) if is_chosen])]
