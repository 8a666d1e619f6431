"""Sun, moon, the overlap of two patterns, and the report that puts them together."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Cli
from tests.helpers.library import Library, Photo, make_library
from trailcam.reports.activity import activity
from trailcam.reports.base import Report
from trailcam.reports.common import Question
from trailcam.reports.overlap import concentration, density, minute_counts, overlap
from trailcam.sun.legal_light import DARK, LEGAL, UNKNOWN, legal_light
from trailcam.sun.sky import Observer, Sun, moon_name, moon_phase, night_midnight, utc_of

AUSTIN = Observer(30.2672, -97.7431, ZoneInfo("America/Chicago"))
TROMSO = Observer(69.65, 18.96, ZoneInfo("Europe/Oslo"))


# ---- sun and moon, against published almanac values


@pytest.mark.parametrize(
    ("on", "rises", "sets"),
    [
        (date(2024, 6, 21), "2024-06-21 11:30", "2024-06-22 01:36"),
        (date(2024, 12, 21), "2024-12-21 13:23", "2024-12-21 23:36"),
        (date(2024, 3, 20), "2024-03-20 12:33", "2024-03-21 00:41"),
    ],
)
def test_sunrise_and_sunset_of_austin(on: date, rises: str, sets: str) -> None:
    """In UTC; the sunset of a summer's day comes after midnight UTC and belongs to the day anyway."""
    day = Sun().day(30.2672, -97.7431, on)
    assert day is not None
    for found, wanted in ((day.sunrise, rises), (day.sunset, sets)):
        assert abs(found - datetime.fromisoformat(wanted).replace(tzinfo=UTC)) < timedelta(minutes=3)


def light(place: Observer, moment: datetime) -> int:
    microseconds = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return int(legal_light(place, np.array([microseconds]))[0])


def test_where_the_sun_never_sets_nothing_is_said() -> None:
    sun = Sun()
    noon = datetime(2024, 6, 21, 10, tzinfo=UTC)
    assert sun.day(69.65, 18.96, date(2024, 6, 21)) is None
    assert sun.time_of(TROMSO, noon) is None
    assert sun.time_of(Observer(), noon) is None
    for place in (TROMSO, Observer()):
        assert light(place, noon) == UNKNOWN


def test_legal_light_ends_half_an_hour_after_sunset() -> None:
    day = Sun().day(30.2672, -97.7431, date(2024, 11, 9))
    assert day is not None
    for moment, legal in (
        (day.sunset + timedelta(minutes=29), LEGAL),
        (day.sunset + timedelta(minutes=31), DARK),
        (day.sunrise - timedelta(minutes=29), LEGAL),
        (day.sunrise - timedelta(minutes=31), DARK),
    ):
        assert light(AUSTIN, moment) == legal


@settings(max_examples=60, deadline=None)
@given(
    st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1)),
    st.floats(-60, 60),
    st.floats(-180, 180),
)
def test_every_moment_lies_in_one_day_or_one_night(at: datetime, latitude: float, longitude: float) -> None:
    time = Sun().time_of(Observer(latitude, longitude), at.replace(tzinfo=UTC))
    assert time is not None
    assert 0 <= time.part <= 1
    if time.up:
        assert time.day.sunrise <= at.replace(tzinfo=UTC) < time.day.sunset


@pytest.mark.parametrize(
    ("on", "name"),
    [  # the almanac's: new 2024-12-01 06:21, first quarter 12-08 15:27, full 12-15 09:02, last 12-22 22:18
        (date(2024, 12, 1), "new"),
        (date(2024, 12, 8), "first quarter"),
        (date(2024, 12, 15), "full"),
        (date(2024, 12, 23), "last quarter"),
        (date(2024, 12, 5), "waxing crescent"),
        (date(2024, 12, 19), "waning gibbous"),
    ],
)
def test_the_moon_is_the_almanacs(on: date, name: str) -> None:
    assert moon_name(moon_phase(on)) == name


