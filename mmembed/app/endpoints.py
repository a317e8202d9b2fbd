"""The same four functions for programs: Gradio API endpoints whose names and results stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from mmembed.app import parts
from mmembed.app.caption_page import CaptionPage, describing
from mmembed.app.index_panel import IndexPanel
from mmembed.app.questions import ANY, Question
from mmembed.app.search_page import SearchPage
from mmembed.app.service import Service
from mmembed.app.translate_page import AUTO, TranslatePage
from mmembed.generate.base import Caption
from mmembed.generate.outputs.sinks import as_row
from mmembed.generate.outputs.translations import translation_fields


class Endpoints:
    """`/search`, `/caption`, `/translate` and `/index`; results have the keys of the commands' `--json`.

    Only `path` is called `file` here: Gradio's client takes anything with a `path` for a file that it shall download.
    """

    def __init__(self, service: Service) -> None:
        self.service = service

    def connect(self, search: SearchPage, caption: CaptionPage, translate: TranslatePage, index: IndexPanel) -> None:
        """Add the endpoints to the current Gradio context; their inputs are checked like the pages'."""
        trigger, answer = gr.Button(visible=False), gr.JSON(visible=False, label="result")
        for handler, inputs in (
            (self.search, [*search.inputs, gr.Number(1, label="page", precision=0, visible=False)]),
            (self.caption, caption.inputs),
            (self.translate, translate.inputs),
            (self.index, [index.folder]),
        ):
            trigger.click(
                parts.for_programs(handler, self.service.speech),
                inputs,
                answer,
                api_name=handler.__name__,
                api_description=handler.__doc__,
                show_progress="hidden",
            )

    def search(
        self,
        text: str,
        like: str | None,
        without: str,
        count: int,
        likely_only: bool,
        folder: str = ANY,
        since: str = "",
        until: str = "",
        orientation: str = ANY,
        caption: str = "",
        fold: bool = False,
        page: int = 1,
    ) -> list[dict[str, Any]]:
        """Photos that match a text, a picture or both, best first: file, similarity, confidence; with fold also similar, if there are."""
        question = Question(text, like, without, count, likely_only, folder, since, until, orientation, caption, fold)
        return [
            {
                "file": str(hit.item.paths[0]),
                "similarity": float(hit.similarity),
                "confidence": float(hit.confidence),
                **({"similar": [str(item.paths[0]) for item in hit.similar]} if hit.similar else {}),
            }
            for hit in self.service.search(question, page).hits
        ]

    def caption(
        self, picture: str | None, language: str, count: int, also: list[str] | None = None, shortest: int = 0, longest: int = 0
    ) -> dict[str, Any]:
        """A description of a picture: language, text, similarity, confidence, doubtful, score, alternatives, and also: those in
        further languages."""
        options = describing(language, count, also, shortest, longest)
        first, *others = map(_described, self.service.caption(Path(picture) if picture else None, *options))
        return {**first, "also": others} if others else first

    def translate(self, text: str, source: str, to: str, picture: str | None, count: int) -> dict[str, Any]:
        """A translation, looking at a picture if one is given: source, language, text, grounded, similarity, from, via, score, notes,
        alternatives; with a picture also plain: the same from the words alone."""
        found = self.service.translate(text, None if source == AUTO else source, to, Path(picture) if picture else None, count)
        plain = {"plain": translation_fields(found.plain)} if found.plain is not None else {}
        return {**translation_fields(found.best), **plain}

    def index(self, folder: str) -> dict[str, Any]:
        """Index a folder of the server: found, embedded, reused, unchanged, removed, skipped, seconds."""
        report = self.service.index(folder)
        return {
            "found": report.found,
            "embedded": report.embedded,
            "reused": report.reused,
            "unchanged": report.unchanged,
            "removed": report.removed,
            "skipped": [{"file": str(skip.path), "reason": skip.reason} for skip in report.skipped],
            "seconds": report.seconds,
        }


def _described(caption: Caption) -> dict[str, Any]:
    row = as_row(Path(), caption)
    del row["path"]
    return row
