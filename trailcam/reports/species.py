"""``report species``: photos, detections, events and the most animals in one photo, for any class."""

from __future__ import annotations

from collections.abc import Sequence

from trailcam.errors import UsageError
from trailcam.reports.base import CellType, Column, Report, Row, coverage_columns
from trailcam.reports.common import (
    RATE_COLUMNS,
    Question,
    in_order,
    make_basis,
    notes_of,
    rate,
    scope_cells,
)
from trailcam.settings.config import FALLBACK_CONFIDENCE
from trailcam.store.database import Connection, rows
from trailcam.store.events import Level, camera_days_by, check_names, key_columns, make_events
from trailcam.words.text import count, printable

KEYS = ("month", "season", "station", "hour")
DEFAULT_BY = ("station", "month")

_KNOWN = f"Known: {', '.join(KEYS)}."
_KEY_COLUMNS = {
    "class": Column("class", "class", CellType.TEXT, wraps=True),
    "month": Column("month", "month", CellType.TEXT, null="undated"),
    "season": Column("season", "season", CellType.TEXT, null="undated"),
    "station": Column("station", "station", CellType.TEXT, wraps=True),
    "hour": Column("hour", "hour", CellType.COUNT, null="undated"),
}
_COLUMNS = (
    Column("photos", "photos", CellType.COUNT, sign="≥"),
    Column("detections", "detections", CellType.COUNT, sign="≥"),
    Column("events", "events", CellType.COUNT, sign="≈"),
    *RATE_COLUMNS,
    Column("max_animals", "most at once", CellType.COUNT, sign="≥"),
)


def species(
    db: Connection,
    question: Question,
    *,
    by: Sequence[str] = DEFAULT_BY,
    kinds: bool = False,
    only: Sequence[str] | None = None,
) -> Report:
    """Count every class that was seen among the selected images, or ``only`` some of them.

    ``by`` are keys out of :data:`KEYS`, after the class. With ``kinds`` all bucks are one, otherwise
    each class of the model stands for itself. A row holds the class, the keys (None: no capture time),
    photos, detections, events (None: no photo has a capture time), camera_days, events_per_100,
    max_animals (the most
    boxes of the class in one photo) and the coverage of its keys' photos. Classes never seen have no row.
    Raises UsageError for an unknown key, class or station.
    """
    by = tuple(dict.fromkeys(str(key) for key in by))
    for key in by:
        if key not in KEYS:
            raise UsageError(f'There are no rows by "{printable(key)}".', _KNOWN)
    if only is not None:
        check_names(db, only)
    basis = make_basis(db, question, by)
    make_events(
        db,
        confidence=question.confidence,
        fallback=FALLBACK_CONFIDENCE,
        gap=question.gap,
        level=Level.KIND if kinds else Level.CLASS,
        only=only,
    )
    day_keys = [key for key in by if key != "hour"]
    days = camera_days_by(db, question.selection, day_keys, question.first_month)
    columns = (_KEY_COLUMNS["class"], *(_KEY_COLUMNS[key] for key in by), *_COLUMNS, *coverage_columns())
    finished = []
    for row in _counts(db, by, question.first_month):
        scope = basis.scopes[tuple(row[key] for key in by)]
        events = row["events"] if scope["dated"] else None
        n_days = days.get(tuple(row[key] for key in day_keys))
        finished.append({**row, "events": events, **rate(events, n_days), **scope_cells(scope)})
    ((undated,),) = db.execute(
        "SELECT coalesce(sum(animals), 0) FROM sightings WHERE captured_at IS NULL"
    ).fetchall()
    notes = notes_of(basis, int(undated))
    if basis.models and only is None:
        notes.append(_blank_note(db, question.confidence))
    if basis.models and not finished:
        notes.append("None of these photos shows anything of the kind at this confidence.")
    return Report(
        name="species",
        title="Species",
        filters=question.describe(
            by=["class", *by], level="kind" if kinds else "class", only=list(only or ())
        ),
        coverage=basis.coverage,
        columns=columns,
        rows=[{c.name: row[c.name] for c in columns} for row in in_order(finished, ("class", *by))],
        notes=notes,
    )


def _blank_note(db: Connection, confidence: float | None) -> str:
    ((blank,),) = db.execute(
        "SELECT count(*) FROM selected ANTI JOIN sightings USING (image_id) WHERE status = 'completed'"
    ).fetchall()
    at = "the recommended confidence" if confidence is None else f"confidence {confidence:g}"
    return f"Blank, looked at and nothing found at {at}: {count(blank, 'photo')}."


def _counts(db: Connection, by: Sequence[str], first_month: int) -> list[Row]:
    columns = key_columns(by, first_month)
    return rows(
        db,
        f"SELECT what AS class, {columns + ', ' if columns else ''}count(*) AS photos,"
        " sum(animals)::BIGINT AS detections, count(*) FILTER (begins) AS events,"
        " max(animals) AS max_animals FROM sightings GROUP BY ALL",
    )
