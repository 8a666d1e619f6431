"""The page's visits and controls in a real browser, with a model that recommends its own thresholds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.conftest import TinyJpeg
from tests.helpers.browser import Browser, browser
from tests.helpers.library import Photo, make_library
from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.gallery.gallery_options import GalleryOptions
from trailcam.gallery.make_gallery import build_gallery
from trailcam.selection import Selection
from trailcam.settings.config import Settings

OPTIONS = GalleryOptions(None, 0.25, timedelta(minutes=30), Settings().seasons, first_month=9)
CLASSES = (
    ClassInfo(0, "doe", Kind.DOE, threshold=0.65),
    ClassInfo(1, "mature", Kind.BUCK, AgeClass.MATURE, threshold=0.3),
)
# Counted by hand. Recommended: the buck's three photos in one visit, and the doe of 0.9: 4 photos, 2 visits.
# From 0.50 on: without the buck of 0.35, with the doe of 0.55: 4 photos, 3 visits.
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
    texts = page.run("return ['n-photos', 'n-visits'].map(id => document.getElementById(id).textContent)")
    photos, visits = (int(text.strip("≥≈ ")) for text in texts)
    return photos, visits


def becomes(page: Browser, expected: tuple[int, int]) -> None:
    """The counts follow a moment after the key."""
    page.wait(lambda: totals(page) == expected, f"{totals(page)} != {expected}")


def text(page: Browser, name: str) -> str:
    return str(page.run("return document.getElementById(arguments[0]).textContent", name))


def titles(page: Browser) -> list[str]:
    return list(page.run("return [...document.querySelectorAll('.card h3')].map(n => n.textContent)"))


def test_the_best_photo_of_a_visit_is_on_top(page: Browser) -> None:
    """The newest visit first; in it the surest photo, then the others as they were taken."""
    page.click(".card .photo")
    names = []
    for n in range(3):
        page.wait(lambda n=n: text(page, "position") == f"{n + 1} of 4")  # type: ignore[misc]
        names.append(text(page, "photo-file"))
        page.keys(Keys.ARROW_RIGHT)
    assert names == ["Hayfield/best.jpg", "Hayfield/first.jpg", "Hayfield/last.jpg"]
    page.keys(Keys.ESCAPE)
    card = page.ready(".card").text
    assert "90 % sure" in card
    assert "3 photos" in card


def test_one_click_shows_the_mature_bucks(page: Browser) -> None:
    assert titles(page) == ["Mature buck", "Doe"]
    assert text(page, "answer").startswith(
        "2 visits, 4 photos. The last was on 3 November 2024 at 06:00, at Hay"
    )
    page.click("#quick button:nth-child(1)")
    page.wait(lambda: titles(page) == ["Mature buck"])
    assert text(page, "title") == "Mature bucks"
    assert text(page, "answer").startswith("1 visit of mature bucks, 3 photos.")
    assert page.run("return document.querySelector('#quick button').getAttribute('aria-pressed')") == "true"
    counts = "return [...document.querySelectorAll('#quick b')].map(n => n.textContent)"
    page.wait(lambda: page.run(counts) == ["1", "1", "1", "2", "2", "1"], str(page.run(counts)))
    page.click("#quick button:last-child")  # what counts for nobody
    page.wait(lambda: text(page, "title") == "Not sure")
    assert page.run("return document.querySelectorAll('.card').length") == 1
    assert "55 % sure" in page.ready(".card").text


def test_the_surest_first(page: Browser) -> None:
    page.run(
        "const sort = document.getElementById('sort'); sort.value = 'sure';"
        "sort.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    page.wait(lambda: not page.run("return document.querySelector('.cards h2')"))
    assert titles(page) == ["Mature buck", "Doe"]  # both 0.90: then the newest


@pytest.mark.parametrize("width", [1400, 390])
def test_photos_come_first(page: Browser, width: int) -> None:
    """Without scrolling: the first rows of photos on a desk, the first photo on a phone."""
    measures = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", measures)
    try:
        page.driver.refresh()
        top = page.run("return document.querySelector('.card img').getBoundingClientRect().top")
        assert top < (330 if width > 1000 else 520)
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_as_the_model_recommends(page: Browser) -> None:
    page.click("#filters summary")
    box = page.ready("#recommended")
    assert box.is_selected()
    assert totals(page) == (4, 2)
    page.click("#recommended")
    becomes(page, (4, 3))  # the slider stands at 0.50
    page.click("#recommended")
    becomes(page, (4, 2))
    page.ready("#confidence").send_keys(Keys.ARROW_RIGHT)  # to move it is to choose it
    becomes(page, (4, 3))
    assert not box.is_selected()
    assert text(page, "shown-confidence") == "from 0.51"


def test_filters_by_keyboard_alone(page: Browser) -> None:
    focused = "return document.activeElement.id || document.activeElement.textContent"

    def tab_to(wanted: str) -> None:
        for _ in range(30):
            page.keys(Keys.TAB)
            if page.run(focused).strip() == wanted:
                return
        raise AssertionError(f"no Tab leads to {wanted}")

    tab_to("Season, station, hour, how sure …")
    page.keys(Keys.ENTER)
    tab_to("season")
    page.keys("rut")
    becomes(page, (3, 1))
    page.keys(Keys.HOME)
    becomes(page, (4, 2))
    tab_to("confidence")
    page.keys(Keys.END)
    becomes(page, (0, 0))
    tab_to("Doe")
    page.keys(Keys.SPACE)
    assert page.run("return document.activeElement.getAttribute('aria-pressed')") == "true"
    tab_to("reset")
    page.keys(Keys.ENTER)
    becomes(page, (4, 2))
    assert page.run("return document.querySelectorAll('#classes [aria-pressed=true]').length") == 0
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
            "return [...document.querySelectorAll('#form select, #form button, #quick button, summary')]"
            ".map(n => n.offsetHeight)"
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
