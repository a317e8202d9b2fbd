import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from mmembed.app import launch, server
from mmembed.app.server import Serving, exposure_warning, is_loopback
from mmembed.app.service import Service
from mmembed.errors import InvalidConfig, MissingPackage, MmembedError, UnknownPreset
from tests.app.conftest import ROOT
from tests.fakes import fake_model


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.168.1.4", False),
        ("example.org", False),
    ],
)
def test_loopback_addresses_are_known(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_only_a_page_that_others_can_open_without_a_password_is_warned_about() -> None:
    assert exposure_warning("127.0.0.1", False, None) is None
    assert exposure_warning("0.0.0.0", True, ("me", "secret")) is None
    assert "0.0.0.0" in (exposure_warning("0.0.0.0", False, None) or "")
    assert "public address" in (exposure_warning("127.0.0.1", True, None) or "")


def test_launch_warns_and_switches_indexing_off_for_others(monkeypatch, capsys) -> None:
    pytest.importorskip("gradio")
    served = []
    monkeypatch.setattr(server, "serve_service", lambda service, serving: served.append((service.may_index, service._index_roots)))
    monkeypatch.setattr("mmembed.presets.presets", lambda: {"mini": None})
    monkeypatch.setattr("mmembed.presets.load", lambda name: pytest.fail("not asked for"))
    monkeypatch.setattr("mmembed.app.service.Service.warm_up", lambda self: None)
    monkeypatch.setattr(server, "private_upload_folder", lambda: None)
    launch(host="127.0.0.1")
    assert capsys.readouterr().err == ""
    launch(host="0.0.0.0")
    assert "Warning: Everybody who can reach 0.0.0.0" in capsys.readouterr().err
    launch(host="0.0.0.0", auth=("me", "secret"))
    launch(share=True)
    launch(host="0.0.0.0", auth=("me", "secret"), index_roots=[Path("photos")])
    launch(index_roots=[Path("photos")])
    photos = (Path("photos"),)
    assert served == [(True, None), (False, ()), (True, ()), (False, ()), (True, photos), (True, photos)]


def test_the_language_is_the_one_asked_for_and_an_unknown_one_is_refused(monkeypatch) -> None:
    pytest.importorskip("gradio")
    spoken = []
    monkeypatch.setattr(server, "serve_service", lambda service, serving: spoken.append(service.labels.language))
    monkeypatch.setattr("mmembed.app.service.Service.warm_up", lambda self: None)
    monkeypatch.setattr(server, "private_upload_folder", lambda: None)
    monkeypatch.setenv("MMEMBED_LANGUAGE", "de")
    launch()
    launch(language="en")
    assert spoken == ["de", "en"]
    with pytest.raises(InvalidConfig, match=r"xx\.yaml does not exist"):
        launch(language="xx")


def test_an_unknown_preset_is_refused_before_the_page_opens() -> None:
    pytest.importorskip("gradio")
    with pytest.raises(UnknownPreset, match="no-such-preset"):
        launch(preset="no-such-preset")


def test_without_gradio_the_error_names_the_install_command(monkeypatch) -> None:
    monkeypatch.setattr(server, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match="pip install gradio"):
        launch()


def test_importing_the_app_loads_neither_gradio_nor_torch_and_silences_telemetry() -> None:
    script = "import os, sys, mmembed.app; print(os.environ['GRADIO_ANALYTICS_ENABLED'], 'gradio' in sys.modules, 'torch' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRADIO_ANALYTICS_ENABLED": "True"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == ["False", "False", "False"]


def test_a_port_that_is_taken_is_named(monkeypatch, tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    monkeypatch.setattr(server, "private_upload_folder", lambda: tmp_path)
    monkeypatch.setattr("mmembed.app.guard.fetch_nothing", lambda: None)
    monkeypatch.setenv("no_proxy", "example.org")
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with socket.socket() as taken, Service(None, fake_model) as service:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(MmembedError, match=f"127.0.0.1:{taken.getsockname()[1]}, which is in use"):
            server.serve_service(service, Serving(*taken.getsockname()))
    assert os.environ["no_proxy"].split(",") == ["example.org", "localhost", "127.0.0.1", "::1"]
