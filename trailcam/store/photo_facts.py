"""All that the database holds of one photo."""

from __future__ import annotations

from typing import Any

from trailcam.store.database import Connection, rows
from trailcam.store.notes import NOTE_COLUMNS
from trailcam.store.select import Selected


def photo_facts(photos: Selected, image_id: int) -> dict[str, Any]:
    """The row of one of the photos with the names of its root, station and model."""
    (found,) = rows(
        photos.db,
        "SELECT i.image_id, r.name AS root, r.path AS root_path, i.path, st.name AS station, s.status,"
        " i.error_code, i.error_message, i.captured_at, i.captured_at_source, i.captured_at_reason,"
        " i.captured_at_suspect, i.utc_offset_min, i.make, i.model, i.serial, i.width, i.height,"
        " i.orientation, i.size_bytes, i.is_video, i.duration_s, i.frame_rate, i.codec, t.frames,"
        " CASE WHEN m.clip_id = i.image_id THEN m.still_id ELSE m.clip_id END AS same_trigger,"
        " s.run_id, runs.weights_name, "
        + ", ".join(f"i.{name}" for name in NOTE_COLUMNS)
        + " FROM images i JOIN selected s USING (image_id) JOIN roots r ON r.root_id = i.root_id"
        " JOIN stations st ON st.station_id = i.station_id LEFT JOIN runs ON runs.run_id = s.run_id"
        " LEFT JOIN results t ON t.run_id = s.run_id AND t.image_id = i.image_id"
        " LEFT JOIN stills m ON i.image_id IN (m.clip_id, m.still_id)"
        " WHERE i.image_id = ?",
        [image_id],
    )
    return found


def photo_times(db: Connection, image_id: int) -> list[dict[str, Any]]:
    """Every time that was read of one image, those that may be chosen first."""
    return rows(
        db,
        "SELECT source, value, counts, confidence, suspect, reason, detail FROM time_readings"
        " WHERE image_id = ?"
        " ORDER BY counts DESC, source",
        [image_id],
    )
