"""``times check``: where each station's times come from, which are in doubt and why, and gaps."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from trailcam.clock.check_clocks import Finding
from trailcam.clock.doubt import ACCUSE_NO_CLOCK, MEANING, OFFSET_DIFFERS
from trailcam.domain import TimeSource
from trailcam.reports.base import CellType, Column, Report, Row, Section, share
from trailcam.reports.common import Question
from trailcam.store.camera_days import make_camera_days
from trailcam.store.clock_facts import clock_sources
from trailcam.store.database import Connection
from trailcam.words.text import count, printable

# Columns are only ever added at the end.
_LATER_SOURCES = tuple(
    source.value
    for source in (
        *(TimeSource.XMP, TimeSource.IPTC, TimeSource.PNG_TEXT, TimeSource.GPS),
        *(TimeSource.STILL, TimeSource.CONTAINER),
    )
)
_SOURCES = tuple(source.value for source in TimeSource if source.value not in _LATER_SOURCES)
_HEADINGS = {
    "exif_digitized": "digitized",
    "maker_note": "maker note",
    "exif_modified": "modified",
    "filename": "file name",
    "png_text": "PNG text",
    "xmp": "XMP",
    "iptc": "IPTC",
    "gps": "GPS",
    "still": "still",
    "container": "video",
}
_COLUMNS = (
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("photos", "photos", CellType.COUNT),
    Column("first_photo", "first photo", CellType.TEXT, spare=2),
    Column("last_photo", "last photo", CellType.TEXT, spare=3),
    *(Column(name, _HEADINGS.get(name, name), CellType.SHARE, hide_zero=True) for name in _SOURCES),
    Column("suspect", "suspect", CellType.COUNT),
    Column("gaps", "gaps", CellType.COUNT),
    Column("gap_days", "gap days", CellType.COUNT),
    Column("longest_gap_days", "longest", CellType.COUNT, spare=1),
    Column("infrared", "infrared", CellType.COUNT, hide_zero=True, spare=0),
    Column("light_known", "light known", CellType.COUNT, shown=False),
    Column("sun", "sun known", CellType.FLAG, shown=False),
    Column("timezone", "time zone", CellType.TEXT, shown=False),
    *(Column(name, _HEADINGS[name], CellType.SHARE, hide_zero=True) for name in _LATER_SOURCES),
)
_FINDING_COLUMNS = (
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("doubt", "doubt", CellType.TEXT),
    Column("photos", "photos", CellType.COUNT),
    Column("first_at", "from", CellType.TEXT),
    Column("last_at", "to", CellType.TEXT),
    Column("first_path", "first file", CellType.TEXT, wraps=True),
    Column("last_path", "last file", CellType.TEXT, spare=1, wraps=True),
    Column("by", "perhaps --by", CellType.TEXT, null=""),
    Column("meaning", "meaning", CellType.TEXT, spare=2, wraps=True),
    Column("folder", "folder", CellType.TEXT, shown=False),
    Column("camera", "camera", CellType.TEXT, shown=False),
)
_GAP_COLUMNS = (
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("first_day", "silent from", CellType.TEXT),
    Column("last_day", "to", CellType.TEXT),
    Column("days", "days", CellType.COUNT),
)


def times_check(
    db: Connection,
    stations: Sequence[str],
    findings: Sequence[Finding],
    question: Question,
    *,
    infrared_below: float,
) -> Report:
    """One row for each of ``stations`` (names) with photos.

    Shares of sources are of the station's photos, 0..1. ``suspect`` counts photos in ``findings``; gaps are
    breaks of more than the question's ``silent_days`` between days with photos whose time is not in doubt.
    ``infrared`` is of the ``light_known`` photos. The question's time zone and place stand in for what a
    station lacks. Times are the camera's own, ISO 8601 without zone.
    """
    silent_days, timezone = question.silent_days, question.timezone
    with make_camera_days(db, silent_days) as worked:
        silences = worked.silences()
    wanted = set(stations)
    accused: dict[str, int] = {}
    for one in findings:
        if one.doubt.word not in ACCUSE_NO_CLOCK:
            accused[one.station] = accused.get(one.station, 0) + one.photos
    gaps = [row for row in silences if row["station"] in wanted]
    found = []
    for row in clock_sources(db, infrared_below):
        if row["station"] not in wanted:
            continue
        own = [gap["days"] for gap in gaps if gap["station"] == row["station"]]
        cells: Row = {
            **row,
            **{
                name: share(row["sources"].get(name, 0), row["photos"])
                for name in (*_SOURCES, *_LATER_SOURCES)
            },
            "timezone": row["timezone"] or timezone,
            "sun": (row["latitude"] is not None or question.place is not None)
            and bool(row["timezone"] or timezone),
            "suspect": accused.get(row["station"], 0),
            "gaps": len(own),
            "gap_days": sum(own),
            "longest_gap_days": max(own, default=0),
        }
        found.append({column.name: cells[column.name] for column in _COLUMNS})
    return Report(
        name="times_check",
        title="Capture times",
        filters={"stations": sorted(wanted), "silent_days": silent_days},
        coverage={
            "photos": sum(row["photos"] for row in found),
            "suspect": sum(accused.values()),
            "light_known": sum(row["light_known"] for row in found),
        },
        columns=_COLUMNS,
        rows=found,
        notes=_notes(found, findings, silent_days),
        headline=_headline(found, findings),
        sections=(
            Section("suspects", "In doubt", _FINDING_COLUMNS, [_finding_row(one) for one in findings]),
            Section("gaps", "Gaps", _GAP_COLUMNS, gaps),
        ),
    )


def _finding_row(one: Finding) -> Row:
    return {
        "station": one.station,
        "doubt": one.doubt.word,
        "photos": one.photos,
        "first_at": one.first_at.isoformat(sep=" ", timespec="seconds"),
        "last_at": one.last_at.isoformat(sep=" ", timespec="seconds"),
        "first_path": one.first_path,
        "last_path": one.last_path,
        "by": one.doubt.by,
        "meaning": MEANING[one.doubt.word],
        "folder": one.folder,
        "camera": one.camera or None,
    }


def _headline(found: Sequence[Row], findings: Sequence[Finding]) -> str:
    photos = sum(row["photos"] for row in found)
    if not photos:
        return ""
    undated = sum(round(row["photos"] * (row[TimeSource.UNKNOWN] or 0)) for row in found)
    suspects = sum(one.photos for one in findings if one.doubt.word not in ACCUSE_NO_CLOCK)
    doubt = f"{count(suspects, 'photo')} in doubt" if suspects else "no clock is in doubt"
    have = "has" if photos == 1 else "have"
    return f"{photos - undated:,} of {count(photos, 'photo')} {have} a capture time; {doubt}."


def _notes(found: Sequence[Row], findings: Sequence[Finding], silent_days: int) -> list[str]:
    notes = []
    if any(row["gaps"] for row in found):
        notes.append(f"A gap is a break of more than {count(silent_days, 'day')} without a photo.")
    if accused := [one for one in findings if one.doubt.word not in ACCUSE_NO_CLOCK]:
        one = next((one for one in accused if one.doubt.by), accused[0])
        where = ["--station", one.station, *(["--folder", one.folder] if one.folder else [])]
        days = f"--since {one.first_at:%Y-%m-%d} --until {one.last_at:%Y-%m-%d}"
        command = f"times shift {printable(shlex.join(where))} {days} --by {one.doubt.by or '0h'}"
        notes.append(
            f"Photos in doubt don't count for camera-days. `trailcam {command}` shows a correction, and"
            " --apply makes it; --by 0h confirms the times."
        )
    if offsets := sum(one.photos for one in findings if one.doubt.word == OFFSET_DIFFERS):
        notes.append(
            f"{count(offsets, 'photo')} with a UTC offset that is hours from the station's. The times stay;"
            " legal light uses the station's time zone, and is unknown without one."
        )
    if placeless := sum(not row["sun"] for row in found):
        notes.append(
            f"{count(placeless, 'station')} without coordinates or a time zone: there, infrared and colour"
            " only tell noon from midnight."
        )
    photos, known = (sum(row[name] for row in found) for name in ("photos", "light_known"))
    if known < photos:
        notes.append(
            f"{count(photos - known, 'photo')} not checked against the sun: infrared or colour is unknown."
            " --look finds out."
        )
    return notes
