"""Visits under the sky: when each began, by clock and sun, and which nights the cameras worked.

See :mod:`trailcam.store.visits`. A visit's time is that of its first photo. One whose clock is in doubt says
nothing about hours and is left out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from trailcam.domain import AgeClass, Kind
from trailcam.reports.common import Question, visits_of
from trailcam.settings.species import common_name
from trailcam.store.camera_days import CameraDays
from trailcam.store.database import Connection
from trailcam.store.select import Selected
from trailcam.store.station_facts import GPS_SPREAD_M, gps_of_stations, station_places
from trailcam.store.visits import Level, Visits
from trailcam.sun.sky import (
    Observer,
    Sun,
    SunTime,
    moon_name,
    moon_phase,
    night_midnight,
    trusted_offset,
    utc_of,
    zone_of,
)
from trailcam.words.text import count, printable


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit. ``at`` is the camera's clock (naive), ``utc`` the same moment, None where unknown.

    ``temperature_c``: what the camera says of it, None where it says nothing.
    """

    what: str
    station: str
    at: datetime
    utc: datetime | None
    place: Observer
    keys: tuple[Any, ...] = ()
    temperature_c: float | None = None

    @property
    def hours(self) -> float:
        """The clock's time of day, 0..24."""
        return self.at.hour + self.at.minute / 60 + self.at.second / 3600


@dataclass(frozen=True, slots=True)
class ClockedVisits:
    """The visits that can be placed on a clock, and how many can't as that clock is in doubt."""

    visits: Sequence[Visit]
    n_doubtful: int = 0

    def notes(self) -> list[str]:
        """What was left out."""
        if not self.n_doubtful:
            return []
        are = "is" if self.n_doubtful == 1 else "are"
        return [
            f"{count(self.n_doubtful, 'visit')} whose clock is in doubt {are} left out of hours and nights."
        ]


@dataclass(frozen=True, slots=True)
class SunClock:
    """Visits on the sun's clock: hours (0..24) by index of the visit, and the clock's sunrise and sunset."""

    hours: dict[int, float]
    sunrise: float
    sunset: float


def visits_called(photos: Selected, question: Question, name: str) -> AbstractContextManager[Visits]:
    """The visits of a class as users name it: a kind, an age class of bucks, else the model's class."""
    wanted = common_name(name)
    if wanted == Kind.DEER:
        return visits_of(photos, question, Level.HERD, only=[wanted])
    if wanted in list(Kind):
        level = Level.KIND
    elif wanted in list(AgeClass):
        level = Level.AGE
    else:
        level = Level.CLASS
    return visits_of(
        photos,
        question,
        level,
        kinds=[Kind.BUCK] if level is Level.AGE else [Kind(wanted)] if level is Level.KIND else None,
        only=None if level is Level.KIND else [name],
    )


def busiest_hours(hours: Iterable[int]) -> str:
    """The two hours of the clock with most of ``hours`` (0..23), and how many: ``13:00 to 15:00 (8)``."""
    each = Counter(hours)
    first = max(range(24), key=lambda hour: each[hour] + each[(hour + 1) % 24])
    return f"{first:02}:00 to {(first + 2) % 24:02}:00 ({each[first] + each[(first + 1) % 24]:,})"


def read_visits(joined: Visits, question: Question, keys: Sequence[str] = ()) -> ClockedVisits:
    """The visits with a time, with ``keys`` out of month, season and station."""
    found = joined.first_photos(keys, question.first_month)
    places = read_places(joined.db, question)
    visits = [
        Visit(
            what,
            station,
            at,
            _utc(at, places[station], offset, offset_sure),
            places[station],
            tuple(own),
            temperature,
        )
        for *own, what, station, at, offset, doubtful, offset_sure, temperature in found
        if not doubtful
    ]
    return ClockedVisits(visits, len(found) - len(visits))


def read_places(db: Connection, question: Question) -> dict[str, Observer]:
    """Where each station is; the question's time zone and place stand in for what a station lacks."""
    return {
        row["name"]: Observer(
            row["latitude"], row["longitude"], zone_of(row["timezone"], question.timezone)
        ).or_at(question.place)
        for row in station_places(db)
    }


