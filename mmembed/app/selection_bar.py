"""Several hits at once: which are selected, and a file of them to take along."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import gradio as gr

from mmembed.app import parts, scripts
from mmembed.app.answers import Answer, Shown
from mmembed.app.exports import FORMS, export
from mmembed.app.service import Service

Picked = tuple[Shown, ...]


class SelectionBar(parts.Part):
    """Builds the bar's components in the current Gradio context; methods are its handlers."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        words = service.speech.written.selection
        self.picked = gr.State(())
        with gr.Row(equal_height=True, elem_id="mm-selection"):
            self.several = gr.Checkbox(
                False, label=words.several, container=False, min_width=160, visible=False, elem_id="mm-select-several"
            )
            self.everything = gr.Button(words.everything, size="sm", min_width=140, visible=False, elem_id="mm-select-all")
            self.clear = gr.Button(words.clear, size="sm", min_width=140, visible=False, elem_id="mm-select-none")
        self.status = gr.HTML(elem_id="mm-selected")
        with gr.Column(visible=False, elem_id="mm-with-selected") as self.actions:
            with gr.Row():
                self.caption = gr.Button(words.caption, size="md", min_width=140, elem_id="mm-caption-these")
                self.buttons = {
                    form: gr.Button(getattr(words, form), size="md", min_width=140, elem_id=f"mm-export-{form}") for form in FORMS
                }
            self.download = gr.DownloadButton(visible=False, size="md", elem_id="mm-download")
        self.style = gr.HTML(elem_id="mm-selected-style")

    @property
    def outputs(self) -> list[Any]:
        """Where a changed selection goes; see `show`."""
        return [self.picked, self.status, self.style, self.actions, self.download]

    def connect(self, answer: gr.State) -> None:
        """Wire the events that stay in this bar. `answer` is what the grid shows."""
        speech = self.service.speech
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        self.several.input(
            parts.in_sentences(self.begin, speech),
            [self.several, self.picked, answer],
            [self.everything, self.clear, *self.outputs],
            **quiet,
        )
        self.everything.click(parts.in_sentences(self.pick_all, speech), [self.picked, answer], self.outputs, **quiet)
        self.clear.click(parts.in_sentences(self.pick_none, speech), [answer], self.outputs, **quiet)
        for form, button in self.buttons.items():
            button.click(
                parts.in_sentences(self.taking(form), speech),
                [self.picked],
                [self.download],
                api_visibility="private",
                concurrency_id="export",
            ).success(None, js=scripts.DOWNLOAD, api_visibility="private")

    def begin(self, several: bool, picked: Picked, answer: Answer) -> tuple[Any, ...]:
        """Begin selecting, or end it, which forgets what was selected."""
        shown = gr.update(visible=several)
        return (shown, shown, *self.show(picked if several else (), answer, several))

    def pick(self, index: int, picked: Picked, answer: Answer) -> tuple[Any, ...]:
        """Select a picture of the grid, or leave it out again."""
        one = answer.shown[index]
        left = tuple(other for other in picked if other.fingerprint != one.fingerprint)
        return self.show(left if len(left) < len(picked) else (*picked, one), answer)

    def pick_all(self, picked: Picked, answer: Answer) -> tuple[Any, ...]:
        """Select all of the grid, beside what is selected already."""
        known = {one.fingerprint for one in picked}
        return self.show((*picked, *(one for one in answer.shown if one.fingerprint not in known)), answer)

    def pick_none(self, answer: Answer) -> tuple[Any, ...]:
        """Select nothing, to begin anew."""
        return self.show((), answer)

    def show(self, picked: Picked, answer: Answer, several: bool = True) -> tuple[Any, ...]:
        """Values of `outputs`."""
        download = gr.update(value=None, visible=False)
        return picked, self.describe(picked, answer) if several else "", marked(picked, answer), gr.update(visible=bool(picked)), download

    def describe(self, picked: Picked, answer: Answer) -> str:
        """How many are selected, as HTML; those of earlier searches are named apart."""
        words, count = self.labels.selection, self.labels.count_photos
        if not picked:
            return parts.note("", words.hint)
        shown = {one.fingerprint for one in answer.shown}
        elsewhere = sum(one.fingerprint not in shown for one in picked)
        more = words.elsewhere.format(photos=count(elsewhere)) if elsewhere else ""
        return parts.note(words.chosen.format(photos=count(len(picked))), more)

    def taking(self, form: str) -> Any:
        """What makes one form of file of the selection."""

        def take(picked: Picked) -> Any:
            """Make the file; it is removed with the other files of the page."""
            made = export(self.service, picked, form, Path(self.download.GRADIO_CACHE) / secrets.token_hex(16))
            words = self.labels.selection
            if made.missing:
                gr.Warning(words.missing.format(photos=self.labels.count_photos(made.missing)), title=self.labels.notice)
            label = words.download.format(name=made.file.name, size=self.labels.bytes(made.file.stat().st_size))
            return gr.update(value=str(made.file), label=label, visible=True)

        return take


def marked(picked: Picked, answer: Answer) -> str:
    """A style that makes the selected pictures of the grid look it; sending all pictures again would take longer."""
    known = {one.fingerprint for one in picked}
    places = [number for number, one in enumerate(answer.shown, 1) if one.fingerprint in known]
    if not places:
        return ""
    which = ", ".join(f"#mm-results .gallery-item:nth-child({number}) .thumbnail-lg" for number in places)
    badges = ", ".join(f"#mm-results .gallery-item:nth-child({number}) .thumbnail-lg::after" for number in places)
    return (
        f"<style>{which} {{ outline: 4px solid var(--color-accent); outline-offset: -4px; }} "
        f"{badges} {{ content: '✓'; position: absolute; top: .5rem; inset-inline-end: .5rem; width: 1.6rem; height: 1.6rem; "
        "border-radius: 50%; background: var(--button-primary-background-fill); "
        "color: white; font-weight: 700; line-height: 1.6rem; }</style>"
    )
