"""Checkpoints made once for all tests here, with the hub and every other network out of reach."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hub.checkpoints import MAKERS
from tests.hub.writer_checkpoints import CAPTIONERS, TRANSLATORS


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a connection fails the test."""

    def refuse(*_: object) -> None:
        raise AssertionError("A test tried to use the network.")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("MMEMBED_DEVICE", "MMEMBED_PRECISION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a tiny checkpoint by the name of its maker, made when first asked for."""
    root, made = tmp_path_factory.mktemp("checkpoints"), {}

    def make(kind: str) -> Path:
        if kind not in made:
            made[kind] = ({**MAKERS, **TRANSLATORS, **CAPTIONERS})[kind](root / kind)
        return made[kind]

    return make
