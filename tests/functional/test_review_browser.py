"""The review page in a real browser: from a key that is pressed to a report that has changed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.conftest import TinyJpeg
from tests.helpers.answer_page import AnswerPage, trailcam
from tests.helpers.browser import browser
from tests.helpers.library import Library, Photo, make_library

pytestmark = [pytest.mark.timeout(300)]
WHERE = "document.getElementById"


class Page(AnswerPage):
    """The review page."""

    def shows(self) -> list[list[str]]:
        """The classes of each answer that would be saved, in the order of the page."""
        return [[box["class"] for box in answer["shows"]] for answer in self.saved()["answers"]]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, tiny_jpeg: TinyJpeg) -> Library:
    """Six photos of six visits; asked about first is 0, whose box is the nearest to its threshold."""
    folder = tmp_path_factory.mktemp("review")
    photos = [Photo(f"{n}.jpg", f"2024-11-0{n + 1} 06:00", size=(640, 480)) for n in range(6)]
    found = {f"{n}.jpg": [("doe", 0.51 + n * 0.02)] for n in range(5)} | {"5.jpg": []}
    library = make_library(folder, photos, found)
    for n in range(5):
        file = library.root / "Hayfield" / f"{n}.jpg"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(tiny_jpeg((640, 480), color=(90 + 20 * n, 120, 60)))
    return library


@pytest.fixture(scope="module")
def file(library: Library) -> Path:
    """The page as a user makes it. One photo isn't on the disk: exit code 1, and its name."""
    done = trailcam(library, "review", "-o", "page one.html")
    assert done.returncode == 1, done.stderr
    assert "6 photos of 6 to review" in done.stdout
    assert "5.jpg" in done.stderr
    return library.root.parent / "page one.html"


@pytest.fixture
def page(file: Path, tmp_path: Path) -> Iterator[Page]:
    with browser(tmp_path / "profile") as window:
        opened = Page(window, file, tmp_path / "downloads")
        yield opened
        assert opened.window.errors() == []
        assert {url for url in window.requests() if not url.startswith("blob:")} == {file.as_uri()}


def test_keys_answer_and_the_file_has_it(page: Page) -> None:
    assert "Near the threshold: doe 0.51 counts" in page.text("why")
    page.click("author")
    page.press(*"Ann")
    page.window.run(f"{WHERE}('stage').focus()")
    page.press(Keys.ENTER)
    assert "Photo 2 of 6" in page.text("progress-text")
    page.press("4", "n", "s")
    assert "3 answered, 1 skipped · 2 to go" in page.text("progress-text")
    content = page.saved()
    assert (content["format"], content["version"], content["author"]) == ("trailcam review", 1, "Ann")
    assert [[box["class"] for box in a["shows"]] for a in content["answers"]] == [["doe"], ["mid"], []]
    assert content["answers"][0]["shows"][0]["box"] == [0.25] * 4
    assert page.text("save") == "Saved"


def test_the_buttons_say_what_they_record(page: Page) -> None:
    assert page.text("question") == "Is this a doe? The model is 51 % sure."
    assert page.text("accept") == "Doe Enter"
    assert page.text("blank") == "No animal n"
    first = page.window.run(f"return [...{WHERE}('classes').children].slice(0, 5).map(n => n.textContent)")
    assert first == ["Doe1", "Fawn2", "Young buck3", "Mid buck4", "Mature buck5"]
    page.press("5")
    assert page.text("said") == "Recorded: mature buck."
    page.press(*[Keys.ARROW_RIGHT] * 4)  # nothing was found there
    assert page.text("question") == "Is there an animal? The model found none."
    assert page.text("accept") == "No animal Enter"


