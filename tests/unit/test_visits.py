from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.library import Library, Photo, make_library
from tests.helpers.visits import Box, boxes_of, join
from trailcam.domain import Kind
from trailcam.errors import UsageError
from trailcam.selection import Selection
from trailcam.store.camera_days import make_camera_days
from trailcam.store.counted import count_boxes
from trailcam.store.select import select
from trailcam.store.visits import Level, check_names, join_visits

Sighting = tuple[int | None, str, list[str]]
STATIONS = ("Hayfield", "TinMan")
CLASSES = ("doe", "young", "mature", "person")
SIGHTINGS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 400)),
        st.sampled_from(STATIONS),
        st.lists(st.sampled_from(CLASSES), max_size=3),
    ),
    max_size=12,
)
# Ends of a year, of a month in a leap year, and the nights in which American clocks are set on and back.
STARTS = st.sampled_from(
    [datetime(2024, 12, 31, 20), datetime(2024, 2, 28, 22), datetime(2025, 3, 9, 0), datetime(2024, 11, 3, 0)]
)


def events_in_python(
    boxes: Sequence[Box], start: datetime, gap_min: int, level: Level
) -> set[tuple[str, str, tuple[int, ...]]]:
    """(station, what, minutes of its photos) of every visit."""
    events: dict[tuple[int, str, str], dict[int, int]] = defaultdict(dict)
    for box in join(boxes, timedelta(minutes=gap_min)):
        if box.visit is not None and box.at is not None:
            what = str(box.info.kind) if level is Level.KIND else box.info.name
            events[box.visit, box.station, what][box.photo] = (box.at - start) // timedelta(minutes=1)
    return {
        (station, what, tuple(sorted(minutes.values()))) for (_, station, what), minutes in events.items()
    }


