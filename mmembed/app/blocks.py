"""The whole app: four pages, and results that flow from one into another."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr

from mmembed.app import parts, scripts
from mmembed.app.answers import Answer
from mmembed.app.caption_page import CaptionPage, describing
from mmembed.app.endpoints import Endpoints
from mmembed.app.index_panel import IndexPanel
from mmembed.app.labels import Labels, read_languages
from mmembed.app.models_page import ModelsPage
from mmembed.app.questions import Question
from mmembed.app.search_page import SearchPage
from mmembed.app.selection_bar import Picked
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
        self.service, self.languages = service, read_languages()
        settings, samples, words = service.settings, sample_photos(), service.speech.written
        with gr.Blocks(
            title=service.labels.title,
            analytics_enabled=False,
            delete_cache=(settings.cache_check_seconds, settings.cache_keep_seconds),
        ) as self.blocks:
            self.header = gr.HTML(service.speech.say(lambda labels: _header(labels, labels.loading)), elem_id="mm-header")
            with gr.Tabs(elem_id="mm-tabs") as self.tabs:
                with gr.Tab(words.search.tab, id=_SEARCH):
                    self.search = SearchPage(service, self.languages)
                    self.index = IndexPanel(service)
                with gr.Tab(words.caption.tab, id=_CAPTION):
                    self.caption = CaptionPage(service, self.languages, samples)
                with gr.Tab(words.translate.tab, id=_TRANSLATE):
                    self.translate = TranslatePage(service, self.languages, samples)
                with gr.Tab(words.models.tab, id=_MODELS):
                    self.models = ModelsPage(service)
            # Before the pages, because the first function of a name gets the name as its endpoint's.
            Endpoints(service).connect(self.search, self.caption, self.translate, self.index)
            for page in (self.search, self.caption, self.translate, self.models):
                page.connect()
            self._connect_pages()
        described = self.blocks.get_api_info
        self.blocks.get_api_info = lambda *args, **kwargs: service.speech.in_english(described(*args, **kwargs))

    @property
    def labels(self) -> Labels:
        return self.service.labels

    def _connect_pages(self) -> None:
        search, caption, translate, index = self.search, self.caption, self.translate, self.index
        picked, chosen, speech = search.selection.picked, search.panel.fingerprint, self.service.speech
        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        writing: dict[str, Any] = {"api_visibility": "private", "concurrency_id": "write"}
        # The page is there before the model is. These calls wait for the model and fill in what depends on it. What visitors may
        # have set by then is read after the waiting, and kept.
        self.blocks.load(parts.in_sentences(self.greet, speech), None, [caption.language, translate.to], queue=False, **quiet)
        # One after the other with searches, and asked for before any of them, so that no answer to one is overwritten.
        ready = parts.in_sentences(self.ready, speech)
        opened = [self.header, self.models.list, *self.filling]
        loaded = self.blocks.load(ready, [search.answer], opened, concurrency_id="search", **quiet)
        loaded.then(parts.in_sentences(self.choices, speech), self.choosing, [*self.choosing, search.options.folder], **quiet)
        index.connect(self.indexed, search.answer, [self.header, search.options.folder, *self.filling])
        search.panel.caption_this.click(
            parts.in_sentences(self.caption_chosen, speech),
            [chosen, *caption.options],
            [self.tabs, caption.picture, *caption.outputs],
            **writing,
        )
        several = caption.several
        began = search.selection.caption.click(
            parts.in_sentences(self.begin_captions, speech), [picked], [self.tabs, several.column, *several.outputs, several.stop], **quiet
        )
        began.success(None, js=scripts.SCROLL_TO_SEVERAL, api_visibility="private")
        began.success(
            parts.in_sentences(self.caption_picked, speech),
            [picked, *caption.options],
            several.outputs,
            **writing,
        ).then(lambda: gr.update(visible=False), None, [several.stop], queue=False, **quiet)
        several.connect()
        search.panel.translate_with.click(
            parts.in_sentences(self.translate_with_chosen, speech),
            [chosen, translate.text, translate.source, translate.to],
            [self.tabs, translate.picture, translate.text, translate.source, translate.to],
            **quiet,
        ).success(parts.in_sentences(translate.translate_if_any, speech), translate.inputs, translate.outputs, **writing)
        caption.translate_this.click(
            parts.in_sentences(self.translate_caption, speech),
            [caption.text, caption.language, caption.picture, translate.to],
            [self.tabs, translate.picture, translate.text, translate.source, translate.to],
            **quiet,
        ).success(parts.in_sentences(translate.translate_if_any, speech), translate.inputs, translate.outputs, **writing)
        caption.search_this.click(
            parts.in_sentences(self.search_captioned, speech),
            [caption.picture, picked, *search.inputs],
            [self.tabs, *search.asked],
            api_visibility="private",
            concurrency_id="search",
        )

    @property
    def filling(self) -> list[Any]:
        """What depends on how many photos there are; see `filled`."""
        return [self.index.accordion, self.index.samples, self.search.selection.several, *self.search.outputs]

    @property
    def choosing(self) -> list[Any]:
        """The inputs whose choices depend on the model; see `choices`."""
        return [self.caption.language, self.caption.also, self.translate.source, self.translate.to]

    def ready(self, answer: Answer) -> tuple[Any, ...]:
        """The header, the list of models and `filling` once the model is loaded, or why it cannot be used in the search's status."""
        try:
            header = self._header()
        except MmembedError as error:
            empty = [gr.skip()] * len(self.filling)
            empty[self.filling.index(self.search.status)] = parts.note("", str(error), "weak")
            return (_header(self.labels, self.labels.not_ready), self.models.listed(), *empty)
        return (header, self.models.listed(), *self.filled(answer))

    def greet(self) -> tuple[Any, Any]:
        """The languages that a visitor probably wants captions in, and translations to, before the model is asked."""
        language = self.labels.language
        return (gr.skip(), gr.skip()) if language == "en" else (language, "en")

    def choices(self, language: str, also: list[str], source: str, to: str) -> tuple[Any, ...]:
        """Choices of `choosing`, which keep their values as far as the model serves them, and of the folder."""
        if not self.service.usable():
            return (gr.skip(),) * (len(self.choosing) + 1)
        decoder, offered = self.service.model().decoder, self.languages.choices
        writes, translates = decoder.caption_languages, decoder.translation_languages
        further: dict[str, Any] = gr.update(choices=offered(writes), interactive=True)
        if not set(also) <= set(writes):
            further["value"] = [code for code in also if code in writes]
        return (
            _choice(offered(writes), language, self.labels.language),
            further,
            _choice([(self.labels.translate.auto, AUTO), *offered(translates)], source, AUTO),
            _choice(offered(translates), to, self.labels.language),
            self.search.options.folders(),
        )

    def filled(self, answer: Answer) -> tuple[Any, ...]:
        """Values of `filling`: an answer that is looked at stays; without one, the gallery's first photos are shown."""
        if not self.service.usable():
            return (gr.skip(),) * len(self.filling)
        some = gr.update(visible=self.service.size() > 0)
        return (*self.index.updated(), some, *self.search.welcome_unless_asked(answer))

    def indexed(self, answer: Answer) -> tuple[Any, ...]:
        """The header, the choice of folders and `filling` after a folder was indexed."""
        accordion, *filled = self.filled(answer)
        del accordion["open"]  # the report is in it
        return (self._header(), self.search.options.folders(), accordion, *filled)

    def begin_captions(self, picked: Picked) -> tuple[Any, ...]:
        """Go to the Caption page, where the captions of the selected photos will appear."""
        column, status, grid, stop = self.caption.several.begin(picked)
        return gr.update(selected=_CAPTION), column, status, grid, stop

    def caption_picked(self, picked: Picked, *options: Any, progress: gr.Progress = gr.Progress()) -> tuple[Any, ...]:  # noqa: B008
        """Describe the selected photos, and keep the captions in the gallery."""
        return self.caption.several.write(picked, *describing(*options), progress)

    def caption_chosen(self, chosen: str, *options: Any) -> tuple[Any, ...]:
        """Describe the chosen hit on the Caption page, and keep the captions in the gallery."""
        picture = self.search.panel.preview(chosen)
        return (gr.update(selected=_CAPTION), picture, *self.caption.present(self.service.caption_item(chosen, *describing(*options))))

    def translate_with_chosen(self, chosen: str, text: str, source: str, to: str) -> tuple[Any, ...]:
        """Take the chosen hit to the Translate page, with its stored caption if nothing was written there yet."""
        picture, stored = self.search.panel.preview(chosen), self.service.captions(chosen)
        if text or not stored:
            return gr.update(selected=_TRANSLATE), picture, text, source, to
        return (gr.update(selected=_TRANSLATE), picture, stored[0].text, *self._between(stored[0].language, to))

    def translate_caption(self, text: str, language: str, picture: str | None, to: str) -> tuple[Any, ...]:
        """Take a caption and its picture to the Translate page."""
        if not text:
            raise InvalidQuery(self.labels.caption.no_caption)
        return (gr.update(selected=_TRANSLATE), picture, text, *self._between(language, to))

    def _between(self, language: str, to: str) -> tuple[str, str]:
        """The languages to translate a text of this language between; to another one than was chosen if that would be its own."""
        served = self.service.model().decoder.translation_languages
        others = [code for code in (to, self.labels.language, "en", *served) if code in served and code != language]
        return language if language in served else AUTO, next(iter(others), to)

    def search_captioned(self, picture: str | None, picked: Picked, *values: Any) -> tuple[Any, ...]:
        """Search the gallery with the Caption page's picture."""
        question = replace(Question(*values), text="", without="", like=picture)
        return (gr.update(selected=_SEARCH), *self.search.search_like(question, picture, picked))

    def _header(self) -> str:
        preset = self.service.model().preset
        ready = self.labels.ready.format(model=preset.name, photos=self.labels.count_photos(self.service.size()))
        terms = self.labels.licence.format(licence=self.labels.terms(preset.licence), use=self.labels.terms(preset.use))
        return _header(self.labels, ready, terms)


def _header(labels: Labels, status: str, terms: str = "") -> str:
    return (
        f'<header class="mm-header"><h1>{escape(labels.title)}</h1><p>{escape(labels.tagline)}</p></header>'
        f'<div class="mm-status" role="status">{escape(status)}</div><div class="mm-terms">{escape(terms)}</div>'
    )


def _choice(choices: list[tuple[str, str]], value: str, otherwise: str) -> dict[str, Any]:
    """The choices of a dropdown, open from now on; its value stays if it is one of them, and else becomes another that is."""
    codes = [code for _, code in choices]
    update: dict[str, Any] = gr.update(choices=choices, interactive=True)
    if value not in codes:  # else it is not sent, for it may be another by the time it arrives
        update["value"] = next((code for code in (otherwise, *codes) if code in codes), None)
    return update
