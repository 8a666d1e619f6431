"""Sun and moon over a station. What isn't known is None, never guessed.

A camera writes its own clock's time. It becomes UTC by the offset that the file states, else by the station's
time zone; from then on nothing depends on zones: the sun's day is that of local mean time, which follows from
the longitude alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from trailcam.sun.sunrise import NO_MOMENT, solar_days, sun_days

# Eight phases of an eighth of the cycle each, with new and full moon in the middle of theirs.
MOON_PHASES = (
    "new",
    "waxing crescent",
    "first quarter",
    "waxing gibbous",
    "full",
    "waning gibbous",
    "last quarter",
    "waning crescent",
)
# Neighbouring zones, and a summer time that a camera doesn't know, lie less than this apart.
OFFSETS_APART = timedelta(hours=2)
LONGITUDE_APART_H = 4.0  # the zone of western China is 3.2 hours from its sun
_DAY = timedelta(days=1)
_US = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BLOCK = 64  # days
# astral counts its 28 phases from half a phase before the new moon: 0.5 is new, 14.5 is full.
_ASTRAL_PHASES, _ASTRAL_NEW = 28, 0.5


@dataclass(frozen=True, slots=True)
class Observer:
    """Where a station is: degrees of WGS 84 (north and east positive) and its time zone (IANA), or None."""

    latitude: float | None = None
    longitude: float | None = None
    zone: ZoneInfo | None = None

    def or_at(self, place: tuple[float, float] | None) -> Observer:
        """This place, at ``place`` (latitude, longitude) where it has none of its own."""
        return self if place is None or self.latitude is not None else Observer(*place, self.zone)


@dataclass(frozen=True, slots=True)
class SunDay:
    """Sunrise and sunset of one day at one place, in UTC: the upper limb on a level horizon."""

    sunrise: datetime
    sunset: datetime


@dataclass(frozen=True, slots=True)
class SunTime:
    """Where a moment lies between sunrise and sunset.

    ``up`` says whether the sun is up; ``part`` (0..1) how much of this day, or of this night, has gone.
    ``day`` is the sun's day that it belongs to: a night before sunrise belongs to the day that follows.
    """

    up: bool
    part: float
    day: SunDay


def zone_of(*names: str | None) -> ZoneInfo | None:
    """The first of the IANA names that is given; None without one, or if this system doesn't know it."""
    name = next(filter(None, names), None)
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def utc_of(at: datetime, zone: ZoneInfo | None, utc_offset_min: int | None = None) -> datetime | None:
    """The camera's time ``at`` (naive) in UTC, by the offset that the file states, else by ``zone``.

    The hour that occurs twice when summer time ends counts as its first pass. None where neither is known,
    and for the few hours at both ends of the calendar that lie beyond them in UTC.
    """
    try:
        if utc_offset_min is not None:
            return at.replace(tzinfo=UTC) - timedelta(minutes=utc_offset_min)
        return at.replace(tzinfo=zone).astimezone(UTC) if zone else None
    except OverflowError:
        return None


def offset_differs(at: datetime, place: Observer, utc_offset_min: int | None) -> bool:
    """Whether the UTC offset that a file states (minutes) is hours from that of its place.

    Many cameras write +00:00 whatever their clock runs on. Without a zone the longitude decides.
    """
    if utc_offset_min is None:
        return False
    if place.zone is not None:
        own = at.replace(tzinfo=place.zone).utcoffset() or timedelta()
        return abs(own - timedelta(minutes=utc_offset_min)) >= OFFSETS_APART
    if place.longitude is None:
        return False
    apart = (utc_offset_min / 60 - place.longitude / 15) % 24
    return min(apart, 24 - apart) >= LONGITUDE_APART_H


def trusted_offset(
    at: datetime, place: Observer, utc_offset_min: int | None, *, offset_sure: bool
) -> int | None:
    """The UTC offset that a file states, None where it :func:`differs <offset_differs>` and isn't sure.

    ``offset_sure``: it comes from one of :data:`trailcam.domain.SURE_OFFSETS`.
    """
    return None if not offset_sure and offset_differs(at, place, utc_offset_min) else utc_offset_min


@dataclass(slots=True)
class Sun:
    """Sunrise and sunset, those of 64 days at a place computed together (200 µs) and kept."""

    _days: dict[tuple[float, float, int], list[SunDay | None]] = field(default_factory=dict)

    def day(self, latitude: float, longitude: float, on: date) -> SunDay | None:
        """The day ``on`` of local mean time; None where the sun doesn't both rise and set on it."""
        return self._day(latitude, longitude, (on - _EPOCH.date()).days)

    def time_of(self, place: Observer, moment: datetime) -> SunTime | None:
        """Where ``moment`` (aware) lies between sunrise and sunset; None where that isn't known."""
        if place.latitude is None or place.longitude is None:
            return None
        on = int(solar_days(np.array([(moment - _EPOCH) // _US]), place.longitude)[0])
        today = self._day(place.latitude, place.longitude, on)
        if today is None:
            return None
        if today.sunrise <= moment < today.sunset:
            return SunTime(True, (moment - today.sunrise) / (today.sunset - today.sunrise), today)
        before = moment < today.sunrise
        other = self._day(place.latitude, place.longitude, on + (-1 if before else 1))
        if other is None:
            return None
        dusk, dawn = (other.sunset, today.sunrise) if before else (today.sunset, other.sunrise)
        return SunTime(False, (moment - dusk) / (dawn - dusk), today if before else other)

    def _day(self, latitude: float, longitude: float, day: int) -> SunDay | None:
        """As :meth:`day`, by the number of days since 1970."""
        block, n = divmod(day, _BLOCK)
        key = (latitude, longitude, block)
        if key not in self._days:
            times = sun_days(latitude, longitude, np.arange(block * _BLOCK, (block + 1) * _BLOCK))
            self._days[key] = [_sun_day(*pair) for pair in np.stack(times, axis=1).tolist()]
        return self._days[key][n]


def moon_phase(on: date) -> float:
    """The moon's phase at 00:00 UTC of ``on``: 0 new, 0.25 first quarter, 0.5 full, below 1.

    astral's formula, in whole degrees of elongation: new and full moons come within two hours of the
    almanac's.
    """
    from astral.moon import phase

    return ((phase(on) - _ASTRAL_NEW) / _ASTRAL_PHASES) % 1.0


def moon_name(phase: float) -> str:
    """The name out of :data:`MOON_PHASES` of a phase from :func:`moon_phase`."""
    return MOON_PHASES[math.floor(phase * len(MOON_PHASES) + 0.5) % len(MOON_PHASES)]


def night_midnight(at: datetime) -> date:
    """The day that begins in the night of ``at`` (naive): a night lasts from noon to noon.

    In the last night of the calendar, which has no such day, it is the day before.
    """
    return at.date() if at.hour < 12 or at.date() == date.max else at.date() + _DAY


def _sun_day(rises: int, sets: int) -> SunDay | None:
    """A day of :func:`trailcam.sun.sunrise.sun_days`; None also where the calendar ends."""
    try:
        return None if rises == NO_MOMENT else SunDay(_EPOCH + rises * _US, _EPOCH + sets * _US)
    except OverflowError:
        return None
