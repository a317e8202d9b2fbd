"""Visitors at the running app: two at once, one who changes their mind, one who comes early, and one who looks at everything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.app.conftest import CHROMIUM, serving
from tests.app.test_browser import Visit, expect

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]

_DESKTOP = {"width": 1280, "height": 900}


def test_two_people_at_once_see_nothing_of_each_other(app: str, browser: Any, screenshots: Path, pictures: Path) -> None:
    one, other = (Visit(browser, app, screenshots, _DESKTOP) for _ in range(2))
    for visit, colour in ((one, "red"), (other, "blue")):
        visit.page.locator("#mm-text textarea, #mm-text input").fill(colour)
        visit.page.locator("#mm-go").click()
    for visit, colour in ((one, "red"), (other, "blue")):
        expect(visit.page.locator("#mm-results .thumbnail-item").first).to_contain_text(f"{colour}.png")
        visit.page.locator("#mm-results .thumbnail-item").first.click()
        expect(visit.page.locator("#mm-facts")).to_contain_text(f"{colour}.png")
    one.tab("Caption")
    one.upload("#mm-caption-picture", pictures / "green.png")
    one.page.locator("#mm-caption-go").click()
    expect(one.page.locator("#mm-caption-text textarea")).to_have_value("green")
    other.tab("Caption")
    expect(other.page.locator("#mm-caption-text textarea")).to_have_value("")
    assert other.page.locator("#mm-caption-picture img").count() == 0
    other.tab("Search")
    other.page.get_by_role("button", name="Caption this").click()
    expect(other.page.locator("#mm-caption-text textarea")).to_have_value("blue")
    expect(one.page.locator("#mm-caption-text textarea")).to_have_value("green")
    one.close()
    other.close()


@pytest.fixture(scope="module")
def slow(gallery: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("slow")
    with serving(folder / "new.mm", "fake", folder / "app.txt", MMEMBED_TEST_SLOW="1") as address:
        yield address


def test_indexing_can_be_stopped_and_only_by_who_began_it(slow: str, browser: Any, screenshots: Path, tmp_path: Path) -> None:
    for number in range(200):
        Image.new("RGB", (8, 8), (number % 256, number // 256, 0)).save(tmp_path / f"{number}.png")
    visit, other = (Visit(browser, slow, screenshots, _DESKTOP) for _ in range(2))
    page = visit.page
    page.locator("#mm-folder textarea, #mm-folder input").fill(str(tmp_path))
    page.locator("#mm-index-go").click()
    expect(page.locator("#mm-index-stop")).to_be_visible()
    expect(other.page.locator("#mm-index-stop")).to_be_hidden()
    visit.picture("index-progress")
    page.locator("#mm-index-stop").click()
    expect(page.locator("#mm-index-status")).to_contain_text("of 200 files")
    expect(page.locator("#mm-index-stop")).to_be_hidden()
    assert "200 photos" not in page.locator("#mm-header").inner_text()
    visit.close()
    other.close()


def test_the_page_is_there_before_the_model(gallery: Path, browser: Any, screenshots: Path, tmp_path: Path) -> None:
    now = tmp_path / "now"
    with serving(gallery, "late", tmp_path / "app.txt", MODEL_MAY_LOAD=str(now)) as address:
        visit = Visit(browser, address, screenshots, _DESKTOP, ready="Loading the model")
        page = visit.page
        for tab in ("Caption", "Translate", "Models", "Search"):
            visit.tab(tab)
        page.locator("#mm-text textarea, #mm-text input").fill("red")
        page.locator("#mm-go").click()  # is answered as soon as it can be
        now.touch()
        expect(page.locator("#mm-search-status")).to_contain_text("1 likely match among 5 photos")
        expect(page.locator("#mm-header")).to_contain_text("runs on this computer")
        visit.close()


@pytest.mark.parametrize(("button", "shown"), [("Use via API", "/search"), ("Settings", "Display Theme")])
def test_what_stands_in_the_footer_stays_here_too(app: str, browser: Any, screenshots: Path, button: str, shown: str) -> None:
    visit = Visit(browser, app, screenshots, _DESKTOP)
    visit.may_fail = ("/monitoring/summary", "/gradio_api/mcp/schema")  # which are switched off
    expect(visit.page.locator("#mm-results .thumbnail-item")).to_have_count(5)  # all that loads is there
    visit.page.get_by_role("button", name=button).click()
    expect(visit.page.get_by_text(shown).first).to_be_visible()
    visit.picture(f"footer-{button}")
    visit.close()
