"""The parts of ``report bucks`` beside its counts, counted by hand."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.conftest import Cli
from tests.helpers.library import ANY_BUCK, Library, Photo, make_library
from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.errors import UsageError
from trailcam.reports.base import Report, Row
from trailcam.reports.buck_parts import PARTS, as_rows, buck_report
from trailcam.reports.common import Question
from trailcam.reports.formats import to_json
from trailcam.reports.report_page import to_html
from trailcam.selection import Selection
from trailcam.store.corrections import JudgedBox, Judgement, record


@pytest.fixture
def ranch(tmp_path: Path) -> Library:
    """Austin's coordinates for Hayfield, none for TinMan.

    On 1 December Austin's sun rises at 07:10 and sets at 17:30: legal light lasts from 06:40 to 18:00.
    """
    photos = [
        Photo("a", "2023-12-01 17:50"),  # mature, in legal light
        Photo("b", "2024-12-01 06:20"),  # mature, before it
        Photo("c", "2024-12-01 06:45"),  # the same visit goes on into it
        Photo("d", "2024-12-01 18:10"),  # mature, after it; the night of 1 December
        Photo("e", "2024-12-02 05:00"),  # mature, in the dark; the same night
        Photo("f", "2024-12-02 12:30"),  # two mature ones at noon: the night of 2 December
        Photo("g", "2024-12-05 12:00", "TinMan"),  # mature where the sun is unknown
        Photo("h", "2024-12-06 12:00", "TinMan"),  # young
        Photo("i", None),  # mature, undated
        Photo("j", "2015-01-01 00:03", suspect="clock_reset"),  # mature, clock in doubt
        Photo("k", "2024-12-07 12:00"),  # pending
        Photo("m", "2024-12-08 12:00"),  # a doe
    ]
    library = make_library(
        tmp_path,
        photos,
        {
            "a": [("mature", 0.7)],
            "b": [("mature", 0.9)],
            "c": [("mature", 0.5)],
            "d": [("mature", 0.9), ("mature", 0.49)],
            "e": [("mature", 1.0)],
            "f": [("mature", 0.9), ("mature", 0.65)],
            "g": [("mature", 0.9)],
            "h": [("young", 0.6)],
            "i": [("mature", 0.9)],
            "j": [("mature", 0.9)],
            "m": [("doe", 0.9)],
        },
    )
    place(library, "Hayfield")
    return library


def place(library: Library, station: str) -> None:
    with library.database.write() as db:
        db.execute(
            "UPDATE stations SET latitude = 30.2672, longitude = -97.7431, timezone = 'America/Chicago'"
            " WHERE name = ?",
            [station],
        )


def ask(library: Library, *parts: str, by: tuple[str, ...] = ("month", "age"), **more: Any) -> Report:  # noqa: ANN401
    with library.database.read() as db:
        return buck_report(db, Question(**{"confidence": 0.5, **more}), by=by, parts=parts or PARTS)


def part(report: Report, name: str) -> list[Row]:
    (section,) = [section for section in report.sections if section.name == name]
    return list(section.rows)


def test_seasons_by_hand(ranch: Library) -> None:
    found = {(row["season"], row["age"]): row for row in part(ask(ranch), "seasons")}
    assert {season for season, _ in found} == {"2014-15", "2023-24", "2024-25", None}
    names = (
        "events",
        "legal_events",
        "dark_events",
        "unknown_light_events",
        "doubtful_events",
        "legal_share",
    )
    numbers = {key: tuple(row[name] for name in names) for key, row in found.items()}
    assert numbers["2023-24", "mature"] == (1, 1, 0, 0, 0, 1.0)
    # b with c, of which c is in legal light; d and e in the dark; f at noon; g unknown.
    assert numbers["2024-25", "mature"] == (5, 2, 2, 1, 0, 0.5)
    assert numbers["2024-25", "young"] == (1, 0, 0, 1, 0, None)
    assert numbers["2014-15", "mature"] == (1, 0, 0, 0, 1, None)
    assert numbers[None, "mature"] == (None, None, None, None, None, None)
    assert numbers["2024-25", "mid"] == (0, 0, 0, 0, 0, None)
    mature = found["2024-25", "mature"]
    assert (mature["photos"], mature["detections"]) == (6, 7)
    assert mature["first_sighting"] == "2024-12-01 06:20:00"
    assert mature["last_sighting"] == "2024-12-05 12:00:00"
    # Nights: that of 30 November (b), of 1 December (d and e) and of 2 December (f), and TinMan's of the 5th.
    assert mature["station_nights"] == 4
    # Hayfield worked on 1 to 8 December, TinMan on the 5th and 6th.
    assert (mature["camera_days"], mature["events_per_100"]) == (10, 50.0)
    assert (mature["completed"], mature["pending"], mature["complete"]) == (8, 1, False)
    assert found[None, "mature"]["photos"] == 1
    assert found["2014-15", "mature"]["first_sighting"] is None


def test_hours_and_nights_by_hand(ranch: Library) -> None:
    report = ask(ranch)
    hours = part(report, "hours")
    assert len(hours) == 2 * 24
    counted = {(row["season"], row["hour"]): row["events"] for row in hours if row["events"]}
    assert counted == {
        ("2023-24", 17): 1,
        **{("2024-25", hour): 1 for hour in (5, 6, 18)},
        ("2024-25", 12): 2,
    }
    (noon,) = [row for row in hours if (row["season"], row["hour"]) == ("2024-25", 12)]
    assert (noon["share"], noon["camera_days"], noon["events_per_100"]) == (0.4, 10, 20.0)
    nights = part(report, "nights")
    columns = ("night", "station", "events", "photos", "max_animals", "times", "legal_events")
    assert [tuple(row[name] for name in columns) for row in nights] == [
        ("2024-12-05", "TinMan", 1, 1, 1, "12:00", None),
        ("2024-12-02", "Hayfield", 1, 1, 2, "12:30", 1),
        ("2024-12-01", "Hayfield", 2, 2, 1, "18:10, 05:00", 0),
        ("2024-11-30", "Hayfield", 1, 2, 1, "06:20", 1),
        ("2023-12-01", "Hayfield", 1, 1, 1, "17:50", 1),
    ]
    assert nights[2]["moon"] == "new"  # 2024-12-01 06:21 UTC


STATIONS = ("Hayfield", "TinMan")
SHOTS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 400 * 24 * 60)),
        st.sampled_from(STATIONS),
        st.lists(st.sampled_from(["young", "mature", "doe"]), max_size=2),
        st.booleans(),
    ),
    max_size=20,
)


@settings(max_examples=10, deadline=None)
@example(shots=[(0, "Hayfield", ["young"], False), (0, "Hayfield", ["doe"], False)], gap_min=1)
@given(shots=SHOTS, gap_min=st.integers(1, 600))
def test_the_parts_agree_with_each_other(
    tmp_path_factory: pytest.TempPathFactory,
    shots: list[tuple[int | None, str, list[str], bool]],
    gap_min: int,
) -> None:
    """Whatever was seen: light makes up the events, hours and nights hold the same mature ones."""
    start = datetime(2024, 3, 1)
    photos = [
        Photo(
            f"p{n}",
            None if minute is None else start + timedelta(minutes=minute),
            station,
            suspect="clock_reset" if doubtful and minute is not None else None,
        )
        for n, (minute, station, _, doubtful) in enumerate(shots)
    ]
    seen = {f"p{n}": [(age, 0.9) for age in ages] for n, (_, _, ages, _) in enumerate(shots)}
    library = make_library(tmp_path_factory.mktemp("parts"), photos, seen)
    place(library, "Hayfield")
    report = ask(library, gap=timedelta(minutes=gap_min))
    if not shots:
        assert report.sections == ()
        return
    seasons = part(report, "seasons")
    light = ("legal_events", "dark_events", "unknown_light_events", "doubtful_events")
    for row in seasons:
        if row["events"] is not None:
            assert row["events"] == sum(row[name] for name in light)
            assert row["station_nights"] <= row["events"]
            assert (row["first_sighting"] or "") <= (row["last_sighting"] or "")
    mature = [row for row in seasons if row["age"] == "mature" and row["events"] is not None]
    sure = sum(row["events"] - row["doubtful_events"] for row in mature)
    nights = part(report, "nights")
    assert sure == sum(row["events"] for row in part(report, "hours")) == sum(row["events"] for row in nights)
    assert len(nights) == len({(row["night"], row["station"]) for row in nights})
    assert all((row["legal_events"] is None) == (row["station"] == "TinMan") for row in nights)
    boxes = sum(row["detections"] for row in part(report, "confidence"))
    # Confidences are those of the boxes as the model named them; a visit gives its animals one class.
    by_photo = part(ask(library, "seasons", gap=timedelta(minutes=gap_min), per_visit=False), "seasons")
    assert boxes == sum(row["detections"] for row in by_photo)


def test_confidences_by_hand(ranch: Library) -> None:
    rows = part(ask(ranch), "confidence")
    assert [row["confidence_from"] for row in rows] == pytest.approx([n / 10 for n in range(10)])
    found = {
        round(row["confidence_from"], 1): (row["mature"], row["young"], row["detections"], row["counted"])
        for row in rows
    }
    assert {tenth: cells for tenth, cells in found.items() if cells[2]} == {
        0.4: (1, 0, 1, 0),  # below the threshold of 0.5
        0.5: (1, 0, 1, 1),  # 0.5 itself reaches it
        0.6: (1, 1, 2, 2),
        0.7: (1, 0, 1, 1),  # though 0.7 is a little less in single precision
        0.9: (7, 0, 7, 7),  # 1.0 belongs to the last
    }


def test_what_is_unknown_is_named(ranch: Library) -> None:
    notes = "\n".join(ask(ranch).notes)
    assert "The light of 2 visits is unknown" in notes
    assert "1 visit whose clock is in doubt is left out of light, hours and nights." in notes
    assert "1 detection on photos without a capture time is counted, but in no visit." in notes
    place(ranch, "TinMan")
    assert "is unknown" not in "\n".join(ask(ranch).notes)
    rows = part(ask(ranch, "seasons"), "seasons")
    assert sum(row["unknown_light_events"] or 0 for row in rows) == 0


def test_people_see_the_season_years_beside_each_other(ranch: Library) -> None:
    (section,) = ask(ranch, "seasons").sections
    columns, rows = section.table
    assert [column.name for column in columns] == [
        "bucks",
        "what",
        "2014-15",
        "2023-24",
        "2024-25",
        "undated",
    ]
    lines = [tuple(row.values()) for row in rows]
    begin = next(n for n, line in enumerate(lines) if line[0] == "mature")
    assert lines[begin] == ("mature", "visits", "1", "1", "≈ 5", "-")
    assert lines[begin + 4] == ("", "in legal light", "unknown", "1 of 1 (100 %)", "2 of 4 (50 %)", "-")
    assert lines[begin + 5] == ("", "light unknown", "1", "0", "1", "-")


def test_parts_and_rows_of_formats_with_one_table(ranch: Library) -> None:
    whole = ask(ranch)
    assert [section.name for section in whole.sections] == list(PARTS[1:])
    assert whole.filters["parts"] == list(PARTS)
    alone = ask(ranch, "nights")
    assert alone.rows == ()
    assert as_rows(alone).rows == part(whole, "nights")
    assert as_rows(ask(ranch, "counts")).rows == whole.rows
    with pytest.raises(UsageError, match="one table"):
        as_rows(whole)
    with pytest.raises(UsageError, match="antlers"):
        ask(ranch, "antlers")


def test_nothing_selected_and_a_model_without_ages(ranch: Library, tmp_path: Path) -> None:
    empty = ask(ranch, selection=Selection(months=(5,)))
    assert (empty.rows, empty.sections) == ([], ())
    nights = as_rows(ask(ranch, "nights", selection=Selection(months=(5,))))
    assert (len(nights.columns), nights.rows) == (9, ())
    (tmp_path / "other").mkdir()
    other = make_library(tmp_path / "other", [Photo("a", "2024-11-01 06:00")])
    other.detect({"a": [("buck", 0.9)]}, classes=ANY_BUCK, weights="any.pt")
    report = ask(other)
    assert part(report, "hours") == part(report, "nights") == []
    ages = {row["age"]: (row["events"], row["without_class"]) for row in part(report, "seasons")}
    assert ages == {"young": (0, 1), "mid": (0, 1), "mature": (0, 1), "unknown": (1, 0)}
    assert any("has no class for young or mid or mature" in note for note in report.notes)


def test_a_correction_counts_but_has_no_confidence(ranch: Library) -> None:
    boxes = (JudgedBox(ClassInfo(0, "mature", Kind.BUCK, AgeClass.MATURE), 0.1, 0.1, 0.2, 0.2),)
    judgement = Judgement(ranch.ids["m"], boxes, True, datetime(2025, 6, 1))
    before = sum(row["detections"] for row in part(ask(ranch), "confidence"))
    with ranch.database.write() as db:
        record(db, [judgement], author="Ann", source="test")
    after = ask(ranch)
    assert sum(row["detections"] for row in part(after, "confidence")) == before == 12
    assert part(after, "nights")[0]["night"] == "2024-12-08"


def test_html_and_json_hold_every_part(ranch: Library) -> None:
    report = ask(ranch)
    document = json.loads(to_json(report))
    assert list(document) == [
        *("report", "filters", "coverage", "rows", "totals"),
        *("seasons", "confidence", "hours", "nights", "notes"),
    ]
    page = to_html(report)
    for title in (
        "Season-years side by side",
        "Mature bucks by hour",
        "Mature bucks, by night from noon to noon",
    ):
        assert f"<h2>{title}</h2>" in page


def test_the_command(ranch: Library, cli: Cli, tmp_path: Path) -> None:
    db = ("--db", ranch.database.path, "--confidence", "0.5")
    drawn = cli("report", "bucks", *db, "--part", "all")
    assert drawn.returncode == 0, drawn.stderr
    for word in ("Season-years side by side", "2 of 4 (50 %)", "18:10,", "█", "Coverage:"):
        assert word in drawn.stdout
    brief = cli("report", "bucks", *db, "--part", "counts").stdout
    assert "Season-years" not in brief
    assert brief.startswith("month ")
    seasons = cli("report", "bucks", *db, "--part", "seasons", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(seasons.stdout)))
    assert [row["events"] for row in rows if (row["season"], row["age"]) == ("2024-25", "mature")] == ["5"]
    counts = cli("report", "bucks", *db, "--format", "csv").stdout
    assert counts.startswith("month,age,photos,")  # as ever
    target = tmp_path / "nights.parquet"
    assert cli("report", "bucks", *db, "--part", "nights", "-o", target).returncode == 0
    assert duckdb.connect().read_parquet(str(target)).columns[0] == "night"
    two = cli("report", "bucks", *db, "--part", "hours", "--part", "nights", "--format", "csv")
    assert (two.returncode, two.stdout) == (2, "")
    assert "--part" in two.stderr
    several = cli("report", "bucks", *db[:2], "--confidence", "0.3,0.7", "--part", "hours")
    assert several.returncode == 2
    assert "visits 0.3" in cli("report", "bucks", *db[:2], "--confidence", "0.3,0.7").stdout
