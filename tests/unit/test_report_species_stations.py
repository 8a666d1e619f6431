from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.helpers.library import Library, Photo, make_library
from trailcam.errors import UsageError
from trailcam.reports.activity import activity
from trailcam.reports.all_reports import REPORTS
from trailcam.reports.base import Report
from trailcam.reports.common import Question
from trailcam.reports.several_confidences import beside
from trailcam.reports.species import species
from trailcam.reports.stations import stations
from trailcam.selection import Selection


@pytest.fixture
def ranch(tmp_path: Path) -> Library:
    """Counted by hand: two stations, November and December, 10 photos."""
    photos = [
        Photo("h1", "2024-11-29 23:50"),
        Photo("h2", "2024-11-30 00:10"),
        Photo("h3", "2024-11-30 18:00"),
        Photo("h4", "2024-12-01 06:00"),
        Photo("h5", "2024-12-15 06:00"),  # after 13 silent days
        Photo("t1", "2024-12-03 07:00", "TinMan"),
        Photo("t2", "2024-12-06 07:00", "TinMan"),
        Photo("t3", "2015-01-01 00:03", "TinMan", suspect="clock_reset"),
        Photo("t4", None, "TinMan"),
        Photo("t5", "2024-12-04 12:00", "TinMan"),
    ]
    return make_library(
        tmp_path,
        photos,
        {
            "h1": [("doe", 0.9), ("doe", 0.8), ("doe", 0.4)],
            "h2": [("doe", 0.7), ("young", 0.6)],
            "h3": [("doe", 0.35)],
            "h4": [("mature", 0.9), ("young", 0.9)],
            "h5": [],
            "t1": [("person", 0.95)],
            "t2": [("doe", 0.5)],
            "t3": [("doe", 0.9)],
            "t4": [("doe", 0.9), ("doe", 0.9)],
        },
    )


def ask(library: Library, confidence: float = 0.5, **kwargs: Any) -> Report:  # noqa: ANN401 - as species
    with library.database.read() as db:
        return species(db, Question(confidence=confidence), **kwargs)


def test_species_by_hand(ranch: Library) -> None:
    found = ask(ranch)
    names = ("photos", "detections", "events", "camera_days", "events_per_100", "max_animals", "coverage")
    rows = {(r["class"], r["station"], r["month"]): tuple(r[n] for n in names) for r in found.rows}
    assert rows == {
        ("doe", "Hayfield", "2024-11"): (2, 3, 1, 2, 50.0, 2, 1.0),
        ("young", "Hayfield", "2024-11"): (1, 1, 1, 2, 50.0, 1, 1.0),
        ("young", "Hayfield", "2024-12"): (1, 1, 1, 2, 50.0, 1, 1.0),
        ("mature", "Hayfield", "2024-12"): (1, 1, 1, 2, 50.0, 1, 1.0),
        ("doe", "TinMan", "2024-12"): (1, 1, 1, 4, 25.0, 1, 2 / 3),
        ("doe", "TinMan", "2015-01"): (1, 1, 1, None, None, 1, 1.0),
        ("doe", "TinMan", None): (1, 2, None, None, None, 2, 1.0),
        ("person", "TinMan", "2024-12"): (1, 1, 1, 4, 25.0, 1, 2 / 3),
    }
    assert found.coverage["photos"] == 10
    assert found.coverage["undated"] == 1
    assert any("2 detections on photos without a capture time" in note for note in found.notes)
    assert any("Not all photos" in note for note in found.notes)


def test_species_by_kind_and_only_some(ranch: Library) -> None:
    kinds = ask(ranch, by=[], kinds=True)
    assert {r["class"]: (r["photos"], r["detections"], r["events"]) for r in kinds.rows} == {
        "buck": (2, 3, 2),
        "doe": (5, 7, 3),
        "person": (1, 1, 1),
    }
    some = ask(ranch, by=["hour"], only=["mature"])
    assert [(r["hour"], r["events"], r["camera_days"]) for r in some.rows] == [(6, 1, 8)]
    with pytest.raises(UsageError, match="unicorn"):
        ask(ranch, only=["unicorn"])
    with pytest.raises(UsageError, match="moon"):
        ask(ranch, by=["moon"])
    none = ask(ranch, confidence=1.0)
    assert none.rows == []
    blank = f"Blank (looked at, nothing found at confidence 1): {none.coverage['completed']} photos."
    assert blank in none.notes
    assert not any("Blank" in note for note in some.notes)
    assert "None of these photos shows" in none.notes[-1]


