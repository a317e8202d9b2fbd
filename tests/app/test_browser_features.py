"""What one can do with hits, and in which language, clicked through in a headless Chromium.

Screenshots go to $MMEMBED_SCREENSHOTS, or to a temporary folder.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmembed.gallery import Asked, Gallery
from tests.app.conftest import CHROMIUM, serving
from tests.fakes import COLOURS, fake_model

playwright = pytest.importorskip("playwright.sync_api", reason="browser tests need playwright")
expect = playwright.expect
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]

_LONG = 240_000  # milliseconds before a step that never comes counts as failed


@pytest.fixture(scope="module")
def marked_gallery(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of the colours that these tests may write to."""
    folder = tmp_path_factory.mktemp("gallery") / "photos.mm"
    with Gallery(folder, fake_model()) as made:
        made.index([pictures])
    return folder


@pytest.fixture(scope="module")
def address(marked_gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An app that speaks each visitor's language."""
    pytest.importorskip("gradio", reason="the app needs gradio")
    with serving(marked_gallery, "fake", tmp_path_factory.mktemp("log") / "app.txt", "visitor") as served:
        yield served


class Visitor:
    """Somebody with a browser in one language, and what must not happen to him."""

    def __init__(self, browser: Any, address: str, screenshots: Path, ready: str = "runs on this computer", **options: Any) -> None:
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **options})
        self.context.set_default_timeout(_LONG)
        self.page, self.screenshots = self.context.new_page(), screenshots
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(error.stack or str(error)))
        self.page.goto(address)
        expect(self.page.locator("#mm-header")).to_contain_text(ready, timeout=_LONG)

    @property
    def hits(self) -> Any:
        return self.page.locator("#mm-results .thumbnail-lg")

    def search(self, text: str) -> None:
        self.page.locator("#mm-text textarea, #mm-text input").fill(text)
        self.page.keyboard.press("Enter")
        expect(self.hits.first).to_contain_text(" % ·", timeout=_LONG)

    def see(self, locator: str, text: str) -> None:
        expect(self.page.locator(locator)).to_contain_text(text, timeout=_LONG)

    def picture(self, name: str) -> None:
        self.page.wait_for_timeout(500)
        self.page.screenshot(path=self.screenshots / f"features-{name}.png", full_page=True)

    def close(self) -> None:
        self.context.close()
        assert self.complaints == []


@pytest.fixture
def visitor(address: str, browser: Any, screenshots: Path) -> Iterator[Visitor]:
    opened = Visitor(browser, address, screenshots)
    yield opened
    opened.close()


def test_two_visitors_each_read_their_own_language(address: str, browser: Any, screenshots: Path) -> None:
    german = Visitor(browser, address, screenshots, "läuft auf diesem Rechner", locale="de-AT")
    english = Visitor(browser, address, screenshots, locale="en-US")
    portuguese = Visitor(browser, address, screenshots, locale="pt-BR")
    for one, code, tab, status in (
        (german, "de", "Suchen", "Fotos"),
        (english, "en", "Search", "photos"),
        (portuguese, "en", "Search", "photos"),
    ):
        assert one.page.evaluate("document.documentElement.lang") == code
        expect(one.page.get_by_role("tab").first).to_have_text(tab)
        one.see("#mm-header", status)
        one.search("red")
        one.see("#mm-search-status", "1 likely match among 5 photos." if code == "en" else "1 wahrscheinlicher Treffer unter 5 Fotos.")
        assert "__i18n__" not in one.page.content().replace('"__i18n__', "").split("window.gradio_config")[0]
    german.hits.first.click()
    expect(german.page.get_by_role("radio", name="Richtig", exact=True)).to_be_visible()
    expect(german.page.get_by_role("button", name="In voller Größe")).to_be_visible()
    german.picture("german-search")
    german.page.get_by_role("tab", name="Beschreiben").click()
    expect(german.page.locator("#mm-caption-language input")).to_have_value("Deutsch")
    german.see("#mm-caption-picture", "Bild hier ablegen")  # Gradio's own words
    german.page.locator("#mm-caption-go").click()
    expect(german.page.get_by_test_id("toast-body").filter(has_text="Gib zuerst ein Bild an.")).to_be_visible()
    german.page.get_by_role("tab", name="Modelle").click()
    german.see("#mm-models", "Jetzt offline benutzbar")
    for one in (german, english, portuguese):
        one.close()


