"""Codes of languages: whatever common code a user writes → the one this program uses, and each model family's own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from mmembed.errors import InvalidQuery

_CODE = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|\d{3}))?(?:-.*)?", re.IGNORECASE)
_TRADITIONAL = ("tw", "hk", "mo")


@dataclass(frozen=True)
class Codes:
    """`configs/languages.yaml`.

    Attributes:
        flores: our code → FLORES-200 code.
        aliases: other code → our code.
        m2m100: what M2M100 knows, by its own codes.
    """

    flores: dict[str, str]
    aliases: dict[str, str]
    m2m100: tuple[str, ...]


@lru_cache(maxsize=1)
def codes() -> Codes:
    """The table of codes."""
    from mmembed.presets import config_folder, read_config

    found: Codes = read_config(config_folder() / "languages.yaml", Codes)
    return found


def canonical(code: str) -> str:
    """Our code for an ISO 639-1, 639-2 or 639-3, BCP-47 or FLORES-200 code: `de-AT`, `deu`, `ger` and `deu_Latn` are `de`.

    A well-formed code of a language that is in no table stays as it is, in lower case, without region.

    Raises:
        InvalidQuery: it has not the form of a code.
    """
    match = _CODE.fullmatch(code.strip().replace("_", "-"))
    if match is None:
        raise InvalidQuery(f"{code!r} is no code of a language; write one such as en, de-DE, zh-Hant or deu_Latn.")
    language, script, region = ((part or "").lower() for part in match.groups())
    script, table = script.title(), codes()
    by_flores = _by_flores()
    if (flores := f"{language}_{script}") in by_flores:
        return by_flores[flores]
    language = table.aliases.get(language, language)
    if language == "zh" and not script and region in _TRADITIONAL:
        script = "Hant"
    for candidate in (f"{language}-{script}", f"{language}-{region.upper()}"):
        if candidate in table.flores:
            return candidate
    return language


def flores(code: str) -> str | None:
    """The FLORES-200 code, or None if NLLB-200 does not have the language."""
    return codes().flores.get(canonical(code))


def m2m100(code: str) -> str | None:
    """M2M100's code, or None if it does not have the language."""
    ours = canonical(code)
    return next((theirs for theirs in codes().m2m100 if canonical(theirs) == ours), None)


def find(code: str, served: Iterable[str]) -> str | None:
    """Which of the served codes means the same language as `code`: exactly, or without script and region; or None."""
    ours = canonical(code)
    by_code = {canonical(one): one for one in served}
    return by_code.get(ours) or by_code.get(ours.split("-")[0])


@lru_cache(maxsize=1)
def _by_flores() -> dict[str, str]:
    return {theirs: ours for ours, theirs in codes().flores.items()}
