"""Who is spoken to in which language.

What the page shows from the start is sent once for all visitors, in every language, and their browsers choose
(`gradio.I18n`); what is said in answer to somebody is said in the language that the request prefers, if the app has it.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from functools import cached_property, reduce
from typing import Any, get_type_hints

from mmembed.app.labels import Labels, label_languages, read_labels

_FALLBACK = "en"
_answering: ContextVar[str] = ContextVar("language of whoever is being answered", default=_FALLBACK)
_MARKER = "__i18n__"  # Gradio's own: what follows it is looked up by the browser


def forced_language(environment: Mapping[str, str] = os.environ) -> str | None:
    """The language everybody shall see, from MMEMBED_LANGUAGE; None leaves it to each visitor."""
    return environment.get("MMEMBED_LANGUAGE") or None


def preferred(accepted: str | None, known: tuple[str, ...]) -> str:
    """The language that an Accept-Language header prefers to all others, if it is known, and else English.

    Of `de-AT` only `de` counts (RFC 9110, 12.5.4). A second choice does not: Gradio in the browser looks at the first one alone, and
    a page shall be in one language.
    """
    wanted = []
    for part in (accepted or "").split(","):
        code, _, quality = part.strip().partition(";")
        found = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d*)?)\s*", quality) if quality else None
        weight = float(found[1]) if found else 0.0 if quality else 1.0
        if code and weight > 0:
            wanted.append((-weight, code.split("-")[0].lower()))
    first = min(wanted, key=lambda one: one[0], default=(0.0, _FALLBACK))[1]
    return first if first in known else _FALLBACK


class Speech:
    """The words of the app, each visitor's language its own, or one language for all.

    Attributes:
        forced: the words everybody sees; None if each visitor's browser says which.
    """

    def __init__(self, forced: Labels | None = None) -> None:
        self.forced = forced
        self._said: dict[str, Callable[[Labels], str]] = {}

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages that somebody may be spoken to in."""
        return (self.forced.language,) if self.forced else label_languages()

    @property
    def labels(self) -> Labels:
        """The words for whoever is being answered; outside of `answering`, English ones."""
        return self.forced or read_labels(_answering.get())

    @contextmanager
    def answering(self, accepted: str | None) -> Iterator[None]:
        """Speak to somebody whose request has this Accept-Language header."""
        token = _answering.set(preferred(accepted, self.languages))
        try:
            yield
        finally:
            _answering.reset(token)

    def say(self, text: Callable[[Labels], str]) -> str:
        """A text for a component's label, info, placeholder or value, while the page is built.

        If the language is not forced, this is a mark that each browser replaces by the text in its language. Gradio reads the
        texts as ICU messages, so they have no braces.
        """
        if self.forced:
            return text(self.forced)
        key = f"mmembed.{len(self._said)}"
        self._said[key] = text
        return f"{_MARKER}{json.dumps({'__type__': 'translation_metadata', 'key': key})}"

    @cached_property
    def written(self) -> Labels:
        """The words while the page is built, to be used as they are and not as a part of other texts; see `say`."""
        return self.forced or self._marked(Labels, ())

    def translations(self) -> dict[str, dict[str, str]]:
        """All that was said while the page was built, by language and key; what `gradio.I18n` wants."""
        return {} if self.forced else {code: {key: say(read_labels(code)) for key, say in self._said.items()} for code in self.languages}

    def in_english(self, described: Any) -> Any:
        """A description of the page for programs, JSON, with words in place of marks."""
        if isinstance(described, dict):
            return {key: self.in_english(value) for key, value in described.items()}
        if isinstance(described, (list, tuple)):
            return [self.in_english(value) for value in described]
        if isinstance(described, str) and described.startswith(_MARKER):
            return self._said[json.loads(described[len(_MARKER) :])["key"]](read_labels(_FALLBACK))
        return described

    def _marked(self, kind: Any, path: tuple[str, ...]) -> Any:
        """`kind` with a mark in place of every text; blanks and single characters are only for finished texts."""
        hints = get_type_hints(kind)

        def mark(name: str) -> Any:
            whole = (*path, name)
            if is_dataclass(hints[name]):
                return self._marked(hints[name], whole)
            return self.say(lambda labels: str(reduce(getattr, whole, labels)))

        return kind(**{field.name: mark(field.name) for field in fields(kind)})
