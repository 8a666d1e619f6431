"""One photo in two sizes: a cellular thumbnail and the original from the card. The original counts.

Both stay files of their own (``images.thumbnail_of``), as exact copies do. ``thumbnails`` remembers which
pairs were compared, and whether they show the same picture.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trailcam.store.columns import insert
from trailcam.store.database import Connection, query, rows
from trailcam.store.paths import from_db
from trailcam.store.select import count_thumbnails


@dataclass(frozen=True, slots=True)
class ThumbnailPair:
    """Two files of one moment, by their sizes; ``image`` is the smaller one."""

    image_id: int
    original_id: int
    image_bytes: int
    original_bytes: int
    image: Path
    original: Path


def pairs_to_compare(db: Connection) -> list[ThumbnailPair]:
    """Those that were not compared yet. Works on a read-only connection."""
    return [
        ThumbnailPair(
            row["image_id"],
            row["original_id"],
            row["image_bytes"],
            row["original_bytes"],
            Path(os.path.join(from_db(row["image_root"]), from_db(row["image_path"]))),  # noqa: PTH118
            Path(os.path.join(from_db(row["original_root"]), from_db(row["original_path"]))),  # noqa: PTH118
        )
        for row in rows(db, query("thumbnail_pairs"))
    ]


def any_compared(db: Connection) -> bool:
    """Whether any pair was ever compared."""
    return bool(db.execute("SELECT count(*) > 0 FROM thumbnails").fetchall()[0][0])


def save_compared(db: Connection, compared: Mapping[ThumbnailPair, bool]) -> int:
    """Remember what was compared, and make thumbnails of what are some; returns how many are new.

    Without anything new it takes back those whose files have changed.
    """
    before = count_thumbnails(db)
    pairs = list(compared)
    insert(
        db,
        "thumbnails",
        {
            name: np.array([getattr(pair, name) for pair in pairs], np.int64)
            for name in ("image_id", "original_id", "image_bytes", "original_bytes")
        }
        | {"same_picture": np.array(list(compared.values()), np.bool_)},
    )
    db.execute(query("thumbnails_apply"))
    return max(0, count_thumbnails(db) - before)
