"""The Search page: a question, and a grid of hits, of which one may be looked at closely and several may be selected."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

import gradio as gr
import numpy as np

from mmembed.app import parts, scripts
from mmembed.app.answers import Answer, Shown
from mmembed.app.chosen_panel import ChosenPanel, fitted
from mmembed.app.labels import Languages
from mmembed.app.questions import Question
from mmembed.app.search_options import SearchOptions
from mmembed.app.selection_bar import Picked, SelectionBar, marked
from mmembed.app.service import Found, Service
from mmembed.errors import InvalidQuery, UnreadablePicture
from mmembed.gallery.items import POSSIBLE_MATCH, Hit

_CACHED_THUMBNAILS = 128  # about 30 MB at the usual size


class SearchPage(parts.Part):
    """Builds the page's components in the current Gradio context; methods are its handlers."""

    def __init__(self, service: Service, languages: Languages) -> None:
        super().__init__(service)
        self._thumbnail = lru_cache(_CACHED_THUMBNAILS)(self._read_thumbnail)
        words, settings = service.speech.written.search, service.settings
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
            [[text] for text in settings.searches],
            [self.text],
            label=service.speech.written.examples,
            elem_id="mm-search-examples",
        )
        self.options = SearchOptions(service)
        self.status = gr.HTML(elem_id="mm-search-status")
        self.answer = gr.State(Answer())
        self.selection = SelectionBar(service)
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=320):
                self.grid = parts.picture_grid(words.results, 4, "mm-results")
                self.more = gr.Button(words.more, visible=False, elem_id="mm-more")
            self.panel = ChosenPanel(service, languages)

    @property
    def inputs(self) -> list[Any]:
        """The fields of a Question."""
        return [self.text, *self.options.inputs]

    @property
    def outputs(self) -> list[Any]:
        """Where a finished search goes; see `answered`."""
        return [self.status, self.grid, self.answer, self.more, self.selection.style, self.panel.fingerprint, self.panel.column]

    @property
    def asked(self) -> list[Any]:
        """Where a search that begins with a picture shows what it looks for, and then its answer; see `search_like`."""
        return [self.text, self.options.without, self.options.like, self.options.accordion, *self.outputs]

    def connect(self) -> None:
        """Wire the events that stay on this page."""
        speech, picked = self.service.speech, self.selection.picked
        private: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "search"}
        search = parts.in_sentences(self.search, speech)
        for trigger in (self.button.click, self.text.submit, *self.options.submits, self.examples.load_input_event.then):
            trigger(search, [picked, *self.inputs], self.outputs, **private)
        self.more.click(parts.in_sentences(self.show_more, speech), [self.answer, picked], self.outputs[:5], **private)
        self.grid.select(
            parts.in_sentences(self.choose, speech),
            [self.answer, self.selection.several, picked],
            [*self.panel.outputs, *self.selection.outputs],
            api_visibility="private",
            show_progress="hidden",
        ).success(None, js=scripts.SCROLL_TO_CHOSEN, api_visibility="private")
        self.panel.mark.input(
            parts.in_sentences(self.mark, speech),
            [self.panel.mark, self.panel.fingerprint, self.answer],
            self.outputs[:4],
            api_visibility="private",
            show_progress="hidden",
        )
        self.panel.more_like_this.click(
            parts.in_sentences(self.search_like_chosen, speech), [self.panel.fingerprint, picked, *self.inputs], self.asked, **private
        )
        self.selection.connect(self.answer)
        self.panel.connect()

    def search(self, picked: Picked, *values: Any) -> tuple[Any, ...]:
        """Search with the values of `inputs`."""
        return self.answered(Question(*values), picked)

    def search_like_chosen(self, chosen: str, picked: Picked, *values: Any) -> tuple[Any, ...]:
        """Search with the chosen picture in place of what was asked, and show it as the question; filters stay."""
        if not chosen:
            raise InvalidQuery(self.labels.search.choose_first)
        question = replace(Question(*values), text="", without="", like=None, item=chosen)
        return self.search_like(question, self.panel.preview(chosen), picked)

    def search_like(self, question: Question, picture: Any, picked: Picked = ()) -> tuple[Any, ...]:
        """Values of `asked`: the answer to a question that is nothing but `picture`, and filters."""
        return ("", "", picture, gr.update(open=True), *self.answered(question, picked))

    def answered(self, question: Question, picked: Picked = ()) -> tuple[Any, ...]:
        """Search; a gallery without photos says how to get some instead. What is selected stays selected."""
        found = self.service.search(question) if self.service.size() else Found()
        return self._with(self.present(question, found), picked)

    def show_more(self, answer: Answer, picked: Picked = ()) -> tuple[Any, ...]:
        """The next hits, below those that are there."""
        if answer.question is None:
            raise InvalidQuery(self.labels.search.no_question)
        found = answer.found.and_then(self.service.search(answer.question, answer.found.page + 1))
        presented = self.present(answer.question, found)
        return (*presented, marked(picked, presented[2]))

    def mark(self, said: str, fingerprint: str, answer: Answer) -> tuple[Any, ...]:
        """Keep whether the chosen hit is right, and show it in the grid."""
        self.panel.keep(said, fingerprint, answer)
        return self.present(answer.question, answer.found)

    def present(self, question: Question | None, found: Found) -> tuple[Any, ...]:
        """Values of the first four `outputs`."""
        answer, marks = Answer.to(question, found), self.service.marks(found.asked)
        pictures = [(self._thumbnail(hit.item.fingerprint), self._caption(hit, marks.get(hit.item.fingerprint))) for hit in found.hits]
        more = found.more and len(answer.shown) < self.service.settings.most_shown
        grid = gr.update(value=pictures, visible=bool(pictures))
        return self.summary(found, question, marks), grid, answer, gr.update(visible=more)

    def welcome(self) -> tuple[Any, ...]:
        """Values of `outputs` before the first search: the gallery's own first pictures."""
        items = self.service.first_items(self.service.settings.results)
        if not items:
            return self._with(self.present(None, Found()), ())
        pictures = [(self._thumbnail(item.fingerprint), item.paths[0].name) for item in items]
        answer = Answer(tuple(Shown(item.fingerprint) for item in items))
        start = parts.note("", self.labels.search.start)
        return self._with((start, gr.update(value=pictures, visible=True), answer, gr.update(visible=False)), ())

    def welcome_unless_asked(self, answer: Answer) -> tuple[Any, ...]:
        """The same, unless somebody was faster than the model and has an answer already."""
        return self.welcome() if answer.question is None else (gr.skip(),) * len(self.outputs)

    def summary(self, found: Found, question: Question | None, marks: dict[str, bool] | None = None) -> str:
        """The sentence above the grid: how much of it is to be believed."""
        words, photos = self.labels.search, self.labels.count_photos(found.total)
        remarks = [words.filtered] if found.filtered else []
        if marks:
            right = sum(marks.values())
            remarks.append(words.marked.format(right=right, wrong=len(marks) - right))
        likely_only = question is not None and question.likely_only
        if found.total == 0:
            return parts.note(words.empty, words.empty_hint if self.service.may_index else self.labels.index.closed, "weak")
        if found.filtered and not found.seen:
            return parts.note(words.no_pass, words.no_pass_hint, "weak")
        if found.likely == 0:
            possible = max((hit.confidence for hit in found.hits), default=0.0) >= POSSIBLE_MATCH
            hint = words.no_match_only if likely_only else words.unsure_hint if possible else words.no_match_hint
            said = words.unsure if possible else words.no_match
            return parts.note(said, " ".join([hint.format(photos=photos), *remarks]), "weak")
        others = len(found.hits) > found.likely
        counted = words.likely_one if found.likely == 1 else words.likely
        if found.more and found.seen == found.likely:  # so the next page may well have more of them
            counted = words.likely_or_more
        likely = counted.format(count=found.likely, photos=photos)
        return parts.note(likely, " ".join([*([words.others] if others else []), *remarks]), "good")

    def choose(self, answer: Answer, several: bool, picked: Picked, event: gr.SelectData) -> tuple[Any, ...]:
        """Show the picture that was clicked or, while several are selected, add it to them."""
        if not isinstance(event.index, int) or not 0 <= event.index < len(answer.shown):
            raise InvalidQuery(self.labels.search.choose_first)
        if several:
            return (*[gr.skip()] * len(self.panel.outputs), *self.selection.pick(event.index, picked, answer))
        return (*self.panel.show(answer.shown[event.index], answer), *[gr.skip()] * len(self.selection.outputs))

    def _with(self, presented: tuple[Any, ...], picked: Picked) -> tuple[Any, ...]:
        """Values of `outputs` after those of `present`: nothing is chosen, and what is selected looks it."""
        style = marked(picked, presented[2])
        return (*presented, style, "", gr.update(visible=False))

    def _read_thumbnail(self, fingerprint: str) -> np.ndarray:
        side = self.service.settings.thumbnail_pixels
        try:
            return fitted(self.service.picture(fingerprint, side).pixels, side)
        except UnreadablePicture:  # a moved file still is a hit; a grey square says that there is nothing to show
            return np.full((side, side, 3), 160, np.uint8)

    def _caption(self, hit: Hit, right: bool | None) -> str:
        words = self.labels.search
        caption = words.caption_format.format(name=hit.item.paths[0].name, confidence=parts.percent(hit.confidence))
        caption = words.alike_format.format(caption=caption, count=len(hit.similar)) if hit.similar else caption
        return caption if right is None else f"{'✓' if right else '✗'} {caption}"
