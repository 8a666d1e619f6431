"""What the last scans saw and trailcam doesn't read."""

from __future__ import annotations

from typing import Any

from trailcam.store.database import Connection


def count_unread(db: Connection) -> dict[str, Any]:
    """``videos``, ``other_pictures`` and ``other_picture_kinds`` (HEIC: 12) in the scanned folders.

    trailcam doesn't look at them, so when and where they were taken is unknown.
    """
    ((videos,),) = db.execute("SELECT coalesce(sum(n_videos), 0) FROM roots").fetchall()
    found = db.execute("SELECT kind, sum(n) FROM unread_pictures GROUP BY kind ORDER BY 2 DESC, 1").fetchall()
    kinds = {str(kind): int(n) for kind, n in found}
    return {"videos": int(videos), "other_pictures": sum(kinds.values()), "other_picture_kinds": kinds}
