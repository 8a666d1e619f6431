"""``report stations``: how long each camera worked, when it fell silent, and how much it saw."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trailcam.errors import UsageError
from trailcam.reports.base import CellType, Column, Report, Row, Section, coverage_columns
from trailcam.reports.common import RATE_COLUMNS, Basis, Question, make_basis, notes_of, rate, scope_cells
from trailcam.settings.config import FALLBACK_CONFIDENCE
from trailcam.store.database import Connection, query, rows
from trailcam.store.events import Level, camera_days_by, days_where, key_columns, make_events
from trailcam.words.text import count, printable

KEYS = ("month", "season")

_COLUMNS = (
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("photos", "photos", CellType.COUNT),
    Column("first_photo", "first photo", CellType.TEXT, spare=5),
    Column("last_photo", "last photo", CellType.TEXT),
    RATE_COLUMNS[0],
    Column("silent_days", "silent days", CellType.COUNT),
    Column("silences", "silences", CellType.COUNT, spare=6),
    Column("photos_per_day", "photos/day", CellType.NUMBER),
    Column("events", "events", CellType.COUNT, sign="≈"),
    RATE_COLUMNS[1],
    Column("suspect", "clock?", CellType.COUNT, hide_zero=True),
    Column("undated", "undated", CellType.COUNT, hide_zero=True),
    *coverage_columns(),
)
_KEY_COLUMNS = {
    "month": Column("month", "month", CellType.TEXT, null="undated"),
    "season": Column("season", "season", CellType.TEXT, null="undated"),
}
_SILENCE_COLUMNS = (
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("first_day", "silent from", CellType.TEXT),
    Column("last_day", "to", CellType.TEXT),
    Column("days", "days", CellType.COUNT),
)
_DOUBT_COLUMNS = (
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("doubt", "doubt", CellType.TEXT),
    Column("photos", "photos", CellType.COUNT),
)
_DAYS_OF_SILENCE = (
    "SELECT station, first_day, unnest(list_transform("
    "range(last_day - first_day + 1), lambda n: first_day + n::INTEGER)) AS day FROM silences"
)
_NO_PHOTOS: Row = {
    **dict.fromkeys(("photos", "sure", "suspect", "undated", "events"), 0),
    **dict.fromkeys(("first_photo", "last_photo")),
}


def stations(db: Connection, question: Question, *, by: Sequence[str] = ()) -> Report:
    """Effort and yield of each station among the selected images, ``by`` :data:`KEYS` if wished.

    camera_days and silences are those of ``make_camera_days``, within the selection's dates. photos_per_day
    divides the photos whose time is not in doubt by them. Events are of any class, each counted by itself;
    suspect counts photos whose clock is in doubt (section ``clock_doubts`` says which doubts). Times are the
    camera's own, ISO 8601 without zone. A month or season-year in which a camera was silent throughout has a
    row; photos without a capture time have the key None. Raises UsageError for an unknown key or station.
    """
    by = tuple(dict.fromkeys(by))
    for key in by:
        if key not in KEYS:
            raise UsageError(f'Stations have no rows by "{printable(key)}".', f"Known: {', '.join(KEYS)}.")
    keys = ("station", *by)
    basis = make_basis(db, question, keys)
    make_events(
        db, confidence=question.confidence, fallback=FALLBACK_CONFIDENCE, gap=question.gap, level=Level.CLASS
    )
    days = camera_days_by(db, question.selection, keys, question.first_month)
    quiet = _silent_days(db, question, keys)
    seen = _counts(db, question, keys)
    columns = (_COLUMNS[0], *(_KEY_COLUMNS[key] for key in by), *_COLUMNS[1:])
    finished = []
    for own in sorted(seen.keys() | quiet.keys(), key=lambda key: [(k is None, k or "") for k in key]):
        n_days, breaks = days.get(own, 0 if own in quiet else None), quiet.get(own, [])
        row = seen.get(own, _NO_PHOTOS)
        cells: Row = {
            **dict(zip(keys, own, strict=True)),
            **row,
            **rate(row["events"], n_days),
            **scope_cells(basis.scopes.get(own)),
            "silent_days": sum(breaks),
            "silences": len(breaks),
            "photos_per_day": round(row["sure"] / n_days, 2) if n_days else None,
        }
        finished.append({column.name: cells[column.name] for column in columns})
    doubts = rows(db, query("report_clock_doubts"))
    return Report(
        name="stations",
        title="Stations",
        filters=question.describe(by=list(keys)),
        coverage=basis.coverage,
        columns=columns,
        rows=finished,
        notes=_notes(basis, question, sum(row["photos"] for row in doubts)),
        sections=(
            Section("silences", "Silences", _SILENCE_COLUMNS, _silences(db, question)),
            Section("clock_doubts", "Clocks in doubt", _DOUBT_COLUMNS, doubts),
        ),
    )


def _notes(basis: Basis, question: Question, doubtful: int) -> list[str]:
    notes = notes_of(basis)
    if doubtful:
        notes.append(
            f"The clock of {count(doubtful, 'photo')} is in doubt; they tell nothing about camera-days."
        )
    return [
        *notes,
        "Camera-days run from the first photo to the last, less breaks of more than"
        f" {question.silent_days} days without any; cameras at one station count as one.",
    ]


def _counts(db: Connection, question: Question, keys: Sequence[str]) -> dict[tuple[Any, ...], Row]:
    """Photos, clock and events by ``keys``; events None where no photo has a capture time."""
    columns = key_columns(keys, question.first_month)
    found = rows(
        db,
        f"SELECT {columns}, count(*) AS photos,"
        " count(*) FILTER (captured_at IS NOT NULL AND captured_at_suspect IS NULL) AS sure,"
        " strftime(min(captured_at), '%Y-%m-%d %H:%M') AS first_photo,"
        " strftime(max(captured_at), '%Y-%m-%d %H:%M') AS last_photo,"
        " count(captured_at_suspect) AS suspect, count(*) FILTER (captured_at IS NULL) AS undated"
        " FROM (SELECT s.station, s.captured_at, i.captured_at_suspect"
        " FROM selected s JOIN images i USING (image_id)) GROUP BY ALL",
    )
    begun = {
        tuple(row[key] for key in keys): row["events"]
        for row in rows(
            db, f"SELECT {columns}, count(*) FILTER (begins) AS events FROM sightings GROUP BY ALL"
        )
    }
    seen = {}
    for row in found:
        key = tuple(row[name] for name in keys)
        seen[key] = {**row, "events": begun.get(key, 0) if row["first_photo"] else None}
    return seen


def _silent_days(db: Connection, question: Question, keys: Sequence[str]) -> dict[tuple[Any, ...], list[int]]:
    """Days of each silence by ``keys``, within the selection's dates."""
    found: dict[tuple[Any, ...], list[int]] = {}
    for row in rows(
        db,
        f"SELECT {key_columns(keys, question.first_month, 'day')}, first_day, count(*) AS days"
        f" FROM ({_DAYS_OF_SILENCE}) WHERE {days_where(question.selection)} GROUP BY ALL",
    ):
        found.setdefault(tuple(row[key] for key in keys), []).append(row["days"])
    return found


def _silences(db: Connection, question: Question) -> list[Row]:
    """Silences, cut to the selection's dates; one that a selection of months interrupts counts once."""
    return rows(
        db,
        "SELECT station, min(day)::VARCHAR AS first_day, max(day)::VARCHAR AS last_day, count(*) AS days"
        f" FROM ({_DAYS_OF_SILENCE}) WHERE {days_where(question.selection)}"
        " GROUP BY station, first_day ORDER BY station, first_day",
    )
