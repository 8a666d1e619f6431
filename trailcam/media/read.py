"""One file to one Image record. A bad file is a record with an error, never an exception."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from trailcam.domain import FileKey, Image
from trailcam.media.capture_time import NO_TIMES, best, readings
from trailcam.media.exif import UnreadableImageError, read_header
from trailcam.media.station import StationRule


def read_image(root: Path, key: FileKey, rule: StationRule, now: datetime) -> Image:
    """Read what ``root / key.path`` says of itself; ``now`` bounds believable capture times.

    A file that can't be read gets ``error_code`` (empty_file, not_an_image, unreadable, vanished) and
    ``error_message``; its station and the time in its name still hold. Safe in threads and spawned processes.
    """
    name = key.path.rsplit("/", 1)[-1]
    station = rule.station(key.path)
    try:
        header = read_header(os.path.join(root, key.path))  # noqa: PTH118 - half the cost of a Path
    except UnreadableImageError as error:
        named = readings(NO_TIMES, name, now)
        captured, reason = best(named)
        return Image(
            key=key,
            station=station,
            captured=captured,
            captured_reason=reason,
            readings=tuple(named),
            error_code=error.code,
            error_message=error.message,
        )
    found = readings(header.times, name, now, header.note.at if header.note else None)
    captured, reason = best(found)
    return Image(
        key=key,
        station=station,
        captured=captured,
        captured_reason=reason,
        readings=tuple(found),
        make=header.make,
        model=header.model,
        serial=header.serial,
        width=header.width,
        height=header.height,
        orientation=header.orientation,
        latitude=header.latitude,
        longitude=header.longitude,
        content_id=header.content_id,
        note=header.note,
    )
