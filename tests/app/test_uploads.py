import os
import time
from pathlib import Path

import pytest

from mmembed.app.uploads import Uploads, private_upload_folder


def test_the_folder_is_this_process_s_own_inside_a_given_one(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "given"))
    made = private_upload_folder()
    assert made.parent == tmp_path / "given"
    assert os.environ["GRADIO_TEMP_DIR"] == str(made)
    assert private_upload_folder() == made
    if os.name == "posix":
        assert made.stat().st_mode & 0o077 == 0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five files of 10 bytes, each in a folder of its own as Gradio makes them, the oldest first."""
    for number in range(5):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "picture.png").write_bytes(bytes(10))
        time.sleep(0.02)
    return tmp_path


def _left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_oldest_go_when_there_is_too_much(folder: Path) -> None:
    Uploads(folder, 25, 3600).tidy()
    assert _left(folder) == ["3", "4"]


def test_old_files_go_and_examples_stay(folder: Path) -> None:
    Uploads(folder, 1000, -1, lambda: [str(folder / "2" / "picture.png")]).tidy()
    assert _left(folder) == ["2"]


def test_one_look_serves_for_a_while(folder: Path) -> None:
    uploads = Uploads(folder, 1000, 3600)
    uploads.tidy()
    uploads._keep_seconds = -1
    uploads.tidy()
    assert len(_left(folder)) == 5
