"""``report bucks``: photos, detections, events and mean confidence of bucks, with coverage.

A detection counts when it comes from its image's current run and reaches the confidence. An event is a visit:
the photos of one station and age class with no more than the gap between one and the next. It belongs to the
month, hour and season-year of its first photo, and photos without a capture time belong to none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from trailcam.domain import AgeClass, Kind
from trailcam.errors import UsageError
from trailcam.reports.base import COMPLETE, CellType, Column, Key, Report, Row, coverage_columns, share
from trailcam.reports.common import RATE_COLUMNS, coverage_of, model_notes, progress_notes, undated_notes
from trailcam.reports.common import rate as per_100
from trailcam.selection import Selection
from trailcam.settings.config import FALLBACK_CONFIDENCE, SILENT_DAYS
from trailcam.store.counted import count_judged
from trailcam.store.database import Connection, query, rows
from trailcam.store.events import Level, camera_days_by, make_camera_days, make_events
from trailcam.store.select import count_undated_left_out, make_selected
from trailcam.store.unread import count_unread
from trailcam.words.text import printable

KEYS = tuple(str(key) for key in Key)
DEFAULT_BY = (Key.MONTH, Key.AGE)

_AGES = tuple(AgeClass)
_KEY_COLUMNS = {
    "month": Column("month", "month", CellType.TEXT, null="undated"),
    "season": Column("season", "season", CellType.TEXT, null="undated"),
    "station": Column("station", "station", CellType.TEXT, wraps=True),
    "age": Column("age", "age", CellType.TEXT, null="all"),
    "hour": Column("hour", "hour", CellType.COUNT, null="undated"),
}
# More photos can only add photos and detections, but one between two visits can also join them.
_COUNT_COLUMNS = (
    Column("photos", "photos", CellType.COUNT, sign="≥"),
    Column("detections", "detections", CellType.COUNT, sign="≥"),
    Column("events", "events", CellType.COUNT, sign="≈"),
    *RATE_COLUMNS,
    Column("mean_confidence", "conf.", CellType.NUMBER),
)
_WITHOUT_CLASS = Column("without_class", "no such class", CellType.COUNT, shown=False)


def bucks(
    db: Connection,
    selection: Selection,
    *,
    confidence: float | None,
    gap: timedelta,
    by: Sequence[str] = DEFAULT_BY,
    first_month: int,
    silent_days: int = SILENT_DAYS,
) -> Report:
    """Count bucks among the selected images.

    ``confidence`` is 0..1, inclusive; None: what the weights recommend for each class, else
    FALLBACK_CONFIDENCE. ``by`` are the keys of the rows, out of :data:`KEYS`, in the order of
    the columns. ``first_month`` (1..12) begins a season-year; ``silent_days``: see ``make_camera_days``.
    Rows hold the keys (None: no capture time), photos, detections, events (None: no photo of the row has a
    capture time), camera_days and events_per_100 (of these days; None: no photo tells), mean_confidence
    (of models' boxes; None: none), completed, pending, failed and missing photos of the row's scope (its keys
    but the age), coverage (completed of all four), complete (whether the counts are final) and
    without_class (completed
    photos whose model has no class for the row's bucks). Raises UsageError for a wrong key, confidence or
    station.
    """
    make_buck_tables(db, selection, confidence=confidence, gap=gap, silent_days=silent_days)
    return count_bucks(db, selection, confidence=confidence, gap=gap, by=by, first_month=first_month)


def make_buck_tables(
    db: Connection,
    selection: Selection,
    *,
    confidence: float | None,
    gap: timedelta,
    silent_days: int = SILENT_DAYS,
) -> None:
    """What :func:`count_bucks` counts from: ``selected``, ``sightings`` of bucks by age, ``camera_days``.

    Raises UsageError for a wrong confidence or station.
    """
    if confidence is not None and not 0 <= confidence <= 1:
        raise UsageError(f"A confidence of {confidence:g} makes no sense.", "Give a number from 0 to 1.")
    make_selected(db, selection)
    make_events(
        db, confidence=confidence, fallback=FALLBACK_CONFIDENCE, gap=gap, level=Level.AGE, kinds=[Kind.BUCK]
    )
    make_camera_days(db, silent_days)


def count_bucks(
    db: Connection,
    selection: Selection,
    *,
    confidence: float | None,
    gap: timedelta,
    by: Sequence[str] = DEFAULT_BY,
    first_month: int,
) -> Report:
    """As :func:`bucks`, from the tables that :func:`make_buck_tables` made for the same question."""
    by = tuple(dict.fromkeys(str(key) for key in by))
    _check(by)
    found = rows(db, query("report_bucks"), _params(by, first_month))
    scope_keys = [key for key in by if key != "age"]
    day_keys = [key for key in scope_keys if key != "hour"]
    days = camera_days_by(db, selection, day_keys, first_month)
    all_days = camera_days_by(db, selection, [], first_month)
    for row in found:
        n_days = all_days.get(()) if row["total"] else days.get(tuple(row[key] for key in day_keys))
        row |= per_100(row["events"], n_days)
    wanted = [row for row in found if (row["age"] is not None) == ("age" in by)]
    groups = [row for row in wanted if not row["total"] and row["scope_photos"]]
    totals = [row for row in wanted if row["total"]] if scope_keys else []
    overall = next(row for row in found if row["total"] and row["age"] is None)
    if "age" in by:
        totals.append(overall)
    columns = (*(_KEY_COLUMNS[key] for key in by), *_COUNT_COLUMNS, *coverage_columns(), _WITHOUT_CLASS)
    coverage = coverage_of(overall, count_undated_left_out(db, selection), count_unread(db))
    empty = not overall["scope_photos"]
    return Report(
        name="bucks",
        title="Bucks",
        filters=_filters(selection, by, confidence, gap, first_month),
        coverage=coverage,
        columns=columns,
        rows=_finish(groups, by, columns),
        totals=[] if empty else _finish(totals, ["age"], columns),
        notes=_notes(coverage, overall, rows(db, query("report_models")), count_judged(db)),
    )


def _check(by: Sequence[str]) -> None:
    for key in by:
        if key not in KEYS:
            raise UsageError(f'Bucks can\'t be counted by "{printable(key)}".', f"Known: {', '.join(KEYS)}.")


def _params(by: Sequence[str], first_month: int) -> dict[str, Any]:
    return {
        **{f"by_{key}": key in by for key in KEYS if key != "age"},
        "first_month": first_month,
    }


def _filters(
    selection: Selection, by: Sequence[str], confidence: float | None, gap: timedelta, first_month: int
) -> dict[str, Any]:
    season = {"season_first_month": first_month} if "season" in by else {}
    asked = {
        "confidence": confidence if confidence is not None else "recommended by the weights",
        "gap_s": gap.total_seconds(),
        "by": list(by),
    }
    return {**selection.describe(), **asked, **season}


def _finish(found: Sequence[Row], by: Sequence[str], columns: Sequence[Column]) -> list[Row]:
    """Rows in the order of ``by``, with the columns of the report and nothing else."""
    finished = []
    for row in sorted(found, key=lambda row: [_order(key, row[key]) for key in by if key in row]):
        looked_at, photos = row["completed"], row["scope_photos"]
        row = {
            **row,
            "coverage": share(looked_at, photos),
            COMPLETE: looked_at == photos and not row["without_class"],
        }
        finished.append({column.name: row[column.name] for column in columns})
    return finished


def _order(key: str, value: str | int | None) -> tuple[bool, str | int]:
    """None sorts last; ages sort from young to unknown."""
    if value is None:
        return (True, 0)
    return (False, _AGES.index(AgeClass(str(value))) if key == "age" else value)


def _notes(coverage: Mapping[str, Any], overall: Row, models: Sequence[Row], judged: int) -> list[str]:
    undated = undated_notes(coverage, overall["undated_detections"])
    if not coverage["photos"]:
        return ["No photo fits the selection.", *undated]
    notes = [*progress_notes(coverage, models), *model_notes(models, judged)]
    for name in dict.fromkeys(model["weights_name"] for model in models):
        known = {age for m in models if m["weights_name"] == name for age in m["age_classes"]}
        notes += _blind_note(printable(name), known)
    return [*notes, *undated]


def _blind_note(name: str, known: set[str]) -> list[str]:
    """What a model with these age classes of bucks can't see. ``known`` is empty where it has no bucks."""
    if not known:
        return [f"The model {name} has no class for bucks; it can't see them, so 0 doesn't mean none."]
    unseen = [age for age in _AGES if age is not AgeClass.UNKNOWN and age not in known]
    if not unseen:
        return []
    return [f"The model {name} has no class for {' or '.join(unseen)} bucks: 0 of those doesn't mean none."]
