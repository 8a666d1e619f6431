"""What a digest says of named bucks: who was named since the last one, and how long he had been away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from trailcam.reports.base import CellType, Column, Row, Section
from trailcam.reports.common import Question
from trailcam.store.counted import count_boxes
from trailcam.store.named_visits import Sighting, join_named_visits
from trailcam.store.select import Selected
from trailcam.words.text import count, printable

AWAY_DAYS = 7
"""A buck that was seen in the last week isn't back."""
_COLUMNS = (
    Column("name", "buck", CellType.TEXT, wraps=True),
    Column("events", "visits", CellType.COUNT),
    Column("latest", "latest", CellType.TEXT),
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("days_away", "days away before", CellType.COUNT),
)


@dataclass(frozen=True, slots=True)
class Returns:
    """Named bucks as a section for programs, and as lines for people."""

    section: Section
    lines: list[str]


def named_returns(photos: Selected, question: Question, since: datetime | None) -> Returns:
    """Bucks that were named since then (UTC without zone), the latest first; None: nothing, as all is new.

    Rows: name, events (their visits in which a photo was named since), latest (the last of these, camera
    time) and its station, days_away (between the visit before and the first of them; None: there was none).
    """
    rows: list[Row] = []
    if since is not None:
        with (
            count_boxes(photos, question.confidence) as counted,
            join_named_visits(counted, question.gap) as visits,
        ):
            found = visits.begun(since)
        rows = [row for _, own in groupby(found, key=lambda s: s.name) if (row := _row(list(own)))]
        rows.sort(key=lambda row: row["latest"], reverse=True)
    return Returns(Section("bucks", "Named since", _COLUMNS, rows, ((), ())), [_line(row) for row in rows])


def _row(visits: Sequence[Sighting]) -> Row | None:
    """Of one buck's visits by time, those that are new."""
    new = [n for n, visit in enumerate(visits) if visit.is_new]
    if not new:
        return None
    first = new[0]
    before = visits[first - 1].begins_at if first else None
    latest = visits[new[-1]]
    return {
        "name": latest.name,
        "events": len(new),
        "latest": latest.begins_at.isoformat(" ", "minutes"),
        "station": latest.station,
        "days_away": (visits[first].begins_at - before).days if before else None,
    }


def _line(row: Row) -> str:
    where = f"{printable(row['station'])}, {row['latest']}"
    name, away = printable(row["name"]), row["days_away"]
    if away is None:
        return f"{name} has a name: {count(row['events'], 'visit')}, the latest at {where}."
    if away >= AWAY_DAYS:
        return f"{name} back after {count(away, 'day')}: {where}."
    return f"{name} again: {count(row['events'], 'visit')}, the latest at {where}."
