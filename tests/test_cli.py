"""The program: its real exit codes and messages in subprocesses, its output through click's runner on the fake model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import mmembed
import mmembed.commands.terminal as terminal
from mmembed.cli import cli
from mmembed.errors import UnknownPreset
from mmembed.presets import Preset
from tests.fakes import colour_picture, fake_model

ROOT = Path(__file__).parent.parent

# Loads the fake model in place of a real one, in a real process.
FAKED = """
import sys, mmembed, mmembed.cli
from tests.fakes import fake_model
mmembed.load = lambda name='mini': fake_model()
sys.argv = ['mmembed', *sys.argv[1:]]
mmembed.cli.main()
"""


def program(*arguments: str | Path, code: str | None = None, **settings: Any) -> subprocess.CompletedProcess[str]:
    start = ["-c", code] if code else ["-m", "mmembed"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii", **settings.pop("env", {})}
    command = [sys.executable, *start, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", env=environment, timeout=120, **settings)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """red.png, a copy of it, and blue.png."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("red", "blue"):
        Image.fromarray(colour_picture(name).pixels).save(folder / f"{name}.png")
    (folder / "red copy.png").write_bytes((folder / "red.png").read_bytes())
    return folder


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs a command on the fake model, in an empty folder."""

    def load(name: str = "mini") -> Any:
        if name != "mini":
            raise UnknownPreset(f"There is no preset {name!r}.")
        return fake_model()

    monkeypatch.setattr(mmembed, "load", load, raising=False)
    monkeypatch.delenv("MMEMBED_GALLERY", raising=False)
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(cli, [str(argument) for argument in arguments])


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def commands(group: click.Group = cli, *path: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        yield (*path, name)
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


# The contract


def test_the_surface_is_complete() -> None:
    assert set(commands()) >= {
        ("index",),
        ("search",),
        ("gallery", "list"),
        ("gallery", "info"),
        ("gallery", "remove"),
        ("gallery", "check"),
        ("gallery", "export"),
        ("caption",),
        ("translate",),
        ("eval", "retrieval"),
        ("eval", "caption"),
        ("eval", "translate"),
        ("eval", "masked"),
        ("eval", "tables"),
        ("train", "space"),
        ("train", "decoder"),
        ("compare",),
        ("tune", "captions"),
        ("tune", "translations"),
        ("presets",),
        ("pull",),
        ("app",),
    }


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_every_command_explains_itself(command: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, [*command, "--help"])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 5
    found: Any = cli
    for name in command:
        found = found.commands[name]
    assert all(option.help for option in found.params if isinstance(option, click.Option))


def test_help_and_version_in_a_process() -> None:
    helped = program("--help")
    assert helped.returncode == 0
    assert "130" in helped.stdout
    assert program("--version").stdout.startswith("mmembed, version")


def test_no_heavy_import_for_help_and_search(photos: Path, tmp_path: Path) -> None:
    check = "import atexit\natexit.register(lambda: print('LOADED', [m for m in ('torch', 'gradio', 'transformers') if m in sys.modules]))"
    helped = program("--help", code=FAKED.replace("sys.argv =", f"{check}\nsys.argv ="))
    assert "LOADED []" in helped.stdout
    gallery = tmp_path / "g.mm"
    assert program("index", photos, "--gallery", gallery, code=FAKED).returncode == 0
    searched = program("search", "red", "--gallery", gallery, code=FAKED.replace("sys.argv =", f"{check}\nsys.argv ="))
    assert searched.returncode == 0
    assert "LOADED []" in searched.stdout


# Errors: one sentence, the right code, no traceback


def test_errors_in_processes(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    gallery = tmp_path / "g.mm"
    program("index", photos, "--gallery", gallery, code=FAKED)
    cases: list[tuple[int, str, tuple[str | Path, ...]]] = [
        (1, "no gallery at nowhere.mm", ("search", "dog", "--gallery", "nowhere.mm")),
        (1, "empty", ("search", " ", "--gallery", gallery)),
        (1, "bad.jpg cannot be used", ("search", "--like", tmp_path / "bad.jpg", "--gallery", gallery)),
        (2, "what to look for", ("search", "--gallery", gallery)),
        (2, "extra argument", ("search", "two", "dogs", "--gallery", gallery)),
        (2, "does not exist", ("index", tmp_path / "nowhere")),
        (1, "picture", ("index", tmp_path / "empty", "--gallery", tmp_path / "new.mm")),
        (1, "picture", ("caption", tmp_path / "empty")),
        (1, "None of the 1 files", ("caption", tmp_path / "bad.jpg")),
        (1, "'xx' is not served", ("caption", photos, "--lang", "xx")),
        (1, "'xx' is not served", ("translate", "dog", "--to", "xx")),
        (1, "empty", ("translate", "", "--to", "de")),
        (1, "nowhere.jpg cannot be used", ("translate", "dog", "--to", "de", "--image", "nowhere.jpg")),
        (2, "--to", ("translate", "dog")),
        (2, "No such command", ("fly",)),
    ]
    for code, message, arguments in cases:
        result = program(*arguments, code=FAKED, cwd=tmp_path)
        assert (result.returncode, result.stdout) == (code, ""), (arguments, result.stderr)
        assert message in result.stderr, arguments
        assert "Traceback" not in result.stderr
        if code == 1:
            assert result.stderr.splitlines()[-1].startswith("mmembed: ")


def test_interruption(tmp_path: Path) -> None:
    code = FAKED.replace("fake_model()", "interrupt()").replace("mmembed.load", "def interrupt(): raise KeyboardInterrupt\nmmembed.load")
    result = program("translate", "dog", "--to", "de", code=code)
    assert result.returncode == 130
    assert "kept" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX pipe")
def test_closed_pipe_is_quiet(photos: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", FAKED, "caption", str(photos), "--json", "-n", "10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read().decode()
    assert errors == ""


def test_output_is_utf8_whatever_the_terminal_says(photos: Path) -> None:
    (photos / "grün.png").write_bytes((photos / "blue.png").read_bytes())
    result = program("caption", photos / "grün.png", "--lang", "de", code=FAKED)
    assert "grün.png  de" in result.stdout


def test_missing_torch_names_the_extra(tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipe.yaml").write_text("{}", encoding="utf-8")
    for name in ("mmembed.learn.space", "mmembed.learn.decoder"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    for name in ("torch", "accelerate", "transformers"):
        monkeypatch.setitem(sys.modules, name, None)
    for kind in ("space", "decoder"):
        result = run("train", kind, "--config", "recipe.yaml")
        assert result.exit_code == 1
        assert "pip install" in result.stderr


def test_unknown_preset(run: Callable[..., Result]) -> None:
    result = run("translate", "a", "--to", "de", "--preset", "nano")
    assert result.exit_code == 1
    assert result.stderr == "mmembed: There is no preset 'nano'.\n"


# Outputs


def test_index_then_search(run: Callable[..., Result], photos: Path) -> None:
    indexed = run("index", photos)
    assert indexed.exit_code == 0, indexed.stderr
    assert indexed.stdout.startswith("2 photos in photos.mm (")
    found = lines(run("search", "red", "--json"))
    assert [set(hit) for hit in found] == [{"path", "paths", "similarity", "confidence"}, {"path", "similarity", "confidence"}]
    assert found[0]["paths"] == [str(photos / "red copy.png"), str(photos / "red.png")]
    assert found[0]["path"] == found[0]["paths"][0]
    assert found[0]["similarity"] == pytest.approx(1, abs=1e-3)
    assert len(lines(run("search", "red", "-k", "1", "--json"))) == 1
    header, best, _ = run("search", "red").stdout.splitlines()
    assert header.split() == ["confidence", "similarity", "path"]
    assert best.endswith("red copy.png")


def test_search_by_picture_and_without_words(run: Callable[..., Result], photos: Path) -> None:
    run("index", photos)
    assert lines(run("search", "--like", photos / "blue.png", "--json"))[0]["path"].endswith("blue.png")
    both = lines(run("search", "red blue", "--not", "red", "--json"))
    assert both[0]["path"].endswith("blue.png")


def test_no_good_match_is_said_aside(run: Callable[..., Result], photos: Path) -> None:
    run("index", photos)
    result = run("search", "green", "--json")
    assert "No good match" in result.stderr
    assert len(lines(result)) == 2
    assert run("search", "red").stderr == ""


def test_gallery_from_the_environment(run: Callable[..., Result], photos: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MMEMBED_GALLERY", str(tmp_path / "elsewhere.mm"))
    assert run("index", photos).exit_code == 0
    assert (tmp_path / "elsewhere.mm").exists()
    assert not (tmp_path / "photos.mm").exists()


def test_index_goes_on_past_bad_files(run: Callable[..., Result], photos: Path) -> None:
    (photos / "bad.jpg").write_bytes(b"no picture")
    result = run("index", photos, "--json")
    [report] = lines(result)
    assert report["pictures"] == 2
    assert [skipped["path"] for skipped in report["skipped"]] == [str(photos / "bad.jpg")]
    assert "bad.jpg" in result.stderr
    for file in photos.glob("*.png"):
        file.unlink()
    assert run("index", photos, "--gallery", "new.mm").exit_code == 1


def test_captions(run: Callable[..., Result], photos: Path) -> None:
    (photos / "bad.jpg").write_bytes(b"no picture")
    result = run("caption", photos, "--lang", "de,en", "--lang", "en", "-n", "2", "--json")
    written = lines(result)
    assert [(Path(line["path"]).name, line["language"], line["text"]) for line in written] == [
        ("blue.png", "de", "blau"),
        ("blue.png", "en", "blue"),
        ("red copy.png", "de", "rot"),
        ("red copy.png", "en", "red"),
        ("red.png", "de", "rot"),
        ("red.png", "en", "red"),
    ]
    fields = ("path", "language", "text", "similarity", "confidence", "doubtful", "score", "alternatives", "unfamiliar", "looks_like")
    assert {tuple(line) for line in written} == {fields}
    assert written[1]["alternatives"] == ["blue!"]
    assert result.stderr.splitlines()[-1] == "3 photos described, 1 skipped."
    assert run("caption", photos / "red.png").stdout == f"{photos / 'red.png'}  en   98%  red\n"


def test_translation(run: Callable[..., Result], photos: Path) -> None:
    [blind] = lines(run("translate", "one two", "--to", "fr", "--from", "en", "--json"))
    assert list(blind)[:5] == ["source", "language", "text", "grounded", "similarity"]
    assert list(blind)[5:] == ["from", "via", "score", "notes", "alternatives"]
    assert (blind["source"], blind["language"], blind["text"], blind["grounded"]) == ("one two", "fr", "two one", False)
    [seeing] = lines(run("translate", "wall", "--to", "de", "--image", photos / "red.png", "--json"))
    assert (seeing["text"], seeing["grounded"]) == ("wall rot", True)
    assert run("translate", "one two", "--to", "fr").stdout == "two one\n"


def test_captions_of_a_dataset(run: Callable[..., Result], photos: Path) -> None:
    pytest.importorskip("datasets")
    (photos / "broken.png").write_bytes(b"no picture")
    result = run("caption", "--dataset", photos, "--json")
    assert {(line["path"], line["text"]) for line in lines(result)} == {("red.png", "red"), ("red copy.png", "red"), ("blue.png", "blue")}
    assert "skipped broken.png" in result.stderr
    assert "3 photos described, 1 skipped." in result.stderr
    assert run("caption").exit_code == 2
    assert run("caption", photos, "--dataset", photos).exit_code == 2


def test_presets(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    preset = Preset("tiny", "A small one.", "x", "w", ("en",), ("en",), (), "MIT", "Anything.", 1.5, {"R@10": 60.0})
    monkeypatch.setattr("mmembed.presets.presets", lambda: {"tiny": preset})
    assert lines(run("presets", "--json"))[0]["licence"] == "MIT"
    text = run("presets", "tiny").stdout
    assert all(word in text for word in ("tiny", "MIT. Anything.", "1.5 MB", "R@10 60", "none"))
    assert "no preset 'other'" in run("presets", "other").stderr + str(run("presets", "other").exception)
    assert "mmembed pull NAME" in run("presets").stdout
    assert program("presets").returncode == 0


def test_app_gets_its_options(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr("mmembed.app.launch", lambda **options: given.update(options))
    assert run("app", "--gallery", "g.mm", "--port", "1", "--auth", "me:a:b", "--open").exit_code == 0
    expected = {"gallery": Path("g.mm"), "preset": "mini", "host": "127.0.0.1", "port": 1, "share": False}
    assert given == {**expected, "auth": ("me", "a:b"), "open_browser": True, "index_roots": (), "mcp": False}
    assert run("app", "--auth", "me").exit_code == 2


def test_train_calls_the_trainer(run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "recipe.yaml").write_text("{}", encoding="utf-8")
    called: list[Path] = []

    class Trainer:
        @staticmethod
        def train(config: Path) -> dict[str, float]:
            called.append(config)
            return {"R@10": 60.0}

    monkeypatch.setitem(sys.modules, "mmembed.learn.space", Trainer)
    assert lines(run("train", "space", "--config", "recipe.yaml")) == [{"R@10": 60.0}]
    assert called == [Path("recipe.yaml")]


# Parts


def test_columns_align(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_columns(("n", "word"), [("7 %", "a"), ("100 %", "bb"), ("-0.5", "c")])
    assert capsys.readouterr().out == "n      word\n  7 %  a\n100 %  bb\n -0.5  c\n"


def test_progress_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with terminal.progress_bar() as progress:
        assert progress is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with terminal.progress_bar() as progress:
        assert progress is not None
        for done, total, message in ((1, 10, "pictures"), (10, 10, "pictures"), (2, 4, "texts"), (1, 4, "again")):
            progress(done, total, message)
    assert "pictures" in capsys.readouterr().err


@pytest.mark.parametrize(("confidence", "said"), [(0.6, ""), (0.42, "Not sure of any"), (0.05, "No good match")])
def test_how_sure_the_best_hit_is(confidence: float, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    from mmembed.commands.searching import _remark

    _remark([SimpleNamespace(confidence=0.01), SimpleNamespace(confidence=confidence)], False, 1, 9)  # type: ignore[list-item]
    stderr = capsys.readouterr().err
    assert said in stderr
    assert bool(stderr) == bool(said)
