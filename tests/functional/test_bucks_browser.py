"""The page of bucks in a real browser: from a name that is typed to a report that has it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.conftest import TinyJpeg
from tests.helpers.answer_page import AnswerPage, trailcam
from tests.helpers.browser import Browser, browser
from tests.helpers.library import Library, Photo, make_library

pytestmark = [pytest.mark.timeout(300)]


class Page(AnswerPage):
    """The page of bucks."""

    def cards(self) -> list[str]:
        """What each card is called, in the order of the page."""
        script = "return [...document.querySelectorAll('.buck .called')].map((p) => p.textContent)"
        return list(self.window.run(script))

    def said(self) -> str:
        return self.text("said")

    def focus(self) -> int:
        script = "return [...document.querySelectorAll('.buck')].indexOf(document.activeElement)"
        return int(self.window.run(script))

    def chosen(self) -> int:
        return int(self.window.run("return document.querySelectorAll('.buck[aria-checked=true]').length"))


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, tiny_jpeg: TinyJpeg) -> Library:
    """Visits by day: a buck on two photos, one on one, two at once; then one at two stations in a minute."""
    folder = tmp_path_factory.mktemp("bucks")
    photos = [
        Photo("a1.jpg", "2024-11-01 06:00", size=(640, 480)),
        Photo("a2.jpg", "2024-11-01 06:05", size=(640, 480)),
        Photo("b.jpg", "2024-11-02 06:00", size=(640, 480)),
        Photo("two.jpg", "2024-11-03 06:00", size=(640, 480)),
        Photo("here.jpg", "2024-11-04 06:00:00", size=(640, 480)),
        Photo("there.jpg", "2024-11-04 06:00:30", "TinMan", size=(640, 480)),
    ]
    seen = {photo.name: [("mature", 0.9)] * (2 if photo.name == "two.jpg" else 1) for photo in photos}
    library = make_library(folder, photos, seen)
    for n, photo in enumerate(photos):
        file = library.root / photo.station / photo.name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(tiny_jpeg((640, 480), color=(60 + 25 * n, 120, 60)))
    return library


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def page(library: Library, window: Browser, tmp_path: Path) -> Page:
    file = tmp_path / "bucks.html"
    done = trailcam(library, "bucks", "page", "--by-time", "-o", file)
    assert done.returncode == 0, done.stderr
    assert "5 visits of bucks, 6 cards" in done.stdout
    return Page(window, file, tmp_path)


def test_naming_by_keyboard_from_the_page_to_the_report(page: Page, library: Library) -> None:
    assert page.cards() == ["not named"] * 6
    assert page.focus() == 0
    page.press("n")
    page.window.driver.switch_to.active_element.send_keys("Split Brow", Keys.ENTER)
    assert page.cards()[0] == "Split Brow"
    assert page.focus() == 1  # on to the next
    page.press("n")
    page.window.driver.switch_to.active_element.send_keys("sp", Keys.TAB, Keys.ENTER)
    assert page.cards()[:2] == ["Split Brow", "Split Brow"]
    page.press("0")
    assert page.cards()[2] == "not sure"
    page.press("1")  # the first name of the list
    assert page.cards() == ["Split Brow", "Split Brow", "not sure", "Split Brow", "not named", "not named"]
    page.press("u")
    assert page.cards()[3] == "not named"
    page.press("1")
    saved = page.saved()
    assert [answer["name"] for answer in saved["answers"]] == ["Split Brow"] * 3 + [None, "Split Brow"]
    file = page.downloads / "answers.json"
    file.write_text(json.dumps(saved), encoding="utf-8")
    done = trailcam(library, "bucks", "apply", file, "--author", "Ann")
    assert (done.returncode, done.stdout) == (0, "Recorded 5 boxes of Ann.\n")
    assert trailcam(library, "bucks", "apply", file).stdout.startswith("Recorded 0 boxes of")
    report = json.loads(trailcam(library, "report", "bucks", "--by", "name", "--format", "json").stdout)
    row = report["rows"][0]
    assert (row["name"], row["events"], row["photos"]) == ("Split Brow", 3, 4)
    assert trailcam(library, "bucks", "undo").returncode == 0
    assert page.window.errors() == []
    assert {url.partition(":")[0] for url in page.window.requests()} <= {"file", "blob"}


def test_two_bucks_of_one_photo_and_one_at_two_stations(page: Page) -> None:
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, "x", Keys.ARROW_RIGHT, "x")
    assert page.chosen() == 2
    page.press("n")
    page.window.driver.switch_to.active_element.send_keys("Wide", Keys.ENTER)
    assert "Two of these bucks are in one photo" in page.said()
    assert page.cards() == ["not named"] * 6
    page.press(Keys.ESCAPE)
    page.press("j")
    assert "they can't be one" in page.said()
    page.press(Keys.ESCAPE, Keys.ARROW_RIGHT, "x", Keys.ARROW_RIGHT, "x", "n")
    page.window.driver.switch_to.active_element.send_keys("Wide", Keys.ENTER)
    assert page.cards()[4:] == ["Wide", "Wide"]
    assert "in the same minute, distance unknown" in page.said()
    twice = page.window.run("return document.querySelectorAll('.twice').length")
    assert twice == 2


def test_splitting_joining_and_coming_back(page: Page) -> None:
    assert page.focus() == 0
    page.press("p")
    assert len(page.cards()) == 7
    page.press("x", Keys.ARROW_RIGHT, "x", "j")
    assert len(page.cards()) == 6
    page.press("p", "n")
    page.window.driver.switch_to.active_element.send_keys("Wide", Keys.ENTER)
    page.window.driver.refresh()
    page.window.wait(lambda: len(page.cards()) == 7)
    assert page.cards()[:2] == ["Wide", "not named"]
    assert page.focus() == 1
    page.window.run("document.getElementById('show').value = 'open'")
    page.window.run("document.getElementById('show').dispatchEvent(new Event('change'))")
    assert len(page.cards()) == 6


def test_a_phone_shows_two_cards_beside_each_other(page: Page) -> None:
    page.window.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True},
    )
    try:
        page.window.driver.get(page.file.as_uri())
        assert page.window.run("return document.documentElement.scrollWidth") == 390
        tops = page.window.run("return [...document.querySelectorAll('.buck')].map((c) => c.offsetTop)")
        assert tops[0] == tops[1] < tops[2]
        bar = page.window.run("return document.getElementById('bar').getBoundingClientRect().height")
        assert bar < 320
        page.window.click(".buck .picture")
        assert page.chosen() == 1
    finally:
        page.window.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_gallery_shows_one_buck(page: Page, library: Library) -> None:
    assert trailcam(library, "bucks", "name", "Hayfield/b.jpg", "Split Brow").returncode == 0
    try:
        file = page.downloads / "gallery.html"
        done = trailcam(library, "gallery", "-o", file)
        assert done.returncode == 0, done.stderr
        page.window.driver.get(file.as_uri())
        cards = "return document.querySelectorAll('.card').length"
        page.window.wait(lambda: page.window.run(cards) == 5)
        page.window.run("document.getElementById('filters').open = true")
        page.window.click("#names button")
        page.window.wait(lambda: page.window.run(cards) == 1)
        assert page.window.run("return document.getElementById('title').textContent") == "Split Brow"
        page.window.click("#reset")
        page.window.wait(lambda: page.window.run(cards) == 5)
        assert page.window.errors() == []
    finally:
        assert trailcam(library, "bucks", "undo").returncode == 0
