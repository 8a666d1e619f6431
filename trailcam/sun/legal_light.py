"""Legal light for many photos at once, with the answers of :class:`trailcam.sun.sky.Sun`.

Sunrise moves by a minute or two a day and evenly, and hardly from one station of a ranch to the next. So it
is computed every 8th day for places a tenth of a degree apart, and only photos within moments of the line
between are asked one by one, at their own place.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from trailcam.sun.sky import LEGAL_MARGIN, Place, Sun, utc_of

LEGAL, DARK, UNKNOWN = 1, 0, -1

Moments = npt.NDArray[np.int64]  # microseconds since 1970-01-01
Light = npt.NDArray[np.int8]

_DAY_US = 86_400_000_000
_MINUTE_US = 60_000_000
_MARGIN_US = LEGAL_MARGIN // timedelta(microseconds=1)
_STEP = 8  # days between two that are computed
_GRID = 0.1  # degrees between places for which they are
# Up to 50 degrees what is so found misses sunrise and sunset by less than a minute. The line from one day to
# the next bends by at most 0.09 minutes/day², and its error is 8² / 8 = 8 times that: 0.72. Half a step of
# the grid to the north moves them by at most 0.05 * 4 * tan d / (cos² p * sqrt(1 - tan² p * tan² d)) = 0.25
# minutes, p = 50 and d = 23.44 degrees (from cos h = -tan p * tan d). To the east it is 4 minutes a degree,
# which is taken into account. Farther from the equator each photo is asked.
_CLOSE_US = 90_000_000
_EVEN_UP_TO = 50.0  # degrees
NO_OFFSET = 1 << 20
NO_MOMENT = np.iinfo(np.int64).min
_EPOCH = date(1970, 1, 1)
_EPOCH_AT = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = _EPOCH_AT.replace(tzinfo=None)


def to_utc(local: Moments, zone: ZoneInfo | None, offset_min: npt.NDArray[np.int64]) -> Moments:
    """Cameras' times in UTC, as :func:`trailcam.sun.sky.utc_of` has them.

    ``offset_min``: minutes that the file states, NO_OFFSET where it states none. A moment that can't be known
    (no offset, ``zone`` None) is NO_MOMENT.
    """
    stated = offset_min != NO_OFFSET
    result = np.where(stated, local - offset_min * _MINUTE_US, NO_MOMENT)
    if zone is None or stated.all():
        return result
    open_ = np.flatnonzero(~stated)
    days, which = np.unique(local[open_] // _DAY_US, return_inverse=True)
    first = np.array([_shift(int(day) * _DAY_US, zone) for day in days])
    last = np.array([_shift(int(day + 1) * _DAY_US - 1, zone) for day in days])
    result[open_] = local[open_] + first[which]
    for n in open_[(first != last)[which]].tolist():  # a day on which the clocks change
        result[n] = local[n] + _shift(int(local[n]), zone)
    return result


def legal_light(sun: Sun, place: Place, moments: Moments) -> Light:
    """For each moment (UTC) LEGAL, DARK or UNKNOWN, as ``Sun.in_legal_light`` says; NO_MOMENT is UNKNOWN."""
    result = np.full(len(moments), UNKNOWN, np.int8)
    known = moments != NO_MOMENT
    if place.latitude is None or place.longitude is None:
        return result
    if abs(place.latitude) <= _EVEN_UP_TO and known.any():
        asked = np.flatnonzero(known)
        early, late = _window(sun, place.latitude, place.longitude, moments[asked])
        inside = np.minimum(moments[asked] - early, late - moments[asked])
        clear = np.abs(inside) > _CLOSE_US
        result[asked[clear]] = np.where(inside[clear] > 0, LEGAL, DARK)
        known[asked[clear]] = False
    for n in np.flatnonzero(known).tolist():
        legal = sun.in_legal_light(place, _EPOCH_AT + timedelta(microseconds=int(moments[n])))
        result[n] = UNKNOWN if legal is None else LEGAL if legal else DARK
    return result


def _window(sun: Sun, latitude: float, longitude: float, moments: Moments) -> tuple[Moments, Moments]:
    """From when to when each moment's day has legal light, within a minute, in UTC."""
    days = (moments + round(longitude * 4 * _MINUTE_US)) // _DAY_US
    before = days // _STEP
    anchors = np.unique(np.concatenate([before, before + 1]))
    north, east = (round(degrees / _GRID) * _GRID for degrees in (latitude, longitude))
    edges = np.array([_edges(sun, north, east, int(anchor) * _STEP) for anchor in anchors])
    at = np.searchsorted(anchors, before)
    part = ((days % _STEP) / _STEP)[:, None]
    earlier = round((longitude - east) * 4 * _MINUTE_US)
    # From midnight of the day, or the line would run through days.
    line = np.round(edges[at] * (1 - part) + edges[at + 1] * part).astype(np.int64)
    line += (days * _DAY_US - earlier)[:, None]
    return line[:, 0], line[:, 1]


def _edges(sun: Sun, latitude: float, longitude: float, day: int) -> tuple[int, int]:
    """Begin and end of legal light in microseconds from 00:00 UTC of ``day`` (days since 1970)."""
    found = sun.day(latitude, longitude, _EPOCH + timedelta(days=day))
    assert found is not None, "up to 50 degrees the sun rises and sets on every day"
    midnight = _EPOCH_AT + timedelta(days=day)
    begins = (found.sunrise - midnight) // timedelta(microseconds=1) - _MARGIN_US
    return begins, (found.sunset - midnight) // timedelta(microseconds=1) + _MARGIN_US


def _shift(local_us: int, zone: ZoneInfo) -> int:
    """What to add to a camera's time to have UTC."""
    at = _NAIVE_EPOCH + timedelta(microseconds=local_us)
    utc = utc_of(at, zone)
    assert utc is not None
    return (utc - at.replace(tzinfo=UTC)) // timedelta(microseconds=1)
