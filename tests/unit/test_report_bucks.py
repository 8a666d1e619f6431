from __future__ import annotations

import csv
import dataclasses
import io
import json
import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.library import ANY_BUCK, NO_DEER, WHITETAIL, Library, Photo, make_library
from tests.helpers.visits import Box, boxes_of, join
from trailcam.domain import Status
from trailcam.errors import OutputError, UsageError
from trailcam.files.write import write_file
from trailcam.reports.base import Report, Row
from trailcam.reports.bucks import bucks
from trailcam.reports.common import Question
from trailcam.reports.formats import to_csv, to_json, to_parquet
from trailcam.selection import Selection

HALF_HOUR = timedelta(minutes=30)


def report(
    library: Library,
    by: Sequence[str] = ("month", "age"),
    *,
    selection: Selection | None = None,
    confidence: float | None = 0.5,
    gap: timedelta = HALF_HOUR,
    first_month: int = 9,
) -> Report:
    with library.database.read() as db:
        return bucks(db, Question(selection or Selection(), confidence, gap, first_month), by)


def pick(report: Report, *names: str, **keys: object) -> tuple[Any, ...]:
    """Columns ``names`` of the one row with ``keys``."""
    (row,) = [row for row in report.rows if all(row[key] == value for key, value in keys.items())]
    return tuple(row[name] for name in names)


COUNTS = ("photos", "detections", "events", "mean_confidence")
COVERAGE = ("completed", "pending", "failed", "missing", "coverage", "complete")


@pytest.fixture
def ranch(tmp_path: Path) -> Library:
    """Counted by hand: two stations, November to January, 14 photos."""
    photos = [
        Photo("h1", "2024-11-30 23:30"),
        Photo("h2", "2024-11-30 23:50"),
        Photo("h3", "2024-12-01 00:20"),  # exactly 30 minutes: the visit goes on into December
        Photo("h4", "2024-12-01 00:50:00.000001"),  # one microsecond more: the next visit
        Photo("h5", "2024-12-24 07:00"),
        Photo("h6", "2024-12-24 07:01"),
        Photo("t1", "2024-11-30 23:30", "TinMan"),  # at the same time elsewhere
        Photo("t2", "2025-01-02 06:00", "TinMan"),
        Photo("t3", "2025-01-02 06:05", "TinMan"),
        Photo("t4", "2025-01-03 06:05", "TinMan"),
        Photo("u1", None, "TinMan"),
        Photo("u2", None, "TinMan"),
        Photo("broken", "2025-01-05 06:05", "TinMan"),
        Photo("gone", "2024-11-02 06:05", "TinMan"),
    ]
    library = make_library(tmp_path, photos)
    library.detect(
        {
            "h1": [("mature", 0.9)],
            "h2": [("mature", 0.8), ("mature", 0.7), ("doe", 0.95)],
            "h3": [("mature", 0.6), ("young", 0.5)],
            "h4": [("mature", 0.5), ("mid", 0.49)],
            "h5": [],
            "t1": [("mature", 0.75)],
            "t2": [("person", 0.99)],
            "t3": [("young", 0.7)],
            "u1": [("mid", 0.8)],
        },
        failed=["broken"],
        missing=["gone"],
    )
    return library


def test_counts_by_hand(ranch: Library) -> None:
    found = report(ranch)
    assert [(row["month"], row["age"]) for row in found.rows] == [
        (month, age)
        for month in ("2024-11", "2024-12", "2025-01", None)
        for age in ("young", "mid", "mature")
    ]
    # The visit from 23:30 to 00:20 counts once, in November; that of 00:50 is December's own.
    assert pick(found, *COUNTS, month="2024-11", age="mature") == (3, 4, 2, 0.7875)
    assert pick(found, *COUNTS, month="2024-12", age="mature") == (2, 2, 1, 0.55)
    assert pick(found, *COUNTS, month="2024-12", age="young") == (1, 1, 1, 0.5)
    assert pick(found, *COUNTS, month="2024-12", age="mid") == (0, 0, 0, None)
    assert pick(found, *COUNTS, month="2025-01", age="young") == (1, 1, 1, 0.7)
    assert pick(found, *COUNTS, month=None, age="mid") == (1, 1, None, 0.8)


