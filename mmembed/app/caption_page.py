"""The Caption page: a picture in, a sentence in one's language out, with its fit and its rivals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from mmembed.app import parts
from mmembed.app.labels import Languages
from mmembed.app.service import Service
from mmembed.generate.base import Caption


class CaptionPage:
    """Builds the page's components in the current Gradio context; methods are its handlers."""

    def __init__(self, service: Service, languages: Languages, samples: list[Path]) -> None:
        self.service, self.labels, self.languages = service, service.labels, languages
        words, settings = self.labels.caption, service.settings
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                self.picture = parts.picture_input(words.picture, "mm-caption-picture", 340)
                with gr.Row():
                    self.language = gr.Dropdown(
                        languages.choices(tuple(languages.languages)), value="en", label=words.language, min_width=200
                    )
                    self.count = gr.Slider(
                        1, settings.most_alternatives, settings.alternatives, step=1, label=self.labels.alternatives_count, min_width=200
                    )
                self.button = gr.Button(words.button, variant="primary", elem_id="mm-caption-go")
            with gr.Column(min_width=320):
                self.text = gr.Textbox(
                    label=words.result,
                    placeholder=words.start,
                    lines=3,
                    interactive=False,
                    buttons=["copy"],
                    elem_id="mm-caption-text",
                    elem_classes="mm-result",
                )
                self.about = gr.HTML(elem_id="mm-caption-about")
                with gr.Row():
                    self.translate_this = gr.Button(words.translate, min_width=140)
                    self.search_this = gr.Button(words.search, min_width=140)
                self.examples = None
                photos = [path for path in samples if path.name in settings.captions]
                if photos:
                    self.examples = gr.Examples(
                        [[str(path)] for path in photos],
                        [self.picture],
                        label=self.labels.examples,
                        examples_per_page=12,
                        elem_id="mm-caption-examples",
                    )

    @property
    def inputs(self) -> list[Any]:
        return [self.picture, self.language, self.count]

    @property
    def outputs(self) -> list[Any]:
        return [self.text, self.about]

    def connect(self) -> None:
        """Wire the events that stay on this page."""
        caption = parts.in_sentences(self.caption)
        for trigger in (self.button.click, *([self.examples.load_input_event.then] if self.examples else [])):
            trigger(caption, self.inputs, self.outputs, api_visibility="private", concurrency_id="write")
        self.picture.clear(lambda: ("", ""), None, self.outputs, api_visibility="private")

    def caption(self, picture: str | None, language: str, count: int) -> tuple[Any, ...]:
        """Describe the picture."""
        return self.present(self.service.caption(Path(picture) if picture else None, language, count))

    def present(self, caption: Caption) -> tuple[Any, ...]:
        """Values of `outputs`."""
        return (
            parts.written(caption.text, caption.language, self.languages),
            parts.fit(self.labels.similarity, caption.similarity)
            + parts.others(self.labels.alternatives, caption.alternatives, caption.language, self.languages),
        )
