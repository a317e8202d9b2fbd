"""What a visitor, a program or another site's page may not do, tried on the running app."""

import base64
import http.client
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from PIL import Image

from mmembed.app.labels import read_settings
from tests.app.conftest import ROOT, free_port, serving

gradio_client = pytest.importorskip("gradio_client", reason="the app needs gradio")

from mmembed.app.guard import is_this_computer  # noqa: E402


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:7860", True),
        ("localhost", True),
        ("app.localhost:1", True),
        ("[::1]:7860", True),
        ("127.0.0.1.example.org", False),
        ("localhost.example.org:7860", False),
        ("192.168.1.4", False),
        ("", False),
        ("[", False),
        ("[localhost", False),
    ],
)
def test_names_of_this_computer(host: str, expected: bool) -> None:
    assert is_this_computer(host) is expected


def _request(app: str, path: str, headers: dict[str, str] | None = None, body: Any = None, method: str | None = None) -> tuple[int, str]:
    """Status and text. The path is sent as it is, `..` and all."""
    connection = http.client.HTTPConnection(urlsplit(app).netloc, timeout=60)
    try:
        connection.request(method or ("GET" if body is None else "POST"), path, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read().decode(errors="replace")
    finally:
        connection.close()


def test_a_name_that_points_here_by_a_trick_is_refused(app: str) -> None:
    status, text = _request(app, "/", {"Host": "rebound.example.org"})
    assert status == 403 and "rebound.example.org" in text
    assert _request(app, "/", {"Host": f"localhost:{urlsplit(app).port}"})[0] == 200


def test_pages_of_other_sites_are_refused(app: str) -> None:
    body, kind = json.dumps({"data": ["/"]}), {"Content-Type": "text/plain"}
    for origin in ("https://example.org", "null", "http://localhost:1", "http://["):
        assert _request(app, "/gradio_api/call/index", {**kind, "Origin": origin}, body)[0] == 403
        assert _request(app, "/config", {"Origin": origin})[0] == 403
    assert _request(app, "/config", {"Origin": app})[0] == 200


def test_the_browser_is_told_to_fetch_nothing_from_elsewhere(app: str) -> None:
    with urllib.request.urlopen(app, timeout=60) as page:
        policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "http" not in policy


def test_no_file_is_handed_out_by_its_path(app: str, gallery: Path, pictures: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.png"
    link.symlink_to(pictures / "red.png")
    uploads = next(iter(Path(tmp_path.parent).parent.glob("**/mmembed-app-*")), tmp_path)
    files = [pictures / "red.png", gallery / "gallery.sqlite", ROOT / "pyproject.toml", Path("/etc/passwd"), link]
    tricks = [f"{uploads}/../../../../../../../etc/passwd", "../../../../../../etc/passwd", "file:///etc/passwd", "/proc/self/environ"]
    for path in [*map(str, files), *tricks]:
        for written in (path, quote(path, safe=""), "//" + path.lstrip("/")):
            for route in ("/gradio_api/file=", "/gradio_api/file/", "/file=", "/static/", "/assets/", "/gradio_api/proxy="):
                status, text = _request(app, route + written)
                assert status in (400, 403, 404, 405), f"{route}{written}: {status}"
                assert "root:" not in text and "PATH=" not in text


@pytest.mark.parametrize("route", ["deep_link?session_hash=x", "process_recording", "vibe-code", "run-history/records", "proxy=x", "runs"])
def test_what_the_app_has_no_use_for_is_closed(app: str, route: str) -> None:
    assert _request(app, f"/gradio_api/{route}")[0] == 404


def _call(app: str, endpoint: str, data: list[Any]) -> tuple[str, str]:
    """Over plain HTTP, as the documentation of Gradio says: the last event, and what came with it."""
    address, headers = f"{app}/gradio_api/call/{endpoint}", {"Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(address, json.dumps({"data": data}).encode(), headers), timeout=60) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{address}/{event}", timeout=60) as stream:
        lines = [line for line in stream.read().decode().splitlines() if line]
    return lines[-2].removeprefix("event: "), lines[-1].removeprefix("data: ")


_META = {"_type": "gradio.FileData"}


def _caption(app: str, picture: Any) -> tuple[str, str]:
    return _call(app, "caption", [picture, "en", 1, [], 0, 0])


@pytest.mark.parametrize("address", ["http://169.254.169.254/latest", "https://huggingface.co/x.png", "HTTP://example.org/x.png"])
def test_addresses_in_place_of_pictures_are_not_opened(app: str, address: str) -> None:
    event, text = _caption(app, {"path": address, "meta": _META})
    assert event == "error"
    event, text = _call(app, "search", [{"path": address, "meta": _META}, None, "", 1, False, "any", "", "", "any", "", False, 1])
    assert event == "error" or "http" not in text
    for path in (address, quote(address, safe="")):
        status, text = _request(app, f"/gradio_api/file={path}")
        assert status == 403


def test_the_refusal_of_an_address_is_a_sentence(app: str) -> None:
    client = gradio_client.Client(app, verbose=False)
    with pytest.raises(Exception, match="Addresses are not opened"):
        client.predict(picture={"path": "https://example.org/x.png", "meta": _META}, language="en", count=1, api_name="/caption")
    client.close()


def test_files_of_the_server_are_no_pictures_of_a_caller(app: str, pictures: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.png"
    link.symlink_to(pictures / "red.png")
    for path in (pictures / "red.png", link, Path("/etc/passwd"), ROOT / "pyproject.toml"):
        for picture in (
            {"path": str(path), "meta": _META},
            {"path": str(path)},
            {"path": str(path), "meta": _META, "is_stream": True},
            {"path": str(path), "url": "data:image/png;base64,", "meta": _META},
            {"path": f"file://{path}", "meta": _META},
        ):
            event, text = _caption(app, picture)
            assert (event, "red" in text) == ("error", False), picture


def _png(width: int, height: int) -> str:
    file = io.BytesIO()
    Image.new("1", (width, height)).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def test_data_addresses_are_pictures_and_have_the_same_limits(app: str, pictures: Path) -> None:
    data = "data:image/png;base64," + base64.b64encode((pictures / "blue.png").read_bytes()).decode()
    event, text = _caption(app, {"url": data, "meta": _META})
    assert event == "complete" and json.loads(text)[0]["text"] == "blue"
    client = gradio_client.Client(app, verbose=False)
    with pytest.raises(Exception, match="120 million pixels; the limit here is 100 million"):
        client.predict(picture={"url": _png(20_000, 6_000), "meta": _META}, language="en", count=1, api_name="/caption")
    client.close()


def test_too_large_a_request_is_refused_whether_it_says_so_or_not(app: str) -> None:
    size, kind = read_settings().upload_megabytes * 2**20 * 2, {"Content-Type": "application/json"}
    status, text = _request(app, "/gradio_api/call/caption", kind, b'{"data": ["' + b"x" * size)
    assert status == 413 and "larger than" in text

    def chunks() -> Iterator[bytes]:
        yield b'{"data": ["'
        for _ in range(size // 2**20):
            yield b"x" * 2**20

    try:
        status, text = _request(app, "/gradio_api/call/caption", kind, chunks())
    except OSError:  # it need not wait until everything was sent
        status = 413
    assert status in (400, 413)


def test_a_page_far_behind_the_last_is_empty(app: str) -> None:
    client = gradio_client.Client(app, verbose=False)
    assert client.predict(text="red", page=10**9, api_name="/search") == []
    client.close()


@pytest.fixture(scope="module")
def locked(gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    proxies = {"http_proxy": "http://192.0.2.1:9", "https_proxy": "http://192.0.2.1:9", "no_proxy": ""}  # which must not be asked
    with serving(gallery, "fake", tmp_path_factory.mktemp("locked") / "app.txt", "en", "auth", **proxies) as address:
        yield address


def test_a_password_guards_everything_that_knows_of_photos(locked: str) -> None:
    for path in ("/config", "/gradio_api/info", "/gradio_api/file=/etc/passwd", "/gradio_api/queue/status"):
        assert _request(locked, path)[0] == 401
    for path in ("/gradio_api/upload", "/gradio_api/call/search", "/gradio_api/queue/join", "/gradio_api/run/search"):
        assert _request(locked, path, {"Content-Type": "application/json"}, json.dumps({"data": []}))[0] == 401
    assert "red.png" not in _request(locked, "/")[1]
    with pytest.raises(Exception, match=r"(?i)auth|401|credentials|login"):
        gradio_client.Client(locked, verbose=False)
    client = gradio_client.Client(locked, auth=("me", "secret"), verbose=False)
    assert len(client.predict(text="red", count=1, api_name="/search")) == 1
    client.close()


def test_an_interrupt_ends_the_server_and_leaves_nothing_behind(gallery: Path, tmp_path: Path) -> None:
    log = tmp_path / "app.txt"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "mmembed", "app", "--gallery", str(gallery), "--port", str(free_port())]
    with log.open("w") as output:
        # A shell's background job, such as this test run may be, ignores Ctrl-C, and so would its children.
        heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, preexec_fn=heeding)
        try:
            while "Running on" not in log.read_text() and process.poll() is None:
                time.sleep(0.1)
            assert list(tmp_path.glob("mmembed-app-*"))
            process.send_signal(signal.SIGINT)
            assert process.wait(60) in (0, 130)
        finally:
            process.kill()
    assert "Traceback" not in log.read_text() and "share" not in log.read_text()
    assert not list(tmp_path.glob("mmembed-*"))
