"""``times read-strip``: what the strips of the selected photos gave, and why others gave nothing."""

from __future__ import annotations

from trailcam.reports.base import CellType, Column, Report, Section
from trailcam.selection import Selection
from trailcam.store.database import Connection
from trailcam.store.photo_counts import strip_counts, strip_doubts
from trailcam.store.select import select
from trailcam.words.text import count

_COLUMNS = (
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("photos", "photos", CellType.COUNT),
    Column("read", "strip read", CellType.COUNT),
    Column("dated", "time found", CellType.COUNT),
    Column("agree", "as EXIF", CellType.COUNT, hide_zero=True),
    Column("differ", "unlike EXIF", CellType.COUNT, hide_zero=True),
    Column("unknown", "unknown", CellType.COUNT),
)
_DOUBT_COLUMNS = (
    Column("reason", "reason", CellType.TEXT),
    Column("meaning", "meaning", CellType.TEXT, wraps=True),
    Column("photos", "photos", CellType.COUNT),
    Column("example", "example", CellType.TEXT, wraps=True),
)
_MEANING = {
    "no_strip": "no date with a time was found at the edges",
    "odd_format": "not in the form of the camera's other photos: a digit or an AM is missing",
    "order_unknown": "day and month can't be told apart; say which"
    " comes first: trailcam times read-strip --date-order mdy (or dmy)",
    "half_unknown": "morning and evening can't be told apart",
    "unsure": "the characters were hard to read",
    "out_of_order": "contradicts the photos before and after it",
    "exif_differs": "contradicts the file's own EXIF time, which overrides it",
    "impossible": "a time in the future, or before 2000",
    "not_judged": "its folder is not finished: run the command again",
}


def strips(db: Connection, selection: Selection, *, with_exif: bool) -> Report:
    """What is known from strips now, of photos without an EXIF time or (``with_exif``) of all.

    ``read`` counts photos whose edges were looked at; ``dated`` those whose strip gives a time that counts.
    """
    with select(db, selection) as photos:
        found = strip_counts(photos, with_exif=with_exif)
        doubts = [
            {**row, "meaning": _MEANING.get(row["reason"], "")}
            for row in strip_doubts(photos, with_exif=with_exif)
        ]
    names = ("photos", "read", "dated", "agree", "differ", "unknown")
    coverage = {name: sum(row[name] for row in found) for name in names}
    return Report(
        name="strips",
        title="Times from strips",
        filters=selection.describe(),
        coverage=coverage,
        columns=_COLUMNS,
        rows=found,
        notes=_notes(coverage, with_exif=with_exif),
        sections=(Section("doubts", "No time from", _DOUBT_COLUMNS, doubts),),
    )


def _notes(coverage: dict[str, int], *, with_exif: bool) -> list[str]:
    notes = []
    if not coverage["photos"]:
        what = (
            "No photo fits." if with_exif else "Every photo has a time from EXIF; --all compares the strips."
        )
        return [what]
    if left := coverage["photos"] - coverage["read"]:
        notes.append(f"{count(left, 'photo')} not looked at yet.")
    if coverage["differ"]:
        notes.append(
            f"The strips of {count(coverage['differ'], 'photo')} contradict EXIF; `trailcam status` counts"
            " them as doubtful."
        )
    return notes
