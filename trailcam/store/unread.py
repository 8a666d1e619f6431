"""What the last scans saw and trailcam doesn't read, and how far the videos among it were looked at."""

from __future__ import annotations

from typing import Any

from trailcam.store.database import Connection


def count_unread(db: Connection, root_id: int | None = None) -> dict[str, Any]:
    """``videos``, ``other_pictures`` and ``other_picture_kinds`` (HEIC: 12) in the scanned folders, or in
    one.

    Videos that were read are images like photos: ``videos_completed``, ``videos_pending`` and
    ``videos_failed`` are where they stand. When and where the others (``videos_unread``) and those pictures
    were taken is unknown: trailcam doesn't look at them.
    """
    here = {"root": root_id}
    ((videos,),) = db.execute(
        "SELECT coalesce(sum(n_videos), 0) FROM roots WHERE $root IS NULL OR root_id = $root", here
    ).fetchall()
    ((known, *by_status),) = db.execute(
        "SELECT count(*) FILTER (status <> 'missing'),"
        " count(*) FILTER (status = 'completed' AND duplicate_of IS NULL),"
        " count(*) FILTER (status = 'pending' AND duplicate_of IS NULL),"
        " count(*) FILTER (status = 'failed' AND duplicate_of IS NULL)"
        " FROM images WHERE is_video AND ($root IS NULL OR root_id = $root)",
        here,
    ).fetchall()
    found = db.execute(
        "SELECT kind, sum(n) FROM unread_pictures WHERE $root IS NULL OR root_id = $root"
        " GROUP BY kind ORDER BY 2 DESC, 1",
        here,
    ).fetchall()
    kinds = {str(kind): int(n) for kind, n in found}
    return {
        "videos": int(videos),
        **{
            f"videos_{status}": int(n)
            for status, n in zip(("completed", "pending", "failed"), by_status, strict=True)
        },
        "videos_unread": max(0, int(videos) - int(known)),
        "other_pictures": sum(kinds.values()),
        "other_picture_kinds": kinds,
    }