def test_a_hit_is_marked_seen_again_by_others_and_unmarked(visitor: Visitor, browser: Any, address: str, marked_gallery: Path) -> None:
    visitor.search("green")
    visitor.hits.first.click()
    visitor.page.get_by_role("radio", name="Right", exact=True).check()
    expect(visitor.hits.first).to_contain_text("✓ 98 % · green.png")
    visitor.see("#mm-search-status", "You marked 1 right and 0 wrong.")
    visitor.picture("marked")
    with Gallery(marked_gallery, fake_model()) as gallery:
        assert [mark.right for mark in gallery.marks(Asked("Green"))] == [True]
    other = Visitor(browser, address, visitor.screenshots)
    other.search("Green")
    expect(other.hits.first).to_contain_text("✓ 98 % · green.png")
    other.hits.first.click()
    expect(other.page.get_by_role("radio", name="Right", exact=True)).to_be_checked()
    other.page.get_by_role("radio", name="Not marked").check()
    expect(other.hits.first).not_to_contain_text("✓")
    with Gallery(marked_gallery, fake_model()) as gallery:
        assert gallery.marks(Asked("green")) == []
    other.close()


def test_several_hits_are_selected_and_taken_along(visitor: Visitor, pictures: Path, tmp_path: Path) -> None:
    page = visitor.page
    visitor.search("yellow")
    page.get_by_label("Select several").check()
    visitor.see("#mm-selected", "Click photos to select them.")
    for number in (0, 2):
        visitor.hits.nth(number).click()
        visitor.see("#mm-selected", "Selected: 1 photo." if number == 0 else "Selected: 2 photos.")
    names = [visitor.hits.nth(number).inner_text().split(" · ")[1].strip() for number in (0, 2)]
    badges = "[...document.querySelectorAll('#mm-results .thumbnail-lg')].map(one => getComputedStyle(one, '::after').content)"
    assert [badge != "none" for badge in page.evaluate(badges)] == [True, False, True, False, False]
    visitor.picture("selected")
    files = {}
    for button in ("List of paths", "Table (CSV)", "Originals (zip)", "Contact sheet"):
        with page.expect_download(timeout=_LONG) as download:
            page.get_by_role("button", name=button).click()
        files[button] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[button])
    assert files["List of paths"].read_text().splitlines() == [str(pictures / name) for name in names]
    with files["Table (CSV)"].open(encoding="utf-8-sig", newline="") as table:
        assert [Path(row["path"]).name for row in csv.DictReader(table)] == names
    with zipfile.ZipFile(files["Originals (zip)"]) as archive:
        assert archive.namelist() == names
    assert Image.open(files["Contact sheet"]).width > 2 * 240
    page.get_by_role("button", name="Clear the selection").click()
    visitor.see("#mm-selected", "Click photos to select them.")
    expect(page.get_by_role("button", name="Contact sheet")).to_be_hidden()


def test_the_selected_are_captioned_at_one_click(visitor: Visitor) -> None:
    page = visitor.page
    visitor.search("blue")
    page.get_by_label("Select several").check()
    page.get_by_role("button", name="Select all of these").click()
    visitor.see("#mm-selected", "Selected: 5 photos.")
    page.get_by_role("button", name="Caption these").click()
    visitor.see("#mm-several-status", "Captioned and kept in the gallery: 5 photos.")
    captions = page.locator("#mm-several .caption-label")
    assert sorted(text.split()[-1] for text in captions.all_inner_texts()) == sorted(COLOURS)
    assert all(page.locator("#mm-several img").evaluate_all("images => images.map(image => image.alt)"))
    visitor.picture("captions")


def test_a_caption_is_translated_with_its_picture_at_one_click(visitor: Visitor, pictures: Path) -> None:
    page = visitor.page
    page.get_by_role("tab", name="Caption").click()
    page.locator("#mm-caption-picture input[type=file]").set_input_files(pictures / "red.png")
    expect(page.locator("#mm-caption-picture img")).to_have_attribute("alt", "Drop, paste, upload or take a picture")
    page.locator("#mm-caption-go").click()
    expect(page.locator("#mm-caption-text textarea")).to_have_value("red")
    page.get_by_role("button", name="Translate this caption").click()
    expect(page.locator("#mm-translate-result textarea")).to_have_value("red rot")
    expect(page.locator("#mm-translate-plain textarea")).to_have_value("red")
    visitor.picture("translated")


