"""The warning that every text tower gives in the same words."""

from __future__ import annotations

import warnings


def warn_cut(count: int, limit: int) -> None:
    """Say that `count` texts were longer than `limit` tokens; nothing is said of none."""
    if count:
        warnings.warn(f"{count} text(s) longer than {limit} tokens were cut; the rest was not read.", stacklevel=4)
