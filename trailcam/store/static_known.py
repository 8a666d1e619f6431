"""What is known of static places and excluded areas, without numpy: `status` asks it, and must be quick."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trailcam.store.database import Connection, query, rows
from trailcam.words.text import count


def place_rows(db: Connection) -> list[dict[str, Any]]:
    """Every place with all that is known of it, as rows of ``static_known.sql``."""
    return rows(db, query("static_known"))


@dataclass(frozen=True, slots=True)
class StaticSummary:
    """Places ``waiting`` for an answer, ``places`` confirmed (``automatic``: by the configuration), areas."""

    waiting: int
    places: int
    automatic: int
    areas: int


def summary(db: Connection) -> StaticSummary:
    """What there is in the whole library."""
    found = place_rows(db)
    things = [row for row in found if row["is_thing"]]
    return StaticSummary(
        waiting=sum(row["waiting"] > 0 for row in found),
        places=len(things),
        automatic=sum(row["automatic"] for row in things),
        areas=len(area_rows(db)),
    )


def waiting_in_words(db: Connection, since: datetime | None) -> list[str]:
    """That places have come to wait for an answer since a moment (UTC, naive; None: ever), if some have."""
    ((n,),) = db.execute(
        "SELECT count(*) FROM static_places"
        " WHERE waiting > 0 AND ($since::TIMESTAMP IS NULL OR waiting_since > $since)",
        {"since": since},
    ).fetchall()
    if not n:
        return []
    return [
        f"{count(n, 'new place')} may show a thing that never moves:"
        " `trailcam static find --page static.html` asks about each."
    ]


def area_rows(db: Connection) -> list[dict[str, Any]]:
    """The areas in force, by station and number: area_id, station_id (as it is by now), station, points,
    author, made_at."""
    found = rows(
        db,
        f"{query('station_was')} SELECT a.area_id, n.is_now AS station_id, s.name AS station, a.points,"
        " a.author, a.made_at FROM static_areas a JOIN station_now n ON n.was = a.station_id"
        " JOIN stations s ON s.station_id = n.is_now WHERE a.undone_at IS NULL ORDER BY s.name, area_id",
    )
    return [
        {**row, "points": list(zip(row["points"][::2], row["points"][1::2], strict=True))} for row in found
    ]
