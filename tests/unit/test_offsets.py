"""UTC offsets that files state: across the change of clocks, in doubt, and in names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.library import Library, Photo, make_library
from trailcam.clock.check_clocks import Finding, check, check_stale
from trailcam.clock.doubt import Doubt
from trailcam.clock.sources import FileTimes, judge_sources
from trailcam.domain import TimeSource
from trailcam.gallery.content import read_content
from trailcam.gallery.gallery_options import GalleryOptions
from trailcam.reports.buck_parts import buck_report
from trailcam.reports.clocks import times_check
from trailcam.reports.common import Question
from trailcam.reports.visits import read_visits, visits_called
from trailcam.selection import Selection
from trailcam.settings.config import Settings
from trailcam.store.clock_facts import clock_stations
from trailcam.store.counted import count_boxes
from trailcam.store.scenes import join_scenes
from trailcam.store.select import select
from trailcam.store.visits import Level, join_visits
from trailcam.sun.legal_light import NO_OFFSET, trusted_offsets
from trailcam.sun.sky import Observer, offset_differs

CHICAGO = ZoneInfo("America/Chicago")
AUSTIN = (30.2672, -97.7431)
GAP = timedelta(minutes=30)
SUMMER, WINTER = -300, -360


def library_of(folder: Path, *photos: Photo) -> Library:
    return make_library(folder, photos, {photo.name: [("mature", 0.9)] for photo in photos})


def taken(*shots: tuple[str, int | None], station: str = "Hayfield") -> list[Photo]:
    return [Photo(f"{n}.jpg", at, station, offset_min=offset) for n, (at, offset) in enumerate(shots)]


def visits_in(library: Library, gap: timedelta = GAP) -> list[tuple[datetime, int]]:
    """The beginning of each visit and how many photos it has."""
    with library.database.read() as db:
        join_visits(count_boxes(select(db, Selection()), 0.5), gap, Level.KIND)
        return db.execute("SELECT begins_at, photos FROM visits ORDER BY event").fetchall()


def scenes_in(library: Library) -> int:
    with library.database.read() as db:
        join_scenes(select(db, Selection()), GAP)
        ((n,),) = db.execute("SELECT count(DISTINCT scene) FROM scenes").fetchall()
    return int(n)


def visits_of_the_gallery(library: Library) -> int:
    options = GalleryOptions(confidence=0.5, lowest=0.25, gap=GAP, seasons=Settings().seasons, first_month=9)
    with library.database.read() as db:
        return read_content(db, Selection(), options).n_visits


FALL_BACK = (("2023-11-05 01:50", SUMMER), ("2023-11-05 01:10", WINTER), ("2023-11-05 06:40", WINTER))
AN_HOUR_APART = (("2023-11-05 01:50", SUMMER), ("2023-11-05 01:50", WINTER), ("2023-11-05 09:00", WINTER))
SPRING = (("2024-03-10 01:50", WINTER), ("2024-03-10 03:10", SUMMER))


@pytest.mark.parametrize(
    ("shots", "begins"),
    [
        (FALL_BACK, {"2023-11-05 01:50": 2, "2023-11-05 06:40": 1}),
        (SPRING, {"2024-03-10 01:50": 2}),
        ((*SPRING, ("2024-07-01 12:00", SUMMER)), {"2024-03-10 01:50": 2, "2024-07-01 12:00": 1}),
        # Lord Howe sets its clocks by half an hour; Europe writes other signs.
        ((("2024-04-07 01:55", 660), ("2024-04-07 01:30", 630)), {"2024-04-07 01:55": 2}),
        ((("2024-03-31 01:50", 60), ("2024-03-31 03:10", 120)), {"2024-03-31 01:50": 2}),
        # No offset, one offset, and clocks that are not summer time of each other: by what they show.
        (
            (("2023-11-05 01:50", None), ("2023-11-05 03:10", None)),
            {"2023-11-05 01:50": 1, "2023-11-05 03:10": 1},
        ),
        ((("2024-03-10 01:50", 0), ("2024-03-10 03:10", 0)), {"2024-03-10 01:50": 1, "2024-03-10 03:10": 1}),
        ((("2024-03-10 01:50", WINTER), ("2024-03-10 02:10", 0)), {"2024-03-10 01:50": 2}),
        ((("2024-03-10 01:50", WINTER), ("2024-03-10 02:10", None)), {"2024-03-10 01:50": 2}),
    ],
)
def test_the_gap_is_a_real_one_where_clocks_change(
    tmp_path: Path, shots: tuple[tuple[str, int | None], ...], begins: dict[str, int]
) -> None:
    library = library_of(tmp_path, *taken(*shots))
    assert visits_in(library) == [(datetime.fromisoformat(at), n) for at, n in begins.items()]
    assert scenes_in(library) == visits_of_the_gallery(library) == len(begins)


def test_the_hour_that_occurs_twice_is_two_visits_an_hour_apart(tmp_path: Path) -> None:
    library = library_of(tmp_path, *taken(*AN_HOUR_APART))
    at = datetime(2023, 11, 5, 1, 50)
    assert visits_in(library) == [(at, 1), (at, 1), (datetime(2023, 11, 5, 9), 1)]
    assert scenes_in(library) == visits_of_the_gallery(library) == 3


def test_a_correction_is_in_the_stations_own_time(tmp_path: Path) -> None:
    first, second = taken(*SPRING)
    moved = Photo("1.jpg", second.at, offset_min=SUMMER, source=TimeSource.CORRECTION)
    assert len(visits_in(library_of(tmp_path, first, moved))) == 2


@settings(max_examples=15, deadline=None)
@given(
    minutes=st.lists(st.integers(0, 600), min_size=1, max_size=12),
    night=st.sampled_from([datetime(2023, 11, 5, 3, tzinfo=UTC), datetime(2024, 3, 10, 4, tzinfo=UTC)]),
    gap_min=st.integers(1, 90),
)
def test_visits_are_those_of_the_moments(
    tmp_path_factory: pytest.TempPathFactory, minutes: list[int], night: datetime, gap_min: int
) -> None:
    moments = sorted(night + timedelta(minutes=minute) for minute in minutes)
    photos = []
    for n, moment in enumerate(moments):
        local = moment.astimezone(CHICAGO)
        offset = local.utcoffset() or timedelta()
        photos.append(
            Photo(f"{n}.jpg", local.replace(tzinfo=None), offset_min=offset // timedelta(minutes=1))
        )
    expected = [1]
    for before, moment in pairwise(moments):
        if moment - before > timedelta(minutes=gap_min):
            expected.append(1)
        else:
            expected[-1] += 1
    library = library_of(tmp_path_factory.mktemp("moments"), *photos)
    assert [n for _, n in visits_in(library, timedelta(minutes=gap_min))] == expected


def place(
    library: Library, zone: str | None = "America/Chicago", longitude: float | None = AUSTIN[1]
) -> None:
    with library.database.write() as db:
        db.execute(
            "UPDATE stations SET latitude = ?, longitude = ?, timezone = ?, clock_checked_at = NULL",
            [AUSTIN[0] if longitude is not None else None, longitude, zone],
        )


def light(library: Library) -> dict[str, Any]:
    """Events in legal light, in the dark and of unknown light."""
    with library.database.read() as db:
        rows = buck_report(db, Question(confidence=0.5), by=("season",), parts=("seasons",)).sections[0].rows
    (row,) = (row for row in rows if row["age"] == "mature")
    return {name: row[f"{name}_events"] for name in ("legal", "dark", "unknown_light", "doubtful")}


DAY_AND_NIGHT = (
    "2023-11-20 07:30",
    "2023-11-20 12:00",
    "2023-11-21 16:45",
    "2023-11-21 23:30",
    "2023-11-22 02:15",
)


@pytest.mark.parametrize("offset", [0, 60, 330, 840, -720, WINTER - 120])
def test_noon_is_light_whatever_offset_is_written(tmp_path: Path, offset: int) -> None:
    library = library_of(tmp_path, *taken(*((at, offset) for at in DAY_AND_NIGHT)))
    place(library)
    assert light(library) == {"legal": 3, "dark": 2, "unknown_light": 0, "doubtful": 0}
    with library.database.read() as db, select(db, Selection()) as photos:
        question = Question(confidence=0.5)
        with visits_called(photos, question, "buck") as joined:
            first = read_visits(joined, question).visits[0]
    assert first.utc == datetime(2023, 11, 20, 13, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "longitude", "offset", "expected"),
    [
        (None, AUSTIN[1], 0, {"legal": 0, "dark": 0, "unknown_light": 5, "doubtful": 0}),
        (None, AUSTIN[1], WINTER, {"legal": 3, "dark": 2, "unknown_light": 0, "doubtful": 0}),
        (None, AUSTIN[1], SUMMER, {"legal": 2, "dark": 3, "unknown_light": 0, "doubtful": 0}),  # 06:30
        ("America/Chicago", AUSTIN[1], WINTER, {"legal": 3, "dark": 2, "unknown_light": 0, "doubtful": 0}),
    ],
)
def test_light_by_an_offset_without_a_zone(
    tmp_path: Path, zone: str | None, longitude: float, offset: int, expected: dict[str, int]
) -> None:
    library = library_of(tmp_path, *taken(*((at, offset) for at in DAY_AND_NIGHT)))
    place(library, zone, longitude)
    assert light(library) == expected


def test_a_name_in_utc_is_trusted(tmp_path: Path) -> None:
    """Its time isn't local: by the zone, noon in Texas would be evening."""
    times = ("2023-11-20 18:00", "2023-11-21 06:00")  # noon and midnight in Texas
    photos = [Photo(f"{n}.jpg", at, offset_min=0, source=TimeSource.FILENAME) for n, at in enumerate(times)]
    library = library_of(tmp_path, *photos)
    place(library)
    assert light(library) == {"legal": 1, "dark": 1, "unknown_light": 0, "doubtful": 0}
    assert findings(library) == []


