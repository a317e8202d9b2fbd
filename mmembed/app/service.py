"""What the pages ask for, without a page: one model, one gallery, the limits, and sentences when something is wrong."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from PIL import Image

from mmembed.app.labels import Labels, Settings, read_settings
from mmembed.app.questions import Question
from mmembed.app.speech import Speech
from mmembed.backends import roles
from mmembed.errors import GalleryError, InvalidQuery, MmembedError, UnreadablePicture
from mmembed.gallery.items import GOOD_MATCH, Hit, IndexReport, Item, Query
from mmembed.gallery.marks import Asked
from mmembed.generate.base import PLAIN, Caption, Style, Translation
from mmembed.hub.shelf import is_ready
from mmembed.media.picture import Picture
from mmembed.media.samples import sample_photos
from mmembed.presets import Preset, presets

if TYPE_CHECKING:
    from mmembed.gallery import Gallery
    from mmembed.model import Model

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """A page of a search's answer, or several pages together.

    Attributes:
        hits: of each page likely matches before others.
        likely: how many of them are likely.
        total: the gallery's size.
        more: whether there is another page.
        filtered: whether only some photos were looked at.
        seen: how many hits there were, unlikely ones counted even where they are left out.
        page: number of the last page, from 1.
        asked: what was looked for, as marks know it; None if nothing was.
    """

    hits: tuple[Hit, ...] = ()
    likely: int = 0
    total: int = 0
    more: bool = False
    filtered: bool = False
    seen: int = 0
    page: int = 1
    asked: Asked | None = None

    def and_then(self, following: Found) -> Found:
        """This and the page that follows it."""
        likely, seen = self.likely + following.likely, self.seen + following.seen
        return replace(following, hits=(*self.hits, *following.hits), likely=likely, seen=seen)


@dataclass(frozen=True)
class Translated:
    """A translation, and beside it the one from the words alone when there was a picture.

    Attributes:
        best: the translation, grounded if there was a picture and the model looks at pictures.
        plain: if there was a picture, the text-only translation; its similarity too is to the picture.
    """

    best: Translation
    plain: Translation | None = None


@dataclass(frozen=True)
class Known:
    """A preset: what it does (of `space`, `captioner`, `translator`), and whether it is in use, or usable without network."""

    preset: Preset
    roles: tuple[str, ...]
    used: bool
    ready: bool


class Service:
    """The app's one model and one gallery, shared by everybody who has the page open.

    The model loads once, in the background after `warm_up`, else at the first question. Without a gallery folder the
    gallery lives in a temporary one until `close`. Where `may_index`, visitors may index any folder, or with `index_roots` only
    these, those indexed before, and folders below them. With `labels`, everybody is spoken to in their language.
    """

    def __init__(
        self,
        gallery: Path | None,
        load: Callable[[], Model],
        *,
        may_index: bool = True,
        index_roots: Sequence[Path] | None = None,
        settings: Settings | None = None,
        labels: Labels | None = None,
    ) -> None:
        self.settings = settings or read_settings()
        self.speech = Speech(labels)
        self.may_index = may_index
        self._index_roots = index_roots
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

    @property
    def labels(self) -> Labels:
        """The words for whoever is being answered."""
        return self.speech.labels

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

    def usable(self) -> bool:
        """Whether there are a model and a gallery; why not, `gallery` says."""
        try:
            self.gallery()
        except MmembedError:
            return False
        return True

    def size(self) -> int:
        """How many pictures the gallery holds."""
        return len(self.gallery())

    def folders(self) -> list[str]:
        """What was indexed, as absolute paths."""
        return sorted(root.name for root in self.gallery().roots())

    def search(self, question: Question, page: int = 1) -> Found:
        """One page of the answer, of `question.count` hits or as many as are allowed.

        Raises:
            InvalidQuery: there is nothing to look for, a text is too long, or a filter makes no sense.
            UnreadablePicture: the uploaded picture is none.
        """
        count, page = max(1, min(int(question.count), self.settings.most_results)), max(1, int(page))
        gallery, (query, asked) = self.gallery(), self._query(question)
        found = gallery.search(query, count + 1, (page - 1) * count, question.fold)  # one more tells whether there is another page
        hits, more = found[:count], len(found) > count
        # Likely ones first: similarity alone may put a picture first that shows something unwanted.
        likely = [hit for hit in hits if hit.confidence >= GOOD_MATCH]
        others = [] if question.likely_only else [hit for hit in hits if hit.confidence < GOOD_MATCH]
        more = more and (bool(likely) or not question.likely_only)
        return Found((*likely, *others), len(likely), len(gallery), more, bool(query.filters), len(hits), page, asked)

    def _query(self, question: Question) -> tuple[Query, Asked]:
        text = self._text(question.text)
        for other in (question.without, question.caption):
            self._text(other)
        pictures = [self._open(Path(question.like))] if question.like else []
        if question.item:
            pictures.append(self.picture(question.item, self.model().space.picture_size))
        if not text and not pictures:
            raise InvalidQuery(self.labels.search.no_question)
        asked = Asked(text, tuple(question.unwanted), question.item or "".join(picture.fingerprint for picture in pictures))
        return Query.of(text or None, pictures, question.unwanted, question.filters(self.labels)), asked

    def mark(self, asked: Asked, fingerprint: str, right: bool | None) -> None:
        """Keep in the gallery that a picture is a right or a wrong hit for what was asked; None takes it back.

        Raises:
            GalleryError: the picture has left the gallery, or the gallery may only be read.
        """
        self.gallery().mark(asked, fingerprint, right)

    def marks(self, asked: Asked | None) -> dict[str, bool]:
        """What was said about hits for this question: right or wrong, by fingerprint."""
        return {mark.fingerprint: mark.right for mark in self.gallery().marks(asked)} if asked is not None else {}

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

    def caption(self, path: Path | None, languages: Sequence[str], count: int, style: Style = PLAIN) -> list[Caption]:
        """Describe an uploaded picture, one caption a language, with `count` candidates in all.

        Raises:
            InvalidQuery: there is no picture, or no caption can have that length.
            UnknownLanguage: the model does not write in one of the languages.
        """
        if path is None:
            raise InvalidQuery(self.labels.caption.no_picture)
        return self._describe(self._open(path), languages, count, style)

    def caption_item(self, fingerprint: str, languages: Sequence[str], count: int, style: Style = PLAIN) -> list[Caption]:
        """Describe one of the gallery's pictures, and store the captions with it."""
        captions = self._describe(self.picture(fingerprint, self.model().picture_size), languages, count, style)
        for caption in captions:
            self.gallery().add_caption(fingerprint, caption)
        return captions

    def _describe(self, picture: Picture, languages: Sequence[str], count: int, style: Style) -> list[Caption]:
        if style.longest and style.shortest > style.longest:
            raise InvalidQuery(self.labels.caption.shortest_longest)
        wanted = list(dict.fromkeys(languages))
        return [captions[0] for captions in self.model().caption_in([picture], wanted, self._alternatives(count), style=style)]

    def writer(self, written: Caption | Translation) -> str:
        """The models that wrote it."""
        return written.written_by or self.model().preset.name

    def translate(self, text: str, source: str | None, to: str, path: Path | None, count: int) -> Translated:
        """Translate `text` from `source` (None: recognise it) and, with a picture, compare with the words alone.

        Raises:
            InvalidQuery: the text is empty or too long, in no language the model recognises, or both languages are the same.
            UnknownLanguage: a language is not served.
        """
        text = self._text(text)
        if not text:
            raise InvalidQuery(self.labels.translate.no_text)
        if source == to:
            raise InvalidQuery(self.labels.translate.same_language)
        model, count = self.model(), self._alternatives(count)
        if path is None:
            return Translated(model.translate([text], to, source, None, count)[0])
        found = model.explain(text, to, self._open(path), source, count)
        return Translated(found.grounded, found.plain)

    def models(self) -> list[Known]:
        """All presets: what is in use first, then what is on this machine."""
        try:
            used = self.model().preset.name.split("+")
        except MmembedError:  # then one wants to see what else there is
            used = []
        known = [Known(preset, roles(preset.backend), preset.name in used, is_ready(preset)) for preset in presets().values()]
        return sorted(known, key=lambda one: (not one.used, not one.ready))

    def index_samples(self, progress: Callable[[int, int, str], None] | None = None) -> IndexReport:
        """Index the photos that installed packages carry, where they are. Raises GalleryError if indexing is switched off."""
        return self._index(sample_photos(), progress)

    def index(self, folder: str, progress: Callable[[int, int, str], None] | None = None) -> IndexReport:
        """Index a folder of this computer into the gallery; searches go on meanwhile.

        Raises:
            GalleryError: indexing from the page is switched off, this folder is none of those that may be, or is not there.
        """
        self._refuse_to_index()
        if not folder.strip():
            raise GalleryError(self.labels.index.empty_path)
        place = Path(folder.strip()).expanduser()
        self._refuse_elsewhere(place)
        if not place.is_dir():
            raise GalleryError(self.labels.index.no_folder.format(folder=place))
        return self._index([place], progress)

    def _index(self, places: list[Path], progress: Callable[[int, int, str], None] | None) -> IndexReport:
        self._refuse_to_index()
        with self._indexing:  # two at once would read the same new files twice
            return self.gallery().index(places, progress)

    def _refuse_to_index(self) -> None:
        if not self.may_index:
            raise GalleryError(self.labels.index.closed)

    def _refuse_elsewhere(self, place: Path) -> None:
        """Before anything is said of whether the folder is there, which is not everybody's business either."""
        if self._index_roots is None:
            return
        allowed = [*map(str, self._index_roots), *self.folders()]
        real = place.resolve()
        if not any(real.is_relative_to(Path(root).resolve()) for root in allowed):
            raise GalleryError(self.labels.index.elsewhere.format(folders=", ".join(allowed) or "–"))

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
