"""Sunrise and sunset of many days at once, compared with the library astral's, one by one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from tests.helpers.astral_sun import astral_day, astral_errs
from trailcam.sun.sunrise import NO_MOMENT, Moments, solar_days, sun_days

EPOCH = date(1970, 1, 1)
EPOCH_AT = datetime(1970, 1, 1, tzinfo=UTC)


def compare(latitude: float, longitude: float, days: Moments) -> tuple[int, list[float], list[date]]:
    """How many days were compared, seconds between both libraries, and the days that only one of them has."""
    n, seconds, unlike = 0, [], []
    found = np.stack(sun_days(latitude, longitude, days), axis=1).tolist()
    for number, times in zip(days.tolist(), found, strict=True):
        on = EPOCH + timedelta(days=number)
        expected = astral_day(latitude, longitude, on)
        if astral_errs(latitude, longitude, datetime.combine(on, datetime.min.time(), UTC)):
            continue
        n += 1
        if (expected is None) != (times[0] == NO_MOMENT):
            unlike.append(on)
        elif expected:
            seconds += [
                abs((EPOCH_AT + timedelta(microseconds=us) - at).total_seconds())
                for us, at in zip(times, expected, strict=True)
            ]
    return n, seconds, unlike


@pytest.mark.parametrize("band", [(-60, 60), (60, 67), (67, 89), (-89, -60)])
def test_it_agrees_with_astral_within_a_second(band: tuple[int, int]) -> None:
    """Polar day and night included: what has no sunrise there has none here."""
    rng = np.random.default_rng(abs(band[1]))
    compared, unlike = 0, list[date]()
    for _ in range(30):
        latitude, longitude = float(rng.uniform(*band)), float(rng.uniform(-180, 180))
        n, seconds, only_one = compare(latitude, longitude, np.sort(rng.integers(0, 30_000, 40)))
        assert max(seconds, default=0) < 1
        compared += n
        unlike += only_one
    assert compared > 600
    assert not unlike


def test_sunrise_moves_evenly_also_past_midnight_in_utc() -> None:
    """At the longitudes where sunrise or sunset comes at 00:00 UTC in some week of the year."""
    days = np.arange(19_000, 19_000 + 400)
    for longitude in (77.459, 90.0, -90.0, -97.75, 179.9, -179.9):
        for times in sun_days(-31.37, longitude, days):
            assert (times != NO_MOMENT).all()
            moves = np.diff(times - days * 86_400_000_000) / 1e6
            assert np.abs(moves).max() < 120
            assert np.abs(np.diff(moves)).max() < 2


def test_each_lies_on_the_day_asked_for() -> None:
    days = np.arange(-20_000, 40_000, 7)
    for latitude, longitude in ((66.5, 20.0), (30.25, -97.75), (-70.0, 179.5), (90.0, 0.0), (-90.0, 5.0)):
        for times in sun_days(latitude, longitude, days):
            known = times != NO_MOMENT
            assert (solar_days(times[known], longitude) == days[known]).all()


@pytest.mark.parametrize("on", [date.min, date.max])
def test_the_ends_of_the_calendar(on: date) -> None:
    rises, sets = sun_days(30.0, -98.0, np.array([(on - EPOCH).days]))
    assert 9 < (sets - rises)[0] / 3.6e9 < 11  # hours of a winter's day
