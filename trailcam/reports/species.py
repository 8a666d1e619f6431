"""``report species``: photos, detections, visits and the most animals in one photo, for any class."""

from __future__ import annotations

from collections.abc import Sequence

from trailcam.errors import UsageError
from trailcam.reports.base import CellType, Column, Report, coverage_columns
from trailcam.reports.common import (
    RATE_COLUMNS,
    Question,
    basis_of,
    in_order,
    notes_of,
    rate,
    scope_cells,
    visits_of,
)
from trailcam.store.database import Connection
from trailcam.store.visits import Level, check_names
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
    Column("events", "visits", CellType.COUNT, sign="≈"),
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
    level = Level.KIND if kinds else Level.CLASS
    day_keys = [key for key in by if key != "hour"]
    with (
        basis_of(db, question, by) as basis,
        visits_of(basis.photos, question, level, only=only) as visits,
    ):
        days = basis.worked.by(question.selection, day_keys, question.first_month)
        counts, undated = visits.counts(by, question.first_month), visits.undated_animals()
        blank = visits.count_blank()
    columns = (_KEY_COLUMNS["class"], *(_KEY_COLUMNS[key] for key in by), *_COLUMNS, *coverage_columns())
    finished = []
    for row in counts:
        scope = basis.scopes[tuple(row[key] for key in by)]
        events = row["events"] if scope["dated"] else None
        n_days = days.get(tuple(row[key] for key in day_keys))
        finished.append({**row, "events": events, **rate(events, n_days), **scope_cells(scope)})
    notes = notes_of(basis, undated)
    if basis.models and only is None:
        notes.append(_blank_note(blank, question.confidence))
    if basis.models and not finished:
        notes.append("None of these photos shows any of these classes at this confidence.")
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


def _blank_note(blank: int, confidence: float | None) -> str:
    at = "the recommended confidence" if confidence is None else f"confidence {confidence:g}"
    return f"Blank (looked at, nothing found at {at}): {count(blank, 'photo')}."
