"""What every joint space promises, whichever family of models is behind it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeGuard

import numpy as np

from mmembed.media.picture import Picture
from mmembed.space.kinds import Kinds


class Space(Protocol):
    """One vector space for pictures and texts. Vectors are float32 and L2-normalised: a dot product is the cosine.

    Attributes:
        name: the preset's name.
        identity: name plus the digest of the weights. Vectors of different identities must never be compared.
        dim: length of a vector.
        languages: ISO 639-1 codes of the languages it was trained on.
        picture_size: side of the square the picture tower sees, in pixels; the `target` to open pictures with.
    """

    name: str
    identity: str
    dim: int
    languages: tuple[str, ...]
    picture_size: int

    def embed_pictures(self, pictures: Sequence[Picture]) -> np.ndarray:
        """The vectors of pictures, float32 `[N, dim]`, L2-normalised; an empty sequence gives `[0, dim]`."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        """The vectors of texts, float32 `[N, dim]`, L2-normalised. A text that is too long is cut, with a warning.

        Raises:
            InvalidQuery: a text is empty.
        """
        ...

    def confidence(self, query: np.ndarray, similarities: np.ndarray, among: int | None = None, commonness: float = 0.0) -> np.ndarray:
        """The calibrated probability, for each similarity to a query, that the picture is a match; float32 `[N]`, 0 to 1.

        Comparable across queries: the query is first measured against a background set of pictures that ships with the
        space. Of what else is in the gallery only the number counts, since among more pictures the best of the wrong ones
        comes nearer, but of common things there are more right ones, too.

        Args:
            query: vector of what is looked for, float32 `[dim]`.
            similarities: its cosines to pictures, float32 `[N]`.
            among: among how many pictures these are the best; None if they are all.
            commonness: the share of pictures that show what is looked for, as far as known; see the function of this name.
        """
        ...


class FamiliarSpace(Space, Protocol):
    """A space that knows what the pictures it learned from were like."""

    def familiarity(self, vectors: np.ndarray) -> np.ndarray:
        """How near pictures, float32 `[N, dim]`, are to those that it learned from; float32 `[N]`, at most 1."""
        ...


def knows_pictures(space: Space) -> TypeGuard[FamiliarSpace]:
    """Whether a space can tell pictures like those it learned from from others."""
    return hasattr(space, "familiarity")


def kinds_of(space: Space) -> Kinds | None:
    """The kinds of things that a space knows by sight, if it has any."""
    kinds: Kinds | None = getattr(space, "kinds", None)
    return kinds


def without(space: Space, kinds: Collection[int]) -> Space:
    """A space as if it did not know some kinds by sight; one that knows none stays as it is."""
    blinded: Callable[[Collection[int]], Space] | None = getattr(space, "without", None)
    return blinded(kinds) if blinded else space


def as_queries(space: Space, texts: Sequence[str], vectors: np.ndarray) -> np.ndarray:
    """The vectors of what pictures are searched for, float32 `[N, dim]`, L2-normalised, from those of the texts, `[N, dim]`.

    A space that knows kinds of things by sight turns texts that name them towards those; others leave them as they are.
    """
    turned: Callable[[Sequence[str], np.ndarray], np.ndarray] | None = getattr(space, "as_queries", None)
    return turned(texts, vectors) if turned else vectors


def standardised(space: Space, queries: np.ndarray, similarities: np.ndarray) -> np.ndarray:
    """Similarities `[Q, N]` of queries `[Q, dim]`, made comparable between queries as far as a space can."""
    scaled: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = getattr(space, "standardise", None)
    return scaled(queries, similarities) if scaled else similarities


def worded(space: Space, texts: Sequence[str]) -> np.ndarray:
    """What the words of texts look like, float32 `[N, dim]`, of length 1 at most: 0 as far as a space does not know."""
    told: Callable[[Sequence[str]], np.ndarray] | None = getattr(space, "worded", None)
    return told(texts) if told else np.zeros((len(texts), space.dim), np.float32)


def commonness(space: Space, texts: Sequence[str]) -> np.ndarray:
    """The share of pictures that show what each text says, as far as a space knows that; `[N]`, 0 where it does not."""
    told: Callable[[Sequence[str]], np.ndarray] | None = getattr(space, "commonness", None)
    return told(texts) if told else np.zeros(len(texts), np.float32)


def certainty(space: Space, texts: Sequence[str]) -> np.ndarray:
    """How often what looks like what each text says is that, as far as a space knows: a factor of confidences, `[N]`, at most 1."""
    told: Callable[[Sequence[str]], np.ndarray] | None = getattr(space, "certainty", None)
    return told(texts) if told else np.ones(len(texts), np.float32)


def embed_queries(space: Space, texts: Sequence[str]) -> np.ndarray:
    """The same from the texts alone.

    Raises:
        InvalidQuery: a text is empty.
    """
    return as_queries(space, texts, space.embed_texts(texts))
