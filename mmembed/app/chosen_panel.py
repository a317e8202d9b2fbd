"""The hit that was clicked: large, with what is known about it, whether it is right, and where it can go from here."""

from __future__ import annotations

from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from mmembed.app import parts, scripts
from mmembed.app.answers import Answer, Shown
from mmembed.app.labels import Languages
from mmembed.app.service import Service

_MARKS = {"right": True, "wrong": False, "": None}


class ChosenPanel(parts.Part):
    """Builds the panel's components in the current Gradio context; methods are its handlers."""

    def __init__(self, service: Service, languages: Languages) -> None:
        super().__init__(service)
        self.languages = languages
        words = service.speech.written.search
        self.fingerprint = gr.State("")
        with gr.Column(scale=2, min_width=320, visible=False, elem_id="mm-chosen") as self.column:
            self.picture = gr.Image(
                label=words.chosen, interactive=False, format="jpeg", buttons=[], elem_id="mm-chosen-picture", height=340
            )
            self.large = gr.Image(visible="hidden", interactive=False, format="jpeg", buttons=[], elem_id="mm-full-picture")
            self.mark = gr.Radio(
                [(words.right, "right"), (words.wrong, "wrong"), (words.unmarked, "")],
                value="",
                label=words.mark,
                visible=False,
                elem_id="mm-mark",
            )
            self.facts = gr.HTML(elem_id="mm-facts")
            with gr.Row():
                self.caption_this = gr.Button(words.caption_this, size="md", min_width=140)
                self.more_like_this = gr.Button(words.more_like_this, size="md", min_width=140)
                self.translate_with = gr.Button(words.translate_with, size="md", min_width=140)
                self.full = gr.Button(words.full, size="md", min_width=140, elem_id="mm-full-go")

    @property
    def outputs(self) -> list[Any]:
        """Where a chosen hit goes; see `show`."""
        return [self.fingerprint, self.picture, self.mark, self.facts, self.column]

    def connect(self) -> None:
        """Wire the events that stay in this panel."""
        self.full.click(
            parts.in_sentences(self.at_full_size, self.service.speech), [self.fingerprint], [self.large], api_visibility="private"
        ).success(None, js=scripts.OPEN_FULL, api_visibility="private")

    def show(self, picked: Shown, answer: Answer) -> tuple[Any, ...]:
        """Values of `outputs`. Only an answer to a question can be right or wrong."""
        fingerprint = picked.fingerprint
        image = gr.update(value=self.preview(fingerprint), alt_text=self.name(fingerprint))
        said = self.service.marks(answer.found.asked).get(fingerprint)
        value = next(name for name, right in _MARKS.items() if right is said)
        mark = gr.update(value=value, visible=answer.found.asked is not None)
        return fingerprint, image, mark, self.describe(picked), gr.update(visible=True)

    def keep(self, said: str, fingerprint: str, answer: Answer) -> None:
        """Keep what the visitor said about the hit."""
        if answer.found.asked is not None and fingerprint:
            self.service.mark(answer.found.asked, fingerprint, _MARKS[said])

    def name(self, fingerprint: str) -> str:
        """What the picture shows, if that is known, and else what it is called."""
        captions = {caption.language: caption.text for caption in self.service.captions(fingerprint)}
        return captions.get(self.labels.language) or next(iter(captions.values()), self.service.item(fingerprint).paths[0].name)

    def describe(self, picked: Shown) -> str:
        """What is known about a picture, as HTML."""
        words, item = self.labels.search, self.service.item(picked.fingerprint)
        rows = [(words.file, item.paths[0].name), *((words.folder, str(path.parent)) for path in item.paths)]
        rows.append((words.size, f"{item.width} × {item.height} · {self.labels.bytes(item.size)}"))
        rows.append((words.taken, item.taken.strftime("%Y-%m-%d %H:%M") if item.taken else words.unknown))
        if picked.similarity is not None and picked.confidence is not None:
            similarity = self.labels.number(picked.similarity, 3)
            rows += [(words.similarity, similarity), (words.confidence, parts.percent(picked.confidence))]
        rows += [(words.alike, path) for path in picked.alike]
        for caption in self.service.captions(picked.fingerprint):
            rows.append((f"{words.captions} ({self.languages.name(caption.language)})", caption.text))
        return parts.facts(rows, words.close)

    def preview(self, fingerprint: str) -> np.ndarray:
        """uint8 `[H, W, 3]`, no longer than the preview's side. Raises UnreadablePicture if the file is gone."""
        return self._fitted(fingerprint, self.service.settings.preview_pixels)

    def at_full_size(self, fingerprint: str) -> np.ndarray:
        """Likewise, as large as a page shows any."""
        return self._fitted(fingerprint, self.service.settings.full_pixels)

    def _fitted(self, fingerprint: str, side: int) -> np.ndarray:
        return fitted(self.service.picture(fingerprint, side).pixels, side)


def fitted(pixels: np.ndarray, side: int) -> np.ndarray:
    """uint8 `[H, W, 3]`, with no side longer than that."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    return np.asarray(image)
