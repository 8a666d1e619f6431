"""The page of two runs' differences in a real browser: it shows what the comparison says, and asks nobody."""

from __future__ import annotations

from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.conftest import TinyJpeg
from tests.helpers.browser import browser
from tests.helpers.library import Library, Photo, make_library
from trailcam.compare_page.make_comparison import ComparisonOptions, build_comparison
from trailcam.pages.shown import PageReport
from trailcam.selection import Selection

LEFT, RIGHT = (0.1, 0.1, 0.3, 0.3), (0.6, 0.6, 0.3, 0.3)
TOP = (0.6, 0.1, 0.3, 0.3)
NAMES = ("a.jpg", "b.jpg", "c.jpg", "d.jpg", "&lt;b>\"'.jpg")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, tiny_jpeg: TinyJpeg) -> Library:
    photos = [Photo(name, "2024-11-03 06:10", "<script>") for name in NAMES]
    library = make_library(tmp_path_factory.mktemp("runs_page"), photos)
    (library.root / "<script>").mkdir()
    for photo in photos:
        if photo.name != "d.jpg":
            (library.root / "<script>" / photo.name).write_bytes(tiny_jpeg())
    every = {name: [("doe", 0.9, LEFT)] for name in NAMES}
    library.detect(every | {"a.jpg": [("doe", 0.9, LEFT), ("young", 0.8, RIGHT)]}, weights="<b>one.pt")
    found = {"a.jpg": [("doe", 0.9, LEFT), ("mature", 0.7, RIGHT)], "b.jpg": [], "c.jpg": every["c.jpg"]}
    found |= {
        "d.jpg": [("doe", 0.9, LEFT), ("mid", 0.6, RIGHT), ("mid", 0.55, TOP)],
        NAMES[4]: [("young", 0.95, LEFT)],
    }
    library.detect(found, weights="two.pt")
    return library


def build(library: Library, file: Path, limit: int = 150) -> PageReport:
    options = ComparisonOptions((1, 2), limit=limit)
    return build_comparison(library.database, Selection(), file, options, lambda _done, _total: None)


def test_a_limit_keeps_the_surest(library: Library, tmp_path: Path) -> None:
    report = build(library, tmp_path / "page.html", limit=1)
    assert (report.n_photos, report.candidates) == (1, 4)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<b>one.pt" not in text
    assert "b.jpg" not in text


def test_the_page_in_a_browser(library: Library, tmp_path: Path) -> None:
    report = build(library, tmp_path / "page.html")
    assert (report.n_photos, report.candidates, len(report.problems)) == (4, 4, 1)
    with browser(tmp_path / "profile") as page:
        page.driver.get(report.path.as_uri())
        titles = "return [...document.querySelectorAll('.card h3')].map(n => n.textContent)"
        shown = "return document.getElementById('shown').textContent"
        twice = "gained mid \u00d72"
        assert page.run(titles) == ["doe in A, young in B", "lost doe", "young in A, mature in B", twice]
        assert page.run(shown) == "4 photos, 5 differences"
        assert "run 1 (<b>one.pt)" in page.run("return document.getElementById('legend').textContent")
        assert page.run("return document.querySelector('.card p').textContent") == "<script>"
        assert page.run("return document.querySelectorAll('.lost').length") == 1
        press = (
            "[...document.querySelectorAll('.chips button')]"
            ".find(b => b.textContent === arguments[0]).click()"
        )
        page.run(press, "changed")
        assert page.run(titles) == ["doe in A, young in B", "young in A, mature in B"]
        page.run(press, "mature")
        assert page.run(titles) == ["young in A, mature in B"]
        page.click(".photo")
        names = "return [...document.querySelectorAll('#stage .name')].map(n => n.textContent)"
        assert page.run(names) == ["A: doe 0.90", "A: young 0.80", "B: doe 0.90", "B: mature 0.70"]
        assert page.run("return document.querySelectorAll('#stage .agreed').length") == 2
        page.click("#close")
        page.run(press, "mature")
        page.click(".photo")
        page.keys(Keys.ARROW_RIGHT)
        assert page.run("return document.getElementById('position').textContent") == "2 of 2"
        width = page.driver.execute_async_script(
            "const done = arguments[0];"
            "setTimeout(() => done(document.querySelector('#stage img').naturalWidth), 300)"
        )
        assert width == 64
        page.run("fetch('https://example.org/').catch(() => 0)")
        complaints = page.errors()
        assert complaints, "the policy must refuse the request made on purpose"
        assert all("example.org" in line for line in complaints), complaints
        asked = {url for url in page.requests() if "example.org" not in url}
        assert asked == {report.path.as_uri()}
