"""The Models page: which models there are, what they do, on what terms, and how to use one. It changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import gradio as gr

from mmembed.app import parts
from mmembed.app.labels import Labels, ModelsLabels
from mmembed.app.questions import ANY
from mmembed.app.service import Known, Service
from mmembed.backends import BUNDLED
from mmembed.presets import Published


class ModelsPage(parts.Part):
    """Builds the page's components in the current Gradio context; methods are its handlers."""

    def __init__(self, service: Service) -> None:
        super().__init__(service)
        words = service.speech.written.models
        gr.HTML(service.speech.say(how_to), elem_id="mm-models-how")
        self.role = gr.Radio(
            [(words.everything, ANY), *((label, role) for role, label in _roles(words).items())],
            value=ANY,
            label=words.show,
            elem_id="mm-models-role",
        )
        self.list = gr.HTML(service.speech.say(lambda labels: parts.note(labels.loading)), elem_id="mm-models")

    def connect(self) -> None:
        """Wire the events that stay on this page."""
        self.role.change(
            parts.in_sentences(self.listed, self.service.speech), [self.role], [self.list], api_visibility="private", show_progress="hidden"
        )

    def listed(self, role: str = ANY) -> str:
        """The models that do this (or all), as HTML."""
        models = [known for known in self.service.models() if role in (ANY, *known.roles)]
        if not models:
            return parts.note("", self.labels.models.nothing)
        return f'<div class="mm-models">{"".join(map(self.describe, models))}</div>'

    def describe(self, known: Known) -> str:
        """One model: what everybody wants to know first, and the rest behind a fold."""
        words, preset = self.labels.models, known.preset
        name, badges = escape(preset.name), "".join(f"<li>{escape(_roles(words)[role])}</li>" for role in known.roles)
        state = words.used if known.used else words.ready if known.ready else words.download.format(size=self._size(preset.size_mb))
        kind = "mm-used" if known.used else "mm-ready" if known.ready else "mm-away"
        return (
            f'<article class="mm-model" aria-labelledby="mm-model-{name}">'
            f'<div class="mm-model-head"><h2 id="mm-model-{name}">{name}</h2><ul class="mm-badges">{badges}</ul>'
            f'<span class="mm-state {kind}">{escape(state)}</span></div>'
            f'<p lang="en">{escape(preset.summary)}</p>'
            f'<p class="mm-remark">{self._terms(preset.licence)}. {self._terms(preset.use)}</p>'
            f"<details><summary>{escape(words.more.format(name=preset.name))}</summary>{self._facts(known)}</details></article>"
        )

    def _terms(self, english: str) -> str:
        """A licence or its meaning, marked as English where it stays so."""
        known = self.labels.terms(english)
        return escape(known) if known != english else f'<span lang="en">{escape(english)}</span>'

    def _facts(self, known: Known) -> str:
        words, preset = self.labels.models, known.preset
        size = self._size(preset.size_mb)
        if preset.parameters_m:
            size = words.parameters.format(size=size, count=self.labels.number(preset.parameters_m))
        measured = [f"{name} {self.labels.number(value, 1)}" for name, value in preset.measured.items()]
        rows = [
            (words.searches, self._languages(preset.languages)),
            (words.captions, self._languages(preset.captions)),
            (words.translates, self._pairs(preset.pairs) if preset.pairs else self._languages(preset.translations)),
            (words.weights, escape(preset.weights)),
            (words.size, escape(size)),
            (words.measured, escape("; ".join(measured) or words.never_run)),
            (words.published, self._published(preset.published)),
            (words.use, self._commands(known)),
        ]
        return f'<dl class="mm-facts">{"".join(f"<dt>{escape(name)}</dt><dd>{value}</dd>" for name, value in rows if value)}</dl>'

    def _languages(self, codes: Sequence[str]) -> str:
        return escape(self.labels.models.all_languages if "all" in codes else ", ".join(codes))

    def _pairs(self, pairs: Sequence[str]) -> str:
        return escape(self.labels.models.pairs.format(count=len(pairs), pairs=", ".join(pairs)))

    def _published(self, scores: Sequence[Published]) -> str:
        """Each with a link to where it stands; nothing is fetched before somebody follows it."""
        if not scores:
            return escape(self.labels.models.nothing_published)
        entries = (
            f'<li><a href="{escape(score.url, quote=True)}" target="_blank" rel="noopener noreferrer" lang="en">{escape(score.what)}</a>: '
            f"{escape(self.labels.number(score.value, 1))}</li>"
            for score in scores
        )
        return f'<ul class="mm-scores">{"".join(entries)}</ul>'

    def _commands(self, known: Known) -> str:
        name = known.preset.name
        lines = [] if known.ready or known.preset.backend == BUNDLED else [f"mmembed pull {name}"]
        return "<br>".join(f"<code>{escape(line)}</code>" for line in [*lines, f"mmembed app --preset {name}"])

    def _size(self, megabytes: float) -> str:
        number = self.labels.number
        return f"{number(megabytes / 1000, 1)} GB" if megabytes >= 1000 else f"{number(megabytes)} MB"


def how_to(labels: Labels) -> str:
    """How to use a model, as HTML."""
    words, commands = labels.models, "mmembed pull siglip2-base\nmmembed app --preset siglip2-base+blip-base"
    return (
        f'<p class="mm-how">{escape(words.how)}</p><pre class="mm-code" tabindex="0">{escape(commands)}</pre>'
        + parts.remark(words.how_joined)
        + parts.remark(words.how_terms)
    )


def _roles(words: ModelsLabels) -> dict[str, str]:
    return {"space": words.space, "captioner": words.captioner, "translator": words.translator}
