"""What the pages ask for, without a page: one model, one gallery, the limits, and sentences when something is wrong."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mmembed.app.labels import Labels, Settings, read_labels, read_settings
from mmembed.errors import GalleryError, InvalidQuery, UnreadablePicture
from mmembed.gallery.items import Hit, IndexReport, Item, Query
from mmembed.generate.base import Caption, Translation
from mmembed.media.picture import Picture

if TYPE_CHECKING:
    from mmembed.gallery import Gallery
    from mmembed.model import Model

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """A search's answer: likely matches before others, how many are likely, and the gallery's size."""

    hits: tuple[Hit, ...]
    likely: int
    total: int


@dataclass(frozen=True)
class Translated:
    """A translation, and beside it the one from the words alone when there was a picture.

    Attributes:
        best: the translation, grounded if there was a picture.
        plain: the text-only translation, or None when `best` already is one.
        plain_similarity: cosine between `plain` and the picture, comparable with `best.similarity`; None without picture.
    """

    best: Translation
    plain: Translation | None = None
    plain_similarity: float | None = None


class Service:
    """The app's one model and one gallery, shared by everybody who has the page open.

    The model loads once, in the background after `warm_up`, else at the first question. Without a gallery folder the
    gallery lives in a temporary one until `close`.
    """

    def __init__(
        self,
        gallery: Path | None,
        load: Callable[[], Model],
        *,
        may_index: bool = True,
        settings: Settings | None = None,
        labels: Labels | None = None,
    ) -> None:
        self.settings = settings or read_settings()
        self.labels = labels or read_labels()
        self.may_index = may_index
        self.temporary = gallery is None
        self._scratch = tempfile.TemporaryDirectory(prefix="mmembed-gallery-") if gallery is None else None
        self.folder = gallery if gallery is not None else Path(self._scratch.name) / "gallery" if self._scratch else Path()
        self._load = load
        self._loading = threading.Lock()
        self._opening = threading.Lock()
        self._indexing = threading.Lock()
        self._model: Model | None = None
        self._gallery: Gallery | None = None

    def __enter__(self) -> Service:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the gallery, and remove it if it was temporary."""
        with self._opening:
            if self._gallery is not None:
                self._gallery.close()
            self._gallery = None
        if self._scratch:
            self._scratch.cleanup()

    def warm_up(self) -> threading.Thread:
        """Start loading the model without waiting for it. A failure is raised again by the first call that needs it."""
        thread = threading.Thread(target=self._quietly_load, name="load-model", daemon=True)
        thread.start()
        return thread

    def _quietly_load(self) -> None:
        try:
            self.model()
        except Exception as error:  # it fails again, on the page, for the first person who asks for something
            _log.error("The model could not be loaded: %s", error)

    def model(self) -> Model:
        """The model; waits until it is loaded."""
        with self._loading:
            if self._model is None:
                self._model = self._load()
            return self._model

    def size(self) -> int:
        """How many pictures the gallery holds."""
        return len(self.gallery())

    def search(self, text: str, like: Path | None, without: str, count: int, likely_only: bool = False) -> Found:
        """Look for `text` and pictures like the one in the file `like`, without what the comma-separated `without` names.

        Raises:
            InvalidQuery: there is nothing to look for, or a text is too long.
            UnreadablePicture: `like` is no picture.
        """
        text, without = self._text(text), self._text(without)
        pictures = [self._open(like)] if like is not None else []
        query = Query.of(text or None, pictures, [words for part in without.split(",") if (words := part.strip())])
        return self._search(query, count, likely_only)

    def search_like(self, fingerprint: str, count: int, likely_only: bool = False) -> Found:
        """Pictures like the gallery's own one with this fingerprint."""
        return self._search(Query.of(like=[self.picture(fingerprint, self.model().space.picture_size)]), count, likely_only)

    def _search(self, query: Query, count: int, likely_only: bool) -> Found:
        count = max(1, min(int(count), self.settings.most_results))
        gallery = self.gallery()
        hits = gallery.search(query, count)
        # First what probably is meant: similarity alone may put a picture first that shows something unwanted.
        likely = [hit for hit in hits if hit.confidence >= self.settings.good_match]
        others = [] if likely_only else [hit for hit in hits if hit.confidence < self.settings.good_match]
        return Found((*likely, *others), len(likely), len(gallery))

    def first_items(self, count: int) -> list[Item]:
        """The first `count` items of the gallery, in its own order."""
        return self.gallery().items()[:count]

    def item(self, fingerprint: str) -> Item:
        """The gallery's item. Raises GalleryError if it has been removed meanwhile."""
        return self.gallery().item(fingerprint)

    def captions(self, fingerprint: str) -> list[Caption]:
        """Captions stored with the gallery's item."""
        return self.gallery().captions(fingerprint)

    def picture(self, fingerprint: str, target: int) -> Picture:
        """Pixels of one of the gallery's pictures; only what the gallery holds can be reached.

        Raises:
            UnreadablePicture: none of the files that held it can be read any more.
        """
        for path in self.item(fingerprint).paths:
            try:
                return Picture.open(path, target)
            except UnreadablePicture:
                continue
        raise UnreadablePicture(self.labels.search.gone)

    def caption(self, path: Path | None, language: str, count: int) -> Caption:
        """Describe an uploaded picture in `language`, with `count` candidates in all."""
        if path is None:
            raise InvalidQuery(self.labels.caption.no_picture)
        model = self.model()
        return model.caption([self._open(path)], language, self._alternatives(count))[0]

    def caption_item(self, fingerprint: str, language: str, count: int) -> Caption:
        """Describe one of the gallery's pictures, and store the caption with it."""
        model = self.model()
        picture = self.picture(fingerprint, model.picture_size)
        caption = model.caption([picture], language, self._alternatives(count))[0]
        self.gallery().add_caption(fingerprint, caption)
        return caption

    def translate(self, text: str, source: str | None, to: str, path: Path | None, count: int) -> Translated:
        """Translate `text` from `source` (None: whatever it is) and, with a picture, compare with the words alone.

        Raises:
            InvalidQuery: the text is empty or too long, or both languages are the same.
        """
        text = self._text(text)
        if not text:
            raise InvalidQuery(self.labels.translate.no_text)
        if source == to:
            raise InvalidQuery(self.labels.translate.same_language)
        model, count = self.model(), self._alternatives(count)
        if path is None:
            return Translated(model.translate([text], to, source, None, count)[0])
        picture = self._open(path)
        best = model.translate([text], to, source, [picture], count)[0]
        plain = model.translate([text], to, source, None, count)[0]
        seen, read = model.space.embed_pictures([picture])[0], model.space.embed_texts([plain.text or "?"])[0]
        return Translated(best, plain, float(np.dot(seen, read)))

    def index(self, folder: str, progress: Callable[[int, int, str], None] | None = None) -> IndexReport:
        """Index a folder of this computer into the gallery; searches go on meanwhile.

        Raises:
            GalleryError: indexing from the page is switched off, or there is no such folder.
        """
        if not self.may_index:
            raise GalleryError(self.labels.index.closed)
        if not folder.strip():
            raise GalleryError(self.labels.index.empty_path)
        place = Path(folder.strip()).expanduser()
        if not place.is_dir():
            raise GalleryError(self.labels.index.no_folder.format(folder=place))
        with self._indexing:  # two at once would read the same new files twice
            return self.gallery().index([place], progress)

    def gallery(self) -> Gallery:
        """The gallery, opened (and the model loaded) by the first call."""
        from mmembed.gallery import Gallery

        model = self.model()
        with self._opening:
            if self._gallery is None:
                self._gallery = Gallery(self.folder, model)
            return self._gallery

    def _open(self, path: Path) -> Picture:
        """An uploaded file as a picture, unless decoding it could take more memory than a page may ask for."""
        target = self.model().picture_size
        try:
            with Image.open(path) as image:
                megapixels = image.width * image.height / 1e6
        except Exception:  # whatever is wrong with the file, `Picture.open` says it in words
            megapixels = 0.0
        if megapixels > self.settings.upload_megapixels:
            reason = self.labels.too_many_pixels.format(megapixels=round(megapixels), limit=self.settings.upload_megapixels)
            raise UnreadablePicture(reason)
        try:
            return Picture.open(path, target)
        except UnreadablePicture as error:
            raise UnreadablePicture(self.labels.unreadable.format(reason=error)) from error

    def _text(self, text: str | None) -> str:
        text = (text or "").strip()
        if len(text) > self.settings.text_characters:
            raise InvalidQuery(self.labels.too_long.format(length=len(text), limit=self.settings.text_characters))
        return text

    def _alternatives(self, count: int) -> int:
        return max(1, min(int(count), self.settings.most_alternatives))
