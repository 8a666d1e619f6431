"""What the check of cameras' clocks reads and writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from trailcam.store.columns import asked, insert, texts
from trailcam.store.database import Connection, lent, query, rows, utc_now
from trailcam.store.paths import from_db


@dataclass(frozen=True, slots=True)
class ClockStation:
    """A station to check: place in degrees of WGS 84, zone by IANA's name, None where not known."""

    station_id: int
    name: str
    latitude: float | None
    longitude: float | None
    timezone: str | None


@dataclass(frozen=True, slots=True)
class ClockShot:
    """One photo's times by source, naive local; ``own`` is the doubt about the chosen one by itself.

    ``path`` is relative to its root. ``infrared`` is what the camera notes of itself; ``colour``: see
    ``trailcam.clock.infrared.colour_of``, None: nobody looked. One that doesn't count is missing, a copy
    or a thumbnail.
    """

    image_id: int
    root_id: int
    path: str
    camera: str
    captured_at: datetime | None
    captured_at_source: str
    captured_at_suspect: str | None
    utc_offset_min: int | None
    exif_at: datetime | None
    noted_at: datetime | None
    modified_at: datetime | None
    named_at: datetime | None
    named_offset_min: int | None
    strip_at: datetime | None
    strip_differs: bool
    own: str | None
    infrared: bool | None
    colour: float | None
    counts: bool


def clock_stations(db: Connection, names: Sequence[str] = (), *, stale: bool = False) -> list[ClockStation]:
    """Stations by name (none: all); ``stale``: those with anything new since their clocks were checked."""
    found = rows(
        db,
        "SELECT station_id, name, latitude, longitude, timezone FROM stations st"
        + (
            " WHERE clock_checked_at IS NULL OR EXISTS (SELECT 1 FROM images i"
            " WHERE i.station_id = st.station_id AND i.scanned_at >= st.clock_checked_at)"
            if stale
            else ""
        )
        + " ORDER BY name",
    )
    wanted = {name.lower() for name in names}
    return [ClockStation(**row) for row in found if not wanted or str(row["name"]).lower() in wanted]


def clock_shots(db: Connection, station_id: int) -> list[ClockShot]:
    """All photos of a station."""
    found = rows(db, query("clock_shots"), {"station_id": station_id})
    return [ClockShot(**{**row, "path": from_db(row["path"])}) for row in found]


def clock_sources(db: Connection, infrared_below: float) -> list[dict[str, Any]]:
    """By station: sources of times and how many photos are infrared, as rows of ``clock_sources.sql``.

    A photo of unknown light is infrared from a colour of ``infrared_below`` down (see
    ``trailcam.clock.infrared.colour_of``).
    """
    return rows(db, query("clock_sources"), {"infrared_below": infrared_below})


def save_doubts(db: Connection, doubts: Mapping[int, str | None]) -> None:
    """Set the doubt of images (ids); None takes it away."""
    if not doubts:
        return
    new = {"image_id": np.array(list(doubts), np.int64), "doubt": texts(doubts.values())}
    with lent(db, new_doubts=new):
        db.execute(
            "UPDATE images SET captured_at_suspect = n.doubt FROM new_doubts n"
            " WHERE n.image_id = images.image_id"
        )


def mark_checked(db: Connection, station_ids: Iterable[int]) -> None:
    """Note that these stations' clocks were checked now."""
    for station_id in station_ids:
        db.execute("UPDATE stations SET clock_checked_at = ? WHERE station_id = ?", [utc_now(), station_id])


def mark_unchecked(db: Connection, image_ids: Iterable[int]) -> None:
    """Note that the stations of these images are to be checked again."""
    with asked(db, image_ids):
        db.execute(
            "UPDATE stations SET clock_checked_at = NULL WHERE station_id IN"
            " (SELECT station_id FROM images JOIN asked USING (image_id))"
        )


def unlit(db: Connection, names: Sequence[str]) -> list[tuple[int, int, str]]:
    """Image id, root id and path of photos that are there and that nobody has seen infrared or in colour."""
    found = db.execute(
        "SELECT i.image_id, i.root_id, i.path, st.name FROM images i JOIN stations st USING (station_id)"
        " WHERE i.status <> 'missing' AND i.error_code IS NULL AND i.infrared IS NULL"
        " AND i.image_id NOT IN (SELECT image_id FROM image_light) ORDER BY i.root_id, i.path"
    ).fetchall()
    wanted = {name.lower() for name in names}
    return [
        (int(image_id), int(root_id), from_db(str(path)))
        for image_id, root_id, path, station in found
        if not wanted or str(station).lower() in wanted
    ]


def save_light(db: Connection, seen: Sequence[tuple[int, float]]) -> None:
    """Keep how colourful images (ids) are, once each; their stations are to be checked again."""
    ids = np.array([image_id for image_id, _ in seen], np.int64)
    with asked(db, ids.tolist()):
        db.execute("DELETE FROM image_light WHERE image_id IN (SELECT image_id FROM asked)")
    insert(db, "image_light", {"image_id": ids, "colour": np.array([c for _, c in seen], np.float32)})
    mark_unchecked(db, ids.tolist())
