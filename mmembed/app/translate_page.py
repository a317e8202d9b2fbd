"""The Translate page: a text, perhaps with its picture; with one, what the picture changed is shown beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from mmembed.app import parts
from mmembed.app.labels import Languages
from mmembed.app.service import Service, Translated

AUTO = "auto"


class TranslatePage:
    """Builds the page's components in the current Gradio context; methods are its handlers."""

    def __init__(self, service: Service, languages: Languages, samples: list[Path]) -> None:
        self.service, self.labels, self.languages = service, service.labels, languages
        words, settings = self.labels.translate, service.settings
        choices = languages.choices(tuple(languages.languages))
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                self.text = gr.Textbox(
                    label=words.text, placeholder=words.text_hint, lines=3, max_length=settings.text_characters, elem_id="mm-translate-text"
                )
                with gr.Row():
                    self.source = gr.Dropdown([(words.auto, AUTO), *choices], value=AUTO, label=words.source, min_width=120)
                    self.to = gr.Dropdown(choices, value="de", label=words.to, min_width=120)
                self.picture = parts.picture_input(words.picture, "mm-translate-picture", 220)
                self.count = gr.Slider(1, settings.most_alternatives, settings.alternatives, step=1, label=self.labels.alternatives_count)
                self.button = gr.Button(words.button, variant="primary", elem_id="mm-translate-go")
            with gr.Column(min_width=320):
                self.result = gr.Textbox(
                    label=words.result,
                    lines=3,
                    interactive=False,
                    buttons=["copy"],
                    elem_id="mm-translate-result",
                    elem_classes="mm-result",
                )
                self.about = gr.HTML(elem_id="mm-translate-about")
                with gr.Column(visible=False) as self.beside:
                    self.plain = gr.Textbox(
                        label=words.result_plain,
                        lines=3,
                        interactive=False,
                        buttons=["copy"],
                        elem_id="mm-translate-plain",
                        elem_classes="mm-result",
                    )
                    self.about_plain = gr.HTML(elem_id="mm-translate-about-plain")
                examples = self._examples(samples)
                self.examples = gr.Examples(
                    [values for values, _ in examples],
                    [self.text, self.source, self.to, self.picture],
                    label=self.labels.examples,
                    example_labels=[label for _, label in examples],
                )

    @property
    def inputs(self) -> list[Any]:
        return [self.text, self.source, self.to, self.picture, self.count]

    @property
    def outputs(self) -> list[Any]:
        return [self.result, self.about, self.beside, self.plain, self.about_plain]

    def connect(self) -> None:
        """Wire the events that stay on this page."""
        translate = parts.in_sentences(self.translate)
        for trigger in (self.button.click, self.examples.load_input_event.then):
            trigger(translate, self.inputs, self.outputs, api_visibility="private", concurrency_id="write")

    def translate(self, text: str, source: str, to: str, picture: str | None, count: int) -> tuple[Any, ...]:
        """Translate the text, looking at the picture if there is one."""
        return self.present(self.service.translate(text, None if source == AUTO else source, to, Path(picture) if picture else None, count))

    def present(self, translated: Translated) -> tuple[Any, ...]:
        """Values of `outputs`."""
        words, best, plain = self.labels.translate, translated.best, translated.plain
        result = parts.written(best.text, best.language, self.languages)
        result["label"] = words.result_grounded if best.grounded else words.result
        about = parts.fit(self.labels.similarity if best.grounded else self.labels.similarity_text, best.similarity)
        about += parts.others(self.labels.alternatives, best.alternatives, best.language, self.languages)
        if plain is None or translated.plain_similarity is None:
            return result, about, gr.update(visible=False), "", ""
        beside = parts.fit(self.labels.similarity, translated.plain_similarity)
        if plain.text == best.text:
            beside += parts.note("", words.same)
        return result, about, gr.update(visible=True), parts.written(plain.text, plain.language, self.languages), beside

    def _examples(self, samples: list[Path]) -> list[tuple[list[Any], str]]:
        """Values of the inputs, and what the button says, of every example whose photo is there."""
        photos, words = {path.name: str(path) for path in samples}, self.labels.translate
        return [
            (
                [one.text, one.source, one.to, photos.get(one.photo or "")],
                (words.example_with_picture if one.photo else words.example).format(text=one.text, to=self.languages.name(one.to)),
            )
            for one in self.service.settings.translations
            if one.photo is None or one.photo in photos
        ]
