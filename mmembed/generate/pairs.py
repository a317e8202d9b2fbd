"""Which pairs of languages there are, and what to say of one that there is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mmembed.errors import UnknownPair
from mmembed.languages import canonical

_SHOWN = 6


def require_pair(name: str, source: str, to: str, pairs: Sequence[str]) -> None:
    """Raise UnknownPair, naming the nearest pairs, unless `source-to` is among `pairs` such as `en-de` (canonical codes)."""
    if f"{source}-{to}" in pairs:
        return
    raise UnknownPair(f"{name} does not translate from {source!r} to {to!r}; {nearest(source, to, pairs)}.")


def require_languages(name: str, codes: Sequence[str], served: Sequence[str]) -> None:
    """The same for a model that translates between all of its languages."""
    known = {canonical(code) for code in served}
    for code in codes:
        if code not in known:
            near = _shortened(sorted(known, key=lambda one: (one.split("-")[0] != code.split("-")[0], one[:1] != code[:1], one)))
            raise UnknownPair(f"{name} does not know the language {code!r}; of its {len(known)} the nearest by code are {near}.")


def nearest(source: str, to: str, pairs: Sequence[str]) -> str:
    """In words: the way round through a third language, or pairs that share a language with the one asked for."""
    split = [pair.split("-", 1) if pair.count("-") == 1 else _split(pair) for pair in pairs]
    steps = {there for here, there in split if here == source} & {here for here, there in split if there == to}
    if steps:
        through = "en" if "en" in steps else sorted(steps)[0]
        return f"it does from {source!r} to {through!r} and from there to {to!r}, in two steps"
    sharing = [f"{here}-{there}" for here, there in split if here == source or there == to]
    if sharing:
        return f"the nearest pairs it has are {_shortened(sharing)}"
    return f"its pairs are {_shortened([f'{here}-{there}' for here, there in split])}"


def _split(pair: str) -> list[str]:
    """`zh-Hant-en` has a script in it: the part in title case belongs to what is before it."""
    parts = pair.split("-")
    for cut in range(1, len(parts)):
        if not parts[cut].istitle() and not parts[cut].isupper():
            return ["-".join(parts[:cut]), "-".join(parts[cut:])]
    return [parts[0], "-".join(parts[1:])]


def _shortened(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more
