"""What a page to review photos on is made of, and what is known of a photo when its answers come back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from trailcam.domain import FALLBACK_CONFIDENCE
from trailcam.store.columns import asked
from trailcam.store.corrections import newest
from trailcam.store.counted import Counted
from trailcam.store.database import Connection, query, rows
from trailcam.store.judged import make_judged
from trailcam.store.scenes import join_scenes

NEAR = 0.15
"""A box is near its threshold when its confidence is no further from it."""


def library_id(db: Connection) -> str:
    """What tells one database from another: a hash of the moment it was made. A copy has its original's."""
    ((made_at,),) = db.execute("SELECT min(applied_at) FROM migrations WHERE version = 1").fetchall()
    return hashlib.blake2b(made_at.isoformat().encode(), digest_size=8).hexdigest()


def worth_reviewing(counted: Counted, *, gap: timedelta, limit: int, random: bool) -> list[dict[str, Any]]:
    """The ``limit`` photos most useful to judge, as rows of ``review.sql``; ``candidates`` counts them all.

    ``random`` draws them instead, by an order that stays: who asks again after applying goes on in it.
    ``gap`` ends a scene.
    """
    params = {
        "fallback": FALLBACK_CONFIDENCE,
        "reach": NEAR,
        "random": random,
        "salt": library_id(counted.db),
        "limit": limit,
    }
    with join_scenes(counted.photos, gap):
        return rows(counted.db, query("review"), params)


def boxes_to_judge(counted: Counted, image_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """Photo -> its boxes, those that count and those below, the surest first; ``counts`` tells them apart."""
    with asked(counted.db, image_ids):
        found = rows(
            counted.db,
            "SELECT b.* FROM boxes b JOIN asked USING (image_id)"
            " ORDER BY image_id, confidence DESC, class, x, y, w, h",
        )
    by_photo: dict[int, list[dict[str, Any]]] = {}
    for row in found:
        by_photo.setdefault(int(row["image_id"]), []).append(row)
    return by_photo


def photos_by_id(db: Connection, image_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Photo -> its path (as stored), size_bytes, and its newest judgement in force: judgement_id, author,
    made_at and uid, None where there is none."""
    last = newest(db)
    with asked(db, image_ids):
        found = rows(db, "SELECT image_id, path, size_bytes FROM images JOIN asked USING (image_id)")
        said = {
            int(row["judgement_id"]): row
            for row in rows(
                db,
                "SELECT judgement_id, author, made_at, uid FROM judgements JOIN asked USING (image_id)"
                " WHERE undone_at IS NULL",
            )
        }
    nothing = {"judgement_id": None, "author": None, "made_at": None, "uid": None}
    return {
        int(row["image_id"]): {**row, **said.get(last.get(int(row["image_id"]), -1), nothing)}
        for row in found
    }


def known_uids(db: Connection, uids: Sequence[str]) -> set[str]:
    """Those of ``uids`` that were recorded before, also where they were undone since."""
    known = {str(u) for (u,) in db.execute("SELECT uid FROM judgements WHERE uid IS NOT NULL").fetchall()}
    return known & set(uids)


def person_says(db: Connection, image_ids: Sequence[int]) -> dict[int, tuple[bool, list[dict[str, Any]]]]:
    """Photo -> whether it was judged as a whole, and the boxes (class, x, y, w, h) that people saw on it."""
    judged = make_judged(db)
    if not judged:
        return {}
    with judged, asked(db, image_ids):
        whole = db.execute("SELECT image_id, whole FROM judged JOIN asked USING (image_id)").fetchall()
        boxes = rows(db, "SELECT p.* FROM person_boxes p JOIN asked USING (image_id) WHERE class IS NOT NULL")
    return {
        int(image_id): (bool(is_whole), [b for b in boxes if b["image_id"] == image_id])
        for image_id, is_whole in whole
    }
