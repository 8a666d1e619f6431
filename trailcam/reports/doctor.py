"""What ``trailcam doctor`` found, as a report that programs can read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trailcam.reports.base import CellType, Column, Report
from trailcam.words.text import count

if TYPE_CHECKING:
    from trailcam.doctor import Check

_COLUMNS = (
    Column("level", "level", CellType.TEXT),
    Column("what", "what", CellType.TEXT),
    Column("found", "found", CellType.TEXT, wraps=True),
    Column("remedy", "remedy", CellType.TEXT, null="", wraps=True),
)


def headline(found: Sequence[Check]) -> str:
    """What was found, in a sentence."""
    levels = Counter(str(finding.level) for finding in found)
    errors, warnings = levels["error"], levels["warning"]
    if errors:
        keeps = "keeps" if errors == 1 else "keep"
        told = f"{count(errors, 'error')} {keeps} trailcam from working"
    else:
        told = "Nothing keeps trailcam from working" if warnings else "All is well"
    return f"{told}; {count(warnings, 'warning')}." if warnings else f"{told}."


def doctor_report(found: Sequence[Check]) -> Report:
    """One row for each finding, in order."""
    levels = Counter(str(finding.level) for finding in found)
    return Report(
        name="doctor",
        title="Doctor",
        filters={},
        headline=headline(found),
        coverage={"photos": 0, **{level: levels[level] for level in ("ok", "warning", "error")}},
        columns=_COLUMNS,
        rows=[
            {"level": str(f.level), "what": f.what, "found": f.found, "remedy": f.remedy or None}
            for f in found
        ],
    )
