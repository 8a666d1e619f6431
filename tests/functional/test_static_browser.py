"""The page of static places in a real browser: from a key that is pressed to a report that has changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.conftest import TinyJpeg
from tests.helpers.answer_page import AnswerPage, trailcam
from tests.helpers.browser import browser
from tests.helpers.library import Library, Photo, make_library

pytestmark = [pytest.mark.timeout(300)]
STUMP, FEEDER = (0.1, 0.1, 0.2, 0.2), (0.6, 0.2, 0.2, 0.5)
START = datetime(2024, 10, 1, 6)
N = 20


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, tiny_jpeg: TinyJpeg) -> Library:
    """Two stations with a thing each, on twenty photos over six days; a third station without."""
    photos = [
        Photo(f"{station}{n}.jpg", START + timedelta(hours=7 * n), station=station, size=(640, 480))
        for station in ("Hayfield", "TinMan", "Woods")
        for n in range(N if station != "Woods" else 1)
    ]
    library = make_library(tmp_path_factory.mktemp("static"), photos)
    place = {"Hayfield": STUMP, "TinMan": FEEDER, "Woods": STUMP}
    library.detect({photo.name: [("doe", 0.9, place[photo.station])] for photo in photos})
    for n, photo in enumerate(photos):
        file = library.root / photo.station / photo.name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(tiny_jpeg((640, 480), color=(90 + 3 * n, 120, 60)))
    return library


@pytest.fixture(scope="module")
def file(library: Library) -> Path:
    """The page as a user makes it."""
    done = trailcam(library, "static", "find", "--page", "static.html", "--areas")
    assert done.returncode == 0, done.stderr
    assert "static.html: 2 places" in done.stderr
    return library.root.parent / "static.html"


@pytest.fixture
def page(file: Path, tmp_path: Path) -> Iterator[AnswerPage]:
    with browser(tmp_path / "profile") as window:
        opened = AnswerPage(window, file, tmp_path / "downloads")
        yield opened
        assert window.errors() == []
        assert {url for url in window.requests() if not url.startswith("blob:")} == {file.as_uri()}


def test_keys_answer_and_the_file_has_it(page: AnswerPage) -> None:
    assert page.text("question") == "Is this a thing that never moves, or an animal?"
    assert page.text("why").startswith("20 photos on 6 days, 1 Oct 2024 to 6 Oct 2024: doe 20.")
    page.press("t")
    assert "Place 2 of 2 (open) · 1 answered · 1 to go" in page.text("progress-text")
    page.press("a")
    assert "That was the last place" in page.text("said")
    content = page.saved()
    assert (content["format"], content["version"]) == ("trailcam static", 1)
    assert [answer["is_thing"] for answer in content["answers"]] == [True, False]
    assert content["answers"][0]["box"] == pytest.approx(STUMP)
    assert page.text("save") == "Saved"
    page.press("u", "u")
    assert "0 answered" in page.text("progress-text")
    page.press("u")
    assert "nothing to undo" in page.text("said")


def test_buttons_answer_and_closing_loses_nothing(page: AnswerPage) -> None:
    page.click("animal")
    page.click("skip")
    page.open()
    assert "1 answered, 1 skipped · 0 to go" in page.text("progress-text")
    assert [answer["is_thing"] for answer in page.saved()["answers"]] == [False]


def test_an_area_by_keyboard_alone(page: AnswerPage) -> None:
    page.press("e", " ", Keys.ENTER)
    assert "needs three corners" in page.text("said")
    for _ in range(2):
        ActionChains(page.window.driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT * 2).key_up(
            Keys.SHIFT
        ).perform()
        page.press(" ")
    assert "3 corners set" in page.text("said")
    page.press(Keys.ENTER)
    assert "needs three corners that don't lie in a line" in page.text("said")
    page.press(Keys.BACKSPACE, Keys.ARROW_DOWN, Keys.ARROW_DOWN, " ", Keys.ENTER)
    assert "Nothing in it will count at Hayfield." in page.text("said")
    (area,) = page.saved()["areas"]
    corners = [side for corner in area["points"] for side in corner]
    assert corners == pytest.approx([0.5, 0.5, 0.6, 0.5, 0.7, 0.52])
    page.press("e", " ", Keys.ESCAPE)
    assert len(page.saved()["areas"]) == 1
    page.window.click("#areas button")
    assert "no answer to save" in save_text(page)


def save_text(page: AnswerPage) -> str:
    page.click("save")
    return page.text("said")


@pytest.mark.parametrize("kind", ["mouse", "phone"])
def test_an_area_is_drawn(page: AnswerPage, kind: str) -> None:
    if kind == "phone":
        page.window.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True},
        )
        page.window.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
        assert page.window.run("return document.documentElement.scrollWidth") == 390
    page.click("next")
    page.click("next")  # the station without a place
    assert page.text("question").startswith("Woods: no place waits here.")
    page.click("draw")
    page.window.ready("#stage img")
    x, y, w, h = page.window.run(
        "const r = document.querySelector('#stage .frame').getBoundingClientRect();"
        "return [r.x, r.y, r.width, r.height]"
    )
    for across, down in ((0.1, 0.1), (0.6, 0.1), (0.6, 0.7), (0.11, 0.11)):  # the last closes it
        at = {"x": x + across * w, "y": y + down * h, "button": "left", "clickCount": 1}
        for what in ("mousePressed", "mouseReleased"):
            page.window.driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": what, **at})
    (area,) = page.saved()["areas"]
    assert area["points"] == [
        pytest.approx(corner, abs=0.01) for corner in ((0.1, 0.1), (0.6, 0.1), (0.6, 0.7))
    ]


def test_everything_is_named_for_a_screen_reader(page: AnswerPage) -> None:
    unnamed = page.window.run(
        "return [...document.querySelectorAll('button, input, summary, [role]')].filter(n =>"
        " !(n.textContent.trim() || n.getAttribute('aria-label') || n.labels?.length || n.ariaLive)).length"
    )
    assert unnamed == 0
    assert page.window.run("return document.activeElement.id") == "stage"
    assert page.window.run("return document.querySelector('#closeup img').alt")


def test_from_key_to_report(library: Library, page: AnswerPage) -> None:
    page.click("author")
    page.press(*"Ann")
    page.window.run("document.getElementById('stage').focus()")
    page.press("t", "a")
    page.saved()
    (saved,) = page.downloads.glob("*.json")
    done = trailcam(library, "static", "apply", saved)
    assert (done.returncode, done.stdout) == (0, "Recorded 1 thing, 1 animal, 0 areas of Ann.\n"), done.stderr
    again = trailcam(library, "static", "apply", saved)
    assert again.stdout == "Recorded 0 things, 0 animals, 0 areas of Ann; 2 known before.\n"
    report = trailcam(library, "report", "species", "--by", "station")
    assert "20 boxes in 20 visits are hidden: 1 static place" in report.stdout
    assert trailcam(library, "static", "undo").returncode == 0
    assert "hidden" not in trailcam(library, "report", "species", "--by", "station").stdout
