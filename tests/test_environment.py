"""start.py, test.py and the environments they make, as far as that can be checked without installing anything."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from scripts import environment

ROOT = Path(__file__).parent.parent


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """An environment without pip, which is quick to make."""
    folder = tmp_path / "made"
    environment.create(folder, with_pip=False)
    return folder


def run_script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(ROOT / name), *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["start.py", "test.py", "scripts/environment.py"])
def test_an_old_python_can_parse_what_tells_it_that_it_is_too_old(name: str) -> None:
    ast.parse((ROOT / name).read_text(encoding="utf-8"), feature_version=(3, 6))


def test_nothing_but_the_standard_library_is_imported() -> None:
    for name in ("start.py", "test.py", "scripts/environment.py"):
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            assert [module for module in modules if module.split(".")[0] not in {*sys.stdlib_module_names, "scripts"}] == []


def test_a_missing_folder_is_said_before_anything_is_installed() -> None:
    result = run_script("start.py", "no-such-folder")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "There is no folder" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("name", ["start.py", "test.py"])
def test_help_exits_at_once(name: str) -> None:
    result = run_script(name, "--help")
    assert result.returncode == 0
    assert "usage" in result.stdout


def test_the_key_follows_what_gets_installed_and_not_the_settings_of_our_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    (tmp_path / "requirements").mkdir()
    project, lite = tmp_path / "pyproject.toml", tmp_path / "requirements" / "lite.txt"

    def key(project_text: str, lite_text: str, *install: str) -> str:
        project.write_text(project_text, encoding="utf-8")
        lite.write_text(lite_text, encoding="utf-8")
        return environment.key_of(*install)

    editable = key("[project]\na\n[tool.ruff]\nb", "c", "--editable", ".")
    assert key("[project]\na\n[tool.ruff]\nother", "other", "--editable", ".") == editable
    assert key("[project]\nother\n", "c", "--editable", ".") != editable
    assert key("[project]\na\n", "c", "--editable", ".[train]") != editable
    requirement = key("[project]\na\n", "c", "--requirement", "lite.txt")
    assert key("[project]\nother\n", "c", "--requirement", "lite.txt") == requirement
    assert key("[project]\na\n", "other", "--requirement", "lite.txt") != requirement


def test_a_marker_is_read_back_once_the_environment_is_complete(made: Path) -> None:
    assert environment.read_marker(made) == {}
    environment.write_marker(made, lite="key")
    assert environment.read_marker(made)["lite"] == "key"


def test_a_moved_environment_is_not_used(made: Path) -> None:
    environment.write_marker(made, lite="key")
    moved = made.rename(made.parent / "moved")
    assert environment.read_marker(moved) == {}


def test_an_environment_whose_interpreter_is_gone_is_not_used(made: Path) -> None:
    environment.write_marker(made, lite="key")
    environment.python_of(made).unlink()
    assert environment.read_marker(made) == {}


def test_an_interrupted_environment_is_made_anew(made: Path) -> None:
    (made / "left-over").touch()
    environment.create(made, with_pip=False)
    assert not (made / "left-over").exists()


def test_an_environment_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    venv.create(theirs, with_pip=False)
    with pytest.raises(environment.Failure, match="was not made by this command"):
        environment.create(theirs, with_pip=False)
    assert environment.python_of(theirs).exists()


def test_without_ensurepip_the_package_to_install_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(environment.Failure, match=r"apt install python3\.\d+-venv"):
        environment.create(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_other_environments_do_not_show_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    script = f"import sys; sys.exit({str(tmp_path)!r} in sys.path)"
    assert environment.run([sys.executable, "-c", script]) == 0


def test_the_exit_code_of_a_command_comes_back() -> None:
    assert environment.run([sys.executable, "-c", "raise SystemExit(3)"]) == 3


def test_environments_unused_for_long_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("full-old", "full-new", "lite-old"):
        (tmp_path / name).mkdir()
        environment.write_marker(tmp_path / name)
    monkeypatch.setattr(environment.time, "time", lambda: (tmp_path / "full-new").stat().st_mtime + 15 * 24 * 3600)
    environment._remove_unused("full", keep=tmp_path / "full-new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full-new", "lite-old"]


def test_the_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "environment.lock"
    attempt = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
from scripts import environment
with open({str(path)!r}, "a+") as file:
    sys.exit(0 if environment._try_lock(file) else 7)
"""
    with environment._locked(path):
        assert subprocess.run([sys.executable, "-c", attempt], check=False).returncode == 7
    assert subprocess.run([sys.executable, "-c", attempt], check=False).returncode == 0


@pytest.mark.parametrize(
    ("problem", "code", "sentence"),
    [
        (environment.Failure("No."), 1, "No."),
        (PermissionError(13, "Permission denied", "folder"), 1, "folder: Permission denied."),
        (KeyboardInterrupt(), 130, "Stopped."),
    ],
)
def test_trouble_and_ctrl_c_end_in_one_sentence(
    problem: BaseException, code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def job() -> int:
        raise problem

    with pytest.raises(SystemExit) as exit_:
        environment.main(job)
    assert exit_.value.code == code
    assert capsys.readouterr().err.strip() == sentence


def test_markers_are_plain_json(made: Path) -> None:
    environment.write_marker(made, full="key")
    (marker,) = made.glob("*.json")
    assert json.loads(marker.read_text(encoding="utf-8")) == {"folder": str(made), "full": "key"}
