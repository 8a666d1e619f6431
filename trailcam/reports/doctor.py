"""What ``trailcam doctor`` found, as a report that programs can read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trailcam.reports.base import CellType, Column, Report

if TYPE_CHECKING:
    from trailcam.doctor import Check

_COLUMNS = (
    Column("level", "level", CellType.TEXT),
    Column("what", "what", CellType.TEXT),
    Column("found", "found", CellType.TEXT, wraps=True),
    Column("remedy", "remedy", CellType.TEXT, null="", wraps=True),
)


def doctor_report(found: Sequence[Check]) -> Report:
    """One row for each finding, in order."""
    levels = Counter(str(finding.level) for finding in found)
    return Report(
        name="doctor",
        title="Doctor",
        filters={},
        coverage={"photos": 0, **{level: levels[level] for level in ("ok", "warning", "error")}},
        columns=_COLUMNS,
        rows=[
            {"level": str(f.level), "what": f.what, "found": f.found, "remedy": f.remedy or None}
            for f in found
        ],
    )
