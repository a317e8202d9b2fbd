"""The Translate page: a text, perhaps with its picture; with one, what the picture changed is shown beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from mmembed.app import parts
from mmembed.app.labels import Languages
from mmembed.app.service import Service, Translated
from mmembed.generate.base import Translation
from mmembed.generate.notes import Note, said

AUTO = "auto"


class TranslatePage(parts.Part):
    """Builds the page's components in the current Gradio context; methods are its handlers."""

    def __init__(self, service: Service, languages: Languages, samples: list[Path]) -> None:
        super().__init__(service)
        self.languages = languages
        written, settings = service.speech.written, service.settings
        words = written.translate
        choices = languages.choices(tuple(languages.languages))
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                self.text = gr.Textbox(
                    label=words.text, placeholder=words.text_hint, lines=3, max_length=settings.text_characters, elem_id="mm-translate-text"
                )
                with gr.Row():
                    self.source = parts.language_choice([(words.auto, AUTO), *choices], AUTO, words.source, min_width=120)
                    self.to = parts.language_choice(choices, "de", words.to, min_width=120)
                self.picture = parts.picture_input(words.picture, "mm-translate-picture", 220)
                with gr.Accordion(words.options, open=False):
                    self.count = gr.Slider(1, settings.most_alternatives, settings.alternatives, step=1, label=written.alternatives_count)
                self.button = gr.Button(words.button, variant="primary", elem_id="mm-translate-go")
            with gr.Column(min_width=320):
                self.remarks = gr.HTML(elem_id="mm-translate-remarks")
                with gr.Row(equal_height=False):
                    with gr.Column(min_width=230):
                        self.result = _result(words.result, "mm-translate-result")
                        self.about = gr.HTML(elem_id="mm-translate-about")
                    with gr.Column(min_width=230, visible=False) as self.beside:
                        self.plain = _result(words.result_plain, "mm-translate-plain")
                        self.about_plain = gr.HTML(elem_id="mm-translate-about-plain")
                examples = self._examples(samples)
                self.examples = gr.Examples(
                    [values for values, _ in examples],
                    [self.text, self.source, self.to, self.picture],
                    label=written.examples,
                    example_labels=[label for _, label in examples],
                )

    @property
    def inputs(self) -> list[Any]:
        return [self.text, self.source, self.to, self.picture, self.count]

    @property
    def outputs(self) -> list[Any]:
        return [self.remarks, self.result, self.about, self.beside, self.plain, self.about_plain]

    def connect(self) -> None:
        """Wire the events that stay on this page."""
        translate = parts.in_sentences(self.translate, self.service.speech)
        for trigger in (self.button.click, self.examples.load_input_event.then):
            trigger(translate, self.inputs, self.outputs, api_visibility="private", concurrency_id="write")

    def translate(self, text: str, source: str, to: str, picture: str | None, count: int) -> tuple[Any, ...]:
        """Translate the text, looking at the picture if there is one."""
        given = None if source == AUTO else source
        return self.present(self.service.translate(text, given, to, Path(picture) if picture else None, count), given is None)

    def translate_if_any(self, text: str, *rest: Any) -> tuple[Any, ...]:
        """The same when a text came from another page, and nothing when none came."""
        return self.translate(text, *rest) if text else (gr.skip(),) * len(self.outputs)

    def present(self, translated: Translated, recognised: bool) -> tuple[Any, ...]:
        """Values of `outputs`; `recognised` tells whether the model had to find out the language of the text."""
        words, best, plain = self.labels.translate, translated.best, translated.plain
        result = parts.written(best.text, best.language, self.languages)
        result["label"] = words.result_grounded if best.grounded else words.result
        remarks = self.remarks_on(translated, recognised)
        if plain is None:
            figures = [(self.labels.similarity_text, self.labels.number(best.similarity, 2))]
            about = parts.figures(figures) + self._alternatives(best) + self._writer(best)
            return remarks, result, about, gr.update(visible=False), "", ""
        beside = parts.written(plain.text, plain.language, self.languages)
        return remarks, result, self._scores(best) + self._writer(best), gr.update(visible=True), beside, self._scores(plain)

    def remarks_on(self, translated: Translated, recognised: bool) -> str:
        """What to know before one reads the translation, as HTML: notes, languages, and whether the picture mattered."""
        words, best, plain = self.labels.translate, translated.best, translated.plain
        remarks = "".join(parts.note(words.note, self._said(note), "weak") for note in best.notes)
        if plain is not None and not best.grounded:
            remarks += parts.note("", words.not_looked)
        elif plain is not None and plain.text == best.text:
            remarks += parts.note("", words.same)
        if recognised and best.source_language:
            remarks += parts.remark(words.recognised.format(language=self.languages.name(best.source_language)))
        if best.via:
            remarks += parts.remark(words.via.format(language=self.languages.name(best.via)))
        return remarks

    def _said(self, note: Note) -> str:
        """A note in the language of the page."""
        about = [self.languages.name(code) for code in note.about] if note.kind == "guessed" else note.about
        return said(self.labels.translate.notes, note.kind, about)

    def _scores(self, found: Translation) -> str:
        """Both scores of a translation, so that two compare, and its alternatives."""
        number, words = self.labels.number, self.labels.translate
        figures = [(self.labels.similarity, number(found.similarity, 2)), (words.score, number(found.score, 2))]
        return parts.figures(figures) + self._alternatives(found)

    def _alternatives(self, found: Translation) -> str:
        return parts.others(self.labels.alternatives, found.alternatives, found.language, self.languages)

    def _writer(self, found: Translation) -> str:
        return parts.remark(self.labels.written_by.format(models=self.service.writer(found)))

    def _examples(self, samples: list[Path]) -> list[tuple[list[Any], str]]:
        """Values of the inputs, and what the button says, of every example whose photo is there."""
        # Gradio cannot translate what these buttons say, so it is the same in every language.
        photos, words = {path.name: str(path) for path in samples}, self.labels.translate
        return [
            (
                [one.text, one.source, one.to, photos.get(one.photo or "")],
                (words.example_with_picture if one.photo else words.example).format(text=one.text, to=self.languages.name(one.to)),
            )
            for one in self.service.settings.translations
            if one.photo is None or one.photo in photos
        ]


def _result(label: str, elem_id: str) -> gr.Textbox:
    return gr.Textbox(label=label, lines=3, interactive=False, buttons=["copy"], elem_id=elem_id, elem_classes="mm-result")
