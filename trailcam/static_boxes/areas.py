"""Areas of a station's pictures in which nothing counts, by command. (A page draws them as well.)"""

from __future__ import annotations

from trailcam.errors import UsageError
from trailcam.static_boxes.polygon import Points
from trailcam.store.database import Connection, utc_now
from trailcam.store.static_known import area_rows
from trailcam.store.static_rows import Area, record_areas, remove_areas
from trailcam.store.station_facts import find_station
from trailcam.words.text import printable


def add_area(db: Connection, station: str, points: Points, author: str) -> tuple[int, str]:
    """Exclude an area; returns its number and the station's name. Raises UsageError for a wrong station."""
    found, now = find_station(db, station), utc_now()
    record_areas(db, [Area(found.station_id, points, now)], author=author, now=now)
    return max(row["area_id"] for row in area_rows(db)), found.name


def drop_areas(db: Connection, station: str, area_id: int | None, author: str) -> int:
    """Remove a station's area, None: all of them; returns how many. Raises UsageError where there is none."""
    found = find_station(db, station)
    here = [row["area_id"] for row in area_rows(db) if row["station_id"] == found.station_id]
    taken = [number for number in here if area_id in (None, number)]
    if not taken:
        which = "no excluded area" if area_id is None else f"no area {area_id}"
        raise UsageError(
            f"{printable(found.name)} has {which}.", "`trailcam static area list` shows the areas."
        )
    remove_areas(db, taken, author)
    return len(taken)
