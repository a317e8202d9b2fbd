"""`caption` and `translate` as a user meets them, on the fake model."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result

from mmembed.gallery import Gallery
from mmembed.generate.base import Captioning, Naming
from mmembed.generate.outputs import xmp
from tests import datasets_on_disk
from tests.fakes import colour_kinds, fake_model
from tests.test_cli import lines, photos, run

__all__ = ["photos", "run"]  # fixtures

Run = Callable[..., Result]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_captions_go_to_a_table_once(run: Run, photos: Path, tmp_path: Path) -> None:
    (photos / "bad.jpg").write_bytes(b"no picture")
    first = run("caption", photos, "--lang", "en,de", "-o", "captions.csv")
    assert (first.exit_code, first.stdout) == (0, "")
    assert "bad.jpg" in first.stderr
    assert first.stderr.splitlines()[-1] == "3 photos described, 1 skipped."
    with (tmp_path / "captions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(Path(row["path"]).name, row["language"], row["text"]) for row in rows][:2] == [
        ("blue.png", "en", "blue"),
        ("blue.png", "de", "blau"),
    ]
    again = run("caption", photos, "--lang", "en,de", "-o", "captions.csv", "--json")
    assert again.exit_code == 0
    assert again.stdout == ""
    assert "3 had captions already" in again.stderr
    (photos / "new.png").write_bytes((photos / "red.png").read_bytes() + b"tail")
    assert [line["text"] for line in lines(run("caption", photos, "-o", "captions.csv", "--json"))] == ["red"]
    assert lines(run("caption", photos, "-o", "captions.csv", "--json", "--again"))[0]["text"] == "blue"


def test_sidecars_and_nothing_else_beside_the_pictures(run: Run, photos: Path) -> None:
    before = contents(photos)
    result = run("caption", photos / "red.png", "--sidecar", "txt", "--sidecar", "xmp")
    assert result.exit_code == 0, result.stderr
    after = contents(photos)
    assert set(after) - set(before) == {"red.txt", "red.png.xmp"}
    assert {name: after[name] for name in before} == before
    assert after["red.txt"] == b"red\n"
    assert xmp.read(photos / "red.png.xmp")[xmp.ALT_TEXT] == {"x-default": "red", "en": "red"}
    run("caption", photos / "red.png", "--sidecar", "xmp-adobe")
    assert (photos / "red.xmp").exists()


def test_a_gallery_is_described_from_its_vectors_and_searchable(run: Run, photos: Path) -> None:
    run("index", photos)
    for path in photos.iterdir():
        path.unlink()
    first = run("caption", "photos.mm", "--lang", "de", "--json")
    assert sorted(line["text"] for line in lines(first)) == ["blau", "rot"]
    assert "2 photos described" in first.stderr
    with Gallery("photos.mm", fake_model()) as gallery:
        assert [item.paths[0].name for item, _ in gallery.find_captions("blau")] == ["blue.png"]
    second = run("caption", "photos.mm", "--lang", "de,en", "--json")
    assert sorted(line["text"] for line in lines(second)) == ["blue", "red"]
    assert "2 had captions already" in run("caption", "photos.mm").stderr
    assert len(lines(run("caption", "photos.mm", "--again", "--json"))) == 2


def test_a_gallerys_captions_also_go_to_a_table(run: Run, photos: Path, tmp_path: Path) -> None:
    run("index", photos)
    run("caption", "photos.mm")
    assert "2 photos described" in run("caption", "photos.mm", "-o", "a.jsonl").stderr
    assert (tmp_path / "a.jsonl").read_text(encoding="utf-8").count("\n") == 2


def test_doubt_is_shown(run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.fakes.FakeSpace.confidence", lambda self, query, similarities: similarities * 0)
    assert run("caption", photos / "red.png").stdout.endswith("  en    0%  red  (doubtful)\n")
    assert lines(run("caption", photos / "red.png", "--json"))[0]["doubtful"] is True
    monkeypatch.setattr("tests.fakes.FakeSpace.familiarity", lambda self, vectors: vectors[:, 0] * 0 - 2, raising=False)
    assert run("caption", photos / "red.png").stdout.endswith("red  (doubtful: unlike the photos the model knows)\n")
    assert lines(run("caption", photos / "red.png", "--json"))[0]["looks_like"] == []
    monkeypatch.setattr("tests.fakes.FakeSpace.kinds", colour_kinds(), raising=False)
    assert run("caption", photos / "red.png").stdout.endswith(
        "red  (doubtful: unlike the photos the model knows; perhaps cherry, rose, sky)\n"
    )
    assert lines(run("caption", photos / "red.png", "--lang", "de", "--json"))[0]["looks_like"] == ["Kirsche", "Rose", "Abendhimmel"]
    captioning = Captioning(doubtful_below=0.5, naming=Naming(0.0, 0.0, 2.0))
    monkeypatch.setattr("mmembed.load", lambda preset: replace(fake_model(), captioning=captioning))
    assert run("caption", photos / "red.png").stdout.endswith(
        "  en   88%  A photo of cherry.  (unlike the photos the model knows; perhaps cherry, rose, sky)\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--seed", "1"), 1, "cannot sample"),
        (("--shortest", "9", "--longest", "3"), 2, "more than"),
        (("-o", "captions.docx"), 1, "ends in none"),
        (("--lang", "xx"), 1, "'xx'"),
    ],
)
def test_what_captions_cannot_be(run: Run, photos: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    result = run("caption", photos, *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert words in result.stderr


def test_a_file_is_translated_row_by_row(run: Run, photos: Path, tmp_path: Path) -> None:
    (photos / "bad.jpg").write_bytes(b"no picture")
    rows = f"text,image\none two,\n,\n{'x' * 10_000},\nwall,photos/red.png\nwall,photos/bad.jpg\nthree four,\n"
    (tmp_path / "in.csv").write_text(rows, encoding="utf-8")
    first = run("translate", "--file", "in.csv", "--to", "de", "-o", "out.jsonl")
    assert first.exit_code == 0, first.stderr
    assert first.stderr.splitlines()[-1] == "3 texts translated, 3 failed."
    assert "row 5: The picture photos/bad.jpg cannot be used" in first.stderr
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["text"] for row in found] == ["two one", "", "", "wall rot", "", "four three"]
    assert [bool(row["error"]) for row in found] == [False, True, True, False, True, False]
    again = run("translate", "--file", "in.csv", "--to", "de", "-o", "out.jsonl")
    assert "0 texts translated, 6 were already" in again.stderr
    assert lines(run("translate", "--file", "in.csv", "--to", "de", "--json")) == found


def test_a_text_file_line_by_line(run: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("one two\n\nthree four\n", encoding="utf-8")
    result = run("translate", "--file", "in.txt", "--to", "fr", "--from", "en")
    assert result.stdout == "two one\n\nfour three\n"
    assert "row 2" in result.stderr


@pytest.mark.torch
@pytest.mark.parametrize("form", datasets_on_disk.FORMS)
def test_a_dataset_is_translated_looking_at_its_pictures(run: Run, tmp_path: Path, form: Callable[[Path], Path]) -> None:
    pytest.importorskip("datasets")
    source = form(tmp_path)
    first = run("translate", "--dataset", source, "--to", "de", "-o", "out.jsonl")
    assert first.exit_code == 0, first.stderr
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    by_source = {row["source"]: (row["image"], row["text"], row["grounded"]) for row in found}
    assert by_source["blue wall"] == ("blue.png", "wall blue blau", True)
    assert len(found) == (11 if form is datasets_on_disk.parquet else 4)
    if form is datasets_on_disk.parquet:
        assert by_source["nothing"] == ("", "nothing", False)
        assert [row["image"] for row in found[-3:-1]] == ["red.png#4", "red.png#4"]
    again = run("translate", "--dataset", source, "--to", "de", "-o", "out.jsonl")
    assert f"0 texts translated, {len(found)} were already" in again.stderr
    assert run("translate", "--dataset", source, "--to", "de", "--text-column", "none").exit_code == 1
    assert run("translate", "a wall", "--dataset", source, "--to", "de").exit_code == 2


@pytest.mark.torch
def test_captions_of_an_archive_and_of_a_dataset_go_to_a_dataset(run: Run, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    shard = datasets_on_disk.webdataset(tmp_path)
    assert run("caption", shard, "-o", "held").exit_code == 0
    rows = datasets.load_from_disk(str(tmp_path / "held"))
    assert {row["text"]: row["image"].getpixel((0, 0)) for row in rows}["blue"] == (0, 0, 255)
    away = run("caption", "--dataset", shard, "-o", "away")
    assert away.exit_code == 0, away.output
    rows = datasets.load_from_disk(str(tmp_path / "away"))
    assert [(row["path"], row["text"], row["image"]) for row in rows][:2] == [("red.png", "red", None), ("green.png", "green", None)]


def test_explaining_what_a_picture_changes(run: Run, photos: Path) -> None:
    table = run("translate", "wall", "--to", "de", "--image", photos / "red.png", "--explain").stdout.splitlines()
    assert table[1].startswith("with the picture") and table[1].endswith("wall rot")
    assert table[2].startswith("from words alone") and table[2].endswith("wall")
    [explained] = lines(run("translate", "red", "--to", "en", "--image", photos / "red.png", "--explain", "--json"))
    assert (explained["grounded"], explained["plain"]["grounded"]) == (True, False)
    assert explained["plain"]["similarity"] == pytest.approx(1, abs=1e-3)


def test_wordings(run: Run) -> None:
    assert run("translate", "one two", "--to", "fr", "-n", "2").stdout == "two one\ntwo one!\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "what to translate"),
        (("a", "--file", "in.txt"), 2, "what to translate"),
        (("a", "--explain"), 2, "--explain with --image"),
        (("a", "-o", "b.csv"), 2, "--out"),
        (("--file", "in.txt", "--image", "a.jpg"), 2, "--image with a TEXT"),
        (("--file", "empty.txt"), 1, "nothing to translate"),
        (("--file", "blank.txt"), 1, "None of the 1 texts"),
        (("--file", "in.txt", "-o", "b.docx"), 1, "ends in none"),
    ],
)
def test_what_cannot_be_translated(run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    for name, text in (("in.txt", "a\n"), ("empty.txt", ""), ("blank.txt", " \n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    result = run("translate", "--to", "de", *arguments)
    assert result.exit_code == code
    assert words in result.stderr