def test_coverage_belongs_to_the_scope_not_the_age(ranch: Library) -> None:
    found = report(ranch)
    for age in ("young", "mid", "mature"):
        assert pick(found, *COVERAGE, month="2024-11", age=age) == (3, 0, 0, 1, 0.75, True)
        assert pick(found, *COVERAGE, month="2024-12", age=age) == (3, 1, 0, 0, 0.75, False)
        assert pick(found, *COVERAGE, month="2025-01", age=age) == (2, 1, 1, 0, 0.5, False)
        assert pick(found, *COVERAGE, month=None, age=age) == (1, 1, 0, 0, 0.5, False)
    assert found.coverage == {
        "photos": 14,
        "completed": 9,
        "pending": 3,
        "failed": 1,
        "missing": 1,
        "undated": 2,
        "undated_left_out": 0,
        **dict.fromkeys(
            ("videos", "videos_completed", "videos_pending", "videos_failed", "videos_unread"), 0
        ),
        "other_pictures": 0,
        "other_picture_kinds": {},
        "share": 9 / 14,
        "failures": {"truncated": 1},
        **dict.fromkeys(("hidden_automatic", "hidden_boxes", "hidden_events"), 0),
    }
    assert any("1 detection on photos without a capture time is counted" in note for note in found.notes)


def test_totals_count_a_photo_of_two_age_classes_once(ranch: Library) -> None:
    found = report(ranch)
    totals = {row["age"]: (row["photos"], row["detections"], row["events"]) for row in found.totals}
    assert totals == {"young": (2, 2, 2), "mid": (1, 1, 0), "mature": (5, 6, 3), None: (7, 9, 4)}
    assert sum(row["photos"] for row in report(ranch, ["month"]).rows) == 7


def test_other_keys(ranch: Library) -> None:
    by_station = report(ranch, ["station"])
    assert pick(by_station, *COUNTS, station="Hayfield") == (4, 6, 2, 0.6667)
    assert pick(by_station, *COUNTS, station="TinMan") == (3, 3, 2, 0.75)
    hours = report(ranch, ["hour", "age"])
    assert pick(hours, "photos", "events", hour=23, age="mature") == (3, 2)
    assert pick(hours, "photos", "events", hour=0, age="mature") == (2, 1)
    assert pick(hours, "photos", "events", hour=None, age="mid") == (1, None)
    both = report(ranch, ["station", "month"])
    assert [(row["station"], row["month"]) for row in both.rows] == [
        ("Hayfield", "2024-11"),
        ("Hayfield", "2024-12"),
        ("TinMan", "2024-11"),
        ("TinMan", "2025-01"),
        ("TinMan", None),
    ]
    assert [row["photos"] for row in report(ranch, []).rows] == [7]
    assert report(ranch, []).totals == []


def test_a_wrong_key_or_threshold_is_refused(ranch: Library) -> None:
    with pytest.raises(UsageError, match="moon"):
        report(ranch, ["moon"])
    with pytest.raises(UsageError, match=r"1\.5"):
        report(ranch, confidence=1.5)


@pytest.mark.parametrize("confidence", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_confidence_reaches_an_equal_threshold(tmp_path: Path, confidence: float) -> None:
    library = make_library(tmp_path, [Photo("a", "2024-11-01")], {"a": [("mature", confidence)]})
    assert report(library, [], confidence=confidence).rows[0]["detections"] == 1
    assert report(library, [], confidence=confidence + 1e-6).rows[0]["detections"] == 0


def test_without_a_threshold_the_weights_recommend_one(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("a", "2024-11-01"), Photo("b", "2024-11-01")])
    classes = [
        dataclasses.replace(info, threshold=0.7 if info.name == "mature" else None) for info in WHITETAIL
    ]
    found = {"a": [("mature", 0.7), ("mid", 0.5)], "b": [("mature", 0.69), ("mid", 0.49)]}
    library.detect(found, classes=classes)
    assert [row["photos"] for row in report(library, ["age"], confidence=None).rows] == [0, 1, 1]
    assert [row["photos"] for row in report(library, ["age"], confidence=0.1).rows] == [0, 2, 2]


def test_season_years(tmp_path: Path) -> None:
    photos = [
        Photo("a", "2024-08-31 23:59:59"),
        Photo("b", "2024-09-01 00:00"),
        Photo("c", "2025-01-31 12:00"),
        Photo("d", "2099-12-31 12:00"),
    ]
    library = make_library(tmp_path, photos, {p.name: [("mid", 0.9)] for p in photos})

    def seasons(first_month: int) -> dict[str, int]:
        return {
            row["season"]: row["photos"] for row in report(library, ["season"], first_month=first_month).rows
        }

    assert seasons(9) == {"2023-24": 1, "2024-25": 2, "2099-00": 1}
    assert seasons(1) == {"2024": 2, "2025": 1, "2099": 1}
    assert seasons(10) == {"2023-24": 2, "2024-25": 1, "2099-00": 1}


def test_undated_photos_left_out_are_named(ranch: Library) -> None:
    found = report(ranch, selection=Selection(months=(11, 12, 1)))
    assert None not in {row["month"] for row in found.rows}
    assert found.coverage["undated"] == 0
    assert found.coverage["undated_left_out"] == 2
    assert "2 photos have no capture time and are left out." in found.notes
    included = report(ranch, selection=Selection(months=(1,), include_undated=True))
    assert {row["month"] for row in included.rows} == {"2025-01", None}