def findings(library: Library) -> list[Finding]:
    with library.database.write() as db:
        return check_stale(db, None).findings


def test_the_check_names_the_offset_and_leaves_the_time(tmp_path: Path) -> None:
    library = library_of(tmp_path, *taken(*((at, 0) for at in DAY_AND_NIGHT)))
    place(library)
    (one,) = findings(library)
    assert (one.doubt, one.photos) == (Doubt("offset_differs"), 5)
    with library.database.read() as db:
        assert db.execute("SELECT count(captured_at_suspect) FROM images").fetchall() == [(0,)]
        found = check(db, clock_stations(db), None).findings
        report = times_check(db, ["Hayfield"], found, Question(), infrared_below=2.0)
    assert report.coverage["suspect"] == 0
    assert any("5 photos with a UTC offset that is hours from the station's" in note for note in report.notes)
    place(library, None, None)
    assert findings(library) == []  # nothing to compare it with


@settings(max_examples=60, deadline=None)
@given(
    zone=st.none()
    | st.sampled_from(["America/Chicago", "Asia/Kolkata", "Pacific/Kiritimati", "Europe/Berlin"]),
    longitude=st.none() | st.floats(-180, 180),
    times=st.lists(
        st.tuples(
            st.datetimes(datetime(2005, 1, 1), datetime(2030, 1, 1)), st.none() | st.integers(-840, 840)
        ),
        min_size=1,
        max_size=12,
    ),
)
def test_many_offsets_are_doubted_as_one_is(
    zone: str | None, longitude: float | None, times: list[tuple[datetime, int | None]]
) -> None:
    where = Observer(30.0, longitude, ZoneInfo(zone) if zone else None)
    local = np.array([(at - datetime(1970, 1, 1)) // timedelta(microseconds=1) for at, _ in times])
    stated = np.array([NO_OFFSET if offset is None else offset for _, offset in times])
    expected = [
        NO_OFFSET if offset is None or offset_differs(at, where, offset) else offset for at, offset in times
    ]
    assert trusted_offsets(where, local, stated).tolist() == expected


@pytest.mark.parametrize(
    ("own", "named", "offset", "zone", "differs"),
    [
        ("2023-11-05 19:30", "2023-11-06 01:30", 0, CHICAGO, False),
        ("2020-11-09 12:30:54", "2020-11-09 10:30:54", -480, CHICAGO, False),
        ("2023-07-01 11:30", "2023-07-01 17:30", 0, CHICAGO, False),  # a clock without summer time
        ("2023-11-05 19:30", "2023-11-06 01:37", 0, CHICAGO, False),  # sent minutes later
        ("2023-11-05 01:30", "2023-11-05 01:30", 0, CHICAGO, False),  # called UTC, and isn't
        ("2023-11-05 19:30", "2023-11-06 01:30", 0, None, False),
        ("2023-11-05 07:30", "2023-11-06 01:30", 0, CHICAGO, True),  # twelve hours off
        ("2022-11-05 19:30", "2023-11-06 01:30", 0, CHICAGO, True),
        ("2022-11-05 19:30", "2023-11-06 01:30", 0, None, True),
        ("2023-11-05 19:30", "2023-11-06 01:30", None, CHICAGO, True),  # one alone, and it states no offset
    ],
)
def test_a_name_that_states_its_offset(
    own: str, named: str, offset: int | None, zone: ZoneInfo | None, differs: bool
) -> None:
    times = [FileTimes(datetime.fromisoformat(own), None, None, datetime.fromisoformat(named), offset)]
    assert judge_sources(times, zone) == ({0: Doubt("sources_differ")} if differs else {})
