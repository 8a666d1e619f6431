"""The parts of ``report bucks`` beside its counts: season-years, confidences, hours and nights.

All but the confidences are counted in events. One whose clock is in doubt tells nothing about light, hours
and nights, and is named.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from trailcam.domain import AgeClass
from trailcam.domain import Kind as Animal
from trailcam.errors import UsageError
from trailcam.reports.buck_tables import NIGHTS, draw_confidences, draw_hours, draw_nights, draw_seasons
from trailcam.reports.bucks import bucks
from trailcam.reports.common import Question, rate
from trailcam.reports.model import Column, Kind, Report, Row, Section, coverage_columns, share
from trailcam.reports.visits import moon_of, read_places
from trailcam.sky import Place, Sun, night_midnight, utc_of
from trailcam.store.database import Connection, rows
from trailcam.store.events import camera_days_by, key_columns
from trailcam.text import count

COUNTS = "counts"
PARTS = (COUNTS, "seasons", "confidence", "hours", "nights")

_SEASON = Column("season", "season", Kind.TEXT, null="undated")
_AGE = Column("age", "age", Kind.TEXT)
_SEASON_COLUMNS = (
    _SEASON,
    _AGE,
    Column("photos", "photos", Kind.COUNT, sign="≥"),
    Column("detections", "detections", Kind.COUNT, sign="≥"),
    Column("events", "events", Kind.COUNT, sign="≈"),
    Column("camera_days", "camera-days", Kind.COUNT),
    Column("events_per_100", "per 100 days", Kind.NUMBER, sign="≈"),
    Column("mean_confidence", "conf.", Kind.NUMBER),
    Column("first_sighting", "first seen", Kind.TEXT),
    Column("last_sighting", "last seen", Kind.TEXT),
    Column("legal_events", "in legal light", Kind.COUNT, sign="≈"),
    Column("dark_events", "outside it", Kind.COUNT, sign="≈"),
    Column("unknown_light_events", "light unknown", Kind.COUNT, sign="≈"),
    Column("doubtful_events", "clock in doubt", Kind.COUNT),
    Column("legal_share", "in legal light", Kind.SHARE, null="unknown"),
    Column("station_nights", "nights", Kind.COUNT, sign="≈"),
    *coverage_columns(),
    Column("without_class", "no such class", Kind.COUNT),
)
_BINS = 10
_CONFIDENCE_COLUMNS = (
    Column("confidence_from", "confidence", Kind.NUMBER),
    Column("confidence_below", "to", Kind.NUMBER),
    *(Column(age.value, age.value, Kind.COUNT, hide_zero=age is AgeClass.UNKNOWN) for age in AgeClass),
    Column("counted", "counted", Kind.COUNT),
    Column("detections", "all", Kind.COUNT),
)
_HOUR_COLUMNS = (
    _SEASON,
    Column("hour", "hour", Kind.COUNT),
    Column("events", "events", Kind.COUNT, sign="≈"),
    Column("share", "share", Kind.SHARE),
    Column("camera_days", "camera-days", Kind.COUNT),
    Column("events_per_100", "per 100 days", Kind.NUMBER, sign="≈"),
)
_NIGHT_COLUMNS = (
    Column("night", "night of", Kind.TEXT),
    _SEASON,
    Column("station", "station", Kind.TEXT, wraps=True),
    Column("events", "events", Kind.COUNT),
    Column("photos", "photos", Kind.COUNT),
    Column("max_animals", "most at once", Kind.COUNT),
    Column("times", "came at", Kind.TEXT, wraps=True),
    Column("legal_events", "in legal light", Kind.COUNT, null="unknown"),
    Column("moon", "moon", Kind.TEXT),
)
_TITLES = {
    "seasons": "Season-years beside each other",
    "confidence": "How sure the model was",
    "hours": "Mature bucks by hour",
    "nights": "Nights with mature bucks",
}


@dataclass(frozen=True, slots=True)
class _Event:
    """A visit whose clock is not in doubt. ``light``: in legal light, None where that isn't known."""

    age: str
    station: str
    season: str
    at: datetime
    photos: int
    most: int
    light: bool | None

    @property
    def night(self) -> date:
        """The day on which the night of its first photo begins; a night lasts from noon to noon."""
        return night_midnight(self.at) - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Seen:
    """``doubtful`` counts events by (season, age); ``spans`` are the first and last photo by the same."""

    events: Sequence[_Event]
    doubtful: Mapping[tuple[str, str], int]
    spans: Mapping[tuple[str, str], tuple[datetime, datetime]]


