"""The page in a real browser: what it counts is what the database counts, and it asks nobody for anything."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.conftest import TinyJpeg
from tests.helpers.browser import Browser, browser
from tests.helpers.library import Library, Photo, make_library
from trailcam.gallery.content import read_content
from trailcam.gallery.gallery_options import GalleryOptions
from trailcam.gallery.make_gallery import build_gallery
from trailcam.reports.bucks import bucks
from trailcam.reports.common import Question
from trailcam.selection import Selection
from trailcam.settings.config import Settings

GAP = timedelta(minutes=30)
STATIONS = ("Hayfield", "TinMan", "<script>")
CLASSES = ("doe", "young", "mid", "mature", "person")
OPTIONS = GalleryOptions(None, 0.25, GAP, Settings().seasons, first_month=9)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory, tiny_jpeg: TinyJpeg) -> Library:
    """240 photos in three stations over two seasons, every tenth without a time, a fifth still pending."""
    chance = random.Random(5)
    photos, found = [], {}
    for n in range(240):
        at = datetime(2023, 9, 1) + timedelta(days=chance.randrange(40) * 17, minutes=chance.randrange(400))
        name = f"p{n}.jpg" if n else "&lt;b>\"'.jpg"
        photos.append(Photo(name, None if n % 10 == 9 else at, STATIONS[n % 3]))
        if n % 5:
            some = chance.sample(CLASSES, chance.randrange(4))
            found[name] = [
                (c, chance.choice((0.3, 0.45, 0.5, 0.7, 0.9))) for c in some for _ in range(n % 2 + 1)
            ]
    library = make_library(tmp_path_factory.mktemp("gallery"), photos, found)
    for photo in photos:
        file = library.root / photo.station / photo.name
        file.parent.mkdir(exist_ok=True)
        if photo.name == "p1.jpg":
            file.write_bytes(b"\xff\xd8\xff no photo")
        elif photo.name != "p2.jpg":
            file.write_bytes(tiny_jpeg())
    return library


@pytest.fixture(scope="module")
def page(library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    file = tmp_path_factory.mktemp("page") / "a gallery.html"
    build_gallery(library.database, Selection(), file, OPTIONS, lambda _done, _total: None)
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.driver.get(file.as_uri())
        yield opened


def choose(page: Browser, **values: str) -> None:
    """Set filters as a user does, all others to "all"; wait for the page to follow."""
    page.driver.execute_async_script(
        """
        const [values, done] = arguments;
        document.getElementById("reset").click();
        setTimeout(() => {
          for (const [id, value] of Object.entries(values)) {
            const field = document.getElementById(id);
            field.value = value;
            field.dispatchEvent(new Event("change", {bubbles: true}));
            field.dispatchEvent(new Event("input", {bubbles: true}));
          }
          requestAnimationFrame(() => requestAnimationFrame(done));
        }, 30);
        """,
        values,
    )


def press(page: Browser, chips: str, text: str) -> None:
    page.driver.execute_async_script(
        """
        const [id, text, done] = arguments;
        [...document.querySelectorAll(`#${id} button`)].find((b) => b.textContent === text).click();
        requestAnimationFrame(() => requestAnimationFrame(done));
        """,
        chips,
        text,
    )


def totals(page: Browser) -> tuple[int, ...]:
    """Photos, visits, detections, without the sign that says whether they are final."""
    texts = page.run(
        "return ['n-photos', 'n-visits', 'n-detections'].map(i => document.getElementById(i).textContent)"
    )
    return tuple(int(text.strip("≥≈ ").replace(",", "")) for text in texts)


def by_sql(library: Library, selection: Selection, confidence: float | None = None) -> tuple[int, ...]:
    with library.database.read() as db:
        content = read_content(db, selection, GalleryOptions(confidence=confidence, lowest=0.25, gap=GAP))
    counting = [found for photo in content.photos for found in photo.found if found.counts]
    return (
        sum(any(found.counts for found in photo.found) for photo in content.photos),
        content.n_visits,
        len(counting),
    )


@pytest.mark.parametrize("confidence", [0.25, 0.3, 0.45, 0.46, 0.5, 0.7, 0.71, 0.9, 0.95])
def test_the_slider_counts_what_sql_counts(page: Browser, library: Library, confidence: float) -> None:
    choose(page, confidence=str(confidence))
    assert totals(page) == by_sql(library, Selection(), confidence)


def test_time_filters_count_what_sql_counts(page: Browser, library: Library) -> None:
    everything = totals(page)
    choose(page, season="rut")
    rut = by_sql(library, Selection(months=(9, 10, 11, 12, 1)))
    assert totals(page) == rut != everything
    choose(page, season="rut", year="2024")
    span = Selection(
        months=(9, 10, 11, 12, 1), since=datetime(2024, 9, 1), until=datetime(2025, 8, 31, 23, 59, 59)
    )
    assert totals(page) == by_sql(library, span) != rut
    choose(page, month="10")
    assert totals(page) == by_sql(library, Selection(months=(11,)))
    assert "without a capture time left out" in page.run(
        "return document.getElementById('left-out').textContent"
    )


def test_hours_may_wrap_midnight(page: Browser, library: Library) -> None:
    choose(page, **{"from": "2", "to": "4"})
    inside = totals(page)[0]
    choose(page, **{"from": "5", "to": "1"})
    outside = totals(page)[0]
    with library.database.read() as db:
        content = read_content(db, Selection(), GalleryOptions(confidence=None, lowest=0.25, gap=GAP))
    hours = [
        photo.captured_us // 3_600_000_000 % 24
        for photo in content.photos
        if photo.captured_us is not None and any(found.counts for found in photo.found)
    ]
    assert inside == sum(2 <= hour <= 4 for hour in hours) > 0
    assert outside == len(hours) - inside > 0


def test_a_station_called_script_is_text(page: Browser, library: Library) -> None:
    choose(page)
    press(page, "stations", "<script>")
    assert totals(page) == by_sql(library, Selection(stations=("<script>",)))
    assert page.run("return document.querySelector('.card p').textContent").startswith("<script> · ")
    assert (
        page.run("return document.querySelectorAll('.card script, #stations script, svg script').length") == 0
    )


def test_age_classes_count_as_report_bucks_does(page: Browser, library: Library) -> None:
    with library.database.read() as db:
        answer = bucks(db, Question(gap=GAP), by=("age",))
    for row in answer.rows:
        if row["age"] == "unknown":
            continue
        choose(page)
        press(page, "classes", f"{row['age'].capitalize()} buck")
        assert totals(page) == (row["photos"], row["events"], row["detections"])


@pytest.mark.parametrize("key", ["month", "hour", "station"])
@pytest.mark.parametrize("measure", ["photos", "visits", "detections"])
def test_charts_count_as_report_bucks_does(page: Browser, library: Library, key: str, measure: str) -> None:
    choose(page)
    press(page, "classes", "Mature buck")
    page.run(
        "document.getElementById('statistics').open = true;"
        "const m = document.getElementById('measure'); m.value = arguments[0];"
        "m.dispatchEvent(new Event('input', {bubbles: true}))",
        measure,
    )
    title = {"month": "By month", "hour": "By hour of day", "station": "By station"}[key]
    told = page.run(
        "return [...document.querySelectorAll('.chart')].map(c => c.getAttribute('aria-label'))"
        ".find(t => t.startsWith(arguments[0]))",
        title,
    )
    shown = {n for n in (int(bar.rpartition(": ")[2]) for bar in told.partition(". ")[2].split("; ")) if n}
    with library.database.read() as db:
        answer = bucks(db, Question(gap=GAP), by=(key, "age"))
    rows = [row for row in answer.rows if row["age"] == "mature" and (row[key] is not None or key != "hour")]
    column = "events" if measure == "visits" else measure
    assert shown == {row[column] for row in rows if row[column]}
    total = sum(int(bar.rpartition(": ")[2]) for bar in told.partition(". ")[2].split("; "))
    assert total == sum(row[column] or 0 for row in rows)


def test_coverage_follows_the_filter(page: Browser, library: Library) -> None:
    choose(page)
    text = "return document.getElementById('coverage').textContent"
    assert page.run(text) == (
        "192 of 240 photos looked at (80 %); 48 still to look at: there may be more;"
        " 24 without a capture time."
    )
    assert page.run("return document.getElementById('n-photos').textContent").startswith("≥ ")
    press(page, "stations", "TinMan")
    assert page.run(text).startswith("64 of 80 photos")


def test_newest_first_and_the_best_photo_on_top(page: Browser) -> None:
    choose(page)
    months = page.run("return [...document.querySelectorAll('#visits h2')].map(h => h.textContent)")
    dated = [month for month in months if not month.startswith("Time")]
    starts = [datetime.strptime(month, "%B %Y") for month in dated]  # noqa: DTZ007 - a month has no zone
    assert starts == sorted(starts, reverse=True)
    assert len(starts) > 1


def test_keyboard(page: Browser) -> None:
    choose(page)
    focused = "return document.activeElement.dataset.order"
    page.ready(".photo")
    page.run("document.querySelector('.photo').focus()")
    page.keys(Keys.ENTER)
    position = "return document.getElementById('position').textContent.split(' of ')[0]"
    opened = "return document.getElementById('viewer').open"
    assert page.run(opened) is True
    for key, number in ((Keys.ARROW_RIGHT, "2"), (Keys.ARROW_RIGHT, "3"), (Keys.ARROW_LEFT, "2")):
        page.keys(key)
        assert page.run(position) == number
    page.keys("b")
    assert page.run("return document.getElementById('boxes').getAttribute('aria-pressed')") == "false"
    page.keys("b")
    page.keys(Keys.ESCAPE)
    assert page.run(opened) is False
    # A browser says that a dialog was closed a moment later, and then the page moves the focus.
    page.wait(lambda: page.run(focused) == "1")


def test_arrow_keys_go_through_all_photos(page: Browser) -> None:
    choose(page)
    page.run("document.querySelector('.photo').click()")
    total = int(page.run("return document.getElementById('position').textContent.split(' of ')[1]"))
    for _ in range(total + 3):
        page.run("document.getElementById('next').click()")
    assert page.run("return document.getElementById('position').textContent") == f"{total} of {total}"
    page.run("document.getElementById('close').click()")


def test_lost_photos_are_shown_as_such(page: Browser) -> None:
    choose(page, confidence="0.25")
    page.run("while (!document.getElementById('more').hidden) document.getElementById('more').click()")
    lost = set(page.run("return [...document.querySelectorAll('.lost strong')].map(n => n.textContent)"))
    assert lost <= {"photo missing", "photo unreadable"}
    assert lost


def test_pictures_are_drawn(page: Browser) -> None:
    choose(page)
    widths = page.driver.execute_async_script(
        "const done = arguments[0]; const image = document.querySelector('.photo img');"
        "image.scrollIntoView(); setTimeout(() => done(image.naturalWidth), 500)"
    )
    assert 20 <= widths <= 64  # cut around what was found


def test_nothing_is_asked_for_and_nothing_complained_of(library: Library, tmp_path: Path) -> None:
    """Once as one file, once with its folder: from opening to the large photo."""
    for split in (False, True):
        file = tmp_path / f"split_{split}" / "page.html"
        file.parent.mkdir()
        options = GalleryOptions(None, 0.25, GAP, Settings().seasons, first_month=9, split=split)
        report = build_gallery(library.database, Selection(), file, options, lambda _done, _total: None)
        assert bool(report.folder) is split
        with browser(tmp_path / f"profile_{split}") as opened:
            opened.driver.get(file.as_uri())
            choose(opened, confidence="0.3")
            opened.driver.execute_async_script(
                "const done = arguments[0]; document.querySelector('.photo:has(img)').click();"
                "setTimeout(done, 500)"
            )
            assert opened.run("return document.querySelector('#stage img').naturalWidth") == 64
            opened.run("fetch('https://example.org/').catch(() => 0)")
            complaints = opened.errors()
            assert complaints, "the policy must refuse the request made on purpose"
            assert all("example.org" in line for line in complaints), complaints
            asked = {url for url in opened.requests() if "example.org" not in url}
            inside = {file.as_uri()} | (
                {f.as_uri() for f in report.folder.iterdir()} if report.folder else set()
            )
            assert file.as_uri() in asked
            assert asked <= inside
