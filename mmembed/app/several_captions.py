"""Captions of all the photos that were selected among the hits, below the Caption page's one picture; each is kept in the gallery."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np

from mmembed.app import parts
from mmembed.app.answers import Shown
from mmembed.app.chosen_panel import fitted
from mmembed.app.labels import Languages
from mmembed.app.service import Service
from mmembed.app.stopping import Stopped, Switch
from mmembed.errors import InvalidQuery, MmembedError, UnreadablePicture
from mmembed.generate.base import Caption, Style

_NAMED = 5


class SeveralCaptions(parts.Part):
    """Builds its components in the current Gradio context; methods are its handlers."""

    def __init__(self, service: Service, languages: Languages) -> None:
        super().__init__(service)
        self.languages, self.switch = languages, Switch()
        words = service.speech.written.selection
        with gr.Column(visible=False, elem_id="mm-several-captions") as self.column:
            with gr.Row(equal_height=True):
                self.status = gr.HTML(elem_id="mm-several-status")
                self.stop = gr.Button(
                    words.stop, variant="stop", size="md", scale=0, min_width=120, visible=False, elem_id="mm-several-stop"
                )
            self.grid = parts.picture_grid(words.captions, 3, "mm-several")

    @property
    def outputs(self) -> list[Any]:
        """Where finished captions go; see `write`."""
        return [self.status, self.grid]

    def connect(self) -> None:
        """Wire the events that stay here."""
        self.stop.click(lambda: self.switch.stop(parts.visitor()), None, None, api_visibility="private", queue=False)

    def begin(self, picked: tuple[Shown, ...]) -> tuple[Any, ...]:
        """The column, its status, its grid and its stop button, while the captions are written."""
        if not picked:
            raise InvalidQuery(self.labels.selection.nothing)
        self.switch.reset(parts.visitor())
        visible = gr.update(visible=True)
        return visible, "", gr.update(value=None), visible

    def write(
        self,
        picked: tuple[Shown, ...],
        languages: list[str],
        count: int,
        style: Style,
        progress: gr.Progress,
    ) -> tuple[Any, ...]:
        """Values of `outputs`: captions of the selected photos; if it is stopped or fails on the way, those that are done.

        Raises:
            MmembedError: not even the first photo can be described or its caption kept, and why.
        """
        words, visitor = self.labels.selection, parts.visitor()
        done, unreadable, finished, failed = [], [], words.captioned, ""
        for number, one in enumerate(picked):
            progress((number, len(picked)), desc=words.captions, unit="")
            try:
                self.switch.check(visitor)
                item = self.service.item(one.fingerprint)
                captions = self.service.caption_item(one.fingerprint, languages, count, style)
                done.append((self._thumbnail(one.fingerprint), self._described(captions)))
            except Stopped:
                finished = words.stopped
                break
            except UnreadablePicture:
                unreadable.append(item.paths[0].name)
            except MmembedError as error:
                if not done:
                    raise
                failed = words.failed.format(reason=error)
                break
        names = "; ".join(unreadable[:_NAMED]) + ("; …" if len(unreadable) > _NAMED else "")
        more = " ".join(filter(None, [failed, words.unreadable.format(names=names) if names else ""]))
        status = parts.note(finished.format(photos=self.labels.count_photos(len(done))), more, "weak" if more else "good")
        return status, gr.update(value=done, visible=bool(done))

    def _described(self, captions: list[Caption]) -> str:
        """One line a language; a doubtful one says so, and what the photo may show instead."""
        words = self.labels.caption
        lines = ((words.doubtful if one.doubtful else "", one.text, words.guesses(one.looks_like)) for one in captions)
        return "\n".join(" ".join(filter(None, line)) for line in lines)

    def _thumbnail(self, fingerprint: str) -> np.ndarray:
        side = self.service.settings.thumbnail_pixels
        return fitted(self.service.picture(fingerprint, side).pixels, side)