def test_confidences_beside_each_other(ranch: Library) -> None:
    reports = {c: ask(ranch, c, by=["station"]) for c in (0.7, 0.3, 0.95)}
    found = beside(reports, ["class", "station"])
    names = ("photos_at_0.3", "photos_at_0.7", "photos_at_0.95", "events_at_0.3", "events_at_0.7")
    rows = {(r["class"], r["station"]): tuple(r[n] for n in names) for r in found.rows}
    assert rows[("doe", "Hayfield")] == (3, 2, 0, 2, 1)
    assert rows[("person", "TinMan")] == (1, 1, 1, 1, 1)
    assert rows[("young", "Hayfield")] == (2, 1, 0, 2, 1)
    assert found.filters["confidence"] == [0.3, 0.7, 0.95]
    assert all(list(row) == [column.name for column in found.columns] for row in found.rows)


def test_stations_by_hand(ranch: Library) -> None:
    with ranch.database.read() as db:
        found = stations(db, Question(confidence=0.5))
    rows = {r["station"]: r for r in found.rows}
    names = ("photos", "camera_days", "silent_days", "silences", "photos_per_day", "events", "events_per_100")
    assert tuple(rows["Hayfield"][n] for n in names) == (5, 4, 13, 1, 1.25, 2, 50.0)
    assert tuple(rows["TinMan"][n] for n in names) == (5, 4, 0, 0, 0.75, 3, 75.0)
    assert rows["Hayfield"]["first_photo"] == "2024-11-29 23:50"
    assert rows["Hayfield"]["last_photo"] == "2024-12-15 06:00"
    assert (rows["TinMan"]["suspect"], rows["TinMan"]["undated"], rows["TinMan"]["coverage"]) == (1, 1, 0.8)
    silences, doubts = found.sections
    assert silences.rows == [
        {
            "station": "Hayfield",
            "first_day": "2024-12-02",
            "last_day": "2024-12-14",
            "days": 13,
            "reason": "silent",
            "declared": False,
        }
    ]
    assert doubts.rows == [{"station": "TinMan", "doubt": "clock_reset", "photos": 1}]
    assert any("clock of 1 photo is in doubt" in note for note in found.notes)
    with ranch.database.read() as db:
        november = stations(db, Question(confidence=0.5, selection=Selection(months=(11,))))
    assert [(r["station"], r["camera_days"], r["silent_days"]) for r in november.rows] == [("Hayfield", 2, 0)]


def test_stations_by_month_by_hand(ranch: Library) -> None:
    with ranch.database.read() as db:
        found = stations(db, Question(confidence=0.5), by=["month"])
        by_season = stations(db, Question(confidence=0.5), by=["season"])
        with pytest.raises(UsageError, match="hour"):
            stations(db, Question(), by=["hour"])
    names = ("photos", "camera_days", "silent_days", "silences", "events", "undated", "completed")
    assert {(r["station"], r["month"]): tuple(r[n] for n in names) for r in found.rows} == {
        ("Hayfield", "2024-11"): (3, 2, 0, 0, 1, 0, 3),
        ("Hayfield", "2024-12"): (2, 2, 13, 1, 1, 0, 2),
        ("TinMan", "2015-01"): (1, None, 0, 0, 1, 0, 1),  # a clock in doubt tells of no camera-day
        ("TinMan", "2024-12"): (3, 4, 0, 0, 2, 0, 2),
        ("TinMan", None): (1, None, 0, 0, None, 1, 1),
    }
    assert [r["season"] for r in by_season.rows] == ["2024-25", "2014-15", "2024-25", None]
    for name in ("photos", "silent_days", "completed"):
        with ranch.database.read() as db:
            alone = stations(db, Question(confidence=0.5)).rows
        assert sum(r[name] for r in found.rows) == sum(r[name] for r in alone)


def test_a_month_of_silence_has_a_row(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("a", "2024-10-31 12:00"), Photo("b", "2024-12-01 12:00")], {})
    with library.database.read() as db:
        found = {row["month"]: row for row in stations(db, Question(), by=["month"]).rows}
    silent = found["2024-11"]
    assert (silent["photos"], silent["camera_days"], silent["silent_days"]) == (0, 0, 30)
    assert (silent["events_per_100"], silent["photos_per_day"], silent["coverage"]) == (None, None, None)


