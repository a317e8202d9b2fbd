"""What one may add to a search: a picture, unwanted terms, filters, and how the hits are shown. Closed until it is asked for."""

from __future__ import annotations

from typing import Any

import gradio as gr

from mmembed.app import parts
from mmembed.app.questions import ANY
from mmembed.app.service import Service
from mmembed.gallery.items import ORIENTATIONS


class SearchOptions(parts.Part):
    """Builds its components in the current Gradio context."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        words, settings = service.speech.written.search, service.settings
        shapes = {"landscape": words.landscape, "portrait": words.portrait, "square": words.square}
        longest = settings.text_characters
        with gr.Accordion(words.options, open=False, elem_id="mm-options") as self.accordion:
            with gr.Row(equal_height=False):
                self.like = parts.picture_input(words.like, "mm-like", 220)
                with gr.Column():
                    self.without = gr.Textbox(
                        label=words.without,
                        placeholder=words.without_hint,
                        info=words.without_note,
                        max_length=longest,
                        elem_id="mm-without",
                    )
                    self.count = gr.Slider(1, settings.most_results, settings.results, step=1, label=words.count, elem_id="mm-count")
                    self.likely_only = gr.Checkbox(False, label=words.likely_only, elem_id="mm-likely-only")
                    self.fold = gr.Checkbox(False, label=words.fold, elem_id="mm-fold")
            gr.HTML(service.speech.say(lambda labels: parts.remark(labels.search.filters)))
            with gr.Row(equal_height=False):
                self.folder = gr.Dropdown(
                    [(words.everywhere, ANY)],
                    value=ANY,
                    allow_custom_value=True,
                    label=words.in_folder,
                    min_width=280,
                    elem_id="mm-in-folder",
                )
                self.caption = gr.Textbox(
                    "",
                    label=words.caption_words,
                    placeholder=words.caption_words_hint,
                    max_length=longest,
                    min_width=280,
                    elem_id="mm-words",
                )
            with gr.Row(equal_height=False):
                self.since = gr.Textbox("", label=words.since, placeholder=words.day_hint, max_length=10, min_width=140, elem_id="mm-since")
                self.until = gr.Textbox("", label=words.until, placeholder=words.day_hint, max_length=10, min_width=140, elem_id="mm-until")
                self.orientation = gr.Radio(
                    [(words.any_orientation, ANY), *((shapes[shape], shape) for shape in ORIENTATIONS)],
                    value=ANY,
                    label=words.orientation,
                    min_width=280,
                    scale=2,
                    elem_id="mm-orientation",
                )

    @property
    def inputs(self) -> list[Any]:
        """In the order of a Question, after its text."""
        first = [self.like, self.without, self.count, self.likely_only]
        return [*first, self.folder, self.since, self.until, self.orientation, self.caption, self.fold]

    @property
    def submits(self) -> list[Any]:
        """Events that mean: search now."""
        return [box.submit for box in (self.without, self.caption, self.since, self.until)]

    def folders(self) -> dict[str, Any]:
        """The choice of folders, with those that were indexed."""
        update: dict[str, Any] = gr.update(choices=[(self.labels.search.everywhere, ANY), *self.service.folders()])
        return update
