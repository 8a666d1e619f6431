"""What digests have reported, and what is new to the next one.

A photo is reported once: when it is first looked at, whenever it was taken. Another model that looks at it
again makes no news of it. A file that was replaced by another of the same name is another photo. Digests of
different names know nothing of each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from trailcam.store.columns import insert, insert_row, next_id
from trailcam.store.database import Connection, Database, one, query, rows, utc_now
from trailcam.store.select import Selected
from trailcam.store.temp_tables import TempTables
from trailcam.store.visits import Visits


@dataclass(frozen=True, slots=True)
class Told:
    """What one digest reports, to be remembered. All that is new in it, and nothing else.

    ``completed`` and ``looked_at`` (datetime64[us], UTC) are aligned: photos and when each was first looked
    at. ``failed`` are ids of photos, ``silences`` pairs of a station's id and the day of its last photo.
    """

    completed: npt.NDArray[np.int64]
    looked_at: npt.NDArray[np.datetime64]
    failed: npt.NDArray[np.int64]
    silences: Sequence[tuple[int, date]]


def last_digest(db: Connection, name: str) -> datetime | None:
    """When the last digest of that name was made (UTC, naive), None if there is none."""
    found = one(db, "SELECT max(made_at) FROM digests WHERE name = ?", [name])
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Fresh(TempTables):
    """The tables ``fresh`` and ``fresh_failed``: what of the photos is new to the digest called ``name``.

    ``fresh`` (image_id, looked_at): photos first looked at from ``since`` on (UTC, naive); None: those that
    no digest of the name has reported. ``fresh_failed`` (image_id): the same for photos that failed.
    """

    name: str
    DROPS: ClassVar[str] = "DROP TABLE fresh; DROP TABLE fresh_failed"

    def count(self) -> int:
        """How many photos were looked at for the first time; a photo and its video are one."""
        ((n,),) = self.db.execute(
            "SELECT count(DISTINCT coalesce(t.still_id, f.image_id)) FROM fresh f"
            " LEFT JOIN stills t ON t.clip_id = f.image_id"
        ).fetchall()
        return int(n)

    def stations(self, since: date | None, today: date, silent_days: int) -> list[dict[str, Any]]:
        """Each station of the photos that is silent or has photos that were not looked at.

        Keys: station_id, station, last_day (None: no photo says), silent_days (None: not silent),
        silence_is_new, pending, failed, new_failed, missing. A station is silent when its last photo is more
        than ``silent_days`` days before ``today``.
        """
        days = {"since": since, "today": today, "silent_days": silent_days}
        return rows(self.db, query("digest_stations"), {"name": self.name, **days})

    def visits(self, _: Visits) -> list[dict[str, Any]]:
        """Those visits with a new photo, the latest first; undated photos last.

        Keys: station, begins, ends (None for the undated ones of a station together), photos, new_photos,
        animals (most boxes in one photo), confidence (highest), path and image_id (of the photo with that),
        saying_so (how many of the photos show the class by themselves, not only by the visit's others).
        """
        return rows(self.db, query("digest_events"))

    def told(self, silences: Sequence[tuple[int, date]]) -> Told:
        """All that is new, and ``silences``, to be remembered."""
        fresh = self.db.execute("SELECT image_id, looked_at FROM fresh ORDER BY image_id").fetchnumpy()
        failed = self.db.execute("SELECT image_id FROM fresh_failed ORDER BY image_id").fetchnumpy()
        return Told(
            np.asarray(fresh["image_id"], np.int64),
            np.asarray(fresh["looked_at"], "datetime64[us]"),
            np.asarray(failed["image_id"], np.int64),
            silences,
        )


def make_fresh(photos: Selected, name: str, since: datetime | None) -> Fresh:
    """Find what is new. ``since``: see :class:`Fresh`."""
    photos.db.execute(query("digest_fresh"), {"name": name, "since": since})
    photos.db.execute(query("digest_failed"), {"name": name, "since": since})
    return Fresh(photos.db, name)


def remember_in(database: Database, name: str, told: Told) -> None:
    """:func:`remember` in a transaction of its own; the caller holds the writer's lock."""
    with database.write() as db:
        remember(db, name, told)


def remember(db: Connection, name: str, told: Told) -> None:
    """Record a digest, so that the next of its name doesn't tell the same again."""
    digest_id = next_id(db, "digests", "digest_id")
    insert_row(db, "digests", {"digest_id": digest_id, "name": name, "made_at": utc_now()})
    n_completed, n_failed = len(told.completed), len(told.failed)
    never = np.full(n_failed, np.datetime64("NaT"), "datetime64[us]")
    insert(
        db,
        "digest_photos",
        {
            "digest_id": np.full(n_completed + n_failed, digest_id, np.int32),
            "image_id": np.concatenate([told.completed, told.failed]),
            "looked_at": np.concatenate([told.looked_at, never]),
        },
    )
    insert(
        db,
        "digest_silences",
        {
            "digest_id": np.full(len(told.silences), digest_id, np.int32),
            "station_id": np.array([station for station, _ in told.silences], np.int32),
            "last_day": np.array([day for _, day in told.silences], "datetime64[us]"),
        },
    )
