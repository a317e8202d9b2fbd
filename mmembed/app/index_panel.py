"""The control below the search: how large the gallery is, and indexing one more folder into it."""

from __future__ import annotations

from typing import Any

import gradio as gr

from mmembed.app import parts
from mmembed.app.service import Service
from mmembed.gallery.items import IndexReport

_NAMED_SKIPS = 5


class IndexPanel:
    """Builds its components in the current Gradio context; methods are its handlers."""

    def __init__(self, service: Service) -> None:
        self.service, self.labels = service, service.labels
        words = self.labels.index
        with gr.Accordion(self.title(None), open=False, elem_id="mm-index") as self.accordion:
            with gr.Row(equal_height=False, visible=service.may_index):
                self.folder = gr.Textbox(label=words.folder, placeholder=words.folder_hint, scale=5, elem_id="mm-folder")
                self.button = gr.Button(words.button, scale=1, min_width=160, elem_id="mm-index-go")
            hints = words.note + (f" {words.temporary}" if service.temporary else "")
            self.status = gr.HTML(parts.note("", hints if service.may_index else words.closed), elem_id="mm-index-status")

    def title(self, size: int | None) -> str:
        """The accordion's title; before the size is known, without one."""
        words = self.labels.index
        return words.title_loading if size is None else words.title.format(photos=self.labels.count_photos(size))

    def index(self, folder: str, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008  (Gradio finds it by its default)
        """Index the folder and say what happened."""
        report = self.service.index(
            folder, lambda done, total, message: progress((done, total), desc=message or self.labels.index.working, unit="")
        )
        return self.describe(report)

    def describe(self, report: IndexReport) -> str:
        """The report as a notice, naming the first skipped files."""
        words = self.labels.index
        done = words.done.format(
            seconds=self.labels.number(report.seconds, 1), found=report.found, embedded=report.embedded, skipped=len(report.skipped)
        )
        names = "; ".join(f"{skip.path.name} ({skip.reason})" for skip in report.skipped[:_NAMED_SKIPS])
        if len(report.skipped) > _NAMED_SKIPS:
            names += "; …"
        return parts.note(done, words.skipped.format(names=names) if names else "", "weak" if names else "good")

    def updated(self) -> dict[str, Any]:
        """The accordion with the gallery's present size, open as long as there is nothing in it."""
        size = self.service.size()
        update: dict[str, Any] = gr.update(label=self.title(size), open=size == 0)
        return update
