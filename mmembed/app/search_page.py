"""The Search page: a question, a grid of hits, and the chosen picture with what is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from mmembed.app import parts
from mmembed.app.labels import Languages
from mmembed.app.service import Found, Service
from mmembed.errors import InvalidQuery, UnreadablePicture
from mmembed.gallery.items import Item

_SCROLL_TO_CHOSEN = "() => document.getElementById('mm-chosen')?.scrollIntoView({behavior: 'smooth', block: 'nearest'})"
_CACHED_THUMBNAILS = 128  # about 30 MB at the usual size


@dataclass(frozen=True)
class Shown:
    """One picture of the grid: which it is, and how well it matched if it was searched for."""

    fingerprint: str
    similarity: float | None = None
    confidence: float | None = None


def percent(confidence: float) -> str:
    """A probability in words that never claim certainty: between "<1 %" and ">99 %"."""
    if confidence < 0.01:
        return "<1 %"
    return ">99 %" if confidence > 0.99 else f"{confidence * 100:.0f} %"


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
        with gr.Accordion(words.options, open=False, elem_id="mm-options") as self.options, gr.Row():
            self.like = parts.picture_input(words.like, "mm-like", 220)
            with gr.Column():
                self.without = gr.Textbox(
                    label=words.without,
                    placeholder=words.without_hint,
                    info=words.without_note,
                    max_length=settings.text_characters,
                    elem_id="mm-without",
                )
                self.count = gr.Slider(1, settings.most_results, settings.results, step=1, label=words.count)
                self.likely_only = gr.Checkbox(False, label=words.likely_only)
        self.status = gr.HTML(parts.note(self.labels.loading), elem_id="mm-search-status")
        self.shown = gr.State([])
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
        return [self.text, self.like, self.without, self.count, self.likely_only]

    @property
    def outputs(self) -> list[Any]:
        """Where a finished search goes; see `present`."""
        return [self.status, self.grid, self.shown, self.chosen, self.panel]

    def connect(self) -> None:
        """Wire the events that stay on this page."""
        search = parts.in_sentences(self.search)
        for trigger in (self.button.click, self.text.submit, self.without.submit, self.examples.load_input_event.then):
            trigger(search, self.inputs, self.outputs, api_visibility="private", concurrency_id="search")
        self.grid.select(
            parts.in_sentences(self.choose), [self.shown], [self.chosen, self.picture, self.facts, self.panel], api_visibility="private"
        ).success(None, js=_SCROLL_TO_CHOSEN, api_visibility="private")
        self.more_like_this.click(
            parts.in_sentences(self.search_like_chosen),
            [self.chosen, self.count, self.likely_only],
            [self.text, self.without, self.like, self.options, *self.outputs],
            api_visibility="private",
            concurrency_id="search",
        )

    def search(self, text: str, like: str | None, without: str, count: int, likely_only: bool) -> tuple[Any, ...]:
        """Search; a gallery without photos says how to get some instead."""
        if self.service.size() == 0:
            return self.present(Found((), 0, 0), likely_only)
        return self.present(self.service.search(text, Path(like) if like else None, without, count, likely_only), likely_only)

    def search_like_chosen(self, chosen: str, count: int, likely_only: bool) -> tuple[Any, ...]:
        """Search with the chosen picture, and show it as the question."""
        self._require(chosen)
        found = self.service.search_like(chosen, count, likely_only)
        return ("", "", self.preview(chosen), gr.update(open=True), *self.present(found, likely_only))

    def present(self, found: Found, likely_only: bool = False) -> tuple[Any, ...]:
        """Values of `outputs`."""
        shown = [Shown(hit.item.fingerprint, hit.similarity, hit.confidence) for hit in found.hits]
        pictures = [(self._thumbnail(hit.item.fingerprint), self._caption(hit.item, hit.confidence)) for hit in found.hits]
        return self.summary(found, likely_only), gr.update(value=pictures, visible=bool(pictures)), shown, "", gr.update(visible=False)

    def welcome(self) -> tuple[Any, ...]:
        """Values of `outputs` before the first search: the gallery's own first pictures."""
        items = self.service.first_items(self.service.settings.results)
        if not items:
            return self.present(Found((), 0, 0))
        pictures = [(self._thumbnail(item.fingerprint), item.paths[0].name) for item in items]
        shown = [Shown(item.fingerprint) for item in items]
        start = parts.note("", self.labels.search.start)
        return start, gr.update(value=pictures, visible=True), shown, "", gr.update(visible=False)

    def summary(self, found: Found, likely_only: bool) -> str:
        """The sentence above the grid: how much of it is to be believed."""
        words, photos = self.labels.search, self.labels.count_photos(found.total)
        if found.total == 0:
            return parts.note(words.empty, words.empty_hint if self.service.may_index else self.labels.index.closed, "weak")
        if found.likely == 0:
            return parts.note(words.no_match, (words.no_match_only if likely_only else words.no_match_hint).format(photos=photos), "weak")
        likely = (words.likely_one if found.likely == 1 else words.likely).format(count=found.likely, photos=photos)
        return parts.note(likely, words.others if len(found.hits) > found.likely else "", "good")

    def choose(self, shown: list[Shown], event: gr.SelectData) -> tuple[Any, ...]:
        """Show the picture that was clicked."""
        if not isinstance(event.index, int) or not 0 <= event.index < len(shown):
            raise InvalidQuery(self.labels.search.choose_first)
        picked = shown[event.index]
        image = gr.update(value=self.preview(picked.fingerprint), alt_text=self.service.item(picked.fingerprint).paths[0].name)
        return picked.fingerprint, image, self.describe(picked), gr.update(visible=True)

    def describe(self, picked: Shown) -> str:
        """What is known about a picture, as HTML."""
        words, item = self.labels.search, self.service.item(picked.fingerprint)
        rows = [(words.file, item.paths[0].name), *((words.folder, str(path.parent)) for path in item.paths)]
        rows.append((words.size, f"{item.width} × {item.height} · {_bytes(item.size)}"))
        rows.append((words.taken, item.taken.strftime("%Y-%m-%d %H:%M") if item.taken else words.unknown))
        if picked.similarity is not None and picked.confidence is not None:
            rows += [(words.similarity, f"{picked.similarity:.3f}"), (words.confidence, percent(picked.confidence))]
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

    def _caption(self, item: Item, confidence: float) -> str:
        return self.labels.search.caption_format.format(name=item.paths[0].name, confidence=percent(confidence))

    def _require(self, chosen: str) -> None:
        if not chosen:
            raise InvalidQuery(self.labels.search.choose_first)


def _fitted(pixels: np.ndarray, side: int) -> np.ndarray:
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    return np.asarray(image)


def _bytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, round(size / 1e3))} kB"
