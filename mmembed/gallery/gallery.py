"""A gallery: a folder of vectors that is filled from folders of pictures and searched with words and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, cast

import numpy as np

from mmembed.errors import GalleryError, InvalidQuery
from mmembed.gallery.approximate import Approximate
from mmembed.gallery.indexing import Indexing, Progress
from mmembed.gallery.items import Hit, IndexReport, Item, Query, Row
from mmembed.gallery.marks import Asked, Mark
from mmembed.gallery.matrix import Matrix
from mmembed.gallery.ranking import DEPTH, fold, fuse
from mmembed.gallery.search import Candidates, EmbeddedQuery, embed_query, nearest
from mmembed.gallery.sqlite import SqliteStore
from mmembed.gallery.store import Root, Store
from mmembed.gallery.team import Team
from mmembed.gallery.upkeep import forget
from mmembed.generate.base import Caption
from mmembed.space.base import Space

if TYPE_CHECKING:
    from mmembed.model import Model

_CAPTIONED = 200  # of the best captions that hold the words, so many count


class Gallery:
    """What one space knows about the pictures of some folders. Usable from several threads and processes at once.

    `len(gallery)` is the number of pictures. In a `with` statement it is closed at the end.

    Attributes:
        path: the gallery's own folder, such as `photos.mm`.
        space: the space it embeds and searches with.
        store: what it keeps, in whichever spaces.
    """

    def __init__(self, path: str | Path, model: Model | Space, create: bool = True) -> None:
        """Open the gallery at `path`, or make an empty one there.

        Args:
            path: the gallery's folder.
            model: what embeds pictures and texts; of a `Model`, its space.
            create: whether to make the gallery if there is none.

        Raises:
            GalleryError: there is none and `create` is False, or what is there cannot be used.
        """
        self.path = Path(path)
        self.space: Space = cast("Model", model).space if hasattr(model, "space") else model
        self.store: Store = SqliteStore(self.path, create)
        self._matrix = Matrix(self.store, self.space.identity, self.space.dim)
        self._approximate = Approximate(self.path, self.store, self.space)

    def index(
        self,
        folders: str | Path | Sequence[str | Path],
        progress: Progress | None = None,
        hidden: bool = False,
        exclude: Sequence[str] = (),
        team: Team | None = None,
    ) -> IndexReport:
        """Bring the gallery up to date with folders (and single files).

        A file that kept its size and modification time is not even opened; a moved or copied one keeps its vector; one that
        left a folder leaves the gallery; one that cannot be decoded is not tried again until it changes. Pictures from folders
        not given, or not there now, stay. May be stopped at any time: what was written stays, and the next run goes on from
        there.

        Args:
            folders: where to look, recursively.
            progress: called with (files done, files found, a message) after each batch, from this thread.
            hidden: whether to look at files and folders whose name begins with a dot.
            exclude: patterns of names to pass over, such as `*_small.*`; one with a slash is compared with the path below the folder.
            team: the processes that share this work, all of which make the same call (`mmembed.gallery.team.launched`); None if
                this one works alone. Only the one that leads removes what is gone.

        Raises:
            GalleryError: none of the folders can be looked at, the gallery cannot be written, or another process failed.
            InvalidData: there is no picture file in any of the folders, and there was none before.
        """
        roots = [folders] if isinstance(folders, (str, Path)) else list(folders)
        report = Indexing(self.store, self.space, progress, team).run(roots, hidden, exclude)
        if team is None or team.leads:
            self._approximate.bring_up_to_date(progress)
        return report

    def index_rows(self, place: str, rows: Iterable[Row], progress: Progress | None = None, team: Team | None = None) -> IndexReport:
        """Bring the gallery up to date with pictures that are no files here, such as those of a dataset on a hub.

        Each is fetched whenever this is called, but decoded and embedded only if its content is new. They can be found, but
        not opened again. What is below `place` and is not among the rows leaves the gallery.

        Args:
            place: what the names of all rows begin with, like a folder.
            rows: one at a time; a long stream is never held as a whole.
            progress: as for `index`; the number of files found is 0, because it is not known.
            team: as for `index`.

        Raises:
            GalleryError: the gallery cannot be written, or another process failed.
            InvalidData: there are no rows.
        """
        report = Indexing(self.store, self.space, progress, team).run_rows(place, rows)
        if team is None or team.leads:
            self._approximate.bring_up_to_date(progress)
        return report

    def search(self, query: str | Query, k: int = 20, start: int = 0, folded: bool = False) -> list[Hit]:
        """The pictures that fit best, best first: `k` of them, after the first `start`; an empty list from an empty gallery.

        Where captions are stored, pictures whose captions hold the query's words come earlier (reciprocal rank fusion).

        Args:
            query: words, or weighted words and pictures with filters (`Query.of`).
            k: how many at most.
            start: how many to pass over, for the second and later pages.
            folded: whether near-identical pictures are one hit (see `Hit.similar`).

        Raises:
            InvalidQuery: the query is empty, `k` is less than 1, or `start` is negative.
            GalleryError: all vectors come from other spaces or other weights.
        """
        query = Query.of(query) if isinstance(query, str) else query
        if k < 1:
            raise InvalidQuery(f"A search returns at least 1 result, but {k} were asked for.")
        if start < 0:
            raise InvalidQuery(f"A search cannot begin at result {start}.")
        self._refuse_other_spaces()
        embedded = embed_query(self.space, query)
        among = self.store.matching(query.filters) if query.filters else None
        captioned = self._captioned(query)
        count = start + k + 8  # a few more, for items that leave meanwhile
        while True:
            wanted = max(count, DEPTH) if captioned else count
            found = self._nearest(embedded, wanted, among)
            exhausted = len(found.ids) < wanted
            found = fuse(found, self._with_captions(embedded, captioned, among), captioned) if captioned else found
            groups = fold(found) if folded else [[row] for row in range(len(found.ids))]
            items = self.store.items_by_id(found.ids[[row for group in groups[: start + k + 8] for row in group]].tolist())
            hits = [hit for group in groups if (hit := _hit(found, group, items))]
            if len(hits) >= start + k or exhausted:
                return hits[start : start + k]
            count *= 4

    def items(self, count: int | None = None) -> list[Item]:
        """All items, or the first `count`, in the order they came."""
        return self.store.items(count=count)

    def vectors(self) -> tuple[list[Item], np.ndarray]:
        """The items that have a vector of this space, and the vectors, float32 `[N, dim]`, not to be written to.

        Raises:
            GalleryError: all vectors come from other spaces or other weights.
        """
        self._refuse_other_spaces()
        rows = self._matrix.rows()
        items = self.store.items_by_id(rows.ids.tolist())
        kept = [row for row, number in enumerate(rows.ids.tolist()) if number in items]
        return [items[number] for number in rows.ids[kept].tolist()], rows.vectors if len(kept) == len(rows.ids) else rows.vectors[kept]

    def item(self, fingerprint: str) -> Item:
        """One item.

        Raises:
            GalleryError: no picture in the gallery has this fingerprint.
        """
        for item in self.store.items([fingerprint]):
            return item
        raise GalleryError(f"The gallery {self.path} has no picture with the fingerprint {fingerprint}.")

    def has_path(self, path: str | Path) -> bool:
        """Whether exactly this absolute path was indexed; what may be shown to others and what not."""
        return self.store.has_path(Path(path))

    def spaces(self) -> dict[str, int]:
        """The identities of all spaces the gallery has vectors of, with their number."""
        return self.store.spaces()

    def roots(self) -> list[Root]:
        """The folders and files that were indexed, each with whether hidden files were looked at and what was passed over."""
        return self.store.roots()

    def remove(self, places: Sequence[str | Path]) -> int:
        """Forget these files and folders, and what is known of those below them; the files themselves stay.

        Returns:
            The number of paths forgotten.
        """
        return forget(self.store, places)

    def add_caption(self, fingerprint: str, caption: Caption) -> None:
        """Keep a caption of an item, in place of the one it has in that language.

        Raises:
            GalleryError: no picture in the gallery has this fingerprint.
        """
        self.store.add_caption(fingerprint, caption)

    def captions(self, fingerprint: str) -> list[Caption]:
        """The captions of an item, by language code."""
        return self.store.captions(fingerprint)

    def find_captions(self, words: str, k: int = 20) -> list[tuple[Item, Caption]]:
        """Captions that hold all the words, best match first, with their items; accents and case do not matter."""
        found = self.store.find_captions(words, k)
        items = {item.fingerprint: item for item in self.store.items(list(dict.fromkeys(fingerprint for fingerprint, _ in found)))}
        return [(items[fingerprint], caption) for fingerprint, caption in found if fingerprint in items]

    def mark(self, asked: Asked, fingerprint: str, right: bool | None) -> None:
        """Keep that a picture is a right or a wrong hit for a question, in place of what was said before; None takes it back.

        Raises:
            GalleryError: no picture in the gallery has this fingerprint.
        """
        if right is None:
            self.store.unmark(asked, fingerprint)
        else:
            self.store.mark(Mark(asked, fingerprint, right, datetime.now(timezone.utc)))

    def marks(self, asked: Asked | None = None) -> list[Mark]:
        """What was said about hits, of all questions or of one, in the order it was said."""
        return self.store.marks(asked)

    def close(self) -> None:
        """Close the files; a second call does nothing."""
        self.store.close()

    def __len__(self) -> int:
        return len(self.store)

    def __enter__(self) -> Gallery:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _with_captions(self, query: EmbeddedQuery, captioned: Sequence[int], among: np.ndarray | None) -> Candidates:
        """The items whose captions fit, which may be far down among the vectors."""
        numbers = np.array(captioned, np.int64)
        numbers = numbers if among is None else np.intersect1d(numbers, among)
        return self._nearest(query, len(captioned), numbers)

    def _nearest(self, query: EmbeddedQuery, count: int, among: np.ndarray | None) -> Candidates:
        """Exact, unless the gallery is large and has been prepared for that."""
        return self._approximate.nearest(query, count, among) or nearest(self.space, self._matrix.rows(), query, count, among)

    def _captioned(self, query: Query) -> list[int]:
        """Items whose captions hold the words that are looked for, best first."""
        words = " ".join(term.content for term in query.terms if isinstance(term.content, str) and term.weight > 0)
        return self.store.captioned(words, _CAPTIONED) if words else []

    def _refuse_other_spaces(self) -> None:
        if self.store.has_vectors(self.space.identity) or not (others := self.store.spaces()):
            return
        held = ", ".join(f"{identity} ({count} pictures)" for identity, count in others.items())
        raise GalleryError(
            f"The gallery {self.path} has no vectors of {self.space.identity}, only of {held}; "
            f"run mmembed index FOLDER --gallery {self.path} again, nothing is lost by it."
        )


def _hit(found: Candidates, group: Sequence[int], items: dict[int, Item]) -> Hit | None:
    """The group's first item that is still there, with the others of the group."""
    there = [row for row in group if int(found.ids[row]) in items]
    if not there:
        return None
    first, *others = there
    similar = tuple(items[int(found.ids[row])] for row in others)
    return Hit(items[int(found.ids[first])], float(found.similarities[first]), float(found.confidences[first]), similar)
