"""A `Style` on its way to whatever writes: some decoders follow it, of others the length is chosen among the candidates."""

from __future__ import annotations

from typing import Any

from mmembed.errors import InvalidQuery
from mmembed.generate.base import Style


def in_style(writer: object, style: Style) -> dict[str, Any]:
    """What to add to a call of a decoder or captioner so that it writes in the style: nothing if it follows none.

    Raises:
        InvalidQuery: it cannot sample, but shall.
    """
    if getattr(writer, "follows_style", False):
        return {"style": style}
    if style.seed is not None:
        raise InvalidQuery("This model cannot sample; leave the seed out, and it searches for the likeliest words.")
    return {}
