"""How people see the parts of ``report bucks``: season-years as columns side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta

from trailcam.reports.base import CellType, Column, Row, percent
from trailcam.reports.formats import cell

Drawn = tuple[Sequence[Column], Sequence[Row]]

NIGHTS = 20
"""So many of the latest nights are listed for people."""

_UNDATED = "undated"


def draw_seasons(columns: Sequence[Column], rows: Sequence[Row]) -> Drawn:
    """A block for each age class, a column for each season-year."""
    named = {column.name: column for column in columns}
    by = {(row["age"], row["season"] or _UNDATED): row for row in rows}
    seasons = list(dict.fromkeys(season for _, season in by))

    def plain(name: str) -> Callable[[Row], str]:
        return lambda row: cell(named[name], row)

    shared = {"camera-days": plain("camera_days"), "photos looked at": plain("coverage")}
    own = {
        "visits": plain("events"),
        "per 100 camera-days": plain("events_per_100"),
        "first seen": lambda row: _minute(row["first_sighting"]),
        "last seen": lambda row: _minute(row["last_sighting"]),
        "in legal light": _light,
        "light unknown": _dim,
        "nights": plain("station_nights"),
    }
    drawn: list[Row] = []

    def block(title: str, lines: Mapping[str, Callable[[Row], str]], age: str) -> None:
        for n, (what, text) in enumerate(lines.items()):
            cells = {season: text(by[age, season]) if (age, season) in by else "-" for season in seasons}
            drawn.append({"bucks": title if n == 0 else "", "what": what, **cells})

    ages = list(dict.fromkeys(age for age, _ in by))
    if ages:
        block("all", shared, ages[0])
    for age in ages:
        block(age, own, age)
    heads = (Column("bucks", "bucks", CellType.TEXT), Column("what", "", CellType.TEXT, wraps=True))
    sides = (Column(season, season, CellType.TEXT, right=True) for season in seasons)
    return (*heads, *sides), drawn


def _minute(moment: str | None) -> str:
    return moment[:16] if moment else "-"


def _light(row: Row) -> str:
    """``5 of 12 (41 %)``: of the visits whose light is known."""
    known = (row["legal_events"] or 0) + (row["dark_events"] or 0)
    if known:
        return f"{row['legal_events']:,} of {known:,} ({percent(row['legal_share'])})"
    return "unknown" if row["events"] else "-"


def _dim(row: Row) -> str:
    """How many visits' light is unknown, because coordinates or a trustworthy clock are missing."""
    if row["events"] is None:
        return "-"
    return f"{row['unknown_light_events'] + row['doubtful_events']:,}"


def draw_confidences(columns: Sequence[Column], rows: Sequence[Row]) -> Drawn:
    """The tenths with bars, without those below the lowest box."""
    first = next((n for n, row in enumerate(rows) if row["detections"]), 0)
    longest = max((row["detections"] for row in rows), default=0)
    heads = (
        Column("tenth", "confidence", CellType.TEXT),
        *columns[2:-1],
        dataclasses.replace(columns[-1], bar=longest or None),
    )
    return heads, [
        {**row, "tenth": f"{row['confidence_from']:.1f} to {row['confidence_below']:.1f}"}
        for row in rows[first:]
    ]


def draw_hours(rows: Sequence[Row]) -> Drawn:
    """A row for each hour; visits and their rate for each season-year, and a bar for all of them."""
    seasons = list(dict.fromkeys(row["season"] for row in rows))
    wide: dict[int, Row] = {hour: {"hour": hour, "all": 0} for hour in range(24)}
    for row in rows:
        line = wide[row["hour"]]
        line[f"{row['season']} events"] = row["events"]
        line[f"{row['season']} per 100"] = row["events_per_100"]
        line["all"] += row["events"]
    heads = [Column("hour", "hour", CellType.COUNT)]
    for n, season in enumerate(seasons):
        heads += [
            Column(f"{season} events", season, CellType.COUNT, spare=len(seasons) + n),
            Column(f"{season} per 100", "per 100 days", CellType.NUMBER, spare=n),
        ]
    longest = max(line["all"] for line in wide.values())
    heads.append(Column("all", "all", CellType.COUNT, bar=longest or None))
    return heads, list(wide.values()) if rows else []


def draw_nights(columns: Sequence[Column], rows: Sequence[Row]) -> Drawn:
    """The latest :data:`NIGHTS`, with the day on which each visit began; the season is told by the date."""
    shown = [dataclasses.replace(c, shown=c.name != "season") for c in columns]
    return shown, [{**row, "times": _with_days(row["night"], row["times"])} for row in rows[:NIGHTS]]


def _with_days(night: str, times: str) -> str:
    """``10 Jan 22:05, 11 Jan 07:31`` of the times of the night that begins at noon of that day."""
    first = date.fromisoformat(night)
    days = [first + timedelta(days=time < "12:00") for time in times.split(", ")]
    return ", ".join(f"{d.day} {d:%b} {time}" for d, time in zip(days, times.split(", "), strict=True))