def test_full_size_opens_with_what_is_known_and_escape_closes_it(visitor: Visitor, pictures: Path) -> None:
    page = visitor.page
    visitor.search("white")
    visitor.hits.first.focus()
    page.keyboard.press("Enter")  # pictures are buttons
    visitor.see("#mm-facts", "white.png")
    full = page.get_by_role("button", name="Full size")
    full.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(str(pictures))
    for known in ("white.png", "320 × 240", "Confidence", "98 %"):
        expect(dialog).to_contain_text(known)
    expect(dialog.locator("img")).to_have_attribute("alt", page.locator("#mm-chosen-picture img").get_attribute("alt"))
    assert dialog.locator("img").evaluate("async image => { await image.decode(); return image.naturalWidth; }") == 320
    visitor.picture("full-size")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert page.evaluate("document.activeElement.id") == "mm-full-go"


def test_every_picture_has_words_and_typing_goes_either_way(visitor: Visitor) -> None:
    page = visitor.page
    visitor.search("red")
    visitor.hits.first.click()
    visitor.see("#mm-facts", "red.png")
    for tab in ("Search", "Caption", "Translate"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(500)
        wordless = "[...document.querySelectorAll('img')].filter(one => one.checkVisibility() && !one.alt).map(one => one.outerHTML)"
        assert page.evaluate(wordless) == [], tab
    page.get_by_role("tab", name="Search").click()
    expect(visitor.hits.first).to_have_attribute("aria-label", "98 % · red.png")
    text = page.locator("#mm-text textarea, #mm-text input")
    text.fill("كلب في الثلج")
    assert text.evaluate("field => [field.dir, getComputedStyle(field).direction]") == ["auto", "rtl"]


def test_the_keyboard_goes_from_the_question_to_the_button(visitor: Visitor) -> None:
    page = visitor.page
    page.locator("#mm-text textarea, #mm-text input").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "mm-go"
    reached = []
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("(document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText).trim()"))
    wanted = ["a cat", "More options", "red.png"]
    places = [next(number for number, name in enumerate(reached) if word in name) for word in wanted if any(word in n for n in reached)]
    assert places == sorted(places) and "a cat" in reached and any("More options" in name for name in reached), reached


def test_what_is_set_as_soon_as_the_options_open_stays(visitor: Visitor) -> None:
    page = visitor.page
    page.get_by_role("button", name="More options").click()
    page.get_by_label("Likely matches only").check()  # waits until the page takes clicks
    page.wait_for_timeout(1500)
    expect(page.get_by_label("Likely matches only")).to_be_checked()


def test_what_is_set_while_the_model_loads_stays_and_a_long_run_is_stopped(
    browser: Any, screenshots: Path, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMEMBED_TEST_SLOW", "15")
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(40):
        Image.new("RGB", (32, 24), (number, 0, 0)).save(folder / f"{number}.png")
    with serving(tmp_path / "new.mm", "fake", tmp_path / "app.txt", "visitor") as address:
        visitor = Visitor(browser, address, screenshots, ready="mmembed")
        page = visitor.page
        page.locator("#mm-text textarea, #mm-text input").fill("red")
        page.get_by_role("tab", name="Translate").click()
        page.get_by_label("To", exact=True).click()
        page.get_by_role("option", name="Français").click()
        visitor.see("#mm-header", "no photos indexed yet")
        expect(page.get_by_label("To", exact=True)).to_have_value("Français")
        page.get_by_role("tab", name="Search").click()
        expect(page.locator("#mm-text textarea, #mm-text input")).to_have_value("red")
        expect(page.get_by_role("button", name="sample photos")).to_be_visible()
        visitor.picture("first-visit")
        page.locator("#mm-folder textarea, #mm-folder input").fill(str(folder))
        page.locator("#mm-index-go").click()
        page.locator("#mm-index-stop").click()
        visitor.see("#mm-index-status", "Stopped after")
        expect(page.locator("#mm-index-stop")).to_be_hidden()
        visitor.picture("stopped")
        visitor.close()
