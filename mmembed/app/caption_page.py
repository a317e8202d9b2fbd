"""The Caption page: a picture in, a sentence in one's language (or several) out, with its fit, its rivals and its doubts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from mmembed.app import parts
from mmembed.app.labels import Languages
from mmembed.app.service import Service
from mmembed.app.several_captions import SeveralCaptions
from mmembed.generate.base import Caption, Style


class CaptionPage(parts.Part):
    """Builds the page's components in the current Gradio context; methods are its handlers."""

    def __init__(self, service: Service, languages: Languages, samples: list[Path]) -> None:
        super().__init__(service)
        self.languages = languages
        written, settings = service.speech.written, service.settings
        words = written.caption
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                self.picture = parts.picture_input(words.picture, "mm-caption-picture", 340)
                choices, most = languages.choices(tuple(languages.languages)), settings.most_words
                self.language = parts.language_choice(choices, "en", words.language, elem_id="mm-caption-language")
                with gr.Accordion(words.options, open=False, elem_id="mm-caption-options"):
                    self.also = parts.language_choice(
                        choices, [], words.also, multiselect=True, info=words.also_note, elem_id="mm-caption-also"
                    )
                    self.count = gr.Slider(1, settings.most_alternatives, settings.alternatives, step=1, label=written.alternatives_count)
                    with gr.Row():
                        self.shortest = gr.Slider(0, most, 0, step=1, label=words.shortest, info=words.words_note, min_width=200)
                        self.longest = gr.Slider(0, most, 0, step=1, label=words.longest, info=words.words_note, min_width=200)
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
                        label=written.examples,
                        examples_per_page=12,
                        elem_id="mm-caption-examples",
                    )
        self.several = SeveralCaptions(service, languages)

    @property
    def options(self) -> list[Any]:
        """How to describe, in the order of `describing`."""
        return [self.language, self.count, self.also, self.shortest, self.longest]

    @property
    def inputs(self) -> list[Any]:
        return [self.picture, *self.options]

    @property
    def outputs(self) -> list[Any]:
        return [self.text, self.about]

    def connect(self) -> None:
        """Wire the events that stay on this page."""
        caption = parts.in_sentences(self.caption, self.service.speech)
        for trigger in (self.button.click, *([self.examples.load_input_event.then] if self.examples else [])):
            trigger(caption, self.inputs, self.outputs, api_visibility="private", concurrency_id="write")
        self.picture.clear(lambda: ("", ""), None, self.outputs, api_visibility="private")

    def caption(self, picture: str | None, *options: Any) -> tuple[Any, ...]:
        """Describe the picture with the values of `options`."""
        return self.present(self.service.caption(Path(picture) if picture else None, *describing(*options)))

    def present(self, captions: Sequence[Caption]) -> tuple[Any, ...]:
        """Values of `outputs`: the first caption, and below what is known about it the others."""
        first, *others = captions
        about = self.describe(first)
        for other in others:
            about += parts.titled(self.languages.name(other.language), other.text, other.language, self.languages, self.describe(other))
        return parts.written(first.text, first.language, self.languages), about

    def describe(self, caption: Caption) -> str:
        """How far to trust a caption, its rivals, and who wrote it, as HTML."""
        words = self.labels.caption
        doubts = self._doubts(caption)
        figures = [(self.labels.similarity, self.labels.number(caption.similarity, 2))]
        if caption.confidence is not None:
            figures.append((words.confidence, parts.percent(caption.confidence)))
        rivals = parts.others(self.labels.alternatives, caption.alternatives, caption.language, self.languages)
        return doubts + parts.figures(figures) + rivals + parts.remark(self.labels.written_by.format(models=self.service.writer(caption)))

    def _doubts(self, caption: Caption) -> str:
        """Why not to believe a caption, or why it says so little, as HTML; empty if it is like most."""
        words = self.labels.caption
        guesses = words.guesses(caption.looks_like)
        if caption.doubtful:
            hint = words.unfamiliar_hint if caption.unfamiliar else words.doubtful_hint
            return parts.note(words.doubtful, f"{hint} {guesses}".rstrip(), "weak")
        return parts.remark(f"{words.plain_hint} {guesses}".rstrip()) if caption.unfamiliar else ""


def describing(
    language: str, count: int, also: Sequence[str] | None = None, shortest: int | None = 0, longest: int | None = 0
) -> tuple[list[str], int, Style]:
    """Values of the page's inputs as the service wants them: the languages, how many wordings, and of which length."""
    return [language, *(also or ())], int(count), Style(int(shortest or 0), int(longest or 0))