def test_enter_never_erases_an_animal(tmp_path: Path, tiny_jpeg: TinyJpeg) -> None:
    """A box that doesn't count is asked about: Enter says yes, n says no, nothing is left out unasked."""
    photos = [Photo(f"{n}.jpg", f"2024-11-0{n + 1} 06:00") for n in range(2)]
    faint = (("doe", 0.28, (0.1, 0.1, 0.2, 0.2)), ("mid", 0.2, (0.6, 0.6, 0.2, 0.2)))
    library = make_library(tmp_path, photos)
    library.detect({photo.name: faint for photo in photos})
    for photo in photos:
        file = library.root / photo.station / photo.name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(tiny_jpeg())
    done = trailcam(library, "review", "-o", "faint.html")
    assert done.returncode == 0, done.stderr
    with browser(tmp_path / "profile") as window:
        window.driver.get((library.root.parent / "faint.html").as_uri())
        said = "return document.getElementById('said').textContent"
        accept = "return document.getElementById('accept').textContent"
        assert window.run(accept) == "Yes, doe Enter"
        window.keys(Keys.ENTER)
        assert window.run(said) == "Recorded: doe."
        window.keys("n")
        assert window.run(said).startswith("Recorded: no animal.")


def test_undo_takes_back_one_by_one(page: Page) -> None:
    page.press("n", "n", "u")
    assert "Photo 2 of 6 (open)" in page.text("progress-text")
    assert page.shows() == [[]]
    page.press("u", "u")
    assert "0 answered" in page.text("progress-text")
    assert "nothing to undo" in page.text("said")


def test_a_box_taken_out_and_one_by_name(page: Page) -> None:
    page.press("x")
    assert page.text("accept").startswith("No animal")
    page.press(Keys.ENTER)
    page.press("o", *"Mature buck", Keys.ENTER)
    page.press("o", *"unicorn", Keys.ENTER)
    assert 'No class is called "unicorn"' in page.text("said")
    assert page.shows() == [[], ["mature"]]
    page.press(Keys.ESCAPE)
    page.press("o", Keys.ENTER)  # once more: it is meant
    assert page.shows() == [[], ["mature"], ["unicorn"]]
    assert page.saved()["answers"][2]["shows"][0]["new"] is True


def test_a_box_by_keyboard_alone(page: Page) -> None:
    page.press("a")
    assert page.window.run(f"return {WHERE}('stage').querySelectorAll('.drawing').length") == 1
    for key in (Keys.ARROW_LEFT, Keys.ARROW_UP, Keys.ARROW_UP):
        page.press(key)
    ActionChains(page.window.driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT).key_up(
        Keys.SHIFT
    ).perform()
    page.press(Keys.ENTER)
    page.press(Keys.ENTER)
    assert "Say first what is in the new box" in page.text("said")
    page.press("o", *"mature", Keys.ENTER)
    page.press(Keys.ENTER)
    (answer,) = page.saved()["answers"]
    assert [box["class"] for box in answer["shows"]] == ["doe", "mature"]
    assert answer["shows"][1]["box"] == pytest.approx([0.33, 0.31, 0.32, 0.3])


def test_escape_draws_nothing(page: Page) -> None:
    page.press("a", Keys.ESCAPE, Keys.ENTER)
    assert page.shows() == [["doe"]]


def draw(page: Page, kind: str, corners: tuple[float, float, float, float]) -> None:
    frame = page.window.run(
        f"const r = {WHERE}('stage').querySelector('.frame').getBoundingClientRect();"
        "return [r.x, r.y, r.width, r.height]"
    )
    points = [
        (frame[0] + x * frame[2], frame[1] + y * frame[3]) for x, y in (corners[:2], (0.5, 0.5), corners[2:])
    ]
    send = page.window.driver.execute_cdp_cmd
    if kind == "touch":
        for name, at in (("touchStart", points[0]), ("touchMove", points[1]), ("touchMove", points[2])):
            send("Input.dispatchTouchEvent", {"type": name, "touchPoints": [{"x": at[0], "y": at[1]}]})
        send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        return
    for name, at in zip(
        ("mousePressed", "mouseMoved", "mouseMoved", "mouseReleased"), [*points, points[2]], strict=True
    ):
        send(
            "Input.dispatchMouseEvent",
            {"type": name, "x": at[0], "y": at[1], "button": "left", "buttons": 1, "clickCount": 1},
        )


