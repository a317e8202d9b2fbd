from pathlib import Path

import pytest

gr = pytest.importorskip("gradio", reason="the app needs gradio")

import mmembed.app  # noqa: E402
from mmembed.app import parts  # noqa: E402
from mmembed.app.index_panel import IndexPanel  # noqa: E402
from mmembed.app.labels import read_labels, read_languages  # noqa: E402
from mmembed.app.service import Service  # noqa: E402
from mmembed.app.speech import Speech  # noqa: E402
from mmembed.errors import InvalidQuery  # noqa: E402
from mmembed.gallery import IndexReport, Skipped  # noqa: E402
from tests.fakes import fake_model  # noqa: E402

_HOSTILE = '<img src=x onerror="alert(1)">'


def test_nothing_a_file_or_a_model_says_becomes_markup() -> None:
    for html in (
        parts.note(_HOSTILE, _HOSTILE),
        parts.figures([(_HOSTILE, _HOSTILE)]),
        parts.remark(_HOSTILE),
        parts.titled(_HOSTILE, _HOSTILE, '"><b>', read_languages(), ""),
        parts.others(_HOSTILE, [_HOSTILE], '"><b>', read_languages()),
        parts.facts([(_HOSTILE, _HOSTILE)], _HOSTILE),
    ):
        assert "<img" not in html
        assert "&lt;img" in html


def test_arabic_is_written_from_right_to_left() -> None:
    arabic, german = (parts.written("…", code, read_languages()) for code in ("ar", "de"))
    assert (arabic["rtl"], arabic["text_align"]) == (True, "right")
    assert (german["rtl"], german["text_align"]) == (False, "left")
    assert 'dir="rtl"' in parts.others("Others", ["…"], "ar", read_languages())
    assert 'dir="ltr"' in parts.others("Others", ["…"], "de", read_languages())


@pytest.mark.parametrize(
    ("confidence", "shown"), [(0.0, "<1 %"), (0.004, "<1 %"), (0.01, "1 %"), (0.5, "50 %"), (0.98, "98 %"), (1.0, ">99 %")]
)
def test_confidence_never_claims_certainty(confidence: float, shown: str) -> None:
    assert parts.percent(confidence) == shown


def test_our_errors_become_notices_and_others_are_reported_as_bugs(monkeypatch) -> None:
    notices: list[tuple[str, str]] = []
    monkeypatch.setattr(gr, "Warning", lambda message, title: notices.append((title, message)))

    def ours() -> None:
        raise InvalidQuery("a < b")

    def bug() -> None:
        raise KeyError("x")

    assert parts.in_sentences(ours, Speech(read_labels("de")))() == gr.skip()
    assert notices == [("Hinweis", "a &lt; b")]
    with pytest.raises(gr.Error, match="inside the app"):
        parts.in_sentences(bug, Speech())()
    with pytest.raises(gr.Error, match="a < b"):
        parts.for_programs(ours, Speech())()


def test_the_report_of_an_indexing_names_what_was_skipped() -> None:
    skipped = tuple(Skipped(Path(f"/photos/{number}.jpg"), "it is damaged") for number in range(7))
    with gr.Blocks(analytics_enabled=False), Service(None, fake_model) as service:
        panel = IndexPanel(service)
        clean, partly = (panel.describe(IndexReport(9, 8, 0, 1, 0, some, 1.25)) for some in ((), skipped))
    assert "9 pictures found, 8 newly read, 0 skipped" in clean
    assert "mm-good" in clean
    assert "4.jpg (it is damaged); …" in partly
    assert "5.jpg" not in partly
    assert "mm-weak" in partly


def test_the_app_is_built_without_loading_a_model() -> None:
    blocks = mmembed.app.build(None, lambda: pytest.fail("the model was loaded"))
    assert blocks.delete_cache is not None
    assert blocks.analytics_enabled is False


def test_a_gallery_that_cannot_be_opened_is_named_on_the_page(tmp_path: Path) -> None:
    from mmembed.app.answers import Answer
    from mmembed.app.blocks import _App

    (tmp_path / "photos.mm").write_text("a file, no gallery")
    with Service(tmp_path / "photos.mm", fake_model) as service:
        app = _App(service)
        header, models, *rest = app.ready(Answer())
        status = rest[app.filling.index(app.search.status)]
        assert app.filled(Answer()) == (gr.skip(),) * len(app.filling)
        assert set(map(str, app.choices("en", [], "auto", "de"))) == {str(gr.skip())}
    assert "cannot be used yet" in header
    assert "mini" in models
    assert "is a file, but a gallery is a folder" in status