def test_nothing_selected_and_nothing_looked_at(ranch: Library, tmp_path: Path) -> None:
    nothing = report(ranch, selection=Selection(months=(5,)))
    assert nothing.rows == nothing.totals == []
    assert nothing.notes[0] == "No photo fits the selection."
    assert nothing.coverage["share"] is None
    (tmp_path / "new").mkdir()
    fresh = report(make_library(tmp_path / "new", [Photo("a", "2024-11-01")]))
    assert pick(fresh, "photos", "pending", "coverage", "complete", age="mature") == (0, 1, 0.0, False)
    assert "trailcam detect" in fresh.notes[0]


def test_only_the_current_run_counts(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("a", "2024-11-01"), Photo("b", "2024-11-02")])
    library.detect({"a": [("young", 0.9)], "b": [("young", 0.9)]}, weights="old.pt")
    library.detect({"a": [("mature", 0.9)]}, weights="new.pt", completed=False)
    assert {r["age"]: r["photos"] for r in report(library, ["age"]).rows} == {
        "young": 2,
        "mid": 0,
        "mature": 0,
    }
    library.detect({"b": []}, weights="new.pt")
    found = report(library, ["age"])
    assert {row["age"]: row["photos"] for row in found.rows} == {"young": 0, "mid": 0, "mature": 1}
    assert "The counts rest on the model new.pt (2 photos)." in found.notes


def test_mixed_models_and_settings_are_named(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo(name, "2024-11-01") for name in "abc"])
    library.detect({"a": [], "b": []}, weights="old.pt")
    library.detect({"b": []}, weights="old.pt", key="other size")
    library.detect({"c": [("buck", 0.9)]}, weights="new.pt", classes=ANY_BUCK)
    found = report(library, ["age"])
    notes = "\n".join(found.notes)
    assert "mix 2 models" in notes
    assert "old.pt (2 photos)" in notes
    assert "other settings" in notes
    assert "new.pt has no class for young or mid or mature bucks" in notes
    ages = {row["age"]: (row["photos"], row["without_class"], row["complete"]) for row in found.rows}
    assert ages == {
        "young": (0, 1, False),
        "mid": (0, 1, False),
        "mature": (0, 1, False),
        "unknown": (1, 0, True),
    }


def test_a_model_that_cannot_see_bucks_never_says_none(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("a", "2024-11-01")])
    library.detect({"a": [("animal", 0.9)]}, weights="md.pt", classes=NO_DEER)
    found = report(library)
    assert "The model md.pt has no class for bucks and can't see them, so 0 doesn't mean none." in found.notes
    assert not any(row["complete"] for row in (*found.rows, *found.totals))
    assert pick(found, "coverage", "without_class", age="mature") == (1.0, 1)


def test_a_missing_photo_keeps_its_detections(tmp_path: Path) -> None:
    library = make_library(tmp_path, [Photo("a", "2024-11-01")], {"a": [("mature", 0.9)]})
    library.detect({}, missing=["a"], weights="new.pt")
    found = report(library)
    assert pick(found, "photos", "missing", "coverage", age="mature") == (1, 1, 0.0)


# Events, compared with plain Python.

MINUTES = st.one_of(st.none(), st.integers(0, 400))
Sighting = tuple[int | None, str, list[str]]
SIGHTINGS = st.lists(
    st.tuples(
        MINUTES,
        st.sampled_from(["Hayfield", "TinMan"]),
        st.lists(st.sampled_from(["young", "mid", "mature", "doe"]), max_size=3),
    ),
    max_size=15,
)
START = datetime(2024, 12, 31, 20)  # the year ends in the middle of it


def counted_in_python(boxes: Sequence[Box], gap_min: int) -> dict[tuple[str, str, str], int]:
    """(station, age, month of the first photo) -> visits."""
    first: dict[tuple[int, str, str], datetime] = {}
    for box in join(boxes, timedelta(minutes=gap_min)):
        if box.visit is not None and box.at is not None and box.info.age_class:
            key = (box.visit, box.station, box.info.age_class.value)
            first[key] = min(first.get(key, box.at), box.at)
    return dict(Counter((station, age, f"{at:%Y-%m}") for (_, station, age), at in first.items()))


def library_of(folder: Path, sightings: Sequence[Sighting]) -> Library:
    photos = [
        Photo(f"p{n}", None if minute is None else START + timedelta(minutes=minute), station)
        for n, (minute, station, _) in enumerate(sightings)
    ]
    found = {f"p{n}": [(age, 0.9) for age in ages] for n, (_, _, ages) in enumerate(sightings)}
    return make_library(folder, photos, found)


