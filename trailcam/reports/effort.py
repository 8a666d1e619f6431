"""``stations effort``: when cameras didn't work, and why; declared by people, or derived from photos."""

from __future__ import annotations

from trailcam.reports.base import CellType, Column, Report, laid_out
from trailcam.selection import Selection
from trailcam.store.camera_days import make_camera_days
from trailcam.store.database import Connection

COLUMNS = (
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("first_day", "from", CellType.TEXT),
    Column("last_day", "to", CellType.TEXT),
    Column("days", "days", CellType.COUNT),
    Column("reason", "reason", CellType.TEXT),
    Column("declared", "declared", CellType.FLAG),
)


def effort(db: Connection, silent_days: int) -> Report:
    """The gaps of all stations: first_day and last_day (ISO 8601), days, reason, and whether it was declared.

    A reason that nobody declared is "battery" where the camera's voltage rose over the gap, else "silent".
    """
    with make_camera_days(db, silent_days) as worked:
        found = worked.silences_within(Selection())
        n_days = sum(worked.by(Selection(), [], 9).values())
    return Report(
        name="effort",
        title="Days without a working camera",
        filters={"silent_days": silent_days},
        coverage={"camera_days": n_days, "days_without": sum(row["days"] for row in found)},
        columns=COLUMNS,
        rows=laid_out(found, COLUMNS),
        notes=[
            f"{n_days:,} camera-days are left: rates count visits per these. A break of more than"
            f" {silent_days} days without a photo counts as a camera that fell silent.",
        ],
    )