def buck_report(
    db: Connection, question: Question, *, by: Sequence[str], parts: Sequence[str] = PARTS
) -> Report:
    """``bucks`` with its other parts as sections, those out of :data:`PARTS` that are asked for.

    Section ``seasons`` has a row for each season-year (None: no capture time) and age class: what ``bucks``
    counts, first_sighting and last_sighting (camera time, ISO 8601, of photos whose clock is not in doubt),
    legal_events (an event with a photo from 30 minutes before sunrise to 30 minutes after sunset at its
    station), dark_events, unknown_light_events (coordinates or time zone unknown) and doubtful_events, which
    come to events; legal_share (of those whose light is known, None without any) and station_nights: nights
    with an event, each station's own. ``confidence``: boxes of bucks by tenths of confidence, counted or not,
    by age class; people's word is no confidence. ``hours``: events of mature bucks by season-year and hour
    of the clock, for all 24 hours. ``nights``: those on which a mature buck came, from noon to noon, named by
    the day they begin on; times are the events' first photos. Without the part counts there are no rows.
    Raises UsageError as ``bucks`` does, and for an unknown part.
    """
    for part in parts:
        if part not in PARTS:
            raise UsageError(f'Bucks have no part "{part}".', f"Known: {', '.join(PARTS)}.")

    def counted(by: Sequence[str]) -> Report:
        return bucks(
            db,
            question.selection,
            confidence=question.confidence,
            gap=question.gap,
            by=by,
            first_month=question.first_month,
            silent_days=question.silent_days,
        )

    by_season = counted(("season", "age")) if "seasons" in parts else None
    # The last of these leaves `selected`, `sightings` and `camera_days` as the parts need them.
    report = counted(by)
    report = dataclasses.replace(report, filters={**report.filters, "parts": list(dict.fromkeys(parts))})
    if COUNTS not in parts:
        report = dataclasses.replace(report, rows=(), totals=())
    if not report.coverage["photos"]:
        return report
    seen = _see(db, question)
    sections = []
    if by_season:
        sections.append(_seasons(by_season.rows, seen))
    if "confidence" in parts:
        sections.append(_confidences(db))
    if "hours" in parts:
        sections.append(_hours(db, question, seen))
    if "nights" in parts:
        sections.append(_nights(seen))
    notes = [*report.notes, *_notes(seen, parts)]
    return dataclasses.replace(report, sections=sections, notes=notes)


def as_rows(report: Report) -> Report:
    """The only part of ``report`` as its rows, for formats of one table. Raises UsageError for more."""
    parts = report.filters["parts"]
    if len(parts) > 1:
        raise UsageError("CSV and Parquet hold one table.", "Ask once for each --part.")
    if parts == [COUNTS]:
        return report
    columns = {
        "seasons": _SEASON_COLUMNS,
        "confidence": _CONFIDENCE_COLUMNS,
        "hours": _HOUR_COLUMNS,
        "nights": _NIGHT_COLUMNS,
    }[parts[0]]
    found = report.sections[0].rows if report.sections else ()
    return dataclasses.replace(report, columns=columns, rows=found)


