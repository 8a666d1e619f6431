"""Sunrise and sunset of many days at once, by the equations of NOAA's solar calculator.

They follow Jean Meeus, Astronomical Algorithms (1991). The steps are those of the library astral, which the
tests compare these with: both agree within a second.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Moments = npt.NDArray[np.int64]  # microseconds since 1970-01-01
Floats = npt.NDArray[np.float64]

NO_MOMENT = np.iinfo(np.int64).min
DAY_US = 86_400_000_000
_DAY, _HALF_DAY = 1440.0, 720.0  # minutes
_MINUTE_US = 60_000_000
_MINUTES_PER_DEGREE = 4.0
_CENTURY = 36_525 * _DAY
_J2000 = 10_957.5 * _DAY  # 2000-01-01 12:00 from 1970
_RADIUS = 16 / 60  # degrees: half of the sun's disc
_POLE = 89.8  # degrees: nearer to a pole the equations say nothing


def solar_days(moments: Moments, longitude: float) -> Moments:
    """The day of local mean time of each moment (UTC), as days since 1970."""
    return (moments + round(longitude * _MINUTES_PER_DEGREE * _MINUTE_US)) // DAY_US


def sun_days(latitude: float, longitude: float, days: Moments) -> tuple[Moments, Moments]:
    """Sunrise and sunset, in UTC, on each of ``days`` of local mean time (n,), counted from 1970-01-01.

    The upper limb on a level horizon. Both are NO_MOMENT where the sun doesn't both rise and set on the day.
    """
    begins = days.astype(np.float64) * _DAY - longitude * _MINUTES_PER_DEGREE
    rises, sets = (_crossing(latitude, days, begins + _HALF_DAY, side) for side in (-1, 1))
    with np.errstate(invalid="ignore"):
        on_day = (begins <= rises) & (rises < sets) & (sets < begins + _DAY)
    return _moments(rises, on_day), _moments(sets, on_day)


def _moments(minutes: Floats, known: npt.NDArray[np.bool_]) -> Moments:
    found: Moments = np.where(known, np.nan_to_num(minutes) * _MINUTE_US, NO_MOMENT).astype(np.int64)
    return found


def _crossing(latitude: float, days: Moments, noon: Floats, side: int) -> Floats:
    """When the sun crosses the horizon before (-1) or after (1) ``noon``; NaN where it doesn't.

    All in minutes since 1970, UTC. As astral does, the sun's place is taken at 00:00 UTC of the day (of the
    day before, where the sun crosses then), and once more at the moment so found.
    """
    declination, equation = _sun(noon)
    near = noon - equation + side * _half_day(latitude, declination, clip=True)
    at = np.minimum(np.floor(near / _DAY), days) * _DAY
    for _ in range(2):
        declination, equation = _sun(at)
        at = noon - equation + side * _half_day(latitude, declination)
    return at


def _half_day(latitude: float, declination: Floats, *, clip: bool = False) -> Floats:
    """Minutes from the sun's highest point to the horizon; NaN without a crossing (``clip``: 0 or 720)."""
    north = math.radians(min(max(latitude, -_POLE), _POLE))
    height = math.sin(math.radians(-_RADIUS - _REFRACTION))
    cosine = (height - math.sin(north) * np.sin(declination)) / (math.cos(north) * np.cos(declination))
    with np.errstate(invalid="ignore"):
        angle: Floats = np.degrees(np.arccos(np.clip(cosine, -1, 1) if clip else cosine))
    return angle * _MINUTES_PER_DEGREE


def _sun(minutes: Floats) -> tuple[Floats, Floats]:
    """The sun's declination (radians), and by how many minutes sundials are ahead of clocks."""
    century = (minutes - _J2000) / _CENTURY
    mean = np.radians((280.46646 + century * (36000.76983 + century * 0.0003032)) % 360)
    anomaly = np.radians(357.52911 + century * (35999.05029 - century * 0.0001537))
    node = np.radians(125.04 - century * 1934.136)
    eccentricity = 0.016708634 - century * (0.000042037 + century * 0.0000001267)
    centre = (
        np.sin(anomaly) * (1.914602 - century * (0.004817 + century * 0.000014))
        + np.sin(2 * anomaly) * (0.019993 - century * 0.000101)
        + np.sin(3 * anomaly) * 0.000289
    )
    longitude = mean + np.radians(centre - 0.00569 - 0.00478 * np.sin(node))
    seconds = 21.448 - century * (46.815 + century * (0.00059 - century * 0.001813))
    tilt = np.radians(23 + (26 + seconds / 60) / 60 + 0.00256 * np.cos(node))
    y = np.tan(tilt / 2) ** 2
    equation = (
        y * np.sin(2 * mean)
        - 2 * eccentricity * np.sin(anomaly)
        + 4 * eccentricity * y * np.sin(anomaly) * np.cos(2 * mean)
        - 0.5 * y * y * np.sin(4 * mean)
        - 1.25 * eccentricity**2 * np.sin(2 * anomaly)
    )
    return np.arcsin(np.sin(tilt) * np.sin(longitude)), np.degrees(equation) * _MINUTES_PER_DEGREE


def _refraction(elevation: float) -> float:
    """By how many degrees the air lifts the sun at ``elevation`` (degrees, about the horizon)."""
    lift = 1735.0 + elevation * (-518.2 + elevation * (103.4 + elevation * (-12.79 + elevation * 0.711)))
    return lift / 3600


_REFRACTION = _refraction(-_RADIUS)
