"""The same four functions for programs: Gradio API endpoints, and MCP tools, whose names and results stay as they are.

Gradio shows programs what the docstrings of the handlers say; of each argument it reads one line.
"""

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
                show_progress="hidden",
            )

    def search(
        self,
        text: str | None = None,
        like: str | None = None,
        without: str | None = None,
        count: int = 12,
        likely_only: bool = False,
        folder: str = ANY,
        since: str = "",
        until: str = "",
        orientation: str = ANY,
        caption: str = "",
        fold: bool = False,
        page: int = 1,
    ) -> list[dict[str, Any]]:
        """Find photos in this computer's gallery by words, by a picture, or both, best first.

        Args:
            text: What the photo shows, in any language of the model, such as "two dogs in the snow".
            like: A picture to find photos like: a file, a data: URL, or in MCP the path of a photo of the gallery. No web addresses.
            without: What the photo must not show; several things with commas between them.
            count: How many photos.
            likely_only: Whether to leave out photos that probably do not match.
            folder: Only photos in this folder or below it; "any" for all.
            since: Only photos taken then or later: 2019, 2019-07 or 2019-07-14.
            until: Only photos taken then or earlier, written likewise.
            orientation: "landscape", "portrait", "square", or "any".
            caption: Only photos with a stored caption that holds all these words.
            fold: Whether near-identical photos are one result, with the others under "similar".
            page: 2 for the next photos after the first ones, and so on.

        Returns:
            A list of objects with file (a path), similarity, confidence (below 0.5: no good match), and perhaps similar.
        """
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
        self, picture: str | None, language: str = "en", count: int = 3, also: list[str] | None = None, shortest: int = 0, longest: int = 0
    ) -> dict[str, Any]:
        """Describe a picture in a sentence, in one language or several.

        Args:
            picture: The picture: a file, a data: URL, or in MCP the path of a photo of the gallery. No web addresses.
            language: Code of the language to write, such as "en".
            count: How many candidates to think of; all but the best are under "alternatives".
            also: Codes of further languages to write in.
            shortest: The fewest words; 0 leaves it to the model.
            longest: The most words; 0 leaves it to the model.

        Returns:
            An object with language, text, similarity, confidence, doubtful, score, alternatives, unfamiliar (whether the picture is
            unlike those that the model knows), looks_like (what such a picture may show), and also (the other languages).
        """
        options = describing(language, count, also, shortest, longest)
        first, *others = map(_described, self.service.caption(Path(picture) if picture else None, *options))
        return {**first, "also": others} if others else first

    def translate(self, text: str, source: str = AUTO, to: str = "de", picture: str | None = None, count: int = 3) -> dict[str, Any]:
        """Translate a sentence such as a caption; with the picture it is about, that is looked at, too.

        Args:
            text: The sentence.
            source: Code of its language, or "auto" to recognise it.
            to: Code of the language to translate to.
            picture: What the sentence is about: a file, a data: URL, or in MCP the path of a photo of the gallery. No web addresses.
            count: How many candidates to think of; all but the best are under "alternatives".

        Returns:
            An object with source, language, text, grounded, similarity, from, via, score, notes, alternatives, and plain (from words).
        """
        found = self.service.translate(text, None if source == AUTO else source, to, Path(picture) if picture else None, count)
        plain = {"plain": translation_fields(found.plain)} if found.plain is not None else {}
        return {**translation_fields(found.best), **plain}

    def index(self, folder: str) -> dict[str, Any]:
        """Put the photos of a folder of this computer into the gallery, so that they are found; the photos stay where they are.

        Args:
            folder: Path of the folder.

        Returns:
            An object with the numbers found, embedded, reused, unchanged, removed, skipped (a list of file and reason) and seconds.
        """
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
