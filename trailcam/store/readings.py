"""Every time that was read of a photo, by its source, and which of them is the photo's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from trailcam.domain import CaptureTime, TimeSource
from trailcam.store.columns import asked, insert, integers, numbers, texts, times
from trailcam.store.database import Connection, lent
from trailcam.store.paths import from_db
from trailcam.store.select import Selected


@dataclass(frozen=True, slots=True)
class Reading:
    """One time that was read of a photo; ``time.at`` None: looked at, and there was none.

    ``counts``: it may be chosen; ``reason`` says why not. ``confidence`` is 0..1, None where the source knows
    none. ``detail`` is JSON, what else was read in that place.
    """

    image_id: int
    time: CaptureTime
    counts: bool = True
    confidence: float | None = None
    reason: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Shot:
    """A photo as the strip reader needs it.

    ``path`` is relative to the root, ``camera`` the make, model and serial that the file states. ``exif_at``
    is when EXIF says that it was taken. ``detail`` and ``reason`` are those of the strip's reading, None
    where the strip was never read. ``selected``: it was asked for.
    """

    image_id: int
    path: str
    station: str
    camera: str
    orientation: int
    exif_at: datetime | None
    selected: bool
    detail: str | None = None
    reason: str | None = None


def save_readings(db: Connection, readings: Sequence[Reading], read_at: datetime) -> None:
    """Keep readings; one of the same photo and source is replaced. ``read_at`` is UTC without zone."""
    if not readings:
        return
    found = [reading.time for reading in readings]
    columns = {
        "image_id": np.array([reading.image_id for reading in readings], np.int64),
        "source": texts([time.source.value for time in found]),
        "value": times([time.at for time in found]),
        "counts": np.array([r.counts and r.time.at is not None for r in readings], np.bool_),
        "confidence": numbers([reading.confidence for reading in readings]),
        "suspect": texts([time.suspect for time in found]),
        "utc_offset_min": integers([time.utc_offset_min for time in found], np.int16),
        "reason": texts([reading.reason for reading in readings]),
        "detail": texts([reading.detail for reading in readings]),
        "read_at": np.full(len(readings), read_at, dtype="datetime64[us]"),
    }
    with lent(db, new_readings={name: columns[name] for name in ("image_id", "source")}):
        db.execute(
            "DELETE FROM time_readings USING new_readings n"
            " WHERE time_readings.image_id = n.image_id AND time_readings.source = n.source"
        )
    insert(db, "time_readings", columns)


def counting_readings(db: Connection, image_ids: Iterable[int]) -> dict[int, list[CaptureTime]]:
    """Per image the readings that may be chosen; images without any are not in it."""
    with asked(db, image_ids):
        found = db.execute(
            "SELECT image_id, value, source, suspect, utc_offset_min FROM time_readings"
            " JOIN asked USING (image_id) WHERE counts"
        ).fetchall()
    by_image: dict[int, list[CaptureTime]] = {}
    for image_id, at, source, suspect, offset in found:
        time = CaptureTime(at, TimeSource(source), suspect, offset)
        by_image.setdefault(int(image_id), []).append(time)
    return by_image


def save_choices(db: Connection, choices: Sequence[tuple[int, CaptureTime, str | None]]) -> None:
    """Give images (ids) their times, each with its reason."""
    if not choices:
        return
    chosen = {
        "image_id": np.array([image_id for image_id, _, _ in choices], np.int64),
        "at": times([time.at for _, time, _ in choices]),
        "source": texts([time.source.value for _, time, _ in choices]),
        "suspect": texts([time.suspect for _, time, _ in choices]),
        "utc_offset_min": integers([time.utc_offset_min for _, time, _ in choices], np.int16),
        "reason": texts([reason for _, _, reason in choices]),
    }
    with lent(db, chosen=chosen):
        db.execute(
            "UPDATE images SET captured_at = c.at, captured_at_source = c.source,"
            " captured_at_suspect = c.suspect, utc_offset_min = c.utc_offset_min,"
            " captured_at_reason = c.reason FROM chosen c WHERE images.image_id = c.image_id"
        )
        db.execute(
            "UPDATE stations SET clock_checked_at = NULL WHERE station_id IN"
            " (SELECT station_id FROM images JOIN chosen USING (image_id))"
        )


def undated(db: Connection, image_ids: Iterable[int]) -> int:
    """How many of the images (ids) have no time."""
    with asked(db, image_ids):
        ((n,),) = db.execute(
            "SELECT count(*) FROM images JOIN asked USING (image_id) WHERE captured_at IS NULL"
        ).fetchall()
    return int(n)


def shots_by_camera(photos: Selected) -> dict[tuple[int, str, str], list[Shot]]:
    """The photos that are there and could be read, by root id, folder and camera.

    Only folders and cameras with a selected photo, but of those all photos: they are each other's evidence.
    """
    found = photos.db.execute(
        "SELECT i.root_id, i.image_id, i.path, st.name, concat_ws(' ', i.make, i.model, i.serial),"
        " i.orientation, e.value, s.image_id IS NOT NULL, r.detail, r.reason"
        " FROM images i JOIN stations st USING (station_id)"
        " LEFT JOIN selected s ON s.image_id = i.image_id"
        " LEFT JOIN (SELECT image_id, arg_min(value, source) AS value FROM time_readings"
        "   WHERE source IN ('exif', 'exif_digitized', 'maker_note') GROUP BY image_id) e"
        " ON e.image_id = i.image_id"
        " LEFT JOIN time_readings r ON r.image_id = i.image_id AND r.source = 'strip'"
        " WHERE i.status <> 'missing' AND i.error_code IS NULL AND i.duplicate_of IS NULL"
        " ORDER BY i.root_id, i.path"
    ).fetchall()
    groups: dict[tuple[int, str, str], list[Shot]] = {}
    for root_id, image_id, stored, station, camera, orientation, exif_at, selected, detail, reason in found:
        path = from_db(str(stored))
        folder = path.rpartition("/")[0]
        shot = Shot(
            int(image_id), path, station, camera, int(orientation), exif_at, bool(selected), detail, reason
        )
        groups.setdefault((int(root_id), folder, camera), []).append(shot)
    return {key: shots for key, shots in groups.items() if any(shot.selected for shot in shots)}
