"""Small pieces all pages are made of: uploads, sentences instead of tracebacks, and escaped snippets of HTML."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any, TypeVar

import gradio as gr
from gradio.context import LocalContext
from gradio.data_classes import ImageData
from gradio.processing_utils import save_base64_to_cache

from mmembed.app.guard import NO_PATHS
from mmembed.app.labels import Labels, Languages
from mmembed.app.service import Service
from mmembed.app.speech import Speech
from mmembed.errors import MmembedError

_log = logging.getLogger(__name__)
_Handler = TypeVar("_Handler", bound=Callable[..., Any])


class Part:
    """A part of the page, built in the current Gradio context, with methods that handle what happens to it."""

    def __init__(self, service: Service) -> None:
        self.service = service

    @property
    def labels(self) -> Labels:
        """The words for whoever is being answered; while the page is built, `service.speech` has them."""
        return self.service.labels


def language_choice(choices: list[tuple[str, str]], value: str | list[str], label: str, **look: Any) -> gr.Dropdown:
    """A choice of languages that opens once the model has said which it serves.

    Choices that go while their list is open are an error in the browser (Gradio 6): it looks each up that it showed.
    """
    return gr.Dropdown(choices, value=value, label=label, interactive=False, **look)


def picture_input(label: str, elem_id: str, height: int = 280) -> gr.Image:
    """A picture by upload, drag, paste or webcam; handlers get the path of the uploaded file."""
    image = gr.Image(
        label=label,
        elem_id=elem_id,
        type="filepath",
        image_mode=None,
        sources=["upload", "webcam", "clipboard"],
        height=height,
        buttons=["fullscreen"],
    )

    def as_uploaded(payload: ImageData | None) -> str | None:
        """The file itself: Gradio would decode it first, at any size, and fail on a damaged one with an error that says nothing."""
        if payload is not None and payload.url and payload.url.startswith("data:"):
            return str(save_base64_to_cache(payload.url, image.GRADIO_CACHE))
        if payload is None or not payload.path:
            return None
        # Gradio itself looks at this only if the caller says that what it sends is a file.
        if not Path(payload.path).resolve().is_relative_to(Path(image.GRADIO_CACHE).resolve()):
            raise gr.Error(NO_PATHS, print_exception=False)
        return payload.path

    # On the instance, because Gradio writes a stub file beside the source of every class derived from its components.
    image.preprocess = as_uploaded  # type: ignore[method-assign]
    return image


def in_sentences(handler: _Handler, speech: Speech) -> _Handler:
    """Answer in the visitor's language. Show this package's errors as a notice and leave the page as it is; report anything else
    as the bug it is."""

    @functools.wraps(handler)
    def shown(*args: Any, **kwargs: Any) -> Any:
        with speech.answering(_accepted_languages()):
            labels = speech.labels
            try:
                return handler(*args, **kwargs)
            except MmembedError as error:
                gr.Warning(escape(str(error)), title=labels.notice)
                return gr.skip()
            except Exception as error:
                _log.exception("The app failed in %s", handler.__name__)
                raise gr.Error(escape(labels.failed.format(error=error or type(error).__name__)), title=labels.error) from error

    return shown  # type: ignore[return-value]


def for_programs(handler: _Handler, speech: Speech) -> _Handler:
    """The same for API callers, who get the sentence as the error of their call."""

    @functools.wraps(handler)
    def called(*args: Any, **kwargs: Any) -> Any:
        with speech.answering(_accepted_languages()):
            try:
                return handler(*args, **kwargs)
            except MmembedError as error:
                raise gr.Error(str(error), print_exception=False) from error

    return called  # type: ignore[return-value]


def visitor() -> str:
    """What tells the open pages apart; empty outside of a request."""
    return str(getattr(LocalContext.request.get(None), "session_hash", None) or "")


def _accepted_languages() -> str:
    headers = getattr(LocalContext.request.get(None), "headers", None)
    return str(headers.get("accept-language", "")) if headers is not None else ""


def note(text: str, more: str = "", kind: str = "") -> str:
    """A notice that screen readers announce; `kind` is `good`, `weak` or nothing."""
    strong = f"<b>{escape(text)}</b> " if text else ""
    return f'<div class="mm-note {f"mm-{kind}" if kind else ""}" role="status">{strong}{escape(more)}</div>'


def figures(rows: Sequence[tuple[str, str]]) -> str:
    """Values, each named, on one line if they fit."""
    return f'<div class="mm-fit">{" · ".join(f"<span>{escape(name)}: <b>{escape(value)}</b></span>" for name, value in rows)}</div>'


def remark(text: str) -> str:
    """A small line that says something about what stands above it."""
    return f'<p class="mm-remark">{escape(text)}</p>'


def percent(confidence: float) -> str:
    """A probability in words that never claim certainty: between "<1 %" and ">99 %"."""
    if confidence < 0.01:
        return "<1 %"
    return ">99 %" if confidence > 0.99 else f"{confidence * 100:.0f} %"


def others(label: str, texts: Sequence[str], language: str, languages: Languages) -> str:
    """Alternative texts as a list, in the direction their language is written."""
    if not texts:
        return ""
    entries = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f'<p class="mm-others-title">{escape(label)}</p><ol class="mm-others" {_in(language, languages)}>{entries}</ol>'


def titled(title: str, text: str, language: str, languages: Languages, more: str) -> str:
    """A text under its title, and below it what is known about it, as HTML."""
    words = f'<p class="mm-words" {_in(language, languages)}>{escape(text)}</p>'
    return f'<section class="mm-titled"><h2>{escape(title)}</h2>{words}{more}</section>'


def facts(rows: Sequence[tuple[str, str]], close: str) -> str:
    """Names and values, as a definition list; `close` is what closes it where it opens in a window of its own."""
    entries = "".join(f"<dt>{escape(name)}</dt><dd dir=auto>{escape(value)}</dd>" for name, value in rows)
    return f'<dl class="mm-facts" data-close="{escape(close, quote=True)}">{entries}</dl>'


def written(text: str, language: str, languages: Languages) -> dict[str, Any]:
    """An update of a result box: the text, in its language's direction."""
    rtl = languages.right_to_left(language)
    update: dict[str, Any] = gr.update(value=text, rtl=rtl, text_align="right" if rtl else "left")
    return update


def _in(language: str, languages: Languages) -> str:
    """Attributes of an element whose text is in this language."""
    return f'lang="{escape(language, quote=True)}" dir="{"rtl" if languages.right_to_left(language) else "ltr"}"'


def picture_grid(label: str, columns: int, elem_id: str) -> gr.Gallery:
    """Pictures side by side, each cut to a square; a click tells which, and opens nothing."""
    return gr.Gallery(
        label=label,
        columns=columns,
        height="auto",
        object_fit="cover",
        allow_preview=False,
        interactive=False,
        buttons=[],
        format="jpeg",
        show_label=False,
        elem_id=elem_id,
    )
