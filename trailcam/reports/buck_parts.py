"""The parts of ``report bucks`` beside its counts: season-years, confidences, hours and nights.

All but the confidences are counted in visits. One whose clock is in doubt says nothing about light, hours and
nights; a note says how many there are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time

import numpy as np

from trailcam.domain import AgeClass
from trailcam.errors import UsageError
from trailcam.reports.base import CellType, Column, Report, Row, Section, coverage_columns, laid_out, share
from trailcam.reports.buck_events import Events, Seen, day_of, see
from trailcam.reports.buck_screen import buck_screen
from trailcam.reports.buck_tables import NIGHTS, draw_confidences, draw_hours, draw_nights, draw_seasons
from trailcam.reports.bucks import (
    DEFAULT_BY,
    KEYS,
    BuckCounts,
    BuckVisits,
    buck_visits,
    count_report,
    finish,
)
from trailcam.reports.common import Question, checked_keys, rate
from trailcam.reports.visits import moon_of, place_advice
from trailcam.store.counted import Counted
from trailcam.store.database import Connection
from trailcam.sun.legal_light import DARK, LEGAL, UNKNOWN
from trailcam.words.text import count

COUNTS = "counts"
PARTS = (COUNTS, "seasons", "confidence", "hours", "nights")

_SEASON = Column("season", "season", CellType.TEXT, null="undated")
_AGE = Column("age", "age", CellType.TEXT)
_SEASON_COLUMNS = (
    _SEASON,
    _AGE,
    Column("photos", "photos", CellType.COUNT, sign="≥"),
    Column("detections", "detections", CellType.COUNT, sign="≥"),
    Column("events", "visits", CellType.COUNT, sign="≈"),
    Column("camera_days", "camera-days", CellType.COUNT),
    Column("events_per_100", "per 100 days", CellType.NUMBER, sign="≈"),
    Column("mean_confidence", "conf.", CellType.NUMBER),
    Column("first_sighting", "first seen", CellType.TEXT),
    Column("last_sighting", "last seen", CellType.TEXT),
    Column("legal_events", "in legal light", CellType.COUNT, sign="≈"),
    Column("dark_events", "outside it", CellType.COUNT, sign="≈"),
    Column("unknown_light_events", "light unknown", CellType.COUNT, sign="≈"),
    Column("doubtful_events", "clock in doubt", CellType.COUNT),
    Column("legal_share", "in legal light", CellType.SHARE, null="unknown"),
    Column("station_nights", "nights", CellType.COUNT, sign="≈"),
    *coverage_columns(),
    Column("without_class", "no such class", CellType.COUNT),
)
_BINS = 10
_CONFIDENCE_COLUMNS = (
    Column("confidence_from", "confidence", CellType.NUMBER),
    Column("confidence_below", "to", CellType.NUMBER),
    *(Column(age.value, age.value, CellType.COUNT, hide_zero=age is AgeClass.UNKNOWN) for age in AgeClass),
    Column("counted", "counted", CellType.COUNT),
    Column("detections", "all", CellType.COUNT),
)
_HOUR_COLUMNS = (
    _SEASON,
    Column("hour", "hour", CellType.COUNT),
    Column("events", "visits", CellType.COUNT, sign="≈"),
    Column("share", "share", CellType.SHARE),
    Column("camera_days", "camera-days", CellType.COUNT),
    Column("events_per_100", "per 100 days", CellType.NUMBER, sign="≈"),
)
_NIGHT_COLUMNS = (
    Column("night", "night of", CellType.TEXT),
    _SEASON,
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("events", "visits", CellType.COUNT),
    Column("photos", "photos", CellType.COUNT),
    Column("max_animals", "most at once", CellType.COUNT),
    Column("times", "came at", CellType.TEXT, wraps=True),
    Column("legal_events", "in legal light", CellType.COUNT, null="unknown"),
    Column("moon", "moon", CellType.TEXT),
)
_NOON = time(12)  # when a night begins
_TITLES = {
    "seasons": "Season-years side by side",
    "confidence": "How sure the model was",
    "hours": "Mature bucks by hour",
    "nights": "Mature bucks, by night from noon to noon",
}


def buck_report(
    db: Connection,
    question: Question,
    *,
    by: Sequence[str] = DEFAULT_BY,
    parts: Sequence[str] = PARTS,
    one_table: bool = False,
    screen: bool = False,
) -> Report:
    """``bucks`` with its other parts as sections, those out of :data:`PARTS` that are asked for.

    With ``one_table`` the only part asked for is the report's rows; raises UsageError for more than one.
    With ``screen`` the report has a first screen (see :mod:`trailcam.reports.buck_screen`).

    Section ``seasons`` has a row for each season-year (None: no capture time) and age class: what ``bucks``
    counts, first_sighting and last_sighting (camera time, ISO 8601, of photos whose clock is not in doubt),
    legal_events (a visit with a photo from 30 minutes before sunrise to 30 minutes after sunset at its
    station), dark_events, unknown_light_events (coordinates or time zone unknown) and doubtful_events, which
    add up to events; legal_share (of those whose light is known, None without any) and station_nights: nights
    with a visit, each station's own. ``confidence``: boxes of bucks by tenths of confidence, counted or not,
    by age class, each as the model named it; a correction has no confidence. ``hours``: visits of mature
    bucks by season-year and hour of the clock, for all 24 hours. ``nights``: those on which a mature buck
    came, from noon to noon, named by
    the day they begin on; times are the visits' first photos. Without the part counts there are no rows.
    Raises UsageError as ``bucks`` does, and for an unknown part.
    """
    for part in parts:
        if part not in PARTS:
            raise UsageError(f'Bucks have no part "{part}".', f"Known: {', '.join(PARTS)}.")

    by = checked_keys(by, KEYS, "Bucks")
    with buck_visits(db, question) as made:
        report = _with_parts(made, by, parts, screen=screen)
    return as_rows(report) if one_table else report


def _with_parts(made: BuckVisits, by: Sequence[str], parts: Sequence[str], *, screen: bool) -> Report:
    counts = made.count([*by, "month", "season"] if screen else [*by, "season"] if "seasons" in parts else by)
    report = count_report(made, counts, by)
    report = dataclasses.replace(report, filters={**report.filters, "parts": list(dict.fromkeys(parts))})
    if COUNTS not in parts:
        report = dataclasses.replace(report, rows=(), totals=())
    if not report.coverage["photos"] and not screen:
        return report
    sections = []
    if "confidence" in parts:
        sections.append(_confidences(made.visits.counted))
    if not {"seasons", "hours", "nights"} & set(parts):
        return dataclasses.replace(report, sections=sections)
    seen = see(made.visits, made.question, light=bool({"seasons", "nights"} & set(parts)))
    if "seasons" in parts:
        sections.insert(0, _seasons(counts, seen))
    if "hours" in parts:
        sections.append(_hours(made, seen))
    if "nights" in parts:
        sections.append(_nights(seen))
    notes = [*report.notes, *_notes(made, seen, parts)]
    first = buck_screen(made, counts, seen, report.coverage, notes) if screen else None
    return dataclasses.replace(report, sections=sections, notes=notes, screen=first)


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


def _seasons(counts: BuckCounts, seen: Seen) -> Section:
    counted = finish([row for row in counts.by(["season"]) if row["age"] is not None], ("season", "age"))
    finished = []
    groups = dict(seen.events.grouped())
    none = seen.events.where(np.zeros(len(seen.events), bool))
    for row in counted:
        key = (row["season"], row["age"])
        own = groups.get(key, none)
        legal, dark = own.n_light(LEGAL), own.n_light(DARK)
        span = seen.spans.get(key)
        dated = row["events"] is not None
        cells = {
            **row,
            "first_sighting": span and span[0].isoformat(sep=" ", timespec="seconds"),
            "last_sighting": span and span[1].isoformat(sep=" ", timespec="seconds"),
            "legal_events": legal if dated else None,
            "dark_events": dark if dated else None,
            "unknown_light_events": own.n_light(UNKNOWN) if dated else None,
            "doubtful_events": seen.doubtful.get(key, 0) if dated else None,
            "legal_share": share(legal, legal + dark),
            "station_nights": own.n_nights() if dated else None,
        }
        finished.append({column.name: cells[column.name] for column in _SEASON_COLUMNS})
    return Section(
        "seasons", _TITLES["seasons"], _SEASON_COLUMNS, finished, draw_seasons(_SEASON_COLUMNS, finished)
    )


def _confidences(counted: Counted) -> Section:
    """Boxes of bucks by tenths of confidence, whether they count or not."""
    found = counted.buck_tenths()
    finished: list[Row] = [
        {
            "confidence_from": n / _BINS,
            "confidence_below": (n + 1) / _BINS,
            **{age.value: found.get((n, age.value), (0, 0))[0] for age in AgeClass},
            "detections": sum(boxes for (bin_, _), (boxes, _) in found.items() if bin_ == n),
            "counted": sum(counted for (bin_, _), (_, counted) in found.items() if bin_ == n),
        }
        for n in range(_BINS)
    ]
    finished = laid_out(finished if found else (), _CONFIDENCE_COLUMNS)
    drawn = draw_confidences(_CONFIDENCE_COLUMNS, finished)
    return Section("confidence", _TITLES["confidence"], _CONFIDENCE_COLUMNS, finished, drawn)


def _hours(made: BuckVisits, seen: Seen) -> Section:
    """All 24 hours of each season-year in which the cameras worked; no rows without a mature buck."""
    mature = seen.events.of_age(AgeClass.MATURE)
    question = made.question
    days = made.worked.by(question.selection, ["season"], question.first_month)
    finished = []
    hours = {season: own.hour for (season, _), own in mature.grouped()}
    for season in sorted({*hours} | {str(season) for (season,) in days}):
        own = np.bincount(hours.get(season, np.zeros(0, np.int64)), minlength=24).tolist()
        for hour in range(24):
            cells = {
                "season": season,
                "hour": hour,
                "events": own[hour],
                "share": share(own[hour], sum(own)),
                **rate(own[hour], days.get((season,))),
            }
            finished.append({column.name: cells[column.name] for column in _HOUR_COLUMNS})
    finished = finished if len(mature) else []
    return Section("hours", _TITLES["hours"], _HOUR_COLUMNS, finished, draw_hours(finished))


def _nights(seen: Seen) -> Section:
    """One row for each night and station with a mature buck, the latest first."""
    finished = list(_night_rows(seen.events.of_age(AgeClass.MATURE)))
    finished.sort(key=lambda row: row["night"], reverse=True)
    return Section(
        "nights", _TITLES["nights"], _NIGHT_COLUMNS, finished, draw_nights(_NIGHT_COLUMNS, finished)
    )


def _night_rows(mature: Events) -> Iterator[Row]:
    """By station and time, in columns: there may be tens of thousands of nights."""
    if not len(mature):
        return
    nights = mature.night
    new = (np.diff(mature.station) != 0) | (np.diff(nights) != 0)
    starts = np.concatenate([[0], np.flatnonzero(new) + 1])
    ends = np.append(starts[1:], len(nights)).tolist()
    clock = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(24 * 60)]
    came = [clock[minute] for minute in (mature.began_us // 60_000_000 % len(clock)).tolist()]
    legal = np.add.reduceat((mature.light == LEGAL).astype(np.int64), starts)
    unknown = np.logical_or.reduceat(mature.light == UNKNOWN, starts)
    known: dict[date, str] = {}
    days = {night: day_of(night) for night in np.unique(nights).tolist()}
    moons = {night: moon_of(datetime.combine(day, _NOON), known) for night, day in days.items()}
    columns = (
        starts,
        ends,
        nights[starts],
        mature.season[starts],
        mature.station[starts],
        np.add.reduceat(mature.photos, starts),
        np.maximum.reduceat(mature.most, starts),
        np.where(unknown, UNKNOWN, legal),
    )
    for start, end, night, season, station, photos, most, light in zip(
        *(np.asarray(column).tolist() for column in columns), strict=True
    ):
        yield {
            "night": days[night].isoformat(),
            "season": mature.names["season"][season],
            "station": mature.names["station"][station],
            "events": end - start,
            "photos": photos,
            "max_animals": most,
            "times": ", ".join(came[start:end]),
            "legal_events": None if light == UNKNOWN else light,
            "moon": moons[night],
        }


def _notes(made: BuckVisits, seen: Seen, parts: Sequence[str]) -> list[str]:
    notes = []
    doubtful = sum(seen.doubtful.values())
    if doubtful and {"seasons", "hours", "nights"} & set(parts):
        are = "is" if doubtful == 1 else "are"
        notes.append(
            f"{count(doubtful, 'visit')} whose clock is in doubt {are} left out of light, hours and nights."
        )
    if "seasons" in parts and len(seen.events):
        notes.append(
            "In legal light: a visit with a photo from 30 minutes before sunrise to 30 minutes after sunset"
            " at its station. A night lasts from noon to noon, each station's own."
        )
        dim = seen.events.n_light(UNKNOWN)
        if dim:
            notes.append(
                f"The light of {count(dim, 'visit')} is unknown;"
                f" {place_advice(made.visits.db, made.question)}."
            )
    n_nights = seen.events.of_age(AgeClass.MATURE).n_nights()
    if "nights" in parts and n_nights > NIGHTS:
        notes.append(f"The latest {NIGHTS} of {count(n_nights, 'night')} are listed; --format json has all.")
    return notes