def test_a_row_that_only_a_higher_confidence_has(tmp_path: Path) -> None:
    """At 0.3 the visit began in November; at 0.7 it begins in December, after a doe who isn't sure."""
    photos = [Photo("a", "2024-11-30 23:50"), Photo("b", "2024-12-01 00:10")]
    library = make_library(tmp_path, photos, {"a": [("doe", 0.4)], "b": [("doe", 0.9)]})
    entry = next(report for report in REPORTS if report.name == "activity")
    questions = [Question(confidence=c) for c in (0.3, 0.7)]
    with library.database.read() as db:
        found = entry.answer(db, questions, {"classes": ["doe"], "by": ["month"]}, one_table=False)
    seen = {(r["month"], r["hour"]): (r["events_at_0.3"], r["events_at_0.7"]) for r in found.rows}
    assert {key: n for key, n in seen.items() if any(n)} == {("2024-11", 23): (1, 0), ("2024-12", 0): (0, 1)}
    assert all(list(row) == [column.name for column in found.columns] for row in found.rows)


def test_the_commands(ranch: Library, cli: Cli) -> None:
    db = ("--db", ranch.database.path)
    shown = cli("report", "species", "--by", "station", "--class", "doe", *db)
    assert shown.returncode == 0, shown.stderr
    assert "most at once" in shown.stdout
    assert "Coverage: 9 of 10" in shown.stdout
    wide = cli("report", "species", "--confidence", "0.3,0.7", "--format", "csv", "--by", "station", *db)
    assert "events_at_0.3,events_at_0.7" in wide.stdout
    bucks = cli("report", "bucks", "--confidence", "0.3,0.7", "--by", "age", "--format", "csv", *db)
    assert bucks.stdout.splitlines()[1].startswith("young,2,1,2,1,2,1,")
    shown = cli("report", "stations", *db)
    assert "silent from" in shown.stdout
    wide = cli("report", "stations", "--confidence", "0.3,0.7", "--by", "month", "--format", "csv", *db)
    assert wide.stdout.startswith("station,month,events_at_0.3,events_at_0.7,events_per_100_at_0.3,")
    assert cli("report", "species", "--confidence", "1.2", *db).returncode == 2


@pytest.mark.parametrize(
    "name",
    ["bobcat", "mountain lion", "bear", "opossum", "squirrel", "skunk", "dog", "cat", "cow", "bird"],
)
def test_a_common_animal_that_no_model_knows_can_be_asked_for(ranch: Library, name: str) -> None:
    found = ask(ranch, only=[name])
    assert found.rows == []
    assert f"has no class for {name}, so it never reports any." in found.notes[-1]
    with ranch.database.read() as db:
        notes = activity(db, Question(), classes=[name]).notes
    assert f"has no class for {name}" in notes[-1]


def test_a_misspelled_animal_is_refused(ranch: Library) -> None:
    with pytest.raises(UsageError, match="no class"):
        ask(ranch, only=["bobcta"])


LOOKED = "90 % of 10 photos looked at: there may be more."


def test_each_begins_with_the_answer(ranch: Library, tmp_path: Path) -> None:
    assert ask(ranch).headline == (f"Seen: doe in 3 visits, young in 2, mature in 1, person in 1. {LOOKED}")
    assert ask(ranch, by=["hour"], only=["mid", "mature"]).headline == f"Seen: mature in 1 visit. {LOOKED}"
    assert ask(ranch, only=["mid"]).headline == f"No mid in 9 photos. {LOOKED}"
    assert ask(ranch, confidence=1.0).headline == f"No animal, person or vehicle in 9 photos. {LOOKED}"
    with ranch.database.read() as db:
        told = stations(db, Question(confidence=0.5)).headline
        assert stations(db, Question(), by=["month"]).headline.startswith(
            "2 stations, 8 camera-days, silent on"
        )
        by_hour = activity(db, Question(confidence=0.5), classes=["doe", "mid"]).headline
    assert told == (
        "2 stations, 8 camera-days, silent on 13 more days. Most visits per 100 camera-days: TinMan (75.0). "
        + LOOKED
    )
    assert by_hour.startswith("Doe: ")
    assert f"No visit of mid. {LOOKED}" in by_hour
    (tmp_path / "new").mkdir()
    untouched = make_library(tmp_path / "new", [Photo("a", "2024-11-03 06:00")])
    with untouched.database.read() as db:
        reports = [species(db, Question()), stations(db, Question()), activity(db, Question())]
        none = species(db, Question(selection=Selection(stations=("Hayfield",), months=(5,))))
    assert [report.headline for report in reports] == ["Not looked at yet."] * 3
    assert none.headline == ""
