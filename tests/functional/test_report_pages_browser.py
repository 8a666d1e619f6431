"""Every report as a page, in a real browser: it fits a desk and a phone, and asks nobody for anything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.helpers.browser import Browser, browser
from tests.helpers.library import WHITETAIL, Library, Photo, make_library
from trailcam.domain import ClassInfo, Kind
from trailcam.reports.activity import activity
from trailcam.reports.base import Report
from trailcam.reports.buck_parts import buck_report
from trailcam.reports.common import Question
from trailcam.reports.digest import DigestOptions, digest
from trailcam.reports.herd import herd
from trailcam.reports.report_page import to_html
from trailcam.reports.species import species
from trailcam.reports.stations import stations
from trailcam.reports.status import status

CLASSES = (*WHITETAIL, ClassInfo(5, "fawn", Kind.FAWN))
PHONE, DESK = 390, 1280


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """Three seasons, a station whose name is markup, one with a very long name; some photos pending."""
    names = ("Hayfield", "<script>alert(1)</script>", "W" * 80)
    photos = [
        Photo(f"{n}.jpg", datetime(2022, 10, 1) + timedelta(days=n * 3.1, hours=n % 7), names[n % 3])
        for n in range(300)
    ]
    library = make_library(tmp_path_factory.mktemp("pages"), photos)
    seen = [("doe", 0.9), ("mature", 0.8), ("fawn", 0.7), ("young", 0.6), ("doe", 0.55)]
    library.detect({p.name: [seen[n % 5]] for n, p in enumerate(photos) if n % 20}, classes=CLASSES)
    return library


@pytest.fixture(scope="module")
def pages(library: Library, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Report -> its page."""
    folder = tmp_path_factory.mktemp("html")
    question = Question(confidence=0.5)
    now = datetime(2025, 6, 1, tzinfo=UTC)
    with library.database.read() as db:
        reports: dict[str, Report] = {
            "bucks": buck_report(db, question, by=("month", "age")),
            "species": species(db, question),
            "stations": stations(db, question, by=["month"]),
            "activity": activity(db, question, classes=("doe", "mature")),
            "herd": herd(db, question, by=["season"]),
            "digest": digest(db, question, DigestOptions(["mature", "doe"], now=now)).report,
            "status": status(db, working=False),
        }
    for name, report in reports.items():
        (folder / f"{name}.html").write_text(to_html(report), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in reports}


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile"), width=DESK) as window:
        yield window


NAMES = ("bucks", "species", "stations", "activity", "herd", "digest", "status")


def resize(window: Browser, width: int) -> None:
    measures = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width == PHONE}
    window.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", measures)


@pytest.mark.parametrize("name", NAMES)
def test_a_page_fits_and_is_quiet(window: Browser, pages: dict[str, Path], name: str) -> None:
    for width in (DESK, PHONE):
        resize(window, width)
        window.driver.get(pages[name].as_uri())
        assert window.run("return document.documentElement.scrollWidth") <= width
        assert window.run("return document.querySelectorAll('script').length") == 0
    assert window.errors() == []  # the policy would name every style and script that it refused
    assert window.requests() <= {pages[name].as_uri()}


def test_bars_are_as_long_as_they_say(window: Browser, pages: dict[str, Path]) -> None:
    resize(window, DESK)
    window.driver.get(pages["activity"].as_uri())
    measured = window.run(
        "return [...document.querySelectorAll('table')[0].querySelectorAll('td.b')].map(td =>"
        " [td.textContent, td.querySelector('rect').getBoundingClientRect().width])"
    )
    shares = [(0.0 if text.startswith("<") else float(text.split()[0]), width) for text, width in measured]
    (longest, full) = max(shares)
    assert longest > 0
    assert full > 100
    for share, width in shares:  # whole per cent are rounded down
        assert share / (longest + 1) * full - 1 <= width <= (share + 1) / longest * full + 1


def test_a_phone_leaves_out_what_can_be_spared_until_asked(window: Browser, pages: dict[str, Path]) -> None:
    seen = (
        "return [...document.querySelectorAll('th')].filter(th => th.offsetParent).map(th => th.textContent)"
    )
    window.driver.get(pages["stations"].as_uri())
    resize(window, DESK)
    everything = window.run(seen)
    assert "camera-days" in everything
    resize(window, PHONE)
    spared = window.run(seen)
    assert "camera-days" not in spared
    assert {"station", "month", "photos", "silent days"} <= set(spared)
    window.run("document.querySelector('.more input').click()")
    assert window.run(seen) == everything