def _see(db: Connection, question: Question) -> _Seen:
    """The events of the table ``sightings`` under the sky."""
    season = key_columns(["season"], question.first_month, "s.captured_at")
    found = db.execute(
        "SELECT s.what, s.station, s.event, s.captured_at, i.utc_offset_min,"
        f" i.captured_at_suspect IS NOT NULL, s.animals, {season}"
        " FROM sightings s JOIN images i USING (image_id) WHERE s.event IS NOT NULL"
        " ORDER BY s.what, s.station, s.event, s.captured_at, s.image_id"
    ).fetchall()
    places, sun = read_places(db, question.timezone), Sun()
    events: list[_Event] = []
    doubtful: Counter[tuple[str, str]] = Counter()
    spans: dict[tuple[str, str], tuple[datetime, datetime]] = {}
    for (age, station, _), photos in groupby(found, key=lambda row: row[:3]):
        shots = list(photos)
        for *_, at, _, suspect, _, own in shots:
            if not suspect:
                first, last = spans.get((own, age), (at, at))
                spans[own, age] = (min(first, at), max(last, at))
        _, _, _, began, _, suspect, _, own = shots[0]
        if suspect:
            doubtful[own, age] += 1
            continue
        light = _light(sun, places[station], ((at, offset) for _, _, _, at, offset, *_ in shots))
        most = max(animals for *_, animals, _ in shots)
        events.append(_Event(age, station, own, began, len(shots), most, light))
    return _Seen(events, doubtful, spans)


def _light(sun: Sun, place: Place, photos: Iterable[tuple[datetime, int | None]]) -> bool | None:
    """Whether one of the photos was taken in legal light, None where that can't be known."""
    known = True
    for at, offset in photos:
        utc = utc_of(at, place.zone, offset)
        legal = sun.in_legal_light(place, utc) if utc else None
        if legal:
            return True
        known = known and legal is not None
    return False if known else None


def _seasons(counted: Sequence[Row], seen: _Seen) -> Section:
    finished = []
    for row in counted:
        key = (row["season"], row["age"])
        own = [event for event in seen.events if (event.season, event.age) == key]
        light = Counter(event.light for event in own)
        span = seen.spans.get(key)
        dated = row["events"] is not None
        cells = {
            **row,
            "first_sighting": span and span[0].isoformat(sep=" ", timespec="seconds"),
            "last_sighting": span and span[1].isoformat(sep=" ", timespec="seconds"),
            "legal_events": light[True] if dated else None,
            "dark_events": light[False] if dated else None,
            "unknown_light_events": light[None] if dated else None,
            "doubtful_events": seen.doubtful.get(key, 0) if dated else None,
            "legal_share": share(light[True], light[True] + light[False]),
            "station_nights": len({(event.station, event.night) for event in own}) if dated else None,
        }
        finished.append({column.name: cells[column.name] for column in _SEASON_COLUMNS})
    return Section(
        "seasons", _TITLES["seasons"], _SEASON_COLUMNS, finished, draw_seasons(_SEASON_COLUMNS, finished)
    )


def _confidences(db: Connection) -> Section:
    """Boxes of bucks by tenths of confidence, whether they count or not."""
    all_boxes, counted = _tenths(db, "boxes"), _tenths(db, "counted")
    finished: list[Row] = [
        {
            "confidence_from": n / _BINS,
            "confidence_below": (n + 1) / _BINS,
            **{age.value: all_boxes.get((n, age.value), 0) for age in AgeClass},
            "detections": sum(boxes for (bin_, _), boxes in all_boxes.items() if bin_ == n),
            "counted": sum(boxes for (bin_, _), boxes in counted.items() if bin_ == n),
        }
        for n in range(_BINS)
    ]
    finished = [{c.name: row[c.name] for c in _CONFIDENCE_COLUMNS} for row in finished if all_boxes]
    drawn = draw_confidences(_CONFIDENCE_COLUMNS, finished)
    return Section("confidence", _TITLES["confidence"], _CONFIDENCE_COLUMNS, finished, drawn)


