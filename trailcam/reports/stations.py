"""``report stations``: how long each camera worked, when it fell silent, and how much it saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from trailcam.reports.base import (
    KEY_COLUMNS,
    CellType,
    Column,
    Report,
    Row,
    Section,
    coverage_columns,
    laid_out,
)
from trailcam.reports.common import (
    RATE_COLUMNS,
    Basis,
    Question,
    answered,
    basis_of,
    checked_keys,
    notes_of,
    rate,
    scope_cells,
    visits_of,
)
from trailcam.store.database import Connection
from trailcam.store.photo_counts import clock_doubts, clocks_by
from trailcam.store.select import Selected
from trailcam.store.visits import Level
from trailcam.words.text import count, printable

KEYS = ("month", "season")

_COLUMNS = (
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("photos", "photos", CellType.COUNT),
    Column("first_photo", "first photo", CellType.TEXT, spare=5),
    Column("last_photo", "last photo", CellType.TEXT),
    replace(RATE_COLUMNS[0], spare=9),
    Column("silent_days", "silent days", CellType.COUNT),
    Column("silences", "silences", CellType.COUNT, spare=6),
    Column("photos_per_day", "photos/day", CellType.NUMBER, spare=4),
    Column("events", "visits", CellType.COUNT, sign="≈"),
    RATE_COLUMNS[1],
    Column("suspect", "clock?", CellType.COUNT, hide_zero=True),
    Column("undated", "undated", CellType.COUNT, hide_zero=True, spare=7),
    *coverage_columns(),
)
_SILENCE_COLUMNS = (
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("first_day", "silent from", CellType.TEXT),
    Column("last_day", "to", CellType.TEXT),
    Column("days", "days", CellType.COUNT),
    Column("reason", "reason", CellType.TEXT),
    Column("declared", "declared", CellType.FLAG, shown=False),
)
_DOUBT_COLUMNS = (
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("doubt", "doubt", CellType.TEXT),
    Column("photos", "photos", CellType.COUNT),
)
_NO_PHOTOS: Row = {
    **dict.fromkeys(("photos", "sure", "suspect", "undated", "events"), 0),
    **dict.fromkeys(("first_photo", "last_photo")),
}


def stations(db: Connection, question: Question, *, by: Sequence[str] = ()) -> Report:
    """Effort and yield of each station among the selected images, ``by`` :data:`KEYS` if wished.

    camera_days and silences are those of ``CameraDays``, within the selection's dates. photos_per_day
    divides the photos whose time is not in doubt by them. Events are of any class, each counted by itself;
    suspect counts photos whose clock is in doubt (section ``clock_doubts`` says which doubts). Times are the
    camera's own, ISO 8601 without zone. A month or season-year in which a camera was silent throughout has a
    row; photos without a capture time have the key None. Raises UsageError for an unknown key or station.
    """
    by = checked_keys(by, KEYS, "Stations")
    keys = ("station", *by)
    with basis_of(db, question, keys) as basis:
        days = basis.worked.by(question.selection, keys, question.first_month)
        quiet = basis.worked.silent_days_by(question.selection, keys, question.first_month)
        silences = basis.worked.silences_within(question.selection)
        doubts = clock_doubts(basis.photos)
        seen = _counts(basis.photos, question, keys)
    columns = (_COLUMNS[0], *(KEY_COLUMNS[key] for key in by), *_COLUMNS[1:])
    finished = []
    for own in sorted(seen.keys() | quiet.keys(), key=lambda key: [(k is None, k or "") for k in key]):
        n_days, breaks = days.get(own, 0 if own in quiet else None), quiet.get(own, [])
        row = seen.get(own, _NO_PHOTOS)
        finished.append(
            {
                **dict(zip(keys, own, strict=True)),
                **row,
                **rate(row["events"], n_days),
                **scope_cells(basis.scopes.get(own)),
                "silent_days": sum(breaks),
                "silences": len(breaks),
                "photos_per_day": round(row["sure"] / n_days, 2) if n_days else None,
            }
        )
    return Report(
        name="stations",
        title="Stations",
        filters=question.describe(by=list(keys)),
        coverage=basis.coverage,
        columns=columns,
        rows=laid_out(finished, columns),
        notes=_notes(basis, question, sum(row["photos"] for row in doubts)),
        sections=(
            Section("silences", "Silences", _SILENCE_COLUMNS, silences),
            Section("clock_doubts", "Clocks in doubt", _DOUBT_COLUMNS, doubts),
        ),
        headline=answered(basis, _answer(finished, by)),
    )


def _answer(found: Sequence[Row], by: Sequence[str]) -> str:
    """How long the cameras worked, and where most came."""
    stations = {row["station"] for row in found}
    days, silent = (sum(row[name] or 0 for row in found) for name in ("camera_days", "silent_days"))
    told = f"{count(len(stations), 'station')}, {count(days, 'camera-day')}"
    told += f", silent on {count(silent, 'more day')}." if silent else "."
    rated = [row for row in found if row["events_per_100"]]
    if by or len(rated) < 2:  # rows of months say nothing of a station, and one is no choice
        return told
    best = max(rated, key=lambda row: row["events_per_100"])
    where = f"{printable(best['station'])} ({best['events_per_100']:.1f})"
    return f"{told} Most visits per 100 camera-days: {where}."


def _notes(basis: Basis, question: Question, doubtful: int) -> list[str]:
    notes = notes_of(basis)
    if doubtful:
        notes.append(
            f"The clock of {count(doubtful, 'photo')} is in doubt; they don't count for camera-days."
        )
    return [
        *notes,
        "Camera-days run from the first photo to the last, without breaks of more than"
        f" {question.silent_days} days; cameras at one station count as one.",
    ]


def _counts(photos: Selected, question: Question, keys: Sequence[str]) -> dict[tuple[Any, ...], Row]:
    """Photos, clock and visits by ``keys``; events None where no photo has a capture time."""
    found = clocks_by(photos, keys, question.first_month)
    with visits_of(photos, question, Level.CLASS) as visits:
        begun = visits.n_by(keys, question.first_month)
    seen = {}
    for row in found:
        key = tuple(row[name] for name in keys)
        seen[key] = {**row, "events": begun.get(key, 0) if row["first_photo"] else None}
    return seen
