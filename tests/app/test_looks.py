"""Every page's main path from click to result, and an error on each, in four looks; and whether all of it can be read and hit."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.conftest import CHROMIUM
from tests.app.test_browser import Visit, expect

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]

_AUDIT = (Path(__file__).parent / "audit.js").read_text(encoding="utf-8")
_SMALLEST = 24  # CSS pixels of a target, by WCAG 2.2, AA
_DESKTOP, _PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(params=["desktop-light", "desktop-dark", "phone-light", "phone-dark"])
def look(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def visit(app: str, browser: Any, screenshots: Path, look: str) -> Iterator[Visit]:
    width, scheme = look.split("-")
    opened = Visit(browser, app, screenshots, _PHONE if width == "phone" else _DESKTOP, scheme)
    yield opened
    opened.close()


@pytest.fixture
def see(visit: Visit, look: str) -> Callable[[str], None]:
    """Take a picture of the page, and find nothing wrong with how it looks."""

    def seen(what: str) -> None:
        visit.picture(f"{what}-{look}")
        assert visit.page.evaluate(_AUDIT, {"smallest": _SMALLEST}) == [], what

    return seen


def test_every_page_leads_from_a_click_to_a_result_or_a_sentence(
    visit: Visit, see: Callable[[str], None], look: str, pictures: Path, tmp_path: Path
) -> None:
    page = visit.page
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (max(map(int, re.findall(r"\d+", background)[:3])) < 64) == look.endswith("dark")

    question, search = page.locator("#mm-text textarea, #mm-text input"), page.locator("#mm-go")
    search.click()
    visit.notice("A search needs a text or a picture")
    question.fill("red")
    search.click()
    expect(page.locator("#mm-search-status")).to_contain_text("1 likely match among 5 photos")
    page.locator("#mm-results .thumbnail-item").first.click()
    expect(page.locator("#mm-chosen-picture img")).to_be_visible()
    expect(page.locator("#mm-facts")).to_contain_text("red.png")
    see("search")
    page.locator("#mm-options > button").click()
    page.locator("#mm-index > button").click()
    see("search-options")
    page.locator("#mm-index-go").click()
    visit.notice("Give the path of a folder first.")

    page.get_by_role("button", name="Caption this").click()
    expect(page.locator("#mm-caption-text textarea")).to_have_value("red")
    page.locator("#mm-caption-options > button").click()
    see("caption")
    damaged = tmp_path / "damaged.png"
    damaged.write_bytes(b"\x89PNG\r\n\x1a\n nothing more")
    page.get_by_role("button", name="Remove Image").first.click()
    page.locator("#mm-caption-picture input[type=file]").set_input_files(damaged)
    expect(page.locator("#mm-caption-picture img")).to_be_attached()
    page.locator("#mm-caption-go").click()
    visit.notice("The picture cannot be read")

    visit.tab("Translate")
    page.locator("#mm-translate-go").click()
    visit.notice("There is nothing to translate yet")
    page.locator("#mm-translate-text textarea").fill("one two")
    visit.upload("#mm-translate-picture", pictures / "red.png")
    page.locator("#mm-translate-go").click()
    expect(page.locator("#mm-translate-result textarea")).to_have_value("two one rot")
    expect(page.locator("#mm-translate-plain textarea")).to_have_value("two one")
    see("translate")

    visit.tab("Models")
    mini = page.get_by_role("article", name="mini", exact=True)
    mini.get_by_text("More about mini").click()
    expect(mini).to_contain_text("mmembed app --preset mini")
    see("models")
