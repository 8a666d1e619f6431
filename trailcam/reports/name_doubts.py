"""Names that can't all be right: one buck at two stations within the same minute."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

from trailcam.reports.base import CellType, Column, Row, Section
from trailcam.selection import Selection
from trailcam.store.counted import count_boxes
from trailcam.store.database import Connection
from trailcam.store.named_visits import Twice, join_named_visits
from trailcam.store.select import select
from trailcam.words.text import printable

FAR_M = 200.0
"""Stations further apart than this no deer passes in the same minute at its usual pace."""
_EARTH_M = 6_371_000.0

DOUBT_COLUMNS = (
    Column("name", "buck", CellType.TEXT, wraps=True),
    Column("at", "at", CellType.TEXT),
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("other_at", "and at", CellType.TEXT),
    Column("other_station", "station", CellType.TEXT, wraps=True),
    Column("metres", "metres apart", CellType.COUNT, null="unknown"),
    Column("photo", "photo", CellType.COUNT),
    Column("other_photo", "photo", CellType.COUNT),
)


def metres_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The distance of two places (latitude, longitude in degrees) on a sphere."""
    (lat, lon), (lat2, lon2) = ((math.radians(d), math.radians(e)) for d, e in (one, other))
    half = math.sin((lat2 - lat) / 2) ** 2 + math.cos(lat) * math.cos(lat2) * math.sin((lon2 - lon) / 2) ** 2
    return 2 * _EARTH_M * math.asin(min(1.0, math.sqrt(half)))


def doubts_of(found: Sequence[Twice]) -> Section:
    """Those at stations that are far apart, or whose distance isn't known, as rows."""
    rows: list[Row] = []
    for twice in found:
        metres = metres_between(*twice.places) if twice.places else None
        if metres is not None and metres <= FAR_M:
            continue
        rows.append(
            {
                "name": twice.name,
                "at": twice.times[0].isoformat(" ", "seconds"),
                "station": twice.stations[0],
                "other_at": twice.times[1].isoformat(" ", "seconds"),
                "other_station": twice.stations[1],
                "metres": None if metres is None else round(metres),
                "photo": twice.photos[0],
                "other_photo": twice.photos[1],
            }
        )
    return Section("doubts", "One buck at two stations in the same minute", DOUBT_COLUMNS, rows)


def doubt_sentences(db: Connection, names: Sequence[str]) -> list[str]:
    """The same in sentences, for some names, over all photos."""
    with (
        select(db, Selection()) as photos,
        count_boxes(photos, None) as counted,
        join_named_visits(counted, timedelta()) as visits,
    ):
        rows = doubts_of([twice for twice in visits.twice() if twice.name in names]).rows
    return [
        f"{printable(row['name'])} was at {printable(row['station'])} ({row['at']}, photo {row['photo']})"
        f" and at {printable(row['other_station'])} ({row['other_at'][11:]}, photo {row['other_photo']}):"
        f" {_apart(row)}"
        for row in rows
    ]


def _apart(row: Row) -> str:
    if row["metres"] is None:
        return (
            "how far apart these are isn't known; `trailcam stations set` takes coordinates."
            " One of the two may be another buck."
        )
    return f"{row['metres']:,} m apart. One of the two is another buck, or a camera's clock is wrong."
