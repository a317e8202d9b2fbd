"""The Search page: a question, a grid of hits, and the chosen picture with what is known about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from mmembed.app import parts
from mmembed.app.labels import Languages
from mmembed.app.questions import Question
from mmembed.app.search_options import SearchOptions
from mmembed.app.service import Found, Service
from mmembed.errors import InvalidQuery, UnreadablePicture
from mmembed.gallery.items import Hit

_SCROLL_TO_CHOSEN = "() => document.getElementById('mm-chosen')?.scrollIntoView({behavior: 'smooth', block: 'nearest'})"
_CACHED_THUMBNAILS = 128  # about 30 MB at the usual size


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


class SearchPage:
    """Builds the page's components in the current Gradio context; methods are its handlers."""

    def __init__(self, service: Service, languages: Languages) -> None:
        self.service, self.labels, self.languages = service, service.labels, languages
        self._thumbnail = lru_cache(_CACHED_THUMBNAILS)(self._read_thumbnail)
        words, settings = self.labels.search, service.settings
        with gr.Row(equal_height=False):
            self.text = gr.Textbox(
                label=words.text,
                placeholder=words.text_hint,
                scale=5,
                min_width=280,
                max_length=settings.text_characters,
                elem_id="mm-text",
                autofocus=True,
            )
            self.button = gr.Button(words.button, variant="primary", scale=1, min_width=120, elem_id="mm-go")
        self.examples = gr.Examples(
            [[text] for text in settings.searches], [self.text], label=self.labels.examples, elem_id="mm-search-examples"
        )
        self.options = SearchOptions(service)
        self.status = gr.HTML(parts.note(self.labels.loading), elem_id="mm-search-status")
        self.answer = gr.State(Answer())
        self.chosen = gr.State("")
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=320):
                self.grid = gr.Gallery(
                    label=words.results,
                    elem_id="mm-results",
                    columns=4,
                    height="auto",
                    object_fit="cover",
                    allow_preview=False,
                    interactive=False,
                    buttons=[],
                    format="jpeg",
                    show_label=False,
                )
                self.more = gr.Button(words.more, visible=False, elem_id="mm-more")
            with gr.Column(scale=2, min_width=320, visible=False, elem_id="mm-chosen") as self.panel:
                self.picture = gr.Image(
                    label=words.chosen, interactive=False, format="jpeg", buttons=["fullscreen"], elem_id="mm-chosen-picture", height=340
                )
                self.facts = gr.HTML(elem_id="mm-facts")
                with gr.Row():
                    self.caption_this = gr.Button(words.caption_this, size="md", min_width=140)
                    self.more_like_this = gr.Button(words.more_like_this, size="md", min_width=140)
                    self.translate_with = gr.Button(words.translate_with, size="md", min_width=140)

    @property
    def inputs(self) -> list[Any]:
        """The fields of a Question."""
        return [self.text, *self.options.inputs]

    @property
    def outputs(self) -> list[Any]:
        """Where a finished search goes; see `present`."""
        return [self.status, self.grid, self.answer, self.more, self.chosen, self.panel]

    @property
    def asked(self) -> list[Any]:
        """Where a search that begins with a picture shows what it looks for, and then its answer; see `search_like`."""
        return [self.text, self.options.without, self.options.like, self.options.accordion, *self.outputs]

    def connect(self) -> None:
        """Wire the events that stay on this page."""
        search = parts.in_sentences(self.search, self.labels)
        for trigger in (self.button.click, self.text.submit, *self.options.submits, self.examples.load_input_event.then):
            trigger(search, self.inputs, self.outputs, api_visibility="private", concurrency_id="search")
        self.more.click(
            parts.in_sentences(self.show_more, self.labels),
            [self.answer],
            self.outputs[:4],
            api_visibility="private",
            concurrency_id="search",
        )
        self.grid.select(
            parts.in_sentences(self.choose, self.labels),
            [self.answer],
            [self.chosen, self.picture, self.facts, self.panel],
            api_visibility="private",
        ).success(None, js=_SCROLL_TO_CHOSEN, api_visibility="private")
        self.more_like_this.click(
            parts.in_sentences(self.search_like_chosen, self.labels),
            [self.chosen, *self.inputs],
            self.asked,
            api_visibility="private",
            concurrency_id="search",
        )

    def search(self, *values: Any) -> tuple[Any, ...]:
        """Search with the values of `inputs`."""
        return self.answered(Question(*values))

    def search_like_chosen(self, chosen: str, *values: Any) -> tuple[Any, ...]:
        """Search with the chosen picture in place of what was asked, and show it as the question; filters stay."""
        if not chosen:
            raise InvalidQuery(self.labels.search.choose_first)
        question = replace(Question(*values), text="", without="", like=None, item=chosen)
        return self.search_like(question, self.preview(chosen))

    def search_like(self, question: Question, picture: Any) -> tuple[Any, ...]:
        """Values of `asked`: the answer to a question that is nothing but `picture`, and filters."""
        return ("", "", picture, gr.update(open=True), *self.answered(question))

    def answered(self, question: Question) -> tuple[Any, ...]:
        """Search; a gallery without photos says how to get some instead."""
        found = self.service.search(question) if self.service.size() else Found()
        return (*self.present(question, found), "", gr.update(visible=False))

    def show_more(self, answer: Answer) -> tuple[Any, ...]:
        """The next hits, below those that are there."""
        if answer.question is None:
            raise InvalidQuery(self.labels.search.no_question)
        return self.present(answer.question, answer.found.and_then(self.service.search(answer.question, answer.found.page + 1)))

    def present(self, question: Question | None, found: Found) -> tuple[Any, ...]:
        """Values of the first four `outputs`."""
        shown = tuple(
            Shown(hit.item.fingerprint, hit.similarity, hit.confidence, tuple(str(item.paths[0]) for item in hit.similar))
            for hit in found.hits
        )
        pictures = [(self._thumbnail(hit.item.fingerprint), self._caption(hit)) for hit in found.hits]
        more = found.more and len(shown) < self.service.settings.most_shown
        grid = gr.update(value=pictures, visible=bool(pictures))
        return self.summary(found, question), grid, Answer(shown, question, found), gr.update(visible=more)

    def welcome(self) -> tuple[Any, ...]:
        """Values of `outputs` before the first search: the gallery's own first pictures."""
        items = self.service.first_items(self.service.settings.results)
        if not items:
            return (*self.present(None, Found()), "", gr.update(visible=False))
        pictures = [(self._thumbnail(item.fingerprint), item.paths[0].name) for item in items]
        answer = Answer(tuple(Shown(item.fingerprint) for item in items))
        start = parts.note("", self.labels.search.start)
        return start, gr.update(value=pictures, visible=True), answer, gr.update(visible=False), "", gr.update(visible=False)

    def summary(self, found: Found, question: Question | None) -> str:
        """The sentence above the grid: how much of it is to be believed."""
        words, photos = self.labels.search, self.labels.count_photos(found.total)
        filtered = [words.filtered] if found.filtered else []
        likely_only = question is not None and question.likely_only
        if found.total == 0:
            return parts.note(words.empty, words.empty_hint if self.service.may_index else self.labels.index.closed, "weak")
        if found.filtered and not found.seen:
            return parts.note(words.no_pass, words.no_pass_hint, "weak")
        if found.likely == 0:
            hint = (words.no_match_only if likely_only else words.no_match_hint).format(photos=photos)
            return parts.note(words.no_match, " ".join([hint, *filtered]), "weak")
        others = len(found.hits) > found.likely
        counted = words.likely_one if found.likely == 1 else words.likely
        if found.more and found.seen == found.likely:  # so the next page may well have more of them
            counted = words.likely_or_more
        likely = counted.format(count=found.likely, photos=photos)
        return parts.note(likely, " ".join([*([words.others] if others else []), *filtered]), "good")

    def choose(self, answer: Answer, event: gr.SelectData) -> tuple[Any, ...]:
        """Show the picture that was clicked."""
        if not isinstance(event.index, int) or not 0 <= event.index < len(answer.shown):
            raise InvalidQuery(self.labels.search.choose_first)
        picked = answer.shown[event.index]
        image = gr.update(value=self.preview(picked.fingerprint), alt_text=self.service.item(picked.fingerprint).paths[0].name)
        return picked.fingerprint, image, self.describe(picked), gr.update(visible=True)

    def describe(self, picked: Shown) -> str:
        """What is known about a picture, as HTML."""
        words, item = self.labels.search, self.service.item(picked.fingerprint)
        rows = [(words.file, item.paths[0].name), *((words.folder, str(path.parent)) for path in item.paths)]
        rows.append((words.size, f"{item.width} × {item.height} · {self._bytes(item.size)}"))
        rows.append((words.taken, item.taken.strftime("%Y-%m-%d %H:%M") if item.taken else words.unknown))
        if picked.similarity is not None and picked.confidence is not None:
            similarity = self.labels.number(picked.similarity, 3)
            rows += [(words.similarity, similarity), (words.confidence, parts.percent(picked.confidence))]
        rows += [(words.alike, path) for path in picked.alike]
        for caption in self.service.captions(picked.fingerprint):
            rows.append((f"{words.captions} ({self.languages.name(caption.language)})", caption.text))
        return parts.facts(rows)

    def preview(self, fingerprint: str) -> np.ndarray:
        """uint8 `[H, W, 3]`, no longer than the preview's side. Raises UnreadablePicture if the file is gone."""
        return _fitted(self.service.picture(fingerprint, self.service.settings.preview_pixels).pixels, self.service.settings.preview_pixels)

    def _read_thumbnail(self, fingerprint: str) -> np.ndarray:
        side = self.service.settings.thumbnail_pixels
        try:
            return _fitted(self.service.picture(fingerprint, side).pixels, side)
        except UnreadablePicture:  # a moved file still is a hit; a grey square says that there is nothing to show
            return np.full((side, side, 3), 160, np.uint8)

    def _bytes(self, size: int) -> str:
        return f"{self.labels.number(size / 1e6, 1)} MB" if size >= 1e6 else f"{max(1, round(size / 1e3))} kB"

    def _caption(self, hit: Hit) -> str:
        words = self.labels.search
        caption = words.caption_format.format(name=hit.item.paths[0].name, confidence=parts.percent(hit.confidence))
        return words.alike_format.format(caption=caption, count=len(hit.similar)) if hit.similar else caption


def _fitted(pixels: np.ndarray, side: int) -> np.ndarray:
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    return np.asarray(image)