def place_advice(db: Connection, question: Question) -> str:
    """How to let trailcam know where stations are; those whose photos tell it by GPS are named."""
    if question.place:
        return "it needs a time zone (timezone in the configuration, or `trailcam stations set`)"
    spots = {row["station_id"] for row in gps_of_stations(db) if row["gps_spread_m"] <= GPS_SPREAD_M}
    told = [
        printable(row["name"])
        for row in station_places(db)
        if row["station_id"] in spots and row["latitude"] is None
    ]
    advice = "it needs a place and a time zone ([place] and timezone in the configuration, or `stations set`)"
    if not told:
        return advice
    more = f" and {len(told) - 1} more" if len(told) > 1 else ""
    return f'{advice}; GPS in photos tells the place of {told[0]}{more}: stations set "{told[0]}" --from-gps'


def sun_times(visits: Sequence[Visit], sun: Sun) -> dict[int, SunTime]:
    """The sun's time of each visit that has one, by its index."""
    found = {}
    for n, visit in enumerate(visits):
        time = sun.time_of(visit.place, visit.utc) if visit.utc else None
        if time is not None:
            found[n] = time
    return found


def sun_clock(visits: Sequence[Visit], times: dict[int, SunTime]) -> SunClock:
    """Visits on a clock on which sunrise and sunset are always at their mean hours.

    Average anchoring: P. Nouvellet et al. (2012), Noisy clocks and silent sunrises, Journal of Zoology
    286:179-184, on both anchors as C. Vazquez et al. (2019), Comparing diel activity patterns of wildlife
    across latitudes and seasons, Methods in Ecology and Evolution 10:2057-2066. The means are over the
    visits, by the camera's clock; between them time runs evenly.
    """
    if not times:
        return SunClock({}, math.nan, math.nan)
    anchors = []
    for n, time in times.items():
        visit = visits[n]
        ahead = visit.at - visit.utc.replace(tzinfo=None) if visit.utc else timedelta()
        anchors.append([_hour(moment + ahead) for moment in (time.day.sunrise, time.day.sunset)])
    sunrise, sunset = (_mean_hour(side) for side in zip(*anchors, strict=True))
    day = (sunset - sunrise) % 24
    hours = {
        n: (sunrise + time.part * day if time.up else sunset + time.part * (24 - day)) % 24
        for n, time in times.items()
    }
    return SunClock(hours, sunrise, sunset)


def moon_of(at: datetime, known: dict[date, str]) -> str:
    """The moon's phase in the night that ``at`` (naive) belongs to; ``known`` keeps what was asked."""
    return _phase_name(night_midnight(at), known)


def camera_nights(
    worked: CameraDays, question: Question, keys: Sequence[str], known: dict[date, str]
) -> dict[tuple[Any, ...], float]:
    """Nights by (station, *keys, phase of the moon) in the selection.

    A night lasts from noon to noon, and a camera-day is half of the night that ends in it and half of that
    which begins in it: so effort covers just the days on which visits are counted.
    """
    nights: dict[tuple[Any, ...], float] = {}
    for row in worked.days(question.selection, keys, question.first_month):
        own = [row[name] for name in keys]
        for midnight in (row["day"], row["day"] + timedelta(days=1)):
            key = (row["station"], *own, _phase_name(midnight, known))
            nights[key] = nights.get(key, 0.0) + 0.5
    return nights


def _utc(at: datetime, place: Observer, offset_min: int | None, offset_sure: bool) -> datetime | None:
    return utc_of(at, place.zone, trusted_offset(at, place, offset_min, offset_sure=offset_sure))


def _phase_name(midnight: date, known: dict[date, str]) -> str:
    if midnight not in known:
        known[midnight] = moon_name(moon_phase(midnight))
    return known[midnight]


def _hour(moment: datetime) -> float:
    return moment.hour + moment.minute / 60 + moment.second / 3600


def _mean_hour(hours: Iterable[float]) -> float:
    """The mean on the circle of 24 hours."""
    angles = [hour * math.pi / 12 for hour in hours]
    mean = math.atan2(math.fsum(map(math.sin, angles)), math.fsum(map(math.cos, angles)))
    return mean * 12 / math.pi % 24
