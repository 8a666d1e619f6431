"""What a gallery shows: boxes, how far photos were looked at, and people to blur."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from trailcam.domain import FALLBACK_CONFIDENCE
from trailcam.store.animals import animals_of
from trailcam.store.counted import Counted
from trailcam.store.database import query, rows
from trailcam.store.named import join_names
from trailcam.store.select import Selected
from trailcam.store.visits import gap_us


def gallery_boxes(
    counted: Counted, lowest: float, gap: timedelta, *, per_visit: bool
) -> list[dict[str, Any]]:
    """The rows of ``gallery.sql``, from confidence ``lowest`` (0..1) on; see ``animals_of``."""
    params = {"confidence": counted.confidence, "fallback": FALLBACK_CONFIDENCE, "lowest": lowest}
    with animals_of(counted, gap_us(gap), per_visit=per_visit).save(counted.db), join_names(counted):
        return rows(counted.db, query("gallery"), params)


def gallery_coverage(photos: Selected) -> list[dict[str, Any]]:
    """By station, month and hour: how many photos are of each status; a photo and its video are one."""
    return rows(photos.db, query("gallery_coverage"))


def people_to_blur(counted: Counted, blur_from: float) -> list[dict[str, Any]]:
    """Every box of a person (image_id, x, y, w, h) from ``blur_from`` (0..1) on, by image."""
    return rows(counted.db, query("gallery_people"), {"blur_from": blur_from})


def framed(counted: Counted, images: Sequence[int]) -> list[dict[str, Any]]:
    """Each of the photos: image_id, root_id, path, and the box (x, y, w, h) about all that counts on it."""
    return rows(
        counted.db,
        "SELECT image_id, root_id, path, min(x) AS x, min(y) AS y, max(x + w) - min(x) AS w,"
        " max(y + h) - min(y) AS h, any_value(frame_s) AS frame_s FROM counted c"
        # Of a video, what is on the frame of its surest box.
        " WHERE list_contains($1::BIGINT[], image_id) AND frame_s IS NOT DISTINCT FROM (SELECT"
        " arg_max(b.frame_s, b.confidence) FROM counted b WHERE b.image_id = c.image_id) GROUP BY ALL",
        [list(images)],
    )