def _tenths(db: Connection, view: str) -> dict[tuple[int, str], int]:
    """(tenth, age class) -> boxes of bucks; 1.0 belongs to the last. A person's word is no confidence.

    Confidences are stored in single precision, in which 0.7 is a little less: rounding brings it back.
    """
    found = rows(
        db,
        f"SELECT least(floor(round(confidence::DOUBLE * 1e6) / 1e5), {_BINS - 1})::INTEGER AS tenth,"
        f" coalesce(age_class, 'unknown') AS age, count(*) AS n FROM {view}"
        f" WHERE kind = '{Animal.BUCK.value}' AND NOT by_person GROUP BY ALL",
    )
    return {(row["tenth"], row["age"]): row["n"] for row in found}


def _hours(db: Connection, question: Question, seen: _Seen) -> Section:
    """All 24 hours of each season-year in which the cameras worked; no rows without a mature buck."""
    mature = [event for event in seen.events if event.age == AgeClass.MATURE]
    days = camera_days_by(db, question.selection, ["season"], question.first_month)
    finished = []
    for season in sorted({event.season for event in mature} | {str(season) for (season,) in days}):
        own = Counter(event.at.hour for event in mature if event.season == season)
        for hour in range(24):
            cells = {
                "season": season,
                "hour": hour,
                "events": own[hour],
                "share": share(own[hour], own.total()),
                **rate(own[hour], days.get((season,))),
            }
            finished.append({column.name: cells[column.name] for column in _HOUR_COLUMNS})
    finished = finished if mature else []
    return Section("hours", _TITLES["hours"], _HOUR_COLUMNS, finished, draw_hours(finished))


def _nights(seen: _Seen) -> Section:
    """One row for each night and station with a mature buck, the latest first."""
    known: dict[date, str] = {}
    mature = sorted((e for e in seen.events if e.age == AgeClass.MATURE), key=lambda e: (e.station, e.at))
    finished: list[Row] = []
    for (station, night), group in groupby(mature, key=lambda event: (event.station, event.night)):
        own = list(group)
        light = [event.light for event in own]
        finished.append(
            {
                "night": night.isoformat(),
                "season": own[0].season,
                "station": station,
                "events": len(own),
                "photos": sum(event.photos for event in own),
                "max_animals": max(event.most for event in own),
                "times": ", ".join(f"{event.at:%H:%M}" for event in own),
                "legal_events": None if None in light else sum(map(bool, light)),
                "moon": moon_of(own[0].at, known),
            }
        )
    finished.sort(key=lambda row: row["night"], reverse=True)
    return Section(
        "nights", _TITLES["nights"], _NIGHT_COLUMNS, finished, draw_nights(_NIGHT_COLUMNS, finished)
    )


def _notes(seen: _Seen, parts: Sequence[str]) -> list[str]:
    notes = []
    doubtful = sum(seen.doubtful.values())
    if doubtful and {"seasons", "hours", "nights"} & set(parts):
        are = "is" if doubtful == 1 else "are"
        notes.append(
            f"{count(doubtful, 'event')} whose clock is in doubt {are} left out of light, hours and nights."
        )
    if "seasons" in parts and seen.events:
        notes.append(
            "In legal light: an event with a photo from 30 minutes before sunrise to 30 minutes after sunset"
            " at its station. A night lasts from noon to noon, each station's own."
        )
        dim = sum(event.light is None for event in seen.events)
        if dim:
            notes.append(
                f"The light of {count(dim, 'event')} is unknown: it takes the station's latitude,"
                " longitude and time zone (`trailcam stations set`)."
            )
    n_nights = len({(e.station, e.night) for e in seen.events if e.age == AgeClass.MATURE})
    if "nights" in parts and n_nights > NIGHTS:
        notes.append(f"The latest {NIGHTS} of {count(n_nights, 'night')} are listed; --format json has all.")
    return notes
