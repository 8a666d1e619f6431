"""Legal light of many photos at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from trailcam.sun.sky import LONGITUDE_APART_H, OFFSETS_APART, Observer
from trailcam.sun.sunrise import DAY_US, NO_MOMENT, Moments, solar_days, sun_days

# Hunting hours in most of the United States: half an hour before sunrise to half an hour after sunset.
LEGAL_MARGIN = timedelta(minutes=30)
LEGAL, DARK, UNKNOWN = 1, 0, -1

Light = npt.NDArray[np.int8]
Flags = npt.NDArray[np.bool_]

NO_OFFSET = 1 << 20
_MINUTE_US = 60_000_000
_MARGIN_US = LEGAL_MARGIN // timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - camera time


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
    days, which = np.unique(local[open_] // DAY_US, return_inverse=True)
    first = np.array([_shift(int(day) * DAY_US, zone) for day in days])
    last = np.array([_shift(int(day + 1) * DAY_US - 1, zone) for day in days])
    result[open_] = local[open_] + first[which]
    for n in open_[(first != last)[which]].tolist():  # a day on which the clocks change
        result[n] = local[n] + _shift(int(local[n]), zone)
    return result


def trusted_offsets(
    place: Observer, local: Moments, offset_min: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Offsets that files state, NO_OFFSET for those that :func:`trailcam.sun.sky.offset_differs` doubts."""
    stated = np.flatnonzero(offset_min != NO_OFFSET)
    if not len(stated):
        return offset_min
    own = offset_min[stated]
    if place.zone is not None:
        none = np.full(len(stated), NO_OFFSET)
        ahead = local[stated] - to_utc(local[stated], place.zone, none)
        differs = np.abs(ahead - own * _MINUTE_US) >= OFFSETS_APART // timedelta(microseconds=1)
    elif place.longitude is not None:
        apart = (own / 60 - place.longitude / 15) % 24
        differs = np.minimum(apart, 24 - apart) >= LONGITUDE_APART_H
    else:
        return offset_min
    result = offset_min.copy()
    result[stated[differs]] = NO_OFFSET
    return result


def legal_light(place: Observer, moments: Moments) -> Light:
    """For each moment (UTC) whether it is from half an hour before sunrise to half an hour after sunset.

    LEGAL or DARK; UNKNOWN without coordinates, for NO_MOMENT, and where the sun doesn't rise or set, as the
    rule then says nothing.
    """
    result = np.full(len(moments), UNKNOWN, np.int8)
    if place.latitude is None or place.longitude is None:
        return result
    known = np.flatnonzero(moments != NO_MOMENT)
    at = moments[known]
    days = solar_days(at - _MARGIN_US, place.longitude)
    legal, sure = _by_day(place.latitude, place.longitude, at, days)
    # Near the polar circles the margin may reach past midnight: then the next day may hold the moment too.
    late = np.flatnonzero(solar_days(at + _MARGIN_US, place.longitude) != days)
    also_legal, also_sure = _by_day(place.latitude, place.longitude, at[late], days[late] + 1)
    legal[late] |= also_legal
    sure[late] &= also_sure
    result[known] = np.where(legal, LEGAL, np.where(sure, DARK, UNKNOWN))
    return result


def _by_day(latitude: float, longitude: float, at: Moments, days: Moments) -> tuple[Flags, Flags]:
    """Whether each moment is in the legal light of its day, and whether the sun rises and sets on that."""
    own, which = np.unique(days, return_inverse=True)
    rises, sets = (side[which] for side in sun_days(latitude, longitude, own))
    sure = rises != NO_MOMENT
    return sure & (rises - _MARGIN_US <= at) & (at <= sets + _MARGIN_US), sure


def _shift(local_us: int, zone: ZoneInfo) -> int:
    """What to add to a camera's time to have UTC."""
    ahead = (_EPOCH + timedelta(microseconds=local_us)).replace(tzinfo=zone).utcoffset()
    assert ahead is not None
    return -ahead // timedelta(microseconds=1)
