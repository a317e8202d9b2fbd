"""The whole app: four pages, and results that flow from one into another."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr

from mmembed.app import parts
from mmembed.app.caption_page import CaptionPage, describing
from mmembed.app.endpoints import Endpoints
from mmembed.app.index_panel import IndexPanel
from mmembed.app.labels import Labels, read_languages
from mmembed.app.models_page import ModelsPage
from mmembed.app.questions import Question
from mmembed.app.search_page import SearchPage
from mmembed.app.service import Service
from mmembed.app.translate_page import AUTO, TranslatePage
from mmembed.errors import InvalidQuery, MmembedError
from mmembed.media.samples import sample_photos

_SEARCH, _CAPTION, _TRANSLATE, _MODELS = "search", "caption", "translate", "models"


def assemble(service: Service) -> gr.Blocks:
    """Gradio blocks for a service."""
    blocks: gr.Blocks = _App(service).blocks
    return blocks


class _App:
    def __init__(self, service: Service) -> None:
        self.service, self.labels, self.languages = service, service.labels, read_languages()
        settings, samples = service.settings, sample_photos()
        with gr.Blocks(
            title=self.labels.title,
            analytics_enabled=False,
            delete_cache=(settings.cache_check_seconds, settings.cache_keep_seconds),
        ) as self.blocks:
            self.header = gr.HTML(_header(self.labels, self.labels.loading), elem_id="mm-header")
            with gr.Tabs(elem_id="mm-tabs") as self.tabs:
                with gr.Tab(self.labels.search.tab, id=_SEARCH):
                    self.search = SearchPage(service, self.languages)
                    self.index = IndexPanel(service)
                with gr.Tab(self.labels.caption.tab, id=_CAPTION):
                    self.caption = CaptionPage(service, self.languages, samples)
                with gr.Tab(self.labels.translate.tab, id=_TRANSLATE):
                    self.translate = TranslatePage(service, self.languages, samples)
                with gr.Tab(self.labels.models.tab, id=_MODELS):
                    self.models = ModelsPage(service)
            # Before the pages, because the first function of a name gets the name as its endpoint's.
            Endpoints(service).connect(self.search, self.caption, self.translate, self.index)
            for page in (self.search, self.caption, self.translate, self.models):
                page.connect()
            self._connect_pages()

    def _connect_pages(self) -> None:
        search, caption, translate, index = self.search, self.caption, self.translate, self.index
        # The page is there before the model is; this call waits for the model and fills in what depends on it.
        self.blocks.load(
            parts.in_sentences(self.ready, self.labels), None, self.depending, api_visibility="private", show_progress="hidden"
        )
        index.button.click(
            parts.in_sentences(index.index, self.labels), [index.folder], [index.status], api_visibility="private", concurrency_id="index"
        ).success(
            parts.in_sentences(self.indexed, self.labels),
            None,
            [self.header, index.accordion, search.options.folder, *search.outputs],
            api_visibility="private",
            show_progress="hidden",
        )
        search.caption_this.click(
            parts.in_sentences(self.caption_chosen, self.labels),
            [search.chosen, *caption.options],
            [self.tabs, caption.picture, *caption.outputs],
            api_visibility="private",
            concurrency_id="write",
        )
        search.translate_with.click(
            parts.in_sentences(self.translate_with_chosen, self.labels),
            [search.chosen, translate.text],
            [self.tabs, translate.picture, translate.text],
            api_visibility="private",
        )
        caption.translate_this.click(
            parts.in_sentences(self.translate_caption, self.labels),
            [caption.text, caption.language, caption.picture],
            [self.tabs, translate.text, translate.source, translate.picture],
            api_visibility="private",
        )
        caption.search_this.click(
            parts.in_sentences(self.search_captioned, self.labels),
            [caption.picture, *search.inputs],
            [self.tabs, *search.asked],
            api_visibility="private",
            concurrency_id="search",
        )

    @property
    def depending(self) -> list[Any]:
        """What the model and the gallery fill in; see `ready`."""
        caption, translate = self.caption, self.translate
        choices = [caption.language, caption.also, translate.source, translate.to, self.search.options.folder]
        return [self.header, self.models.list, *choices, self.index.accordion, *self.search.outputs]

    def ready(self) -> tuple[Any, ...]:
        """Values of `depending` once the model is loaded, or why it cannot be used."""
        try:
            decoder = self.service.model().decoder
            header = self._header()
        except MmembedError as error:
            unchanged = [gr.skip()] * len(self.search.outputs[1:])
            why = parts.note("", str(error), "weak")
            return (_header(self.labels, self.labels.not_ready), self.models.listed(), *[gr.skip()] * 6, why, *unchanged)
        writes = self.languages.choices(decoder.caption_languages)
        translates = self.languages.choices(decoder.translation_languages)
        return (
            header,
            self.models.listed(),
            gr.update(choices=writes, value=_preferred(self.labels.language, decoder.caption_languages)),
            gr.update(choices=writes),
            gr.update(choices=[(self.labels.translate.auto, AUTO), *translates]),
            gr.update(choices=translates, value=_preferred("en" if self.labels.language != "en" else "de", decoder.translation_languages)),
            self.search.options.folders(),
            self.index.updated(),
            *self.search.welcome(),
        )

    def indexed(self) -> tuple[Any, ...]:
        """The page after a folder was indexed."""
        title = gr.update(label=self.index.title(self.service.size()))
        return (self._header(), title, self.search.options.folders(), *self.search.welcome())

    def caption_chosen(self, chosen: str, *options: Any) -> tuple[Any, ...]:
        """Describe the chosen hit on the Caption page, and keep the captions in the gallery."""
        picture = self.search.preview(chosen)
        return (gr.update(selected=_CAPTION), picture, *self.caption.present(self.service.caption_item(chosen, *describing(*options))))

    def translate_with_chosen(self, chosen: str, text: str) -> tuple[Any, ...]:
        """Take the chosen hit to the Translate page, with its stored caption if nothing was written there yet."""
        stored = self.service.captions(chosen)
        return gr.update(selected=_TRANSLATE), self.search.preview(chosen), text or (stored[0].text if stored else "")

    def translate_caption(self, text: str, language: str, picture: str | None) -> tuple[Any, ...]:
        """Take a caption and its picture to the Translate page; between which languages is still to be chosen there."""
        if not text:
            raise InvalidQuery(self.labels.caption.no_caption)
        source = language if language in self.service.model().decoder.translation_languages else AUTO
        return gr.update(selected=_TRANSLATE), text, source, picture

    def search_captioned(self, picture: str | None, *values: Any) -> tuple[Any, ...]:
        """Search the gallery with the Caption page's picture."""
        question = replace(Question(*values), text="", without="", like=picture)
        return (gr.update(selected=_SEARCH), *self.search.search_like(question, picture))

    def _header(self) -> str:
        preset = self.service.model().preset
        ready = self.labels.ready.format(model=preset.name, photos=self.labels.count_photos(self.service.size()))
        return _header(self.labels, ready, self.labels.licence.format(licence=preset.licence, use=preset.use))


def _header(labels: Labels, status: str, terms: str = "") -> str:
    return (
        f'<header class="mm-header"><h1>{escape(labels.title)}</h1><p>{escape(labels.tagline)}</p></header>'
        f'<div class="mm-status" role="status">{escape(status)}</div><div class="mm-terms">{escape(terms)}</div>'
    )


def _preferred(code: str, served: tuple[str, ...]) -> str | None:
    return code if code in served else next(iter(served), None)