def test_a_night_is_that_of_its_midnight_and_zones_are_never_guessed() -> None:
    assert night_midnight(datetime(2024, 12, 31, 23)) == date(2025, 1, 1)
    assert night_midnight(datetime(2025, 1, 1, 5)) == date(2025, 1, 1)
    at = datetime(2024, 7, 1, 12)
    assert utc_of(at, None) is None
    assert utc_of(at, AUSTIN.zone) == datetime(2024, 7, 1, 17, tzinfo=UTC)
    assert utc_of(at, AUSTIN.zone, -360) == datetime(2024, 7, 1, 18, tzinfo=UTC)


# ---- overlap


def plain_density(hours: np.ndarray[tuple[int], np.dtype[np.float64]], kappa: float) -> list[float]:
    """The kernel density at each minute, one event at a time; its mean over the day is 1."""
    circle = 2 * np.pi * np.arange(1440) / 1440
    kernel = np.zeros(1440)
    for hour in hours:
        kernel += np.exp(kappa * (np.cos(circle - 2 * np.pi * np.floor(hour * 60) / 1440) - 1))
    return list(kernel / kernel.mean())


def test_dhat4_is_its_definition() -> None:
    random = np.random.default_rng(4)
    first, second = random.normal(6, 1.5, 80) % 24, random.normal(9, 3, 60) % 24
    counts = [minute_counts(sample) for sample in (first, second)]
    kappas = [float(concentration(sample[np.newaxis])[0]) for sample in counts]
    f, g = (np.array(plain_density(s, k)) for s, k in zip((first, second), kappas, strict=True))
    for sample, kappa, plain in zip(counts, kappas, (f, g), strict=True):
        assert density(sample[np.newaxis], np.array([kappa]))[0] == pytest.approx(plain, abs=1e-6)
    at_first, at_second = (np.floor(s * 60).astype(int) % 1440 for s in (first, second))
    expected = (
        np.minimum(1, g[at_first] / f[at_first]).mean() + np.minimum(1, f[at_second] / g[at_second]).mean()
    ) / 2
    found = overlap(*counts, resamples=50)
    assert found is not None
    assert found.estimator == "Dhat4"
    assert found.value == pytest.approx(expected, abs=1e-6)
    assert found.low <= found.value <= found.high


def test_what_an_overlap_must_be() -> None:
    random = np.random.default_rng(2)
    dawn, dusk = minute_counts(random.normal(6, 0.5, 100)), minute_counts(random.normal(18, 0.5, 100))
    same, apart, back = overlap(dawn, dawn), overlap(dawn, dusk), overlap(dusk, dawn)
    assert same is not None
    assert apart is not None
    assert back is not None
    assert same.value == pytest.approx(1)
    assert apart.value < 0.01
    assert apart.value == pytest.approx(back.value)
    few = overlap(minute_counts([6.0] * 12), dusk)
    assert few is not None
    assert few.estimator == "Dhat1"
    assert overlap(minute_counts([6.0] * 9), dusk) is None


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(0, 24, exclude_max=True), min_size=10, max_size=80),
    st.lists(st.floats(0, 24, exclude_max=True), min_size=10, max_size=80),
    st.integers(0, 23),
)
def test_turning_the_clock_changes_no_overlap(one: list[float], two: list[float], turn: int) -> None:
    found = overlap(minute_counts(one), minute_counts(two), resamples=1)
    turned = [[(hour + turn) % 24 for hour in hours] for hours in (one, two)]
    # Only where the turned hours still fall into the same minutes is it the same sample.
    counts = [np.roll(minute_counts(hours), turn * 60) for hours in (one, two)]
    again = overlap(*counts, resamples=1)
    assert len(turned[0]) == len(one)
    assert found is not None
    assert again is not None
    assert 0 <= found.value <= 1 + 1e-9
    assert found.value == pytest.approx(again.value, abs=1e-6)


# ---- the report


