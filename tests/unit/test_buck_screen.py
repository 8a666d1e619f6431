"""The first screen of ``report bucks``: sentences that answer, and rows only where a buck was seen."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.helpers.library import Library, Photo, make_library
from trailcam.cli.render import show
from trailcam.reports.activity import activity
from trailcam.reports.base import Report
from trailcam.reports.buck_parts import buck_report
from trailcam.reports.buck_screen import in_ranges
from trailcam.reports.common import Question
from trailcam.reports.formats import to_json
from trailcam.reports.report_page import to_html
from trailcam.selection import Selection

RUT = Question(Selection(months=(9, 10, 11, 12, 1), season="rut"))


def asked(library: Library, question: Question = RUT) -> Report:
    with library.database.read() as db:
        return buck_report(db, question, screen=True)


def lines(report: Report, width: int = 80) -> list[str]:
    text = io.StringIO()
    show(report, Console(file=text, width=width, force_terminal=True, color_system=None, highlight=False))
    return [line.rstrip() for line in text.getvalue().splitlines()]


@pytest.fixture
def season(tmp_path: Path) -> Library:
    """A season of seven stations, each with a visit of a buck of every age class in most months."""
    photos, found = [], {}
    for station in range(7):
        for month in ("2024-09", "2024-10", "2024-11", "2024-12", "2025-01"):
            for n, what in enumerate(("young", "mid", "mature", "doe")):
                name = f"{station}-{month}-{n}.jpg"
                photos.append(Photo(name, f"{month}-1{n} 0{n + 1}:0{station}", f"Station {station}"))
                found[name] = [(what, 0.9)] if month != "2024-12" else [("doe", 0.9)]
    library = make_library(tmp_path, photos)
    library.detect(found)
    return library


def test_a_season_of_seven_stations_fits_one_screen(season: Library) -> None:
    shown = lines(asked(season))
    assert len(shown) <= 24
    assert shown[0] == "Bucks, season rut (Sep-Jan), 7 stations, 2024-25"
    text = " ".join(shown)
    assert "28 visits of mature bucks" in text
    assert "The last was on 12 Jan 2025" in text
    assert "All of 140 photos looked at." in text
    assert "No buck in 2024-12." in text
    assert not any(line.startswith("2024-12") for line in shown), "rows only where something was seen"
    assert "trailcam gallery --season rut --age mature -o mature.html" in shown[-2]
    assert "trailcam report bucks --season rut --part all" in shown[-1]


def test_the_latest_visits_name_a_photo_to_show(season: Library) -> None:
    report = asked(season)
    rows = json.loads(to_json(report))["latest_visits"]
    assert rows[0]["begins"].startswith("2025-01-12")
    assert rows[0]["image_id"] in season.ids.values()
    assert all(row["age"] == "mature" for row in rows)
    shown = "\n".join(lines(report))
    assert "mature, 1 of 1 photo" in shown
    assert f" {rows[0]['image_id']}  " in shown, "without separators, as `trailcam show` takes it"


def test_the_page_begins_with_it_and_holds_all(season: Library) -> None:
    page = to_html(asked(season))
    first, all_counts = page.index("Latest visits of mature bucks"), page.index("Season-years side by side")
    assert page.index("28 visits of mature bucks") < first < all_counts
    assert "Mature bucks by hour" in page


def test_pending_and_failed_photos_are_told_apart(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo(f"{n}.jpg", f"2024-11-0{n} 06:10") for n in range(1, 5)])
    library.detect({"1.jpg": [("mature", 0.9)], "2.jpg": []}, failed=["3.jpg"])
    text = " ".join(lines(asked(library)))
    assert "50 % of 4 photos looked at: there may be more; 1 can't be read." in text
    library.detect({"4.jpg": []})
    text = " ".join(lines(asked(library)))
    assert "3 of 4 photos looked at; 1 can't be read." in text
    assert "may be more" not in text


def test_nothing_seen_nothing_looked_at_and_nothing_there(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("1.jpg", "2024-11-01 06:10"), Photo("2.jpg", "2024-12-01 06:10")])
    shown = lines(asked(library))
    assert "Not looked at yet." in shown
    assert shown[-1] == "Next: trailcam detect --season rut"
    library.detect({"1.jpg": []})
    text = " ".join(lines(asked(library)))
    assert "No buck in 1 photo." in text
    assert "Not looked at: 2024-12." in text
    empty = lines(asked(library, Question(Selection(months=(5,)))))
    assert "No photo fits the selection." in empty


def test_bucks_without_a_capture_time_are_no_zero(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("1.jpg"), Photo("2.jpg"), Photo("3.jpg", "2024-11-01 06:10")])
    library.detect({"1.jpg": [("mature", 0.9)], "2.jpg": [("doe", 0.9)], "3.jpg": []})
    text = " ".join(lines(asked(library, Question())))
    assert "No visit of a buck whose time is known, but 1 box without one." in text
    assert "2 photos without a capture time are in no visit, with 1 box of bucks." in text
    with library.database.read() as db:
        told = activity(db, Question())
    assert told.headline == "No visit of buck whose time is known. All of 3 photos looked at."
    assert "1 detection on photos without a capture time is in no visit." in told.notes
    library.detect({"3.jpg": [("young", 0.9)]})
    assert "1 visit of bucks" in " ".join(lines(asked(library, Question())))


def test_photos_that_all_failed_are_not_called_pending(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("1.jpg", "2024-11-01 06:10")])
    library.detect({}, failed=["1.jpg"])
    shown = lines(asked(library, Question()))
    assert "0 of 1 photo looked at; 1 can't be read." in shown
    assert "Not looked at yet." not in shown
    assert shown[-1] == "Next: trailcam status"


def test_without_mature_bucks_the_others_are_listed(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("1.jpg", "2024-11-01 06:10")])
    library.detect({"1.jpg": [("young", 0.9)]})
    shown = lines(asked(library))
    assert "1 visit of bucks, none of them of a mature buck." in " ".join(shown)
    assert "Latest visits of bucks" in shown
    assert any("young, 1 of 1 photo" in line for line in shown)


def test_many_months_become_season_years(tmp_path: Path) -> None:
    photos = [Photo(f"{n}.jpg", f"{2020 + n // 12}-{n % 12 + 1:02}-01 06:10") for n in range(30)]
    library = make_library(tmp_path, photos)
    library.detect({f"{n}.jpg": [("mature", 0.9)] for n in range(30)})
    shown = lines(asked(library, Question()))
    assert any(line.startswith("Visits by season") for line in shown)
    assert len(shown) <= 24


def test_months_in_ranges() -> None:
    assert in_ranges(["2024-11"]) == "2024-11"
    assert in_ranges(["2024-09", "2024-11", "2024-12", "2025-01"]) == "2024-09, 2024-11 to 2025-01"
