"""The control below the search: how large the gallery is, and indexing one more folder into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from mmembed.app import parts
from mmembed.app.answers import Answer
from mmembed.app.labels import Labels
from mmembed.app.service import Service
from mmembed.app.stopping import Stopped, Switch
from mmembed.gallery.items import IndexReport
from mmembed.media.samples import sample_photos

_NAMED_SKIPS = 5


class IndexPanel(parts.Part):
    """Builds its components in the current Gradio context; methods are its handlers."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        self.switch = Switch()
        words, say, samples = service.speech.written.index, service.speech.say, len(sample_photos())
        with gr.Accordion(words.title_loading, open=False, elem_id="mm-index") as self.accordion:
            with gr.Row(equal_height=False, visible=service.may_index):
                self.folder = gr.Textbox(label=words.folder, placeholder=words.folder_hint, scale=5, elem_id="mm-folder")
                self.button = gr.Button(words.button, scale=1, min_width=160, elem_id="mm-index-go")
                self.stop = gr.Button(words.stop, variant="stop", scale=1, min_width=160, visible=False, elem_id="mm-index-stop")
            self.samples = gr.Button(
                say(lambda labels: labels.index.samples.format(count=samples)), size="md", visible=False, elem_id="mm-index-samples"
            )
            self.status = gr.HTML(say(self.hints), elem_id="mm-index-status")

    def hints(self, labels: Labels) -> str:
        """What indexing does, or why it cannot be done here, as HTML."""
        words = labels.index
        hints = words.note + (f" {words.temporary}" if self.service.temporary else "")
        return parts.note("", hints if self.service.may_index else words.closed)

    def connect(self, indexed: Callable[[Answer], Any], answer: gr.State, outputs: list[Any]) -> None:
        """Wire the events. `indexed` gives the values of `outputs` when a run has ended, for what the visitor then looks at."""
        speech = self.service.speech
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        for button, work, inputs in ((self.button, self.index, [self.folder]), (self.samples, self.index_samples, [])):
            began = button.click(parts.in_sentences(self.begin, speech), None, [self.stop], queue=False, **quiet)
            ended = began.then(parts.in_sentences(work, speech), inputs, [self.status], api_visibility="private", concurrency_id="index")
            ended.then(lambda: gr.update(visible=False), None, [self.stop], queue=False, **quiet)
            ended.then(parts.in_sentences(indexed, speech), [answer], outputs, concurrency_id="search", **quiet)
        self.stop.click(lambda: self.switch.stop(parts.visitor()), None, None, queue=False, **quiet)

    def title(self, size: int) -> str:
        """The accordion's title."""
        return self.labels.index.title.format(photos=self.labels.count_photos(size))

    def begin(self) -> dict[str, Any]:
        """The stop button, while a run goes on or waits for another one."""
        self.switch.reset(parts.visitor())
        update: dict[str, Any] = gr.update(visible=True)
        return update

    def index(self, folder: str, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008  (Gradio finds it by its default)
        """Index the folder and say what happened."""
        return self._run(lambda report: self.service.index(folder, report), progress)

    def index_samples(self, progress: gr.Progress = gr.Progress()) -> str:  # noqa: B008
        """Index the sample photos and say what happened."""
        return self._run(self.service.index_samples, progress)

    def _run(self, work: Callable[[Callable[[int, int, str], None]], IndexReport], progress: gr.Progress) -> str:
        visitor = parts.visitor()

        def report(done: int, total: int, message: str) -> None:
            self.switch.check(visitor, done, total)
            progress((done, total), desc=message or self.labels.index.working, unit="")

        try:
            return self.describe(work(report))
        except Stopped as stopped:
            number = self.labels.number
            return parts.note("", self.labels.index.stopped.format(done=number(stopped.done), total=number(stopped.total)), "weak")

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

    def updated(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The accordion with the gallery's present size, open as long as there is nothing in it; and then the samples."""
        size = self.service.size()
        return gr.update(label=self.title(size), open=size == 0), gr.update(visible=size == 0 and self.service.may_index)
