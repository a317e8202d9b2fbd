"""Several hits at once: selected, taken along as a file, and described."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

gr = pytest.importorskip("gradio", reason="the app needs gradio")

from mmembed.app import parts  # noqa: E402
from mmembed.app.answers import Answer, Shown  # noqa: E402
from mmembed.app.blocks import _App  # noqa: E402
from mmembed.app.exports import export  # noqa: E402
from mmembed.app.questions import Question  # noqa: E402
from mmembed.app.service import Service  # noqa: E402
from mmembed.app.stopping import Stopped, Switch  # noqa: E402
from mmembed.errors import GalleryError, InvalidQuery, UnreadablePicture  # noqa: E402
from mmembed.generate.base import Caption  # noqa: E402
from tests.fakes import colour_picture, fake_model  # noqa: E402


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two photos of one name, and a third."""
    for name in ("red", "album/blue", "album/red"):
        file = tmp_path / "photos" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(colour_picture(file.stem, (32 + len(name), 24)).pixels).save(file)
    return tmp_path / "photos"


@pytest.fixture
def app(photos: Path, tmp_path: Path) -> Iterator[Any]:
    with Service(tmp_path / "g.mm", fake_model) as service:
        service.index(str(photos))
        yield _App(service)


@pytest.fixture
def answer(app: Any) -> Answer:
    found: Answer = app.search.answered(Question("red"))[2]
    assert len(found.shown) == 3
    return found


def _picked(values: tuple[Any, ...]) -> tuple[Shown, ...]:
    picked: tuple[Shown, ...] = values[0]
    return picked


def test_a_click_selects_and_another_takes_it_back(app: Any, answer: Answer) -> None:
    bar = app.search.selection
    picked = _picked(bar.pick(2, _picked(bar.pick(0, (), answer)), answer))
    assert picked == (answer.shown[0], answer.shown[2])
    _, status, style, actions, _ = bar.show(picked, answer)
    assert "Selected: 2 photos." in status and actions["visible"] is True
    assert "nth-child(1)" in style and "nth-child(3)" in style and "nth-child(2)" not in style
    assert _picked(bar.pick(0, picked, answer)) == (answer.shown[2],)
    assert _picked(bar.pick_all((answer.shown[2],), answer)) == (answer.shown[2], *answer.shown[:2])
    _, status, style, actions, _ = bar.pick_none(answer)
    assert "Click photos" in status and style == "" and actions["visible"] is False
    assert bar.begin(False, picked, answer)[2] == (), "to stop selecting forgets the selection"


def test_a_selection_goes_on_through_further_searches(app: Any, answer: Answer) -> None:
    blue, picked = app.search.answered(Question("blue", count=1), answer.shown[:2])[2], answer.shown[:2]
    assert "Selected: 2 photos." in app.search.selection.describe(picked, blue)
    assert "Not among these results: 2 photos." in app.search.selection.describe(picked, blue)
    outputs = app.search.answered(Question("red"), picked)
    assert "nth-child(2)" in outputs[4]


def test_a_click_opens_or_selects(app: Any, answer: Answer) -> None:
    event = gr.SelectData(None, {"index": 1, "value": None})
    opened = app.search.choose(answer, False, (), event)
    assert opened[0] == answer.shown[1].fingerprint
    assert len(opened) == len(app.search.panel.outputs) + len(app.search.selection.outputs)
    selected = app.search.choose(answer, True, (), event)
    assert _picked(selected[len(app.search.panel.outputs) :]) == (answer.shown[1],)


def test_paths_table_originals_and_sheet(app: Any, answer: Answer, photos: Path, tmp_path: Path) -> None:
    service = app.service
    service.caption_item(answer.shown[0].fingerprint, ["de"], 1)
    paths = export(service, answer.shown, "paths", tmp_path / "1").file.read_text().splitlines()
    assert sorted(paths) == sorted(map(str, photos.rglob("*.png")))
    with export(service, answer.shown, "table", tmp_path / "2").file.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == paths
    assert rows[0]["caption_de"] == "rot" and rows[1]["caption_de"] == ""
    assert float(rows[0]["confidence"]) > 0.9 and int(rows[0]["height"]) == 24
    with zipfile.ZipFile(export(service, answer.shown, "originals", tmp_path / "3").file) as archive:
        assert sorted(archive.namelist()) == ["blue.png", "red-2.png", "red.png"]
        assert archive.read("blue.png") == (photos / "album/blue.png").read_bytes()
    sheet = Image.open(export(service, [Shown(answer.shown[0].fingerprint), *answer.shown[1:]], "sheet", tmp_path / "4").file)
    assert sheet.format == "JPEG" and sheet.width > 3 * 240