def events_in_sql(
    library: Library, start: datetime, gap_min: int, level: Level
) -> tuple[set[tuple[str, str, tuple[int, ...]]], int]:
    """The same from the database, and the boxes in all sightings."""
    with library.database.read() as db:
        counted = count_boxes(select(db, Selection()), 0.5)
        join_visits(counted, timedelta(minutes=gap_min), level)
        found = db.execute(
            "SELECT station, what, list(captured_at ORDER BY captured_at), count(*) FILTER (begins)"
            " FROM sightings WHERE event IS NOT NULL GROUP BY station, what, event"
        ).fetchall()
        ((boxes, undated_events),) = db.execute(
            "SELECT coalesce(sum(animals), 0),"
            " count(*) FILTER (captured_at IS NULL AND (begins OR event > 0)) FROM sightings"
        ).fetchall()
    assert undated_events == 0
    assert all(begun == 1 for *_, begun in found)
    minute = timedelta(minutes=1)
    return {(s, w, tuple((at - start) // minute for at in ats)) for s, w, ats, _ in found}, int(boxes)


@settings(max_examples=12, deadline=None)
@given(sightings=SIGHTINGS, start=STARTS, gap_min=st.integers(1, 90), seed=st.integers(0, 9))
def test_events_partition_the_sightings(
    tmp_path_factory: pytest.TempPathFactory,
    sightings: list[Sighting],
    start: datetime,
    gap_min: int,
    seed: int,
) -> None:
    shuffled = random.Random(seed).sample(sightings, len(sightings))  # the order of insertion is no matter
    photos = [
        Photo(f"p{n}", None if minute is None else start + timedelta(minutes=minute), station)
        for n, (minute, station, _) in enumerate(shuffled)
    ]
    seen = {f"p{n}": [(name, 0.9) for name in names] for n, (_, _, names) in enumerate(shuffled)}
    library = make_library(tmp_path_factory.mktemp("events"), photos, seen)
    expected = boxes_of(library, shuffled, start)
    by_class, boxes = events_in_sql(library, start, gap_min, Level.CLASS)
    assert by_class == events_in_python(expected, start, gap_min, Level.CLASS)
    assert boxes == sum(len(names) for *_, names in sightings)
    by_kind, _ = events_in_sql(library, start, gap_min, Level.KIND)
    assert by_kind == events_in_python(expected, start, gap_min, Level.KIND)
    assert len(by_kind) <= len(by_class)


GAPS = st.lists(st.integers(1, 400), min_size=2, max_size=2, unique=True).map(sorted)


def sightings_in_sql(library: Library, gap_min: int) -> dict[tuple[str, str], dict[str, int | None]]:
    """(station, class) -> path -> the number of its visit, by the classes of single photos."""
    with library.database.read() as db:
        counted = count_boxes(select(db, Selection()), 0.5)
        join_visits(counted, timedelta(minutes=gap_min), Level.CLASS, per_visit=False)
        found = db.execute(
            "SELECT s.station, s.what, i.path, s.event FROM sightings s JOIN images i USING (image_id)"
        ).fetchall()
    seen: dict[tuple[str, str], dict[str, int | None]] = {}
    for station, what, path, event in found:
        assert path not in seen.setdefault((station, what), {}), "a photo twice among one class's sightings"
        seen[station, what][path] = event
    return seen


def made_library(folder: Path, sightings: Sequence[Sighting], start: datetime, cameras: int = 1) -> Library:
    """Photo n is named n wherever it stands in the order of insertion; its camera is n modulo ``cameras``."""
    photos = {
        n: Photo(f"c{n % cameras}_p{n}", None if m is None else start + timedelta(minutes=m), station)
        for n, (m, station, _) in enumerate(sightings)
    }
    seen = {photo.name: [(name, 0.9) for name in sightings[n][2]] for n, photo in photos.items()}
    return make_library(folder, list(photos.values()), seen)


@settings(max_examples=12, deadline=None)
@given(sightings=SIGHTINGS, start=STARTS, gaps=GAPS)
def test_each_photo_is_in_one_event_and_a_larger_gap_only_joins(
    tmp_path_factory: pytest.TempPathFactory, sightings: list[Sighting], start: datetime, gaps: list[int]
) -> None:
    """A partition: every dated photo of a class is in one visit, undated ones in none.

    With a larger gap each event lies whole within one of the new ones: so there are never more.
    """
    library = made_library(tmp_path_factory.mktemp("events"), sightings, start)
    small, large = (sightings_in_sql(library, gap) for gap in gaps)
    assert small.keys() == large.keys()
    for key, photos in small.items():
        expected = {
            f"{key[0]}/c0_p{n}": minute is not None
            for n, (minute, station, names) in enumerate(sightings)
            if station == key[0] and key[1] in names
        }
        assert {path: event is not None for path, event in photos.items()} == expected
        joined: dict[int | None, set[int | None]] = {}
        for path, event in photos.items():
            joined.setdefault(event, set()).add(large[key][path])
        assert all(len(into) == 1 for event, into in joined.items() if event is not None)
        numbers = {event for event in photos.values() if event is not None}
        assert len({e for e in large[key].values() if e is not None}) <= len(numbers)
    numbers = {event for photos in small.values() for event in photos.values() if event is not None}
    assert numbers == set(range(1, len(numbers) + 1))


@settings(max_examples=10, deadline=None)
@given(sightings=SIGHTINGS, start=STARTS, gap_min=st.integers(1, 90), seed=st.integers(0, 99))
def test_the_order_of_insertion_is_no_matter(
    tmp_path_factory: pytest.TempPathFactory,
    sightings: list[Sighting],
    start: datetime,
    gap_min: int,
    seed: int,
) -> None:
    """The same photos, scanned and looked at in another order, one by one or at once."""
    photos = [
        Photo(f"p{n}", None if m is None else start + timedelta(minutes=m), station)
        for n, (m, station, _) in enumerate(sightings)
    ]
    seen = {photo.name: [(c, 0.9) for c in sightings[n][2]] for n, photo in enumerate(photos)}
    first = make_library(tmp_path_factory.mktemp("one"), photos, seen)
    second = make_library(tmp_path_factory.mktemp("two"))
    shuffled = random.Random(seed).sample(photos, len(photos))
    half = len(shuffled) // 2
    for some in (shuffled[half:], shuffled[:half]):
        second.add(some)
        second.detect({photo.name: seen[photo.name] for photo in some})
    assert sightings_in_sql(first, gap_min) == sightings_in_sql(second, gap_min)


@settings(max_examples=8, deadline=None)
@given(sightings=SIGHTINGS, start=STARTS, gap_min=st.integers(1, 90))
def test_two_cameras_at_one_station_are_one(
    tmp_path_factory: pytest.TempPathFactory, sightings: list[Sighting], start: datetime, gap_min: int
) -> None:
    """Which camera took a photo makes no difference; which station it stands at does."""
    one = made_library(tmp_path_factory.mktemp("one"), sightings, start)
    two = made_library(tmp_path_factory.mktemp("two"), sightings, start, cameras=2)
    with two.database.write() as db:
        db.execute("UPDATE images SET serial = CASE WHEN path LIKE '%/c0%' THEN 'A' ELSE 'B' END")
    strip = [
        {key: {path.rpartition("_")[2]: e for path, e in photos.items()} for key, photos in found.items()}
        for found in (sightings_in_sql(one, gap_min), sightings_in_sql(two, gap_min))
    ]
    assert strip[0] == strip[1]


def test_borders_by_hand(tmp_path: Path) -> None:
    """Month and year, both nights of a clock change, two cameras, and several animals in one photo."""
    times = {
        "year": ["2024-12-31 23:45", "2025-01-01 00:15"],  # exactly the gap: one event, begun last year
        "month": ["2024-02-29 23:50", "2024-03-01 00:21"],  # a minute more: two
        "set back": ["2024-11-03 01:10", "2024-11-03 01:40", "2024-11-03 01:15", "2024-11-03 03:05"],
        "set on": ["2025-03-09 01:55", "2025-03-09 03:05"],  # an hour that no clock showed: two events
    }
    photos = [
        Photo(f"{what}{n}", at, what, size=(64, 48))
        for what, ats in times.items()
        for n, at in enumerate(ats)
    ]
    seen = {photo.name: [("doe", 0.9), ("doe", 0.8), ("young", 0.7)] for photo in photos}
    library = make_library(tmp_path, photos, seen)
    with library.database.read() as db:
        counted = count_boxes(select(db, Selection()), 0.5)
        join_visits(counted, timedelta(minutes=30), Level.CLASS)
        found = db.execute(
            "SELECT station, what, count(DISTINCT event), sum(animals), count(*),"
            " min(captured_at) FILTER (begins)"
            " FROM sightings GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    numbers = {(station, what): tuple(map(int, row)) for station, what, *row, _ in found}
    assert numbers == {
        ("year", "doe"): (1, 4, 2),
        ("year", "young"): (1, 2, 2),
        ("month", "doe"): (2, 4, 2),
        ("month", "young"): (2, 2, 2),
        # The camera's clock is all there is: the hour shown twice counts as one hour.
        ("set back", "doe"): (2, 8, 4),
        ("set back", "young"): (2, 4, 4),
        ("set on", "doe"): (2, 4, 2),
        ("set on", "young"): (2, 2, 2),
    }
    assert {begins for station, _, _, _, _, begins in found if station == "year"} == {
        datetime(2024, 12, 31, 23, 45)
    }


def test_only_takes_classes_kinds_and_ages(tmp_path: Path) -> None:
    library = make_library(
        tmp_path,
        [Photo("a", "2024-11-01 06:00")],
        {"a": [("doe", 0.9), ("young", 0.9), ("mature", 0.9), ("person", 0.4)]},
    )
    with library.database.read() as db:
        counted = count_boxes(select(db, Selection()), None)
        half_hour = timedelta(minutes=30)

        def seen(only: list[str] | None, kinds: list[Kind] | None = None) -> set[str]:
            with join_visits(counted, half_hour, Level.CLASS, only=only, kinds=kinds):
                return {str(what) for (what,) in db.execute("SELECT what FROM sightings").fetchall()}

        assert seen(None) == {"doe", "young", "mature"}
        assert seen(["Doe"]) == {"doe"}
        assert seen(["buck"]) == {"young", "mature"}
        assert seen(["mature", "doe"]) == {"mature", "doe"}
        assert seen(["doe", "mature"], [Kind.BUCK]) == {"mature"}
        check_names(db, ["DOE", "vehicle", "mid"])
        with pytest.raises(UsageError, match="unicorn"):
            check_names(db, ["unicorn"])


def camera_days(
    library: Library, silent_days: int, keys: Sequence[str], selection: Selection
) -> dict[object, int]:
    with library.database.read() as db:
        return dict(make_camera_days(db, silent_days).by(selection, keys, 9))


def test_camera_days_by_hand(tmp_path: Path) -> None:
    days = ["2024-11-28 23:59", "2024-12-01 00:00", "2024-12-01 09:00", "2024-12-09", "2024-12-18"]
    photos = [Photo(f"h{n}", day) for n, day in enumerate(days)]
    photos += [
        Photo("t", "2024-12-05", "TinMan"),
        Photo("reset", "2015-01-01", "TinMan", suspect="clock_reset"),
    ]
    photos += [Photo("u", None, "TinMan")]
    library = make_library(tmp_path, photos)
    # 28 Nov to 9 Dec: the break of 2 to 8 Dec is exactly 7 days. 10 to 17 Dec are 8: silent.
    assert camera_days(library, 7, ["station"], Selection()) == {("Hayfield",): 13, ("TinMan",): 1}
    assert camera_days(library, 8, ["station"], Selection())[("Hayfield",)] == 21
    assert camera_days(library, 6, ["station"], Selection())[("Hayfield",)] == 6
    by_month = camera_days(library, 7, ["month", "station"], Selection())
    assert by_month == {("2024-11", "Hayfield"): 3, ("2024-12", "Hayfield"): 10, ("2024-12", "TinMan"): 1}
    assert camera_days(library, 7, ["season"], Selection()) == {("2024-25",): 14}
    # A selection cuts the days, but the photos outside it still tell that the camera worked.
    only_december = Selection(months=(12,), stations=("hayfield",))
    assert camera_days(library, 7, [], only_december) == {(): 10}
    assert camera_days(
        library, 7, [], Selection(since=datetime(2024, 12, 2, 12), until=datetime(2024, 12, 4))
    ) == {(): 3}


@settings(max_examples=12, deadline=None)
@given(offsets=st.sets(st.integers(0, 60), max_size=12), silent_days=st.integers(1, 20))
def test_camera_days_equal_plain_python(
    tmp_path_factory: pytest.TempPathFactory, offsets: set[int], silent_days: int
) -> None:
    start = date(2024, 2, 1)
    photos = [Photo(f"p{n}", f"{start + timedelta(days=n)} 12:00") for n in offsets]
    library = make_library(tmp_path_factory.mktemp("days"), photos)
    days = sorted(offsets)
    expected = set(days)
    for before, after in pairwise(days):
        if after - before - 1 <= silent_days:
            expected |= set(range(before, after))
    found = camera_days(library, silent_days, [], Selection())
    assert found.get((), 0) == len(expected)


def test_two_questions_at_once_are_refused(tmp_path: Path) -> None:
    """What was made for one is never taken for the other's."""
    library = make_library(tmp_path, [Photo("a", "2024-11-01 06:00")], {"a": [("doe", 0.9)]})
    with library.database.read() as db:
        with select(db, Selection()), pytest.raises(duckdb.Error, match="selected"):
            select(db, Selection(stations=("Hayfield",)))
        with select(db, Selection()) as photos, count_boxes(photos, 0.5), pytest.raises(duckdb.Error):
            count_boxes(photos, 0.3)
        left = "SELECT count(*) FROM duckdb_views() WHERE temporary AND NOT internal"
        assert db.execute(left).fetchall() == [(0,)]


def test_a_visit_begins_and_ends_with_its_photos(tmp_path: Path) -> None:
    photos = [Photo(f"{n}", f"2024-11-01 06:{n:02}") for n in (0, 20, 50)] + [Photo("none", None)]
    seen = {photo.name: [("doe", 0.9)] * (2 if photo.name == "20" else 1) for photo in photos}
    library = make_library(tmp_path, photos, seen)
    with library.database.read() as db:
        joined = join_visits(count_boxes(select(db, Selection()), 0.5), timedelta(minutes=20), Level.KIND)
        found = db.execute("SELECT begins_at, ends_at, photos, animals FROM visits ORDER BY event").fetchall()
        assert joined.undated_animals() == 1
    at = [datetime(2024, 11, 1, 6, minute) for minute in (0, 20, 50)]
    assert found == [(at[0], at[1], 2, 2), (at[2], at[2], 1, 1)]
