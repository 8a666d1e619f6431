"""Legal light of many photos, compared with the rule applied photo by photo."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.helpers.astral_sun import astral_day, astral_errs
from trailcam.sun.legal_light import DARK, LEGAL, NO_OFFSET, UNKNOWN, legal_light, to_utc
from trailcam.sun.sky import Observer, Sun, utc_of
from trailcam.sun.sunrise import NO_MOMENT

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = ["America/Chicago", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu", "Europe/London"]


def us(at: datetime) -> int:
    return (at.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)


def by_astral(place: Observer, moment: datetime) -> int:
    """LEGAL, DARK or UNKNOWN of one moment, by the rule written out and astral's sun."""
    assert place.latitude is not None
    assert place.longitude is not None
    edges = [moment + sign * timedelta(minutes=30) for sign in (-1, 1)]
    days = {(edge + timedelta(hours=place.longitude / 15)).date() for edge in edges}
    found = [astral_day(place.latitude, place.longitude, day) for day in days]
    for day in found:
        if day and day[0] - timedelta(minutes=30) <= moment <= day[1] + timedelta(minutes=30):
            return LEGAL
    return DARK if None not in found else UNKNOWN


@settings(max_examples=60, deadline=None)
@given(
    # Beyond the polar circles astral errs more often than is told here; the sun's own tests go there.
    latitude=st.floats(-66, 66),
    longitude=st.floats(-180, 180),
    moments=st.lists(st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)), min_size=1, max_size=20),
)
def test_it_says_what_astral_says(latitude: float, longitude: float, moments: list[datetime]) -> None:
    place = Observer(latitude, longitude)
    expected = [by_astral(place, at.replace(tzinfo=UTC)) for at in moments]
    found = legal_light(place, np.array([us(at) for at in moments])).tolist()
    differ = [at for at, one, other in zip(moments, found, expected, strict=True) if one != other]
    assert all(astral_errs(latitude, longitude, at.replace(tzinfo=UTC)) for at in differ)


def test_every_minute_around_the_edges_of_a_year() -> None:
    for latitude in (30.25, 49.95, -45.049):
        place = Observer(latitude, -97.75)
        moments = []
        for day in range(0, 365, 3):
            found = Sun().day(latitude, -97.75, (EPOCH + timedelta(days=19_600 + day)).date())
            assert found is not None
            near = (-6, -2, -1, -0.02, 0.02, 1, 2, 6)
            for edge in (found.sunrise - timedelta(minutes=30), found.sunset + timedelta(minutes=30)):
                moments += [edge + timedelta(minutes=m) for m in near]
        expected = [by_astral(place, at) for at in moments]
        assert legal_light(place, np.array([us(at) for at in moments])).tolist() == expected


def test_without_a_place_or_a_moment_nothing_is_known() -> None:
    noon = np.array([us(datetime(2024, 6, 1, 18)), NO_MOMENT])
    assert legal_light(Observer(), noon).tolist() == [UNKNOWN, UNKNOWN]
    assert legal_light(Observer(30.0, -98.0), noon).tolist() == [LEGAL, UNKNOWN]


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    times=st.lists(
        st.tuples(
            st.datetimes(datetime(2005, 1, 1), datetime(2030, 1, 1)),
            st.none() | st.integers(-840, 840),
        ),
        min_size=1,
        max_size=20,
    ),
)
def test_utc_is_that_of_one_photo_alone(zone: str, times: list[tuple[datetime, int | None]]) -> None:
    local = np.array([us(at) for at, _ in times])
    offsets = np.array([NO_OFFSET if o is None else o for _, o in times])
    expected = [utc_of(at, ZoneInfo(zone), offset) for at, offset in times]
    assert to_utc(local, ZoneInfo(zone), offsets).tolist() == [us(at) for at in expected if at]
    unknown = [NO_MOMENT if o is None else us(at) - o * 60_000_000 for at, o in times]
    assert to_utc(local, None, offsets).tolist() == unknown


def test_the_hours_when_clocks_change() -> None:
    chicago = ZoneInfo("America/Chicago")
    times = [datetime(2024, m, d, h, 30) for m, d in ((3, 10), (11, 3)) for h in range(5)]
    found = to_utc(np.array([us(at) for at in times]), chicago, np.full(len(times), NO_OFFSET))
    assert found.tolist() == [us(at) for at in (utc_of(at, chicago) for at in times) if at]


def test_the_ends_of_the_calendar() -> None:
    """Cameras do write such dates; nothing of it may stop a report."""
    times = np.array([us(datetime(1, 1, 1)), us(datetime(9999, 12, 31, 23, 59, 59))])
    for zone in ("America/Chicago", "Asia/Tokyo"):
        found = to_utc(times, ZoneInfo(zone), np.full(2, NO_OFFSET))
        assert legal_light(Observer(30.0, -98.0), found).tolist() != [UNKNOWN, UNKNOWN]
    for at, ahead in ((datetime(1, 1, 1), 300), (datetime(9999, 12, 31, 23), -300)):
        assert utc_of(at, None, ahead) is None
        assert Sun().day(30.0, 170.0 if ahead > 0 else -170.0, at.date()) is None
        assert Sun().time_of(Observer(30.0, 0.0), at.replace(tzinfo=UTC)) is None
