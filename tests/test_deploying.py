"""The container and the Space, as far as they can be checked without building one."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from scripts import make_space
from tests.bundled import needs_weights
from tests.test_packaging import dependencies, extra

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
_START_SECONDS = 300


def instructions(name: str) -> list[str]:
    return re.findall(rf"^{name} (.*)", DOCKERFILE.replace("\\\n", " "), re.MULTILINE)


def start(password: str | None, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """What the container runs, with a program in the place of mmembed that says how it was called."""
    stub = tmp_path / "mmembed"
    stub.write_text('#!/bin/sh\necho "called: $*"\n', encoding="utf-8")
    stub.chmod(0o755)
    given = {} if password is None else {"MMEMBED_AUTH": password}
    command = json.loads(instructions("CMD")[-1])
    path = f"{tmp_path}:{os.environ['PATH']}"
    return subprocess.run(command, env={"PATH": path, **given}, capture_output=True, text=True, check=False)


@pytest.mark.skipif(os.name == "nt", reason="a container runs a POSIX shell")
def test_the_container_does_not_start_without_a_password(tmp_path: Path) -> None:
    for missing in (None, ""):
        refused = start(missing, tmp_path)
        assert refused.returncode != 0
        assert "has to be NAME:PASSWORD" in refused.stderr
        assert refused.stdout == ""
    assert start("me:secret", tmp_path).stdout == "called: app --host 0.0.0.0\n"


def test_the_container_is_nobody_special() -> None:
    assert instructions("USER") == ["1000"]


def test_all_that_is_copied_is_there_and_not_ignored() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")]
    sources = [name for line in instructions("COPY") if not line.startswith("--from") for name in line.split()[:-1]]
    assert {"mmembed", "configs", "pyproject.toml"} < set(sources)
    for name in sources:
        assert (ROOT / name).exists(), name
        assert any(fnmatch.fnmatch(name.split("/")[0], pattern) for pattern in allowed), name


def front_matter(readme: Path) -> dict:
    return yaml.safe_load(readme.read_text(encoding="utf-8").split("---\n")[1])


def test_the_space_says_what_it_needs() -> None:
    facts = front_matter(ROOT / "spaces" / "README.md")
    assert (facts["sdk"], facts["app_file"]) == ("gradio", "app.py")
    assert (ROOT / "spaces" / facts["app_file"]).is_file()
    assert len(facts["short_description"]) <= 60
    gradio = dependencies()["gradio"]
    assert Requirement(f"gradio{gradio}").specifier.contains(facts["sdk_version"])
    wanted = {Requirement(line).name.lower().replace("_", "-") for line in make_space.requirements().splitlines()}
    assert {"onnxruntime", "scikit-image"} < wanted
    assert wanted <= {*dependencies(), *extra("samples")} - {"gradio", "torch", "transformers"}


def test_a_folder_that_is_there_is_not_written_to(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.make_space", str(tmp_path)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "exists already" in result.stderr
    assert list(tmp_path.iterdir()) == []


class TestSpace:
    pytestmark = needs_weights

    def test_a_space_starts_as_its_host_starts_it_and_finds_the_sample_photos(self, tmp_path: Path) -> None:
        client = pytest.importorskip("gradio_client")
        pytest.importorskip("skimage")
        folder = tmp_path / "space"
        make_space.make(folder)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "MMEMBED_AUTH")}
        host = {"GRADIO_SERVER_NAME": "0.0.0.0", "GRADIO_SERVER_PORT": str(port), "HF_HUB_OFFLINE": "1", "MMEMBED_LANGUAGE": "en"}
        with (tmp_path / "log").open("w", encoding="utf-8") as log:
            app = subprocess.Popen([sys.executable, "app.py"], cwd=folder, env={**kept, **host}, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/", app, tmp_path / "log")
            visitor = client.Client(f"http://127.0.0.1:{port}", verbose=False)
            found = visitor.predict(text="a man with a camera", like=None, without="", count=1, api_name="/search")
            assert "camera.png" in json.dumps(found)
            with pytest.raises(client.exceptions.AppError, match="switched off"):
                visitor.predict(folder=str(tmp_path), api_name="/index")
        finally:
            app.terminate()
            app.wait(60)


def wait_for(address: str, app: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        assert app.poll() is None, log.read_text(encoding="utf-8")
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:
                assert answer.status == 200
            return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"The app did not answer within {_START_SECONDS} seconds:\n{log.read_text(encoding='utf-8')}")
