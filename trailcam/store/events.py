"""Sightings, events and camera-days as temporary tables: every report counts from these.

An event is a visit: photos of one station and class (or kind, or age class of bucks) with no more than the
gap between one and the next. It belongs to the month, hour and season-year of its first photo, and photos
without a capture time belong to none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any

from trailcam.domain import AgeClass, Kind
from trailcam.errors import UsageError
from trailcam.selection import Selection
from trailcam.store.counted import make_counted
from trailcam.store.database import Connection, query, quoted, rows
from trailcam.words.text import printable

_LONGEST_US = 2**62  # keeps any timedelta within the 64 bits that it is compared in


class Level(StrEnum):
    """What makes two animals alike: the model's class, its kind, or a buck's age class."""

    CLASS = "class"
    KIND = "kind"
    AGE = "age"
    LOOK = "look"  # what a gallery calls it: "buck/mature", "animal/coyote"


def make_events(
    db: Connection,
    *,
    confidence: float | None,
    fallback: float,
    gap: timedelta,
    level: Level,
    kinds: Sequence[Kind] | None = None,
    only: Sequence[str] | None = None,
) -> None:
    """Create the temporary table ``sightings`` over the view ``selected`` (see ``make_selected``).

    It rests on the view ``counted``, which is made too (see ``make_counted``).

    ``confidence`` is 0..1, inclusive; None: what the weights recommend for each class, else
    ``fallback``. ``kinds`` are those to take; ``only`` names classes, kinds or age classes among them,
    in any case. None takes all.
    Columns: image_id, station, captured_at, what (the name of the level), animals (boxes), by_model (those of
    a model), confidence_sum (of these), confidence_max, begins (first photo of an event) and event (its
    number within station and what, None without a capture time). Works on a read-only connection.
    """
    make_counted(db, confidence, fallback)
    db.execute(
        query("events"),
        {
            "level": level.value,
            "kinds": None if kinds is None else [kind.value for kind in kinds],
            "only": None if only is None else [name.lower() for name in only],
            "gap_us": min(gap // timedelta(microseconds=1), _LONGEST_US),
        },
    )


def make_camera_days(db: Connection, silent_days: int) -> None:
    """Create the tables ``camera_days`` (station, day) and ``silences`` (station, first_day, last_day).

    ``silent_days``: a break of more days without a photo is a camera that fell silent. Two cameras at one
    station count as one: not every file names its camera.
    """
    # DuckDB binds parameters to one statement alone, and this is several.
    db.execute(query("camera_days").replace("$silent_days", str(int(silent_days))))


def key_columns(keys: Sequence[str], first_month: int, column: str = "captured_at") -> str:
    """``strftime(...) AS month, ...`` for the keys month, season, station and hour, in that order.

    ``column`` is the date or time they are made of; ``first_month`` (1..12) begins a season-year.
    """
    start = f"year({column}) - (month({column}) < {int(first_month)})::INTEGER"
    season = (
        f"printf('%04d', {start})"
        if first_month == 1
        else f"printf('%04d-%02d', {start}, ({start} + 1) % 100)"
    )
    known = {
        "month": f"strftime({column}, '%Y-%m')",
        "season": f"CASE WHEN {column} IS NOT NULL THEN {season} END",
        "station": "station",
        "hour": f"hour({column})::INTEGER",
    }
    return ", ".join(f"{known[key]} AS {key}" for key in keys)


def camera_days_by(
    db: Connection, selection: Selection, keys: Sequence[str], first_month: int
) -> dict[tuple[Any, ...], int]:
    """Camera-days in the selection's stations and days by ``keys``, out of month, season and station.

    A day on which a selection begins or ends counts whole.
    """
    columns = key_columns(keys, first_month, "day")
    found = rows(
        db,
        f"SELECT {columns + ', ' if columns else ''}count(*) AS n FROM camera_days"
        f" WHERE {days_where(selection)} GROUP BY ALL",
    )
    return {tuple(row[key] for key in keys): int(row["n"]) for row in found}


def days_where(selection: Selection, column: str = "day") -> str:
    """The selection's stations and dates as a condition on ``station`` and a date ``column``."""
    terms = []
    if selection.months:
        terms.append(f"month({column}) IN ({', '.join(str(int(m)) for m in selection.months)})")
    if selection.since:
        terms.append(f"{column} >= DATE '{selection.since.date().isoformat()}'")
    if selection.until:
        terms.append(f"{column} <= DATE '{selection.until.date().isoformat()}'")
    if selection.stations:
        names = ", ".join(quoted(name.lower()) for name in selection.stations)
        terms.append(f"lower(station) IN ({names})")
    return " AND ".join(terms) or "true"


def check_names(db: Connection, names: Sequence[str]) -> None:
    """Raise UsageError for the first of ``names`` that is no class of a run or person, no kind and no age."""
    found = db.execute(
        "SELECT name FROM classes UNION SELECT class FROM judged_boxes WHERE class IS NOT NULL ORDER BY 1"
    ).fetchall()
    classes = [str(name) for (name,) in found]
    known = {name.lower() for name in (*classes, *Kind, *AgeClass)}
    for name in names:
        if name.lower() not in known:
            listed = ", ".join(map(printable, classes)) or "none yet: run `trailcam detect` first"
            raise UsageError(
                f'There is no class "{printable(name)}".',
                f"Classes: {listed}. Kinds: {', '.join(Kind)}. Ages of bucks: {', '.join(AgeClass)}.",
            )
