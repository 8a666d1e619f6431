"""Boxes that repeat another box of their photo, so that one animal counts once: ``queries/repeats.sql``.

On a video an animal is on many frames; all but one of its boxes repeat that one:
:mod:`trailcam.store.follow_animals`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from trailcam.domain import FALLBACK_CONFIDENCE
from trailcam.store.sql import query

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from trailcam.store.follow_animals import FrameBoxes


def mark_repeats(db: duckdb.DuckDBPyConnection) -> None:
    """Find them among all detections again, as after thresholds changed."""
    db.execute("UPDATE detections SET repeats = false WHERE repeats")
    _mark(db, "true", videos=True)


def mark_new_repeats(db: duckdb.DuckDBPyConnection, run_id: int, *, videos: bool) -> None:
    """Find them among the boxes that a run has just saved of the photos in the table ``asked``.

    ``videos``: whether there are videos among them.
    """
    _mark(db, f"d.run_id = {int(run_id)} AND d.image_id IN (SELECT image_id FROM asked)", videos=videos)


def mark_repeats_of_photos(db: duckdb.DuckDBPyConnection) -> None:
    """As :func:`mark_repeats`, in a database whose schema knows no videos yet."""
    _mark(db, "true", videos=False)


def _mark(db: duckdb.DuckDBPyConnection, which: str, *, videos: bool) -> None:
    parts = {
        "{which}": which,
        "{fallback}": repr(FALLBACK_CONFIDENCE),
        "{frame_s}": "d.frame_s" if videos else "NULL::REAL",
    }
    sql = query("repeats")
    for name, part in parts.items():
        sql = sql.replace(name, part)
    db.execute(sql)
    if videos:
        _mark_frames(db, which)


def _mark_frames(db: duckdb.DuckDBPyConnection, which: str) -> None:
    """Mark all boxes of an animal on a video but one."""
    import numpy as np  # here: the migrations import this module, and `status` needs no numpy

    from trailcam.store.follow_animals import repeats_of

    sql = query("frame_boxes").replace("{which}", which).replace("{fallback}", repr(FALLBACK_CONFIDENCE))
    found = db.execute(sql).fetchnumpy()
    row = np.asarray(found["row"], np.int64)
    if not len(row):
        return
    keys = np.stack([np.asarray(found[name], np.int64) for name in ("run_id", "image_id")])
    starts = np.flatnonzero(np.append(True, (np.diff(keys) != 0).any(axis=0)))
    repeats = np.zeros(len(row), np.bool_)
    for first, end in zip(starts, np.append(starts[1:], len(row)), strict=True):
        repeats[first:end] = repeats_of(_video(found, slice(first, end)))
    db.execute(
        "UPDATE detections SET repeats = true WHERE rowid IN (SELECT unnest($1::BIGINT[]))",
        [row[repeats].tolist()],
    )


def _video(found: dict[str, npt.NDArray[np.float32]], here: slice) -> FrameBoxes:
    import numpy as np

    from trailcam.store.follow_animals import FrameBoxes

    column = {name: np.asarray(values[here]) for name, values in found.items()}
    return FrameBoxes(
        frame=column["frame"].astype(np.int64),
        boxes=np.stack([column[name] for name in "xywh"], axis=1).astype(np.float32),
        confidence=column["confidence"].astype(np.float32),
        class_id=column["class_id"].astype(np.int64),
        flock=np.unique(column["flock"].astype(str), return_inverse=True)[1].astype(np.int64),
        sure=column["sure"].astype(np.bool_),
    )
