"""Visits of bucks under the sky, in columns: a million photos leave too many for an object each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from trailcam.reports.common import Question
from trailcam.reports.visits import read_places
from trailcam.store.database import Connection
from trailcam.sun.legal_light import (
    DARK,
    LEGAL,
    NO_OFFSET,
    UNKNOWN,
    Light,
    legal_light,
    to_utc,
    trusted_offsets,
)

Numbers = npt.NDArray[np.int64]
Key = tuple[str, str]
Names = Mapping[str, Sequence[str]]

_HALF_DAY_US = 43_200_000_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - camera time


class PhotosInVisits(Protocol):
    """Visits by age class, or by name, whose photos can be had in columns: see ``store.visits.Visits``."""

    @property
    def db(self) -> Connection:
        """The connection that they are on."""
        ...

    def photos_in_columns(self, first_month: int) -> tuple[dict[str, list[str]], dict[str, Any]]:
        """Names and columns."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """Visits whose clock is not in doubt, sorted by station, age and time; each field is a column of n.

    ``age``, ``station`` and ``season`` are places in the lists of ``names`` by these words. ``began_us`` is
    the camera's time of the first photo, in microseconds since 1970; ``light`` LEGAL, DARK or UNKNOWN;
    ``most`` the most animals in one photo.
    """

    names: Names
    age: Numbers
    station: Numbers
    season: Numbers
    began_us: Numbers
    photos: Numbers
    most: Numbers
    light: Light

    def __len__(self) -> int:
        return len(self.began_us)

    def where(self, mask: npt.NDArray[np.bool_]) -> Events:
        """Those visits that ``mask`` (n,) picks."""
        return Events(self.names, *(getattr(self, name)[mask] for name in self.__slots__[1:]))

    def of_age(self, age: str) -> Events:
        """Those of one age class."""
        ages = self.names["age"]
        return self.where(self.age == (ages.index(age) if age in ages else -1))

    @property
    def night(self) -> Numbers:
        """Days since 1970 on which the night of the first photo begins; a night lasts from noon to noon."""
        return (self.began_us - _HALF_DAY_US) // (2 * _HALF_DAY_US)

    @property
    def hour(self) -> Numbers:
        """0..23, by the camera's clock."""
        return self.began_us % (2 * _HALF_DAY_US) // 3_600_000_000

    def n_nights(self) -> int:
        """How many nights had a visit, each station's own."""
        return len(np.unique(self.night * len(self.names["station"]) + self.station))

    def n_light(self, light: int) -> int:
        """How many visits have this light."""
        return int(np.count_nonzero(self.light == light))

    def grouped(self) -> Iterator[tuple[Key, Events]]:
        """The visits of each (season, age) that has some."""
        for season, age, mask in _groups(self.names, self.season, self.age):
            yield (season, age), self.where(mask)


@dataclass(frozen=True, slots=True)
class Seen:
    """``doubtful`` counts visits by (season, age); ``spans`` are the first and last photo by the same."""

    events: Events
    doubtful: Mapping[Key, int]
    spans: Mapping[Key, tuple[datetime, datetime]]


def see(visits: PhotosInVisits, question: Question, *, light: bool = True) -> Seen:
    """Visits of bucks by age, or by name. Without ``light`` that is UNKNOWN, and the sun is not asked."""
    names, found = visits.photos_in_columns(question.first_month)
    photos: dict[str, npt.NDArray[Any]] = {name: np.asarray(column) for name, column in found.items()}
    starts = np.flatnonzero(photos["begins"])
    spans = _spans(names, photos)
    if not len(starts):
        none = np.zeros(0, np.int64)
        return Seen(Events(names, none, none, none, none, none, none, none.astype(np.int8)), {}, spans)
    seen = (
        _light(visits.db, question, names["station"], photos)
        if light
        else np.full(len(photos["at"]), UNKNOWN, np.int8)
    )
    events = Events(
        names,
        age=photos["age"][starts],
        station=photos["station"][starts],
        season=photos["season"][starts],
        began_us=photos["at"][starts],
        photos=np.diff(np.append(starts, len(seen))),
        most=np.maximum.reduceat(photos["animals"], starts),
        light=_of_events(seen, starts),
    )
    suspect = photos["suspect"][starts]
    doubtful = {key: len(own) for key, own in events.where(suspect).grouped()}
    return Seen(events.where(~suspect), doubtful, spans)


def at_of(us: int) -> datetime:
    """A camera's time, naive, of microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=us)


def day_of(days: int) -> date:
    """The date of days since 1970."""
    return _EPOCH.date() + timedelta(days=days)


def _groups(names: Names, season: Numbers, age: Numbers) -> Iterator[tuple[str, str, npt.NDArray[np.bool_]]]:
    """Each season and age class that occurs together, and where."""
    pairs = season * len(names["age"]) + age
    for pair in np.unique(pairs).tolist():
        one, other = divmod(pair, len(names["age"]))
        yield names["season"][one], names["age"][other], pairs == pair


def _spans(names: Names, photos: Mapping[str, npt.NDArray[Any]]) -> dict[Key, tuple[datetime, datetime]]:
    """First and last photo whose clock is not in doubt, by season and age."""
    sure = ~photos["suspect"]
    at = photos["at"][sure]
    return {
        (season, age): (at_of(int(at[mask].min())), at_of(int(at[mask].max())))
        for season, age, mask in _groups(names, photos["season"][sure], photos["age"][sure])
    }


def _light(
    db: Connection, question: Question, stations: Sequence[str], photos: Mapping[str, npt.NDArray[Any]]
) -> Light:
    """LEGAL, DARK or UNKNOWN of each photo."""
    known = read_places(db, question)
    places = [known[name] for name in stations]
    station, offsets = photos["station"], photos["shift"].copy()
    doubtable = (offsets != NO_OFFSET) & ~photos["offset_sure"]
    for n in np.unique(station[doubtable]).tolist():
        here = doubtable & (station == n)
        offsets[here] = trusted_offsets(places[n], photos["at"][here], offsets[here])
    utc = np.empty(len(station), np.int64)
    for zone in {place.zone for place in places}:
        here = np.array([place.zone == zone for place in places])[station]
        utc[here] = to_utc(photos["at"][here], zone, offsets[here])
    light = np.empty(len(station), np.int8)
    for n, place in enumerate(places):
        here = station == n
        light[here] = legal_light(place, utc[here])
    return light


def _of_events(photos: Light, starts: Numbers) -> Light:
    """One photo in legal light makes the visit so; it is dark if all its photos are known to be."""
    legal = np.maximum.reduceat(photos == LEGAL, starts)
    known = np.minimum.reduceat(photos != UNKNOWN, starts)
    return np.where(legal, LEGAL, np.where(known, DARK, UNKNOWN)).astype(np.int8)
