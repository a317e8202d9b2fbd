"""Clicks through the app in a headless Chromium. Screenshots go to $MMEMBED_SCREENSHOTS, or to a temporary folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.app.conftest import CHROMIUM, serving

playwright = pytest.importorskip("playwright.sync_api", reason="browser tests need playwright")
expect = playwright.expect
pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]

_DESKTOP = {"width": 1280, "height": 900}
_LONG = 240_000  # milliseconds before a step that never comes counts as failed
expect.set_options(timeout=_LONG)


class Visit:
    """A page of the app, and everything that must not happen on it."""

    def __init__(
        self,
        browser: Any,
        address: str,
        screenshots: Path,
        size: dict[str, int],
        scheme: str = "light",
        ready: str = "runs on this computer",
    ) -> None:
        self.may_fail: tuple[str, ...] = ()  # ends of addresses
        self.context = browser.new_context(viewport=size, color_scheme=scheme)
        self.context.set_default_timeout(_LONG)
        self.page = self.context.new_page()
        self._screenshots, self._complaints = screenshots, []
        self.page.on("request", self._check_request)
        self.page.on("console", self._check_message)
        self.page.on("response", self._check_response)
        self.page.on("pageerror", lambda error: self._complaints.append(error.stack or str(error)))
        self.page.goto(address)
        expect(self.page.locator("#mm-header")).to_contain_text(ready)

    def _check_message(self, message: Any) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):  # see _check_response
            self._complaints.append(message.text)

    def _check_response(self, response: Any) -> None:
        if response.status >= 400 and not response.url.endswith(self.may_fail):
            self._complaints.append(f"{response.status} {response.url}")

    def _check_request(self, request: Any) -> None:
        address = urlsplit(request.url)
        if address.scheme not in ("data", "blob") and address.hostname != "127.0.0.1":
            self._complaints.append(f"left the machine: {request.url}")

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def upload(self, component: str, file: Path) -> None:
        self.page.locator(f"{component} input[type=file]").set_input_files(file)
        expect(self.page.locator(f"{component} img")).to_be_visible(timeout=_LONG)

    def notice(self, text: str) -> None:
        """A notice with this text is shown."""
        expect(self.page.get_by_test_id("toast-body").filter(has_text=text)).to_be_visible(timeout=_LONG)

    def picture(self, name: str) -> None:
        self.page.wait_for_timeout(400)  # fading components
        self.page.screenshot(path=self._screenshots / f"{name}.png", full_page=True)

    def close(self) -> None:
        self.context.close()
        assert self._complaints == []


@pytest.fixture
def visit(app: str, browser: Any, screenshots: Path) -> Iterator[Visit]:
    opened = Visit(browser, app, screenshots, _DESKTOP)
    yield opened
    opened.close()


# Outer HTML of what can be operated but has no name that a screen reader could say.
_NAMELESS = """() => [...document.querySelectorAll('button, input, textarea, select, a[href], summary')]
  .filter(it => it.checkVisibility() && it.type !== 'file' && it.type !== 'hidden')
  .filter(it => !(it.getAttribute('aria-label') || it.getAttribute('aria-labelledby') || it.title || it.innerText?.trim()
    || [...(it.labels ?? [])].some(label => label.innerText.trim()) || it.querySelector('img[alt]:not([alt=""])')))
  .map(it => it.outerHTML.slice(0, 200))"""


def _hits(visit: Visit) -> Any:
    return visit.page.locator("#mm-results .thumbnail-item")


def _search(visit: Visit, text: str) -> None:
    visit.page.locator("#mm-text textarea, #mm-text input").fill(text)
    visit.page.locator("#mm-go").click()


def test_the_first_page_shows_the_gallery(visit: Visit) -> None:
    expect(visit.page.locator("#mm-header")).to_contain_text("Model fake · 5 photos")
    expect(_hits(visit)).to_have_count(5)
    visit.picture("search-start-desktop")


def test_a_search_leads_to_a_picture_its_caption_and_its_translation(visit: Visit, pictures: Path) -> None:
    page = visit.page
    _search(visit, "red")
    expect(page.locator("#mm-search-status")).to_contain_text("1 likely match among 5 photos")
    expect(_hits(visit).first).to_contain_text("98 % · red.png")
    _hits(visit).first.click()
    expect(page.locator("#mm-facts")).to_contain_text("red.png")
    expect(page.locator("#mm-facts")).to_contain_text(str(pictures))
    expect(page.locator("#mm-facts")).to_contain_text("320 × 240")
    expect(page.locator("#mm-chosen-picture img")).to_be_visible()
    visit.picture("search-chosen-desktop")

    page.get_by_role("button", name="Caption this").click()
    expect(page.locator("#mm-caption-text textarea")).to_have_value("red")
    expect(page.locator("#mm-caption-picture img")).to_be_visible()
    expect(page.locator("#mm-caption-about li")).to_have_text(["red!", "red!!"])
    page.get_by_role("button", name="Translate this caption").click()
    expect(page.locator("#mm-translate-text textarea")).to_have_value("red")
    expect(page.locator("#mm-translate-picture img")).to_be_visible()


def test_a_hit_leads_to_more_like_it_and_to_a_translation_with_it(visit: Visit) -> None:
    page = visit.page
    _search(visit, "blue")
    expect(_hits(visit).first).to_contain_text("blue.png")
    _hits(visit).nth(1).click()
    chosen = page.locator("#mm-facts dd").first.inner_text()
    page.get_by_role("button", name="More like this").click()
    expect(_hits(visit).first).to_contain_text(chosen)
    expect(page.locator("#mm-like img")).to_be_visible()
    _hits(visit).first.click()
    page.get_by_role("button", name="Translate with this picture").click()
    expect(page.locator("#mm-translate-picture img")).to_be_visible()


def test_a_search_with_a_picture_and_without_a_word(visit: Visit, pictures: Path) -> None:
    page = visit.page
    page.get_by_role("button", name="More options").click()
    visit.upload("#mm-like", pictures / "yellow.png")
    page.locator("#mm-go").click()
    expect(_hits(visit).first).to_contain_text("yellow.png")
    page.locator("#mm-without textarea, #mm-without input").fill("yellow")
    page.locator("#mm-go").click()
    expect(_hits(visit).first).to_contain_text("2 % ·")
    expect(page.locator("#mm-search-status")).to_contain_text("Not sure.")
    visit.picture("search-options-desktop")


def test_more_hits_come_below_and_filters_are_named(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="More options").click()
    expect(_hits(visit)).to_have_count(5)  # all that loads is there
    for _ in range(20):  # Gradio's slider tells the page of a new value when it likes
        page.locator("#mm-count input[type=number]").fill("2")
        page.locator("#mm-count input[type=number]").press("Tab")
        _search(visit, "red")
        page.wait_for_timeout(1000)
        if _hits(visit).count() == 2:
            break
    expect(_hits(visit)).to_have_count(2)
    page.get_by_role("button", name="Show more").click()
    expect(_hits(visit)).to_have_count(4)
    page.get_by_role("button", name="Show more").click()
    expect(_hits(visit)).to_have_count(5)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
    expect(_hits(visit).first).to_contain_text("red.png")
    page.get_by_role("radio", name="Portrait").check()
    page.locator("#mm-go").click()
    expect(page.locator("#mm-search-status")).to_contain_text("No photo passes the filters.")
    visit.picture("search-filters-desktop")
    page.get_by_label("Taken from").fill("yesterday")
    page.locator("#mm-go").click()
    visit.notice("“yesterday” is no date")


def test_no_good_match_is_said_and_an_empty_search_refused(visit: Visit) -> None:
    _search(visit, "purple")
    expect(visit.page.locator("#mm-search-status")).to_contain_text("No good match.")
    visit.picture("search-no-match-desktop")
    _search(visit, "")
    visit.notice("A search needs a text or a picture")


def test_a_picture_is_described_in_the_chosen_language(visit: Visit, pictures: Path) -> None:
    page = visit.page
    visit.tab("Caption")
    page.locator("#mm-caption-go").click()
    visit.notice("Give a picture first.")
    visit.upload("#mm-caption-picture", pictures / "green.png")
    page.locator("#mm-caption-language input").click()
    page.get_by_role("option", name="Deutsch").click()
    page.locator("#mm-caption-go").click()
    expect(page.locator("#mm-caption-text textarea")).to_have_value("grün")
    visit.picture("caption-desktop")
    page.get_by_role("button", name="Find photos like this").click()
    expect(_hits(visit).first).to_contain_text("green.png")


def test_a_picture_is_described_in_several_languages(visit: Visit, pictures: Path) -> None:
    page = visit.page
    visit.tab("Caption")
    visit.upload("#mm-caption-picture", pictures / "blue.png")
    page.get_by_role("button", name="More options").click()
    page.locator("#mm-caption-also input").click()
    page.get_by_role("option", name="Deutsch").click()
    page.keyboard.press("Escape")
    page.locator("#mm-caption-go").click()
    expect(page.locator("#mm-caption-text textarea")).to_have_value("blue")
    expect(page.locator("#mm-caption-about section")).to_contain_text("blau")
    expect(page.locator("#mm-caption-about section")).to_contain_text("Doubtful.")
    expect(page.locator("#mm-caption-about")).to_contain_text("Written by fake")
    visit.picture("caption-languages-desktop")


def test_the_models_are_listed_with_their_terms(visit: Visit) -> None:
    page = visit.page
    visit.tab("Models")
    everything = page.locator("#mm-models article")
    expect(everything.filter(has_text="siglip2-base").first).to_contain_text("Apache-2.0")
    mini = page.get_by_role("article", name="mini", exact=True)
    expect(mini).to_contain_text("Usable offline now")
    mini.get_by_text("More about mini").click()
    expect(mini).to_contain_text("mmembed app --preset mini")
    visit.picture("models-desktop")
    page.get_by_role("radio", name="Translation").check()
    expect(everything.filter(has_text="siglip2-base")).to_have_count(0)
    expect(everything.filter(has_text="opus-mt").first).to_be_visible()


def test_every_control_has_a_name(visit: Visit) -> None:
    for tab in ("Search", "Caption", "Translate", "Models"):
        visit.tab(tab)
        for options in visit.page.get_by_role("button", name="More options").all():
            options.click()
        visit.page.wait_for_timeout(400)
        assert visit.page.evaluate(_NAMELESS) == [], tab


def test_a_damaged_picture_gets_a_sentence(visit: Visit, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    visit.tab("Caption")
    visit.page.locator("#mm-caption-picture input[type=file]").set_input_files(damaged)
    expect(visit.page.locator("#mm-caption-picture img")).to_be_attached()
    visit.page.locator("#mm-caption-go").click()
    visit.notice("The picture cannot be read")
    visit.picture("caption-damaged-desktop")


def test_a_translation_with_a_picture_stands_beside_the_one_without(visit: Visit, pictures: Path) -> None:
    page = visit.page
    visit.tab("Translate")
    page.locator("#mm-translate-go").click()
    visit.notice("There is nothing to translate yet")
    page.locator("#mm-translate-text textarea").fill("one two")
    page.locator("#mm-translate-go").click()
    expect(page.locator("#mm-translate-result textarea")).to_have_value("two one")
    expect(page.locator("#mm-translate-plain")).to_be_hidden()
    visit.upload("#mm-translate-picture", pictures / "red.png")
    page.locator("#mm-translate-go").click()
    expect(page.locator("#mm-translate-result textarea")).to_have_value("two one rot")
    expect(page.locator("#mm-translate-plain textarea")).to_have_value("two one")
    visit.picture("translate-desktop")


def test_examples_answer_at_one_click(visit: Visit) -> None:
    page = visit.page
    page.get_by_role("button", name="a small tree in front of a building").click()
    expect(page.locator("#mm-search-status")).to_contain_text("No good match.")
    visit.tab("Translate")
    page.get_by_role("button", name="An animal is lying on a rock.").click()
    expect(page.locator("#mm-translate-plain textarea")).to_have_value("rock. a on lying is animal An")
    expect(page.locator("#mm-translate-picture img")).to_be_visible()
    visit.tab("Caption")
    page.locator("#mm-caption-examples button").first.click()
    expect(page.locator("#mm-caption-text textarea")).not_to_have_value("")
    expect(page.locator("#mm-caption-picture img")).to_be_visible()


def test_an_empty_gallery_says_how_to_fill_it_and_is_filled(browser: Any, screenshots: Path, pictures: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "new.mm", "fake", tmp_path / "app.txt") as address:
        visit = Visit(browser, address, screenshots, _DESKTOP)
        page = visit.page
        expect(page.locator("#mm-search-status")).to_contain_text("There are no photos to search yet.")
        visit.picture("search-empty-desktop")
        page.locator("#mm-folder textarea, #mm-folder input").fill(str(tmp_path / "nowhere"))
        page.locator("#mm-index-go").click()
        visit.notice("There is no folder")
        page.locator("#mm-folder textarea, #mm-folder input").fill(str(pictures))
        page.locator("#mm-index-go").click()
        expect(page.locator("#mm-index-status")).to_contain_text("5 pictures found, 5 newly read")
        expect(page.locator("#mm-header")).to_contain_text("5 photos")
        expect(_hits(visit)).to_have_count(5)
        visit.picture("search-indexed-desktop")
        visit.close()
        assert list(tmp_path.glob("mmembed-app-*"))
    assert not list(tmp_path.glob("mmembed-app-*")), "uploads and results stay behind when the app is stopped"


def test_the_app_speaks_german(gallery: Path, browser: Any, screenshots: Path, tmp_path: Path) -> None:
    with serving(gallery, "fake", tmp_path / "app.txt", "de") as address:
        visit = Visit(browser, address, screenshots, _DESKTOP, ready="läuft auf diesem Rechner")
        _search(visit, "red")
        expect(visit.page.locator("#mm-search-status")).to_contain_text("1 wahrscheinlicher Treffer unter 5 Fotos.")
        assert visit.page.evaluate("document.documentElement.lang") == "de"
        for tab in ("Suchen", "Beschreiben", "Übersetzen", "Modelle"):
            visit.tab(tab)
            visit.picture(f"german-{tab}")
        visit.close()
