"""A photo and the video of the same trigger show one moment: counts of photos count it once.

Both stay images of their own, which are looked at, shown, corrected and exported. Which belong together is
worked out when it is asked, so that it follows times and folders as they are by then.
"""

from __future__ import annotations

from trailcam.store.database import Connection
from trailcam.store.sql import query

MOMENT_DROPS = "DROP VIEW moments; DROP TABLE stills"


def make_moments(db: Connection) -> None:
    """Make the table ``stills`` and, of the view ``selected``, the view ``moments``.

    stills: clip_id, still_id (the photo of the same trigger) and taken_at (their time, None without one).
    moments: the rows of ``selected`` without the videos whose photo is selected too. Such a photo's status is
    pending as long as one of the two is, and completed as soon as one was looked at. Works on a read-only
    connection.
    """
    ((any_videos,),) = db.execute("SELECT EXISTS (FROM images WHERE is_video)").fetchall()
    db.execute(query("stills") if any_videos else _NO_STILLS)
    ((any_stills,),) = db.execute("SELECT EXISTS (FROM stills)").fetchall()
    db.execute(query("moments") if any_stills else "CREATE TEMP VIEW moments AS SELECT * FROM selected")


_NO_STILLS = "CREATE TEMP TABLE stills (clip_id BIGINT, still_id BIGINT, taken_at TIMESTAMP)"
