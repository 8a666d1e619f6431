"""``report stations``: how long each camera worked, when it fell silent, and how much it saw."""

from __future__ import annotations

from trailcam.config import FALLBACK_CONFIDENCE
from trailcam.reports.common import RATE_COLUMNS, Question, make_basis, notes_of, rate, scope_cells
from trailcam.reports.model import Column, Kind, Report, Row, Section, coverage_columns
from trailcam.store.database import Connection, query, rows
from trailcam.store.events import Level, camera_days_by, days_where, make_events
from trailcam.text import count

_COLUMNS = (
    Column("station", "station", Kind.TEXT, wraps=True),
    Column("photos", "photos", Kind.COUNT),
    Column("first_photo", "first photo", Kind.TEXT, spare=5),
    Column("last_photo", "last photo", Kind.TEXT),
    RATE_COLUMNS[0],
    Column("silent_days", "silent days", Kind.COUNT),
    Column("silences", "silences", Kind.COUNT, spare=6),
    Column("photos_per_day", "photos/day", Kind.NUMBER),
    Column("events", "events", Kind.COUNT, sign="≈"),
    RATE_COLUMNS[1],
    Column("suspect", "clock?", Kind.COUNT, hide_zero=True),
    Column("undated", "undated", Kind.COUNT, hide_zero=True),
    *coverage_columns(),
)
_SILENCE_COLUMNS = (
    Column("station", "station", Kind.TEXT, wraps=True),
    Column("first_day", "silent from", Kind.TEXT),
    Column("last_day", "to", Kind.TEXT),
    Column("days", "days", Kind.COUNT),
)
_DOUBT_COLUMNS = (
    Column("station", "station", Kind.TEXT, wraps=True),
    Column("doubt", "doubt", Kind.TEXT),
    Column("photos", "photos", Kind.COUNT),
)


def stations(db: Connection, question: Question) -> Report:
    """Effort and yield of each station among the selected images.

    camera_days and silences are those of ``make_camera_days``, within the selection's dates. photos_per_day
    divides the photos whose time is not in doubt by them. Events are of any class, each counted by itself;
    suspect counts photos whose clock is in doubt (section ``clock_doubts`` says which doubts). Times are the
    camera's own, ISO 8601 without zone.
    """
    basis = make_basis(db, question, ["station"])
    make_events(
        db, confidence=question.confidence, fallback=FALLBACK_CONFIDENCE, gap=question.gap, level=Level.CLASS
    )
    days = camera_days_by(db, question.selection, ["station"], question.first_month)
    silences = _silences(db, question)
    finished = []
    for row in rows(db, query("report_stations")):
        station = row["station"]
        n_days = days.get((station,))
        own = [s["days"] for s in silences if s["station"] == station]
        cells: Row = {
            **row,
            **rate(row["events"], n_days),
            **scope_cells(basis.scopes[(station,)]),
            "silent_days": sum(own),
            "silences": len(own),
            "photos_per_day": round(row["sure"] / n_days, 2) if n_days else None,
        }
        finished.append({column.name: cells[column.name] for column in _COLUMNS})
    doubts = rows(db, query("report_clock_doubts"))
    notes = notes_of(basis)
    if doubts:
        n = sum(row["photos"] for row in doubts)
        notes.append(f"The clock of {count(n, 'photo')} is in doubt; they tell nothing about camera-days.")
    notes.append(
        "Camera-days run from the first photo to the last, less breaks of more than"
        f" {question.silent_days} days without any; cameras at one station count as one."
    )
    return Report(
        name="stations",
        title="Stations",
        filters=question.describe(),
        coverage=basis.coverage,
        columns=_COLUMNS,
        rows=finished,
        notes=notes,
        sections=(
            Section("silences", "Silences", _SILENCE_COLUMNS, silences),
            Section("clock_doubts", "Clocks in doubt", _DOUBT_COLUMNS, doubts),
        ),
    )


def _silences(db: Connection, question: Question) -> list[Row]:
    """Silences, cut to the selection's dates; one that a selection of months interrupts counts once."""
    return rows(
        db,
        "SELECT station, min(day)::VARCHAR AS first_day, max(day)::VARCHAR AS last_day, count(*) AS days"
        " FROM (SELECT station, first_day, unnest(list_transform("
        "range(last_day - first_day + 1), lambda n: first_day + n::INTEGER)) AS day FROM silences)"
        f" WHERE {days_where(question.selection)} GROUP BY station, first_day ORDER BY station, first_day",
    )
