"""What the page of bucks is made of: every box of a buck, with its visit and its name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from trailcam.domain import Kind
from trailcam.store.database import Connection, rows
from trailcam.store.named import Named
from trailcam.store.paths import from_db
from trailcam.store.visits import Level, join_visits


def buck_boxes(named: Named, gap: timedelta) -> list[dict[str, Any]]:
    """Every box of a buck that counts, by station, visit, time and place.

    event numbers the visits of a station, None without a capture time; captured_us is the camera's time in
    microseconds since 1970; name, None where nobody gave one, and spot, None where nobody spoke of it. size,
    mtime_ns and content_id tell the file.
    """
    with join_visits(named.counted, gap, Level.KIND, kinds=[Kind.BUCK]):
        found = rows(
            named.db,
            "SELECT c.image_id, c.root_id, c.path, c.station, s.event,"
            " epoch_us(c.captured_at) AS captured_us,"
            " i.captured_at_suspect AS suspect, i.size_bytes, i.mtime_ns, i.content_id, c.age_class,"
            " c.confidence, c.x, c.y, c.w, c.h, c.frame_s, n.spot, n.name, n.naming_id"
            " FROM counted c JOIN image_sightings s USING (image_id) JOIN images i ON i.image_id = c.image_id"
            " LEFT JOIN named n ON n.image_id = c.image_id AND n.kind IS NOT NULL"
            " AND (n.x, n.y, n.w, n.h) = (c.x, c.y, c.w, c.h)"
            " WHERE c.kind = 'buck'"
            " ORDER BY c.station, s.event NULLS LAST, s.steady_at, c.image_id, c.x, c.y, c.w, c.h, c.class",
        )
    return [{**row, "path": from_db(row["path"])} for row in found]


def places_of_stations(db: Connection) -> dict[str, tuple[float, float] | None]:
    """Station -> latitude and longitude, None where they aren't known."""
    found = db.execute("SELECT name, latitude, longitude FROM stations").fetchall()
    return {
        str(name): None if latitude is None or longitude is None else (float(latitude), float(longitude))
        for name, latitude, longitude in found
    }
