"""Sun and moon over a station, by the library astral. What isn't known is None, never guessed.

A camera writes its own clock's time. It becomes UTC by the offset that the file states, else by the station's
time zone; from then on nothing depends on zones: the sun's day is that of local mean time, which follows from
the longitude alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# Hunting hours in most of the United States: half an hour before sunrise to half an hour after sunset.
LEGAL_MARGIN = timedelta(minutes=30)

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
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_ALWAYS_RISES = 65.0  # degrees: nearer to the equator the sun rises and sets on every day
# astral counts its 28 phases from half a phase before the new moon: 0.5 is new, 14.5 is full.
_ASTRAL_PHASES, _ASTRAL_NEW = 28, 0.5


@dataclass(frozen=True, slots=True)
class Place:
    """Where a station is: degrees of WGS 84 (north and east positive) and its time zone (IANA), or None."""

    latitude: float | None = None
    longitude: float | None = None
    zone: ZoneInfo | None = None


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

    The hour that occurs twice when summer time ends counts as its first pass. None where neither is known.
    """
    if utc_offset_min is not None:
        return at.replace(tzinfo=UTC) - timedelta(minutes=utc_offset_min)
    return at.replace(tzinfo=zone).astimezone(UTC) if zone else None


@dataclass(slots=True)
class Sun:
    """Sunrise and sunset, each day at each place computed once (30 µs)."""

    _days: dict[tuple[float, float, date], SunDay | None] = field(default_factory=dict)

    def day(self, latitude: float, longitude: float, on: date) -> SunDay | None:
        """The day ``on`` of local mean time; None where the sun doesn't both rise and set on it."""
        key = (latitude, longitude, on)
        if key not in self._days:
            self._days[key] = _sun_day(latitude, longitude, on)
        return self._days[key]

    def in_legal_light(self, place: Place, moment: datetime) -> bool | None:
        """Whether ``moment`` (aware) is from half an hour before sunrise to half an hour after sunset.

        None without coordinates and where the sun doesn't rise or set, as the rule then says nothing.
        """
        if place.latitude is None or place.longitude is None:
            return None
        # Near the polar circles the margin may reach over midnight: a day before or after may hold it too.
        days = {_solar_date(moment + margin, place.longitude) for margin in (-LEGAL_MARGIN, LEGAL_MARGIN)}
        found = [self.day(place.latitude, place.longitude, day) for day in days]
        known = [day for day in found if day is not None]
        if any(day.sunrise - LEGAL_MARGIN <= moment <= day.sunset + LEGAL_MARGIN for day in known):
            return True
        return False if len(known) == len(found) else None

    def time_of(self, place: Place, moment: datetime) -> SunTime | None:
        """Where ``moment`` (aware) lies between sunrise and sunset; None where that isn't known."""
        if place.latitude is None or place.longitude is None:
            return None
        on = _solar_date(moment, place.longitude)
        today = self.day(place.latitude, place.longitude, on)
        if today is None:
            return None
        if today.sunrise <= moment < today.sunset:
            return SunTime(True, (moment - today.sunrise) / (today.sunset - today.sunrise), today)
        before = moment < today.sunrise
        other = self.day(place.latitude, place.longitude, on + (-_DAY if before else _DAY))
        if other is None:
            return None
        dusk, dawn = (other.sunset, today.sunrise) if before else (today.sunset, other.sunrise)
        return SunTime(False, (moment - dusk) / (dawn - dusk), today if before else other)


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
    """The day that begins in the night of ``at`` (naive): a night lasts from noon to noon."""
    return at.date() if at.hour < 12 else at.date() + _DAY


def _solar_date(moment: datetime, longitude: float) -> date:
    return (moment.astimezone(UTC) + longitude / 15 * _HOUR).date()


def _sun_day(latitude: float, longitude: float, on: date) -> SunDay | None:
    from astral.sun import sunrise, sunset

    rises = _on_day(sunrise, latitude, longitude, on)
    sets = _on_day(sunset, latitude, longitude, on)
    return SunDay(rises, sets) if rises and sets and rises < sets else None


def _on_day(event: Callable[..., datetime], latitude: float, longitude: float, on: date) -> datetime | None:
    """astral's ``event``, sunrise or sunset, on a day of local mean time; None where the sun has none."""
    from astral import Observer

    observer = Observer(latitude, longitude)
    # Asked in UTC, astral takes a day of UTC, in which a sunset of Texas can be missing. In local mean time
    # sunrise and sunset lie on the day itself.
    local = timezone(timedelta(minutes=round(longitude * 4)))
    try:
        return event(observer, on, local).astimezone(UTC)
    except ValueError:
        if abs(latitude) > _ALWAYS_RISES:
            return None
    # astral can lose the one event that comes within seconds of midnight UTC. The days beside it have theirs,
    # and in between it moves evenly.
    before, after = event(observer, on - _DAY, local), event(observer, on + _DAY, local)
    return (before + (after - before) / 2).astimezone(UTC)