@pytest.mark.parametrize("kind", ["mouse", "touch"])
def test_a_box_is_drawn(page: Page, kind: str) -> None:
    if kind == "touch":  # a phone
        page.window.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True},
        )
        page.window.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
        assert page.window.run("return document.documentElement.scrollWidth") == 390
    page.click("add")
    draw(page, kind, (0.1, 0.2, 0.4, 0.6))
    page.click("classes button:nth-child(2)")
    page.click("accept")
    (answer,) = page.saved()["answers"]
    assert [box["class"] for box in answer["shows"]] == ["doe", "fawn"]
    assert answer["shows"][1]["box"] == pytest.approx([0.1, 0.2, 0.3, 0.4], abs=0.01)


def test_closing_loses_nothing(page: Page) -> None:
    page.press("n", "a", Keys.ENTER)
    page.press("o", *"mid", Keys.ENTER)
    page.window.driver.get("about:blank")
    page.open()
    assert "Photo 2 of 6" in page.text("progress-text")
    assert "1 answered" in page.text("progress-text")
    page.press(Keys.ENTER)
    assert page.shows() == [[], ["doe", "mid"]]
    page.press("u", "u", "u", "u")
    assert "0 answered" in page.text("progress-text")


def test_a_lost_photo_is_named_and_can_be_skipped(page: Page) -> None:
    page.press(*[Keys.ARROW_RIGHT] * 5)
    assert "photo missing" in page.text("stage")
    page.press("a")
    assert "no picture to draw on" in page.text("said")


def test_everything_is_named_for_a_screen_reader(page: Page) -> None:
    unnamed = page.window.run(
        "return [...document.querySelectorAll('button, input, summary, [role]')].filter(n =>"
        " !(n.textContent.trim() || n.getAttribute('aria-label') || n.labels?.length || n.ariaLive)).length"
    )
    assert unnamed == 0
    assert page.window.run("return document.activeElement.id") == "stage"
    assert page.window.run(f"return {WHERE}('stage').getAttribute('aria-label')") == (
        "Photo 1: doe. Is this a doe? The model is 51 % sure."
    )


def test_the_policy_lets_nothing_out(file: Path, tmp_path: Path) -> None:
    with browser(tmp_path / "profile") as window:
        window.driver.get(file.as_uri())
        window.run("fetch('https://example.org/').catch(() => 0)")
        time.sleep(0.3)
        complaints = window.errors()
        assert complaints
        assert all("example.org" in line for line in complaints), complaints


def test_from_key_to_report(library: Library, page: Page, tmp_path: Path) -> None:
    before = trailcam(library, "report", "species", "--by", "station", "--format", "csv").stdout
    page.click("author")
    page.press(*"Ann")
    page.window.run(f"{WHERE}('stage').focus()")
    page.press("o", *"mature", Keys.ENTER)
    page.press("n")
    page.saved()
    (answers,) = page.downloads.glob("*.json")
    done = trailcam(library, "review", "apply", answers)
    assert (done.returncode, done.stdout) == (0, "Recorded 2 answers of Ann.\n"), done.stderr
    again = trailcam(library, "review", "apply", answers)
    assert again.stdout == "Recorded 0 answers of Ann; 2 known before.\n"
    after = trailcam(library, "report", "species", "--by", "station", "--format", "csv").stdout
    assert ("mature" in after, "mature" in before) == (True, False)
    counted = {line.split(",")[0]: line.split(",")[2] for line in after.splitlines()}
    assert (counted["doe"], counted["mature"]) == ("3", "1")
    assert "Ann" in trailcam(library, "correct", str(library.ids["0.jpg"])).stdout


def test_what_is_refused(library: Library, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"format": "trailcam review", "version": 9}', encoding="utf-8")
    for args in (("review",), ("review", "apply", bad), ("review", "apply", tmp_path / "no.json")):
        done = trailcam(library, *args)
        assert (done.returncode, done.stdout) == (2, ""), args
        assert done.stderr.count("error:") == 1
        assert "Traceback" not in done.stderr
    assert "version must be 1" in " ".join(trailcam(library, "review", "apply", bad).stderr.split())
