"""``bucks list``: the names that people gave, what was last changed, and names that can't all be right."""

from __future__ import annotations

from datetime import timedelta

from trailcam.reports.base import CellType, Column, Report, Row, Section
from trailcam.reports.name_doubts import doubts_of
from trailcam.selection import Selection
from trailcam.store.counted import count_boxes
from trailcam.store.database import Connection
from trailcam.store.named_visits import join_named_visits
from trailcam.store.names import Naming, history
from trailcam.store.select import select
from trailcam.words.text import count

_COLUMNS = (
    Column("name", "buck", CellType.TEXT, wraps=True),
    Column("events", "visits", CellType.COUNT),
    Column("photos", "photos", CellType.COUNT),
    Column("stations", "stations", CellType.COUNT),
    Column("first_sighting", "first seen", CellType.TEXT, null="undated"),
    Column("last_sighting", "last seen", CellType.TEXT, null="undated"),
)
_HISTORY_COLUMNS = (
    Column("naming", "naming", CellType.COUNT),
    Column("what", "what", CellType.TEXT),
    Column("name", "name", CellType.TEXT, null="not sure", wraps=True),
    Column("into", "now", CellType.TEXT, null="", wraps=True),
    Column("boxes", "boxes", CellType.COUNT, hide_zero=True),
    Column("author", "by", CellType.TEXT, wraps=True),
    Column("made_at", "at (UTC)", CellType.TEXT),
)
_LATEST = 10


def name_list(db: Connection, gap: timedelta) -> Report:
    """A row for each name; sections: the namings in force, the newest first, and doubts."""
    with (
        select(db, Selection()) as photos,
        count_boxes(photos, None) as counted,
        join_named_visits(counted, gap) as visits,
    ):
        found = visits.counts([], 1)
        doubts = doubts_of(visits.twice())
    acts = history(db)
    rows: list[Row] = [
        {
            **{key: row[key] for key in ("name", "events", "photos", "stations")},
            "first_sighting": row["first_at"] and row["first_at"].isoformat(" ", "minutes"),
            "last_sighting": row["last_at"] and row["last_at"].isoformat(" ", "minutes"),
        }
        for row in found
    ]
    past = [_act(act) for act in acts]
    notes = [] if rows else ["No buck has a name yet: `trailcam bucks page` helps to give some."]
    if len(past) > _LATEST:
        notes.append(
            f"The latest {_LATEST} of {count(len(past), 'naming')} are listed; --format json has all."
        )
    return Report(
        name="buck_names",
        title="Bucks by name",
        filters={},
        coverage={"photos": sum(row["photos"] for row in rows)},
        columns=_COLUMNS,
        rows=rows,
        notes=notes,
        sections=(
            Section(
                "namings",
                "What was named, the newest first (`trailcam bucks undo NAMING`)",
                _HISTORY_COLUMNS,
                past,
                (_HISTORY_COLUMNS, past[:_LATEST]),
            ),
            doubts,
        ),
    )


def _act(act: Naming) -> Row:
    return {
        "naming": act.naming_id,
        "what": act.kind,
        "name": act.name,
        "into": act.into,
        "boxes": act.boxes,
        "author": act.author,
        "made_at": act.made_at.isoformat(" ", "minutes"),
    }
