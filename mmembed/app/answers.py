"""What the Search page shows, as it is kept between two clicks of one visitor."""

from __future__ import annotations

from dataclasses import dataclass

from mmembed.app.questions import Question
from mmembed.app.service import Found


@dataclass(frozen=True)
class Shown:
    """One picture of the grid: which it is, how well it matched if it was searched for, and what was folded into it."""

    fingerprint: str
    similarity: float | None = None
    confidence: float | None = None
    alike: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What the grid shows, and the question it answers; None before the first."""

    shown: tuple[Shown, ...] = ()
    question: Question | None = None
    found: Found = Found()  # noqa: RUF009  (it is frozen)

    @classmethod
    def to(cls, question: Question | None, found: Found) -> Answer:
        """The answer that a search found."""
        shown = (
            Shown(hit.item.fingerprint, hit.similarity, hit.confidence, tuple(str(item.paths[0]) for item in hit.similar))
            for hit in found.hits
        )
        return cls(tuple(shown), question, found)
