"""When cameras didn't work, as people know it: battery, card, covered lens. No camera-days then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from trailcam.store.columns import insert_row
from trailcam.store.database import Connection, query, rows, utc_now
from trailcam.store.paths import from_db
from trailcam.store.station_facts import find_station

REASONS = ("battery", "card", "lens", "moved", "stolen", "other")


@dataclass(frozen=True, slots=True)
class Gap:
    """Days on which a station's camera didn't work, first and last included. ``reason`` is one of REASONS."""

    station: str
    first_day: date
    last_day: date
    reason: str


def declare(db: Connection, gaps: Sequence[Gap], author: str) -> int:
    """Note gaps; returns how many were new. Raises UsageError for a station that doesn't exist."""
    n = 0
    for gap in gaps:
        row = {
            "station_id": find_station(db, gap.station).station_id,
            "first_day": gap.first_day,
            "last_day": gap.last_day,
            "reason": gap.reason,
        }
        known = db.execute(
            "SELECT 1 FROM effort_gaps WHERE station_id = $station_id AND first_day = $first_day"
            " AND last_day = $last_day AND reason = $reason",
            row,
        ).fetchall()
        if not known:
            insert_row(db, "effort_gaps", {**row, "author": author, "made_at": utc_now()})
            n += 1
    return n


def remove(db: Connection, station: str, first_day: date, last_day: date) -> int:
    """Take back all gaps of a station that lie within these days; returns how many."""
    within = {"id": find_station(db, station).station_id, "first": first_day, "last": last_day}
    gone = db.execute(
        "DELETE FROM effort_gaps WHERE station_id = $id AND first_day >= $first AND last_day <= $last"
        " RETURNING station_id",
        within,
    ).fetchall()
    return len(gone)


def blank_days(db: Connection) -> list[dict[str, Any]]:
    """Days of a station on which no photo shows anything: station, day, paths of up to three photos."""
    return [
        {**row, "paths": [Path(from_db(root)) / from_db(path) for root, path in row["paths"]]}
        for row in rows(db, query("effort_blank_days"))
    ]