@settings(max_examples=10, deadline=None)
@given(sightings=SIGHTINGS, gap_min=st.integers(1, 90), seed=st.integers(0, 9))
def test_events_equal_plain_python(
    tmp_path_factory: pytest.TempPathFactory, sightings: list[Sighting], gap_min: int, seed: int
) -> None:
    shuffled = random.Random(seed).sample(sightings, len(sightings))
    library = library_of(tmp_path_factory.mktemp("events"), shuffled)
    by = ("station", "age", "month")
    boxes = boxes_of(library, shuffled, START)
    with library.database.read() as db:

        def rows(by: Sequence[str], minutes: int) -> Sequence[Row]:
            gap = timedelta(minutes=minutes)
            return bucks(db, Question(confidence=0.5, gap=gap), by).rows

        def total(minutes: int) -> int:
            return sum(row["events"] or 0 for row in rows([], minutes))

        events = {tuple(row[key] for key in by): row["events"] for row in rows(by, gap_min) if row["events"]}
        assert events == counted_in_python(boxes, gap_min)
        assert total(gap_min) <= sum(events.values())
        # A gap longer than all of it leaves one visit for each station.
        assert total(10_000) == len({key[0] for key in events})
        for keys in (["month"], ["hour", "station"], ["season"]):
            found = rows(keys, gap_min)
            assert sum(row["events"] or 0 for row in found) == total(gap_min)
            seen = [box.photo for box in join(boxes, timedelta(minutes=gap_min)) if box.info.age_class]
            assert sum(row["photos"] for row in found) == len(set(seen))
            assert sum(row["detections"] for row in found) == len(seen)
            assert sum(row["completed"] for row in found) == len(sightings)


def test_the_longest_gap_is_no_overflow(ranch: Library) -> None:
    totals = report(ranch, ["age"], gap=timedelta.max).totals
    assert totals[0]["events"] == 2  # one at each station


# Formats.


def test_formats_hold_the_same_numbers(ranch: Library, tmp_path: Path) -> None:
    found = report(ranch)
    document = json.loads(to_json(found))
    assert list(document) == ["report", "filters", "coverage", "rows", "totals", "notes"]
    assert document["rows"] == list(found.rows)
    assert document["filters"] == {
        "confidence": 0.5,
        "gap_s": 1800.0,
        "per": "visit",
        "by": ["month", "age"],
    }
    lines = list(csv.DictReader(io.StringIO(to_csv(found))))
    assert list(lines[0]) == [column.name for column in found.columns]
    assert [
        {key: "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)}
        for row in found.rows
        for key, value in row.items()
    ] == [{key: value} for line in lines for key, value in line.items()]
    target = tmp_path / "bucks.parquet"
    write_file(target, to_parquet(found))
    relation = duckdb.connect().read_parquet(str(target))
    assert relation.columns == [column.name for column in found.columns]
    assert [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()] == list(found.rows)


def test_parquet_of_no_rows_has_its_columns(ranch: Library, tmp_path: Path) -> None:
    target = tmp_path / "none.parquet"
    write_file(target, to_parquet(report(ranch, selection=Selection(months=(5,)))))
    relation = duckdb.connect().read_parquet(str(target))
    assert relation.fetchall() == []
    assert [str(kind) for kind in relation.types[:3]] == ["VARCHAR", "VARCHAR", "BIGINT"]


def test_hostile_station_names(tmp_path: Path) -> None:
    names = ["=cmd|' /C calc'!A0", "@x", "-1", "a,b", 'q"q', "\x1b[2Jgone", "c1\x9b", "[red]x[/red]", "Füße"]
    photos = [Photo(f"p{n}", "2024-11-01", name) for n, name in enumerate(names)]
    found = report(make_library(tmp_path, photos, {}), ["station"])
    assert {row["station"] for row in json.loads(to_json(found))["rows"]} == set(names)
    text = to_csv(found)
    assert "\x1b" not in text + to_json(found)
    assert "\x9b" not in text + to_json(found)
    cells = {line["station"] for line in csv.DictReader(io.StringIO(text))}
    assert {"'=cmd|' /C calc'!A0", "'@x", "'-1", "a,b", 'q"q', "\\x1b[2Jgone", "Füße"} <= cells


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    target.write_text("old")
    target.chmod(0o640)
    write_file(target, b"new")
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640
    link = tmp_path / "link.csv"
    link.symlink_to(target)
    write_file(link, b"through")
    assert link.is_symlink()
    assert target.read_bytes() == b"through"
    for bad in (tmp_path / "no" / "such.csv", tmp_path, tmp_path / ("x" * 300)):
        with pytest.raises(OutputError):
            write_file(bad, b"")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link.csv", "out.csv"]


def test_statuses_can_be_selected(ranch: Library) -> None:
    found = report(ranch, [], selection=Selection(statuses=(Status.FAILED,)))
    assert [found.rows[0][name] for name in ("photos", "failed", "completed")] == [0, 1, 0]
