"""The same pages on the bundled weights and real photographs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mmembed.media.samples import sample_photos
from tests.app.conftest import CHROMIUM, ROOT, serving
from tests.app.test_browser import Visit, expect

_DESKTOP = {"width": 1280, "height": 900}
pytestmark = [
    pytest.mark.bundled,
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.skipif(not (ROOT / "mmembed/weights/mini/manifest.json").is_file(), reason="the bundled weights are not there"),
    pytest.mark.skipif(not sample_photos(), reason="no installed package carries sample photos"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from mmembed.gallery import Gallery
    from mmembed.presets import load

    folder: Path = tmp_path_factory.mktemp("bundled")
    with Gallery(folder / "photos.mm", load()) as gallery:
        gallery.index(sample_photos())
    with serving(folder / "photos.mm", "mini", folder / "app.txt") as served:
        yield served


@pytest.fixture
def visit(address: str, browser: Any, screenshots: Path) -> Iterator[Visit]:
    opened = Visit(browser, address, screenshots, _DESKTOP)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("question", "photo"),
    [
        ("a man with a camera", "camera.png"),
        ("eine Katze", "chelsea.png"),
        ("une moto rouge", "motorcycle_left.png"),
        ("červený motocykl", "motorcycle_left.png"),
    ],
)
def test_the_right_photo_comes_among_the_first_three(visit: Visit, question: str, photo: str) -> None:
    if photo not in {path.name for path in sample_photos()}:
        pytest.skip(f"{photo} is in a package that is not installed")
    page = visit.page
    page.locator("#mm-text textarea, #mm-text input").fill(question)
    page.locator("#mm-go").click()
    expect(page.locator("#mm-search-status")).to_contain_text(re.compile("match", re.IGNORECASE))
    captions = page.locator("#mm-results .thumbnail-item").all_inner_texts()[:3]
    assert any(photo in caption for caption in captions), captions
    visit.picture(f"bundled-search-{photo.split('.')[0]}")


@pytest.mark.parametrize("language", ["English", "Deutsch", "Français", "Čeština", "中文", "العربية"])
def test_an_example_photo_is_described(visit: Visit, language: str) -> None:
    page = visit.page
    visit.tab("Caption")
    page.locator("#mm-caption-language input").click()
    page.get_by_role("option", name=language).click()
    page.locator("#mm-caption-picture input[type=file]").set_input_files(sample_photos()[0])
    expect(page.locator("#mm-caption-picture img")).to_be_visible()
    page.locator("#mm-caption-go").click()
    result = page.locator("#mm-caption-text textarea")
    expect(result).to_have_value(re.compile(r"\S{2,}"))
    direction = result.evaluate("element => getComputedStyle(element).direction")  # the text itself decides: dir="auto"
    assert direction == ("rtl" if language == "العربية" else "ltr")
    visit.picture(f"bundled-caption-{language}")


def test_a_sentence_is_translated_with_and_without_its_photo(visit: Visit) -> None:
    page = visit.page
    visit.tab("Translate")
    page.locator("#mm-translate-text textarea").fill("Two dogs are playing in the snow.")
    page.locator("#mm-translate-go").click()
    expect(page.locator("#mm-translate-result textarea")).to_have_value(re.compile("hund", re.IGNORECASE))
    expect(page.locator("#mm-translate-remarks")).to_contain_text("Recognised as English.")
    page.locator("#mm-translate-picture input[type=file]").set_input_files(sample_photos()[0])
    expect(page.locator("#mm-translate-picture img")).to_be_visible()
    page.locator("#mm-translate-go").click()
    expect(page.locator("#mm-translate-plain textarea")).to_have_value(re.compile("hund", re.IGNORECASE))
    expect(page.locator("#mm-translate-about-plain")).to_contain_text("Score of the words")
    visit.picture("bundled-translate")