def test_only_what_was_indexed_is_handed_out(app: Any, answer: Answer, photos: Path, tmp_path: Path) -> None:
    (photos / "red.png").write_bytes(b"another content, which is nobody's business")
    (photos / "album/blue.png").unlink()
    made = export(app.service, answer.shown, "originals", tmp_path / "1")
    assert made.missing == 2
    with zipfile.ZipFile(made.file) as archive:
        assert archive.namelist() == ["red.png"] and archive.read("red.png") == (photos / "album/red.png").read_bytes()
    (photos / "album/red.png").unlink()
    with pytest.raises(UnreadablePicture, match="no longer where it was indexed"):
        export(app.service, answer.shown, "originals", tmp_path / "2")


def test_nothing_and_too_much_are_refused_with_a_sentence(app: Any, answer: Answer, tmp_path: Path) -> None:
    with pytest.raises(InvalidQuery, match="Select photos first"):
        export(app.service, (), "paths", tmp_path / "1")
    app.service.settings = replace(app.service.settings, export_megabytes=0)
    with pytest.raises(InvalidQuery, match="the limit here is 0 MB"):
        export(app.service, answer.shown, "originals", tmp_path / "1")
    assert export(app.service, answer.shown, "paths", tmp_path / "1").file.exists()


def test_the_file_is_offered_with_its_size(app: Any, answer: Answer) -> None:
    update = app.search.selection.taking("paths")(answer.shown)
    assert update["label"] == "Download photos.txt, 1 kB" and update["visible"] is True
    assert Path(update["value"]).is_relative_to(app.search.selection.download.GRADIO_CACHE), "Gradio removes what is there"
    Path(update["value"]).unlink()


def test_the_selected_are_described_and_their_captions_kept(app: Any, answer: Answer) -> None:
    several, steps = app.caption.several, []
    column, *_, stop = several.begin(answer.shown)
    assert column["visible"] is True and stop["visible"] is True
    status, grid = app.caption_picked(answer.shown, "de", 1, ["en"], 0, 0, progress=lambda step, **_: steps.append(step))
    assert "Captioned and kept in the gallery: 3 photos." in status
    assert grid["value"][0][1].splitlines() == ["Doubtful. rot", "red"], "what cannot be believed says so"
    assert steps == [(0, 3), (1, 3), (2, 3)]
    assert [caption.language for caption in app.service.captions(answer.shown[0].fingerprint)] == ["de", "en"]
    with pytest.raises(InvalidQuery, match="Select photos first"):
        several.begin(())


def test_an_unfamiliar_photo_among_several_says_what_it_may_show(app: Any) -> None:
    captions = [Caption("a dog", "en", 0.0, 0.3, doubtful=True, looks_like=("cherry", "rose")), Caption("ein Hund", "de", 0.0, 0.3)]
    assert app.caption.several._described(captions).splitlines() == ["Doubtful. a dog It may show: cherry, rose.", "ein Hund"]


def test_describing_several_is_stopped_and_passes_over_what_is_gone(
    app: Any, answer: Answer, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = app.caption.several
    monkeypatch.setattr(parts, "visitor", lambda: "me")

    def stop_at_the_third(step: tuple[int, int], **_: Any) -> None:
        if step[0] == 2:
            several.switch.stop("me")

    (photos / app.service.item(answer.shown[0].fingerprint).paths[0]).unlink()
    status, grid = app.caption_picked(answer.shown, "en", 1, [], 0, 0, progress=stop_at_the_third)
    assert "Stopped. Captioned and kept in the gallery: 1 photo." in status and "Not captioned" in status
    assert len(grid["value"]) == 1


def test_what_was_described_before_a_failure_stays(app: Any, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    keep = app.service.caption_item

    def full_at_the_third(fingerprint: str, *rest: Any) -> Any:
        asked.append(fingerprint)
        if len(asked) == 3:
            raise GalleryError("The disk is full.")
        return keep(fingerprint, *rest)

    monkeypatch.setattr(app.service, "caption_item", full_at_the_third)
    status, grid = app.caption_picked(answer.shown, "en", 1, [], 0, 0, progress=lambda step, **_: None)
    assert "Captioned and kept in the gallery: 2 photos." in status
    assert "Ended early: The disk is full." in status and "mm-weak" in status
    assert len(grid["value"]) == 2 and grid["visible"] is True
    asked[:] = ["", ""]
    with pytest.raises(GalleryError, match="disk is full"):
        app.caption_picked(answer.shown, "en", 1, [], 0, 0, progress=lambda step, **_: None)


def test_visitors_stop_their_own_work() -> None:
    switch = Switch()
    switch.stop("me")
    switch.check("you")
    with pytest.raises(Stopped) as stopped:
        switch.check("me", 3, 7)
    assert (stopped.value.done, stopped.value.total) == (3, 7)
    switch.check("me")
    switch.stop("me")
    switch.reset("me")
    switch.check("me")