@pytest.fixture
def ranch(tmp_path: Path) -> Library:
    """Counted by hand. Austin's coordinates for Hayfield, none for TinMan. Gap 30 minutes."""
    library = make_library(
        tmp_path,
        [
            Photo("a", "2024-12-01 06:10"),  # doe, before sunrise (07:10)
            Photo("b", "2024-12-01 06:30"),  # the same visit
            Photo("c", "2024-12-01 12:00"),  # doe at noon
            Photo("d", "2024-12-15 06:40"),  # mature
            Photo("e", "2024-12-15 06:50", "TinMan"),  # doe
            Photo("f", None),  # doe without a time
            Photo("g", "2015-01-01 00:03", suspect="clock_reset"),  # doe, clock in doubt
        ],
        {
            "a": [("doe", 0.9)],
            "b": [("doe", 0.9), ("doe", 0.8)],
            "c": [("doe", 0.9)],
            "d": [("mature", 0.9)],
            "e": [("doe", 0.9)],
            "f": [("doe", 0.9)],
            "g": [("doe", 0.9)],
        },
    )
    with library.database.write() as db:
        db.execute(
            "UPDATE stations SET latitude = 30.2672, longitude = -97.7431, timezone = 'America/Chicago'"
            " WHERE name = 'Hayfield'"
        )
    return library


def ask(library: Library, *classes: str, by: tuple[str, ...] = ()) -> Report:
    with library.database.read() as db:
        return activity(db, Question(confidence=0.5), classes=classes, by=by)


def test_hours_by_hand(ranch: Library) -> None:
    found = ask(ranch, "doe")
    hours = {row["hour"]: row["events"] for row in found.rows if row["events"]}
    assert hours == {6: 2, 12: 1}  # visits, not photos; neither the undated nor the doubtful one
    assert any("clock is in doubt" in note for note in found.notes)
    assert found.coverage["undated"] == 1


def test_the_sun_places_only_what_it_can(ranch: Library) -> None:
    found = ask(ranch, "doe", by=("sun",))
    placed = {row["sun_hour"]: row["events"] for row in found.rows if row["events"]}
    assert sum(placed.values()) == 2  # TinMan has no coordinates
    assert placed == {6: 1, 11: 1} or placed == {6: 1, 12: 1}
    assert any("2 visits could be placed; 1 visit could not" in note for note in found.notes)


def test_the_moon_comes_with_its_effort(ranch: Library) -> None:
    by_phase = {row["moon"]: row for row in ask(ranch, "mature", by=("moon",)).rows}
    assert by_phase["full"]["events"] == 1
    assert by_phase["full"]["night_events"] == 1
    total = sum(row["expected_share"] for row in by_phase.values())
    assert total == pytest.approx(1)
    # Hayfield on Dec 1 and 15, TinMan on Dec 15: three camera-days, each two halves of nights.
    assert sum(row["camera_nights"] for row in by_phase.values()) == pytest.approx(3)


def test_two_classes_are_compared_or_it_says_why_not(ranch: Library) -> None:
    (pairs,) = [section for section in ask(ranch, "doe", "mature").sections if section.name == "overlap"]
    assert {(row["time"], row["overlap"]) for row in pairs.rows} == {("clock", None), ("sun", None)}


def test_the_command_draws_bars_and_writes_json(ranch: Library, cli: Cli) -> None:
    path = ranch.database.path
    drawn = cli("report", "activity", "--class", "doe", "--confidence", "0.5", "--db", path)
    assert drawn.returncode == 0, drawn.stderr
    assert "█" in drawn.stdout
    assert "Coverage:" in drawn.stdout
    assert "By the moon" in drawn.stdout
    plain = cli("report", "activity", "--class", "doe", "--format", "json", "--db", path)
    document = json.loads(plain.stdout)
    assert sum(row["events"] for row in document["rows"]) == 3
    assert {"by_sun", "by_moon"} <= document.keys()
    wrong = cli("report", "activity", "--by", "sun", "--by", "moon", "--db", path)
    assert wrong.returncode == 2
    assert "at once" in wrong.stderr
