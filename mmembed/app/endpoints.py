"""The same four functions for programs: Gradio API endpoints whose names and results stay as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from mmembed.app import parts
from mmembed.app.caption_page import CaptionPage
from mmembed.app.index_panel import IndexPanel
from mmembed.app.search_page import SearchPage
from mmembed.app.service import Service
from mmembed.app.translate_page import AUTO, TranslatePage


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
            (self.search, search.inputs),
            (self.caption, caption.inputs),
            (self.translate, translate.inputs),
            (self.index, [index.folder]),
        ):
            trigger.click(
                parts.for_programs(handler),
                inputs,
                answer,
                api_name=handler.__name__,
                api_description=handler.__doc__,
                show_progress="hidden",
            )

    def search(self, text: str, like: str | None, without: str, count: int, likely_only: bool) -> list[dict[str, Any]]:
        """Photos that match a text, a picture or both, best first: file, similarity, confidence."""
        found = self.service.search(text, Path(like) if like else None, without, count, likely_only)
        return [
            {"file": str(hit.item.paths[0]), "similarity": float(hit.similarity), "confidence": float(hit.confidence)} for hit in found.hits
        ]

    def caption(self, picture: str | None, language: str, count: int) -> dict[str, Any]:
        """A description of a picture: language, text, similarity, alternatives."""
        caption = self.service.caption(Path(picture) if picture else None, language, count)
        return {
            "language": caption.language,
            "text": caption.text,
            "similarity": caption.similarity,
            "alternatives": list(caption.alternatives),
        }

    def translate(self, text: str, source: str, to: str, picture: str | None, count: int) -> dict[str, Any]:
        """A translation, looking at a picture if one is given: source, language, text, grounded, similarity, alternatives."""
        best = self.service.translate(text, None if source == AUTO else source, to, Path(picture) if picture else None, count).best
        return {
            "source": best.source,
            "language": best.language,
            "text": best.text,
            "grounded": best.grounded,
            "similarity": best.similarity,
            "alternatives": list(best.alternatives),
        }

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
