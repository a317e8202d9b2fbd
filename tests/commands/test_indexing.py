"""`index`: what it repeats by itself, and watching."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmembed.commands import indexing
from tests import datasets_on_disk
from tests.commands.conftest import Run, lines


def test_without_folders_everything_is_done_again_as_it_was(run: Run, photos: Path) -> None:
    nothing = run("index")
    assert nothing.exit_code == 2 and "name a FOLDER" in nothing.stderr
    assert lines(run("index", photos, "--exclude", "album", "--json"))[0]["pictures"] == 1
    assert lines(run("index", photos / "album", "--exclude", "green*", "--json"))[0]["pictures"] == 3
    (photos / "red copy.png").unlink()
    (photos / "album" / "blue.png").unlink()
    [report] = lines(run("index", "--json"))
    assert (report["found"], report["removed"], report["unchanged"], report["pictures"]) == (2, 2, 2, 2)


def test_all_photos_of_a_folder_deleted(run: Run, photos: Path) -> None:
    run("index", photos)
    for file in photos.rglob("*.png"):
        file.unlink()
    result = run("index", photos)
    assert result.exit_code == 0 and "0 photos in photos.mm (5 gone" in result.stdout
    assert run("index", photos).exit_code == 1


@pytest.mark.parametrize("place", ["photos.mm", "deep/er/photos.mm"])
def test_a_first_run_that_indexes_nothing_leaves_nothing_behind(run: Run, tmp_path: Path, place: str) -> None:
    for name, content in (("none", None), ("text", "letter.txt"), ("bad", "bad.png")):
        (tmp_path / name).mkdir()
        if content:
            (tmp_path / name / content).write_text("bad", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    for folder in ("none", "text", "bad", "missing"):
        assert run("index", folder, "--gallery", place).exit_code != 0
        assert run("index", "--gallery", place).exit_code != 0
        assert sorted(tmp_path.rglob("*")) == before, folder


def test_what_was_there_before_a_failed_run_stays(run: Run, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "bad.png").write_text("bad", encoding="utf-8")
    (tmp_path / "own.mm").mkdir()
    (tmp_path / "own.mm" / "letter").write_text("dear", encoding="utf-8")
    assert run("index", "bad", "--gallery", "own.mm").exit_code == 1
    assert [file.name for file in (tmp_path / "own.mm").iterdir()] == ["letter"]
    run("index", photos)
    assert run("index", "bad").exit_code == 1
    assert lines(run("gallery", "info", "--json"))[0]["pictures"] == 4
    assert lines(run("gallery", "list", "--unreadable", "--json")), "of a gallery with photos it is known what failed"
    run("gallery", "remove", photos)
    assert run("index", "bad").exit_code == 1
    assert (tmp_path / "photos.mm" / "gallery.sqlite").exists(), "empty, but not made by this run"


def test_a_missing_folder_keeps_its_photos_and_says_so(run: Run, photos: Path, tmp_path: Path) -> None:
    run("index", photos / "album", photos / "red.png")
    (photos / "album").rename(tmp_path / "away")
    result = run("index")
    assert result.exit_code == 0
    assert f"skipped {photos / 'album'}: there is no such file or folder; 3 from there stay in the gallery" in result.stderr
    assert "4 photos in photos.mm" in result.stdout


def test_watching_says_only_what_changes(run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pauses(seconds: float) -> Iterator[None]:
        yield
        (photos / "new.png").write_bytes((photos / "red.png").read_bytes())
        yield
        (photos / "bad.png").write_bytes(b"bad")
        yield
        photos.rename(photos.parent / "away")
        yield
        yield
        (photos.parent / "away").rename(photos)
        (photos / "red.png").unlink()
        yield
        raise KeyboardInterrupt

    monkeypatch.setattr(indexing, "_pauses", pauses)
    result = run("index", photos, "--watch", "--json")
    reports = lines(result)
    assert [(report["embedded"], report["reused"], report["removed"]) for report in reports] == [(4, 1, 0), (0, 1, 0), (0, 0, 1)]
    remarks = result.stderr.splitlines()
    assert [remark.split(":")[0] for remark in remarks[1:-1]] == [f"skipped {photos / 'bad.png'}", remarks[2]]
    assert "does not exist; whatever was indexed from it stays" in remarks[2]
    assert (remarks[0], remarks[-1]) == ("Watching; Ctrl-C ends it.", "Stopped watching.")


def test_a_watch_rests_longer_the_longer_looking_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []
    monkeypatch.setattr(indexing.time, "sleep", rests.append)
    pauses = indexing._pauses(60.0)
    next(pauses)
    next(pauses)
    assert rests == [1200.0, 2.0]


@pytest.mark.torch
def test_datasets_on_the_disk_are_places_like_folders(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    table, shard, folder = (form(tmp_path) for form in datasets_on_disk.FORMS)
    assert lines(run("index", "--dataset", table, "--json"))[0]["embedded"] == 4
    for source in (shard, folder):
        [report] = lines(run("index", "--dataset", source, "--json"))
        assert (report["found"], report["reused"], report["pictures"]) == (4, 4, 4)
    [report] = lines(run("index", "--json"))
    assert (report["found"], report["unchanged"]) == (14, 13), "they are remembered"
    assert run("index", folder, "--dataset", shard).exit_code == 2
    assert run("index", "--dataset", table, "--column", "image").exit_code == 2


@pytest.mark.torch
def test_a_dataset_on_a_hub_streams_in(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    table, load = str(datasets_on_disk.parquet(tmp_path)), datasets.load_dataset

    def from_hub(name: str, split: str, streaming: bool) -> object:
        assert name == "owner/colours"
        return load("parquet", data_files={split: table}, split=split, streaming=streaming)

    def ask(self: object, name: str, timeout: float) -> None:
        if name != "owner/colours":
            raise ConnectionError("no route to huggingface.co")

    monkeypatch.setattr(datasets, "load_dataset", from_hub)
    monkeypatch.setattr("huggingface_hub.HfApi.dataset_info", ask)
    [report] = lines(run("index", "--dataset", "owner/colours", "--split", "test", "--json"))
    assert (report["found"], report["embedded"], report["reused"], len(report["skipped"])) == (6, 4, 1, 1)
    assert report["skipped"][0]["path"] == "hf:/datasets/owner/colours/test/image/00000005"
    [again] = lines(run("index", "--dataset", "owner/colours", "--split", "test", "--json"))
    assert (again["unchanged"], again["embedded"], again["removed"]) == (5, 0, 0)
    [best] = lines(run("search", "blue", "-k", 1, "--json"))
    assert best["path"] == "hf:/datasets/owner/colours/test/image/00000002"
    away = run("index", "--dataset", "owner/other", "--gallery", "new.mm")
    assert away.exit_code == 1
    assert away.stderr == "mmembed: The dataset owner/other cannot be had: the hub cannot be reached (no route to huggingface.co).\n"
    assert not (tmp_path / "new.mm").exists()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    offline = run("index", "--dataset", "owner/colours")
    assert offline.exit_code == 1 and "offline nothing is downloaded" in offline.stderr
    assert run("index", "--dataset", "owner/colours", "--watch").exit_code == 2
