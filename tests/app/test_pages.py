"""What the pages say, without a browser: the values their handlers return."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

gr = pytest.importorskip("gradio", reason="the app needs gradio")

from mmembed.app import parts  # noqa: E402
from mmembed.app.answers import Answer, Shown  # noqa: E402
from mmembed.app.blocks import _App  # noqa: E402
from mmembed.app.index_panel import IndexPanel  # noqa: E402
from mmembed.app.labels import read_labels  # noqa: E402
from mmembed.app.questions import Question  # noqa: E402
from mmembed.app.service import Found, Known, Service, Translated  # noqa: E402
from mmembed.errors import GalleryError, InvalidQuery  # noqa: E402
from mmembed.generate.base import Caption, Translation  # noqa: E402
from mmembed.generate.words import Words  # noqa: E402
from mmembed.presets import Preset, Published  # noqa: E402
from tests.fakes import fake_model  # noqa: E402

_PLAIN = Translation("one two", "two one", "de", False, -0.5, 0.25)


@pytest.fixture(scope="module")
def app(gallery: Path) -> Iterator[Any]:
    with Service(gallery, fake_model) as service:
        yield _App(service)


def test_what_replaces_the_first_photos_comes_one_after_the_other(app: Any) -> None:
    """Else the welcome, begun before a search had its answer, could arrive after it."""
    private = [fn for fn in app.blocks.fns.values() if app.search.grid in fn.outputs and fn.api_visibility == "private"]
    groups = {
        name: {(fn.concurrency_id, fn.concurrency_limit) for fn in private if fn.name == name} for name in ("search", "ready", "indexed")
    }
    assert groups == {name: {("search", "default")} for name in groups}, "of which Gradio runs one at a time"


def test_everything_that_depends_on_the_model_gets_a_value(app: Any) -> None:
    assert len(app.ready(Answer())) == len(app.filling) + 2
    assert len(app.choices("en", [], "auto", "de")) == len(app.choosing) + 1
    assert len(app.filled(Answer())) == len(app.filling)
    assert len(app.indexed(Answer())) == len(app.filling) + 2


def test_what_a_visitor_set_or_asked_before_the_model_was_there_stays(app: Any) -> None:
    caption, also, source, to, _ = app.choices("de", ["de", "xx"], "fr", "en")
    assert not any("value" in update for update in (caption, source, to)), "it may have been changed once more meanwhile"
    assert also["value"] == ["de"]
    assert all(not box.interactive for box in app.choosing), "until it is known what they offer"
    assert all(update["interactive"] for update in (caption, also, source, to))
    caption, also, source, to, _ = app.choices("zh", [], "zh", "zh")
    assert (caption["value"], source["value"], to["value"]) == ("en", "auto", "en") and "value" not in also
    answer = app.search.answered(Question("red"))[2]
    assert app.filled(answer)[3:] == (gr.skip(),) * len(app.search.outputs)
    assert app.filled(Answer())[3:][2].shown


def test_the_advanced_options_are_closed_at_first(app: Any) -> None:
    accordions = [block for block in app.blocks.blocks.values() if isinstance(block, gr.Accordion)]
    assert len(accordions) == 4
    assert not any(block.open for block in accordions)


def test_more_adds_the_next_hits_below(app: Any) -> None:
    page = app.search
    status, grid, answer, more, *_ = page.answered(Question("red", count=2))
    assert (len(answer.shown), more["visible"], len(grid["value"])) == (2, True, 2)
    first = answer.shown
    _, _, answer, more, _ = page.show_more(answer)
    assert (answer.shown[:2], len(answer.shown), more["visible"]) == (first, 4, True)
    _, grid, answer, more, _ = page.show_more(answer)
    assert (len(answer.shown), more["visible"], len(grid["value"])) == (5, False, 5)
    assert "1 likely match among 5 photos" in status


def test_there_is_an_end_to_what_one_page_shows(gallery: Path) -> None:
    with Service(gallery, fake_model) as service:
        service.settings = replace(service.settings, most_shown=2)
        assert _App(service).search.answered(Question("red", count=2))[3]["visible"] is False


def test_more_like_this_keeps_the_filters_and_drops_the_words(app: Any, pictures: Path) -> None:
    chosen = app.search.answered(Question("green", count=1))[2].shown[0].fingerprint
    asked = Question("red", None, "white", 3, False, str(pictures), "", "", "landscape")
    values = app.search.search_like_chosen(chosen, (), *[getattr(asked, name) for name in list(Question.__dataclass_fields__)[:-1]])
    assert values[:2] == ("", "")
    question = values[len(app.search.asked) - len(app.search.outputs) + 2].question
    assert question == replace(asked, text="", without="", item=chosen)
    with pytest.raises(InvalidQuery, match="Choose a picture"):
        app.search.search_like_chosen("", (), "red")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Found(total=5, filtered=True), "No photo passes the filters."),
        (Found(total=5, filtered=True, seen=3), "No good match."),
        (Found(total=5, filtered=True, seen=3), "Filters are on."),
        (Found((SimpleNamespace(confidence=0.05),), 0, 9, seen=1), "No good match."),  # type: ignore[arg-type]
        (Found((SimpleNamespace(confidence=0.3),), 0, 9, seen=1), "Not sure."),  # type: ignore[arg-type]
        (Found(total=0), "There are no photos to search yet."),
        (Found((None,) * 2, 2, 9, more=True, seen=2), "2 or more likely matches among 9 photos."),  # type: ignore[arg-type]
        (Found((None,) * 3, 2, 9, more=True, seen=3), "2 likely matches among 9 photos."),  # type: ignore[arg-type]
        (Found((None,), 1, 9, more=True, seen=3), "1 likely match among 9 photos."),  # type: ignore[arg-type]
    ],
)
def test_the_summary_says_how_much_is_to_be_believed(app: Any, found: Found, said: str) -> None:
    assert said in app.search.summary(found, Question("red"))


def test_folded_photos_are_counted_in_the_grid_and_named_beside(app: Any) -> None:
    hits = app.service.search(Question("red", count=2)).hits
    hit = replace(hits[0], similar=(hits[1].item,))
    _, grid, answer, _ = app.search.present(Question("red"), Found((hit,), 1, 5, seen=1))
    assert grid["value"][0][1].endswith("red.png (+1 alike)")
    assert str(hits[1].item.paths[0]) in app.search.panel.describe(answer.shown[0])


def test_a_caption_in_several_languages_with_doubts_and_its_writer(app: Any) -> None:
    first = Caption("red", "en", -0.1, 0.5, ("red!",), 0.004, True, "blip-base")
    text, about = app.caption.present([first, Caption("أحمر", "ar", -0.1, 0.75)])
    assert text["value"] == "red"
    for said in ("Doubtful.", "Fit with the picture: <b>0.50</b>", "&lt;1 %", "Written by blip-base", "red!", "العربية", 'dir="rtl">أحمر'):
        assert said in about
    assert about.index("Written by blip-base") < about.index("العربية") < about.index("Written by fake")
    assert about.count("Doubtful.") == 1
    assert "hardly fit" in about and "unlike" not in about
    strange = app.caption.describe(replace(first, unfamiliar=True))
    assert "unlike those" in strange and "hardly fit" not in strange and "may show" not in strange
    plain = app.caption.describe(replace(first, unfamiliar=True, doubtful=False, looks_like=("cherry", "rose")))
    assert "Doubtful" not in plain and "the words only say what it looks like. It may show: cherry, rose." in plain
    assert "It may show: cherry, &lt;b&gt;." in app.caption.describe(replace(first, unfamiliar=True, looks_like=("cherry", "<b>")))


def test_captions_are_asked_for_in_all_languages_and_lengths(app: Any, pictures: Path) -> None:
    text, about = app.caption.caption(str(pictures / "green.png"), "de", 2, ["en", "de"], 0, 3)
    assert text["value"] == "grün"
    assert about.count("mm-titled") == 1
    with pytest.raises(InvalidQuery, match="fewest words"):
        app.caption.caption(str(pictures / "green.png"), "de", 2, [], 4, 3)


def test_a_translation_says_which_language_it_recognised_and_what_is_odd(gallery: Path) -> None:
    words = Words({"en": {"one": 50, "two": 50}, "de": {"eins": 50, "zwei": 50}}, {"en": -3.0})
    with Service(gallery, lambda: replace(fake_model(), words=lambda: words)) as service:
        page = _App(service).translate
        assert "Recognised as English." in page.translate("one two", "auto", "fr", None, 1)[0]
        assert "Recognised" not in page.translate("one two", "en", "fr", None, 1)[0]
        odd = page.translate("one two quux quuux corge grault", "en", "fr", None, 1)[0]
        assert "unlike the captions" in odd and "mm-weak" in odd
        with service.speech.answering("de"):
            assert "gleicht den Bildbeschreibungen nicht" in page.translate("one two quux quuux corge grault", "en", "fr", None, 1)[0]
        with pytest.raises(InvalidQuery, match="not recognised"):
            page.translate("quux corge", "auto", "fr", None, 1)


def test_with_a_picture_both_translations_have_both_scores(app: Any, pictures: Path) -> None:
    values = app.translate.translate("one two", "en", "de", str(pictures / "red.png"), 1)
    assert len(values) == len(app.translate.outputs)
    _, result, about, beside, plain, about_plain = values
    assert (result["value"], plain["value"], beside["visible"]) == ("two one rot", "two one", True)
    for said in (about, about_plain):
        assert "Fit with the picture:" in said and "Score of the words:" in said
    assert "Written by fake" in about


def test_a_picture_that_was_not_looked_at_is_said_to_be(app: Any) -> None:
    assert "does not look at pictures" in app.translate.present(Translated(_PLAIN, _PLAIN), False)[0]
    assert "did not change the words" in app.translate.present(Translated(replace(_PLAIN, grounded=True), _PLAIN), False)[0]
    assert "Translated through English" in app.translate.present(Translated(replace(_PLAIN, via="en")), False)[0]


def _known(**values: Any) -> Known:
    scores = (Published("XM3600 <R@1>", 55.25, "https://example.org/?a=1&b=2"),)
    preset = Preset("one", "a model", "open_clip", "owner/one", ("en", "de"), (), (), "MIT", "Free.", 1500.0, published=scores)
    return Known(preset, ("space",), **{"used": False, "ready": False, **values})


def test_a_model_is_described_with_terms_scores_and_commands(app: Any) -> None:
    said = app.models.describe(_known())
    terms = '<span lang="en">MIT</span>. <span lang="en">Free.</span>'  # these stay English on every page
    for part in ("Download of 1.5 GB", terms, "en, de", "never run here", "XM3600 &lt;R@1&gt;</a>: 55.2", "mmembed pull one"):
        assert part in said
    assert 'href="https://example.org/?a=1&amp;b=2"' in said
    ready = app.models.describe(_known(ready=True))
    assert "Usable offline now" in ready and "mmembed pull" not in ready and "mmembed app --preset one" in ready
    assert "In use now" in app.models.describe(_known(ready=True, used=True))


def test_models_are_shown_by_what_they_do(app: Any, monkeypatch) -> None:
    models = [_known(), replace(_known(), roles=("captioner",))]
    monkeypatch.setattr(app.service, "models", lambda: models)
    assert app.models.listed().count("<article") == 2
    assert app.models.listed("captioner").count("<article") == 1
    assert "No model does this." in app.models.listed("translator")


def test_the_pages_are_german_when_asked(gallery: Path) -> None:
    with Service(gallery, fake_model, labels=read_labels("de")) as service:
        app = _App(service)
        header, models, *_ = app.ready(Answer())
        assert "läuft auf diesem Rechner" in header
        assert app.greet() == ("de", "en")
        assert "Gerade" not in models and "GB herunterzuladen" in models
        assert "1 wahrscheinlicher Treffer unter 5 Fotos." in app.search.answered(Question("red"))[0]


def test_a_hit_is_marked_and_the_mark_comes_back_with_the_question(app: Any) -> None:
    page = app.search
    status, grid, answer, *_ = page.answered(Question("blue", count=3))
    assert "You marked" not in status
    fingerprint = answer.shown[0].fingerprint
    status, grid, *_ = page.mark("right", fingerprint, answer)
    assert grid["value"][0][1] == "✓ 98 % · blue.png"
    page.mark("wrong", answer.shown[1].fingerprint, answer)
    status, grid, again, *_ = page.answered(Question(" Blue ", count=3))
    assert "You marked 1 right and 1 wrong." in status
    assert [caption[0] for _, caption in grid["value"][:2]] == ["✓", "✗"]
    assert page.panel.show(again.shown[1], again)[2]["value"] == "wrong"
    assert "✓" not in str(page.answered(Question("blue", without="red", count=3))[1]["value"][0][1])
    for shown in again.shown[:2]:
        page.mark("", shown.fingerprint, again)
    assert app.service.gallery().marks() == []


def test_only_an_answer_to_a_question_can_be_marked(app: Any) -> None:
    _, _, answer, *_ = app.search.welcome()
    assert app.search.panel.show(answer.shown[0], answer)[2]["visible"] is False
    app.search.panel.keep("right", answer.shown[0].fingerprint, answer)
    assert app.service.gallery().marks() == []


def test_a_picture_is_called_by_its_caption_if_it_has_one(app: Any) -> None:
    fingerprint = app.search.answered(Question("white", count=1))[2].shown[0].fingerprint
    assert app.search.panel.name(fingerprint) == "white.png"
    app.service.caption_item(fingerprint, ["de", "en"], 1)
    assert app.search.panel.name(fingerprint) == "white"
    assert 'data-close="Close"' in app.search.panel.describe(Shown(fingerprint))


def test_a_caption_goes_to_translation_into_another_language(app: Any) -> None:
    tab, picture, text, source, to = app.translate_caption("rot", "de", "/p.png", "de")
    assert (tab["selected"], picture, text, source, to) == ("translate", "/p.png", "rot", "de", "en")
    assert app.translate_caption("红", "zh", None, "fr")[3:] == ("auto", "fr")
    assert app.translate.translate_if_any("", "auto", "de", None, 1) == (gr.skip(),) * len(app.translate.outputs)
    with pytest.raises(InvalidQuery, match="no caption yet"):
        app.translate_caption("", "de", None, "en")


def test_an_index_run_can_be_stopped_and_says_how_far_it_came(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Service(None, fake_model) as service, gr.Blocks(analytics_enabled=False):
        panel = IndexPanel(service)
        monkeypatch.setattr(parts, "visitor", lambda: "me")
        panel.begin()
        panel.switch.stop("somebody else")
        assert "5 newly read" in panel.index(str(pictures), lambda *_, **__: None)
        panel.switch.stop("me")
        assert "Stopped after 5 of 5 files." in panel.index(str(pictures), lambda *_, **__: None)
        panel.begin()
        assert "0 newly read" in panel.index(str(pictures), lambda *_, **__: None)


def test_the_sample_photos_are_indexed_where_they_are(monkeypatch: pytest.MonkeyPatch, pictures: Path) -> None:
    monkeypatch.setattr("mmembed.app.service.sample_photos", lambda: [pictures / "red.png", pictures / "blue.png"])
    with Service(None, fake_model) as service, gr.Blocks(analytics_enabled=False):
        panel = IndexPanel(service)
        assert panel.updated()[1]["visible"] is True
        assert "2 newly read" in panel.index_samples(lambda *_, **__: None)
        assert panel.updated()[1]["visible"] is False
    with Service(None, fake_model, may_index=False) as closed, pytest.raises(GalleryError, match="switched off"):
        closed.index_samples()
