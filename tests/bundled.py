"""What tests of the bundled weights share: the model, loaded once, or a reason to skip."""

from __future__ import annotations

from functools import cache

import pytest

from mmembed.model import Model
from mmembed.presets import load, presets
from tests import ROOT

WEIGHTS = ROOT / "mmembed" / presets()["mini"].weights
needs_weights = [
    pytest.mark.bundled,
    pytest.mark.skipif(not (WEIGHTS / "manifest.json").is_file(), reason="the bundled weights are not there"),
]


@cache
def mini() -> Model:
    """The bundled model; sessions are reused by all tests of a run."""
    return load("mini")
