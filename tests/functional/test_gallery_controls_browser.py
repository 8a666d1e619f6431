"""The page's events and controls in a real browser, with a model that recommends its own thresholds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.conftest import TinyJpeg
from tests.helpers.browser import Browser, browser
from tests.helpers.library import Photo, make_library
from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.gallery.make_gallery import GalleryOptions, build_gallery
from trailcam.selection import Selection
from trailcam.settings.config import Settings

OPTIONS = GalleryOptions(None, 0.25, timedelta(minutes=30), Settings().seasons, first_month=9)
CLASSES = (
    ClassInfo(0, "doe", Kind.DOE, threshold=0.65),
    ClassInfo(1, "mature", Kind.BUCK, AgeClass.MATURE, threshold=0.3),
)
# Counted by hand. Recommended: the buck's three photos in one event, and the doe of 0.9: 4 photos, 2 events.
# From 0.50 on: without the buck of 0.35, with the doe of 0.55: 4 photos, 3 events.
PHOTOS = [
    Photo("first.jpg", "2024-11-03 06:00"),
    Photo("best.jpg", "2024-11-03 06:10"),
    Photo("last.jpg", "2024-11-03 06:20"),
    Photo("doe.jpg", "2024-07-01 12:00", "TinMan"),
    Photo("maybe.jpg", "2024-07-02 12:00", "TinMan"),
]
SEEN = {
    "first.jpg": [("mature", 0.6)],
    "best.jpg": [("mature", 0.9)],
    "last.jpg": [("mature", 0.35)],
    "doe.jpg": [("doe", 0.9)],
    "maybe.jpg": [("doe", 0.55)],
}


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory, tiny_jpeg: TinyJpeg) -> Iterator[tuple[Browser, Path]]:
    library = make_library(tmp_path_factory.mktemp("controls"), PHOTOS)
    library.detect(SEEN, classes=CLASSES)
    for photo in PHOTOS:
        file = library.root / photo.station / photo.name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(tiny_jpeg())
    file = tmp_path_factory.mktemp("page") / "page.html"
    build_gallery(library.database, Selection(), file, OPTIONS, lambda _done, _total: None)
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened, file


@pytest.fixture
def page(window: tuple[Browser, Path]) -> Browser:
    """The page as it opens."""
    opened, file = window
    opened.driver.get(file.as_uri())
    return opened


def totals(page: Browser) -> tuple[int, int]:
    photos, events = (
        int(page.driver.find_element(By.ID, name).text.strip("≥≈ ")) for name in ("n-photos", "n-events")
    )
    return photos, events


def becomes(page: Browser, expected: tuple[int, int]) -> None:
    """The counts follow a moment after the key."""
    WebDriverWait(page.driver, 10).until(lambda _: totals(page) == expected, f"{totals(page)} != {expected}")


def test_the_best_photo_of_an_event_is_on_top(page: Browser) -> None:
    """The newest event first; in it the surest photo, then the others as they were taken."""
    page.driver.find_element(By.CSS_SELECTOR, ".card .photo").send_keys(Keys.ENTER)
    names = []
    for _ in range(3):
        names.append(page.driver.find_element(By.ID, "photo-file").text)
        page.driver.switch_to.active_element.send_keys(Keys.ARROW_RIGHT)
    assert names == ["Hayfield/best.jpg", "Hayfield/first.jpg", "Hayfield/last.jpg"]
    page.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    card = page.driver.find_element(By.CSS_SELECTOR, ".card").text
    assert "best confidence 0.90" in card
    assert "3 photos" in card


def test_as_the_model_recommends(page: Browser) -> None:
    box = page.driver.find_element(By.ID, "recommended")
    assert box.is_displayed()
    assert box.is_selected()
    assert totals(page) == (4, 2)
    slider = page.driver.find_element(By.ID, "confidence")
    box.click()
    becomes(page, (4, 3))  # the slider stands at 0.50
    box.click()
    becomes(page, (4, 2))
    slider.send_keys(Keys.ARROW_RIGHT)  # to move it is to choose it
    assert not box.is_selected()
    becomes(page, (4, 3))
    assert page.driver.find_element(By.ID, "shown-confidence").text == "from 0.51"


def test_filters_by_keyboard_alone(page: Browser) -> None:
    def focused() -> str:
        return str(page.run("return document.activeElement.id || document.activeElement.textContent"))

    active = page.driver.switch_to
    page.driver.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)  # the link that skips the filters
    for _ in range(3):
        active.active_element.send_keys(Keys.TAB)
        if focused() == "season":
            break
    assert focused() == "season"
    active.active_element.send_keys("rut")
    becomes(page, (3, 1))
    active.active_element.send_keys(Keys.HOME)
    becomes(page, (4, 2))
    for _ in range(20):
        active.active_element.send_keys(Keys.TAB)
        if focused() == "doe":
            break
    assert focused() == "doe"
    active.active_element.send_keys(Keys.SPACE)
    becomes(page, (1, 1))
    assert page.run("return document.activeElement.getAttribute('aria-pressed')") == "true"
    active.active_element.send_keys(Keys.SPACE)
    becomes(page, (4, 2))
    for _ in range(20):
        active.active_element.send_keys(Keys.TAB)
        if focused() == "confidence":
            break
    active.active_element.send_keys(Keys.END)
    becomes(page, (0, 0))
    active.active_element.send_keys(Keys.TAB, Keys.TAB)
    assert focused() == "reset"
    active.active_element.send_keys(Keys.ENTER)
    becomes(page, (4, 2))
    assert page.errors() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_has_the_photos_first_and_all_of_it_in_reach(page: Browser, scheme: str) -> None:
    """390 px wide: nothing sticks out, filters and statistics wait closed, each control is a finger wide."""
    measures = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    feature = {"name": "prefers-color-scheme", "value": scheme}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", measures)
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    try:
        page.driver.refresh()
        assert page.run("return document.documentElement.scrollWidth") <= 390
        assert page.run("return [...document.querySelectorAll('details')].map(d => d.open)") == [False, False]
        colours = page.run(
            "const style = getComputedStyle(document.body); return [style.color, style.backgroundColor]"
        )
        assert contrast(*colours) > 7  # WCAG 2.2, 1.4.6
        page.run("document.querySelector('#filters summary').click()")
        assert page.run("return document.documentElement.scrollWidth") <= 390
        heights = page.run(
            "return [...document.querySelectorAll('#form select, #form button')].map(n => n.offsetHeight)"
        )
        assert min(heights) >= 24  # WCAG 2.2, 2.5.8
        page.run("document.querySelector('.photo').click()")
        assert page.run("return document.getElementById('controls').getBoundingClientRect().right") <= 390
        assert page.run("return document.getElementById('stage').getBoundingClientRect().height") > 300
        page.run("document.getElementById('close').click()")
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert page.errors() == []


def contrast(*colours: str) -> float:
    """The ratio of two colours "rgb(r, g, b)" by WCAG 2.2."""
    lights = []
    for colour in colours:
        parts = [int(part) / 255 for part in colour.strip("rgb()").split(",")]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)
