"""``times shift`` and ``times list``: what a shift of capture times does, and which ones there are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from trailcam.clock.shift import ShiftPlan
from trailcam.reports.base import CellType, Column, Report, Row, laid_out
from trailcam.store.clock_shifts import shifts
from trailcam.store.database import Connection
from trailcam.words.span import format_seconds
from trailcam.words.text import count

_PLAN_COLUMNS = (
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("photos", "photos", CellType.COUNT),
    Column("first_at", "first photo", CellType.TEXT),
    Column("new_first_at", "becomes", CellType.TEXT),
    Column("last_at", "last photo", CellType.TEXT),
    Column("new_last_at", "becomes", CellType.TEXT),
)
_LIST_COLUMNS = (
    Column("shift", "shift", CellType.COUNT),
    Column("stations", "stations", CellType.TEXT, wraps=True),
    Column("asked", "asked for", CellType.TEXT),
    Column("by", "added", CellType.TEXT, right=True),
    Column("by_s", "added, s", CellType.COUNT, shown=False),
    Column("photos", "photos", CellType.COUNT),
    Column("in_force", "in force", CellType.COUNT),
    Column("first_at", "from", CellType.TEXT),
    Column("last_at", "to", CellType.TEXT),
    Column("made_at", "made", CellType.MOMENT, spare=2),
    Column("undone_at", "undone", CellType.MOMENT, null=""),
    Column("note", "note", CellType.TEXT, null="", spare=1, wraps=True),
)


def shift_plan(plan: ShiftPlan, filters: dict[str, Any], *, now: datetime, shift_id: int | None) -> Report:
    """Each station's photos before and after. ``shift_id`` None: it is a plan, and nothing was changed.

    ``now`` is naive local time. Times are the camera's own, ISO 8601 without zone.
    """
    notes = [f"{format_seconds(round(plan.by.total_seconds()))} for {count(plan.n_photos, 'photo')}."]
    if max(part.last_at for part in plan.moved) + plan.by > now + timedelta(days=1):
        notes.append("This would put times in the future: check the amount and the photos.")
    if shift_id is None:
        notes.append("Nothing was changed. Run the same command with --apply to do it.")
    else:
        notes.append(f"Done, as shift {shift_id}. `trailcam times undo {shift_id}` takes it back.")
    return Report(
        name="time_shift",
        title="Shift of capture times",
        filters={**filters, "asked": plan.asked, "applied": shift_id is not None},
        coverage={"photos": plan.n_photos},
        columns=_PLAN_COLUMNS,
        rows=[
            {
                "station": part.station,
                "photos": part.photos,
                "first_at": _local(part.first_at),
                "new_first_at": _local(part.first_at + plan.by),
                "last_at": _local(part.last_at),
                "new_last_at": _local(part.last_at + plan.by),
            }
            for part in plan.moved
        ],
        notes=notes,
    )


def shift_list(db: Connection) -> Report:
    """Every shift, also those taken back. ``first_at`` and ``last_at`` are times before it."""
    found: list[Row] = [
        {
            **row,
            "by": format_seconds(row["by_s"]),
            "first_at": _local(row["first_at"]),
            "last_at": _local(row["last_at"]),
            **{
                name: row[name].replace(tzinfo=UTC) if row[name] else None
                for name in ("made_at", "undone_at")
            },
        }
        for row in shifts(db)
    ]
    lost = sum(row["photos"] - row["in_force"] for row in found if row["undone_at"] is None)
    notes = [] if found else ["No times were shifted."]
    if lost:
        notes.append(
            f"{count(lost, 'photo')} not corrected any more: the file was replaced, and states another time."
        )
    return Report(
        name="time_shifts",
        title="Shifts of capture times",
        filters={},
        coverage={"photos": sum(row["in_force"] for row in found)},
        columns=_LIST_COLUMNS,
        rows=laid_out(found, _LIST_COLUMNS),
        notes=notes,
    )


def _local(at: datetime) -> str:
    return at.isoformat(sep=" ", timespec="seconds")
