"""Roots, stations and images: what a scan compares with and writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from trailcam.domain import FileKey, Image, Status
from trailcam.store.columns import asked, degrees, insert, insert_row, integers, next_id, texts, times
from trailcam.store.database import Connection, lent, one, query, rows, utc_now
from trailcam.store.migrations import RECOUNT_RUNS
from trailcam.store.notes import note_columns
from trailcam.store.paths import from_db, to_db
from trailcam.store.readings import Reading, save_readings
from trailcam.store.station_facts import FACTS

Ids = npt.NDArray[np.int64]

REPLACED = ".replaced/"
"""Where a photo is listed whose path another one took: ``.replaced/ID/PATH``. No walk enters that folder."""


@dataclass(frozen=True, slots=True)
class Root:
    """A directory tree that was scanned; images are stored relative to it."""

    root_id: int
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class ScanDifference:
    """A walk compared with the database. ``fresh`` and ``changed`` index the walk's files.

    ``changed_ids``, ``vanished_ids`` and ``returned_ids`` are image ids; ``changed_ids`` is aligned
    with ``changed``. ``unidentified`` (of the files) and ``unidentified_ids`` are the unchanged photos
    without a content id. ``n_known`` counts the root's photos that were not missing before, and ``n_gone``
    those that vanished; copies of others are in neither.
    """

    fresh: Ids
    changed: Ids
    changed_ids: Ids
    vanished_ids: Ids
    returned_ids: Ids
    n_unchanged: int
    n_known: int
    unidentified: Ids = field(default_factory=lambda: np.zeros(0, np.int64))
    unidentified_ids: Ids = field(default_factory=lambda: np.zeros(0, np.int64))
    n_gone: int = 0

    @property
    def is_news(self) -> bool:
        """Whether anything was found that isn't known: a scan has something to write."""
        found = (self.fresh, self.changed, self.vanished_ids, self.returned_ids, self.unidentified)
        return any(len(ids) for ids in found)

    @classmethod
    def all_new(cls, n_files: int) -> ScanDifference:
        """The comparison with a root that isn't known: every file is fresh."""
        none = np.zeros(0, np.int64)
        return cls(np.arange(n_files, dtype=np.int64), none, none, none, none, 0, 0)


def roots(db: Connection) -> list[Root]:
    """All known roots, oldest first."""
    found = db.execute("SELECT root_id, name, path FROM roots ORDER BY root_id").fetchall()
    return [Root(int(i), from_db(str(name)), from_db(str(path))) for i, name, path in found]


def newest_scan(db: Connection) -> datetime | None:
    """When any root was last scanned (UTC, naive), None: never."""
    ((at,),) = db.execute("SELECT max(scanned_at) FROM roots").fetchall()
    return at if isinstance(at, datetime) else None


def compare(
    db: Connection, root_id: int, files: Sequence[FileKey], unreadable_folders: Sequence[str]
) -> ScanDifference:
    """Compare a walk's ``files`` with the images of ``root_id``. Works on a read-only connection.

    Images below ``unreadable_folders`` (relative paths) are left as they are: their state is unknown.
    An image whose reading failed at the last scan is read again, as a fixed permission
    changes neither size nor mtime.
    """
    walked = {
        "i": np.arange(len(files), dtype=np.int64),
        "path": texts([to_db(f.path) for f in files]),
        "size_bytes": np.fromiter((f.size_bytes for f in files), np.int64, len(files)),
        "mtime_ns": np.fromiter((f.mtime_ns for f in files), np.int64, len(files)),
    }
    hidden = {"folder": texts([to_db(f) for f in unreadable_folders])}
    with lent(db, walked=walked, hidden=hidden):
        db.execute(query("scan_compare"), {"root_id": root_id})
    fresh = _column(db, "SELECT i FROM compared WHERE image_id IS NULL ORDER BY i")
    changed = db.execute("SELECT i, image_id FROM compared WHERE state = 'changed' ORDER BY i").fetchnumpy()
    vanished = _column(db, "SELECT image_id FROM compared WHERE state = 'vanished'")
    returned = _column(db, "SELECT image_id FROM compared WHERE state = 'returned'")
    unidentified = db.execute(
        "SELECT i, image_id FROM compared"
        " WHERE state IN ('unchanged', 'returned') AND unidentified ORDER BY i"
    ).fetchnumpy()
    ((n_unchanged, n_known, n_gone),) = db.execute(
        "SELECT count(*) FILTER (state = 'unchanged'),"
        " count(*) FILTER (status <> 'missing' AND NOT is_copy),"
        " count(*) FILTER (state = 'vanished' AND NOT is_copy) FROM compared"
    ).fetchall()
    db.execute("DROP TABLE compared")
    return ScanDifference(
        fresh=fresh,
        changed=np.asarray(changed["i"], dtype=np.int64),
        changed_ids=np.asarray(changed["image_id"], dtype=np.int64),
        vanished_ids=vanished,
        returned_ids=returned,
        n_unchanged=int(n_unchanged),
        n_known=int(n_known),
        unidentified=np.asarray(unidentified["i"], dtype=np.int64),
        unidentified_ids=np.asarray(unidentified["image_id"], dtype=np.int64),
        n_gone=int(n_gone),
    )


def save_root(db: Connection, name: str, path: str) -> int:
    """Make the root ``name``, or move it to ``path``. Returns its id."""
    known = one(db, "SELECT root_id FROM roots WHERE name = ?", [to_db(name)])
    if known:
        db.execute("UPDATE roots SET path = ? WHERE root_id = ?", [to_db(path), known[0]])
        return int(known[0])
    root_id = next_id(db, "roots", "root_id")
    row = {"root_id": root_id, "name": to_db(name), "path": to_db(path), "added_at": utc_now()}
    insert_row(db, "roots", row)
    return root_id


def finish_scan(
    db: Connection,
    root_id: int,
    vanished_ids: Ids,
    returned_ids: Ids,
    n_videos: int,
    pictures: Mapping[str, int] | None = None,
) -> None:
    """Mark what vanished, give what came back the status that its results say, note the scan.

    ``n_videos`` and ``pictures`` (kind -> how many) are what it saw and didn't read.
    """
    if len(vanished_ids):
        with lent(db, ids={"image_id": vanished_ids}):
            db.execute("UPDATE images SET status = 'missing' WHERE image_id IN (SELECT image_id FROM ids)")
    if len(returned_ids):
        with lent(db, ids={"image_id": returned_ids}):
            db.execute(
                "UPDATE images SET status = CASE WHEN run_id IS NOT NULL THEN 'completed'"
                " WHEN error_code IS NOT NULL THEN 'failed' ELSE 'pending' END"
                " WHERE image_id IN (SELECT image_id FROM ids)"
            )
    db.execute(
        "UPDATE roots SET scanned_at = ?, n_videos = ? WHERE root_id = ?", [utc_now(), n_videos, root_id]
    )
    db.execute("DELETE FROM unread_pictures WHERE root_id = ?", [root_id])
    for kind, n in (pictures or {}).items():
        insert_row(db, "unread_pictures", {"root_id": root_id, "kind": kind, "n": n})


def save_images(db: Connection, root_id: int, images: Sequence[Image], changed_ids: Mapping[str, int]) -> Ids:
    """Insert images; returns their ids. Those whose path is in ``changed_ids`` take the path of that image.

    Where the old content is unknown, the old results describe pixels that are gone, and are deleted; the
    image keeps its id. Else the old image steps aside, and :func:`trailcam.store.contents.settle` finds out
    what became of its content: moved, edited in place, or gone.
    """
    if not images:
        return np.zeros(0, np.int64)
    first = next_id(db, "images", "image_id")
    fresh = iter(range(first, first + len(images)))
    replaced = _step_aside(db, [changed_ids[i.key.path] for i in images if i.key.path in changed_ids])
    own = [changed_ids[i.key.path] if changed_ids.get(i.key.path) in replaced else None for i in images]
    ids = np.fromiter((known or next(fresh) for known in own), np.int64, len(images))
    now = utc_now()
    seen = np.full(len(images), now, dtype="datetime64[us]")
    old = [(n, i) for n, i in enumerate(ids) if own[n]]
    if old:
        seen = _replace(db, np.array([i for _, i in old]), np.array([n for n, _ in old]), seen)
    columns = {**_image_columns(images), **note_columns(images)}
    columns.update(
        image_id=ids,
        root_id=np.full(len(images), root_id, np.int32),
        station_id=_station_ids(db, [i.station for i in images]),
        scanned_station=texts([i.station for i in images]),
        first_seen_at=seen,
        scanned_at=np.full(len(images), now, dtype="datetime64[us]"),
    )
    insert(db, "images", columns)
    read = [Reading(int(n), time) for n, i in zip(ids, images, strict=True) for time in i.readings]
    save_readings(db, read, now)
    return ids


def save_stations(db: Connection, facts: Mapping[str, Mapping[str, Any]]) -> None:
    """Write what the configuration says of known stations (see FACTS).

    Names are compared without regard to case, as everywhere a user writes one.
    """
    for name, values in facts.items():
        for column in FACTS:
            if values.get(column) is not None:
                db.execute(
                    f"UPDATE stations SET {column} = ? WHERE lower(name) = lower(?)", [values[column], name]
                )


def stations_summary(db: Connection, root_id: int) -> list[dict[str, Any]]:
    """Per station of a root: photos, first and last capture date, undated. Copies are left out."""
    return rows(db, query("scan_stations"), {"root_id": root_id})


def _step_aside(db: Connection, ids: Sequence[int]) -> set[int]:
    """Give the images ``ids`` whose content is known a path that no file has; returns the other ones.

    They are missing until their content turns up. What the system refused to hand out is read again instead.
    """
    if not ids:
        return set()
    with asked(db, ids):
        aside = db.execute(
            f"UPDATE images SET status = 'missing', path = '{REPLACED}' || image_id || '/' || path"
            " WHERE image_id IN (SELECT image_id FROM asked) AND content_id IS NOT NULL"
            " AND NOT (run_id IS NULL AND error_code IS NOT DISTINCT FROM 'unreadable') RETURNING image_id"
        ).fetchall()
    return set(ids) - {int(image_id) for (image_id,) in aside}


def _replace(db: Connection, ids: Ids, positions: Ids, seen: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Drop old rows and results of ``ids``; returns ``seen`` with their first-seen times kept."""
    with lent(db, old={"image_id": ids, "n": positions}):
        kept = db.execute(
            "SELECT old.n, images.first_seen_at AS at FROM images JOIN old USING (image_id)"
        ).fetchnumpy()
        seen[np.asarray(kept["n"])] = np.asarray(kept["at"], dtype="datetime64[us]")
        for table in ("images", "results", "detections", "time_readings", "image_light"):
            db.execute(f"DELETE FROM {table} WHERE image_id IN (SELECT image_id FROM old)")
    db.execute(RECOUNT_RUNS)
    return seen


def _image_columns(images: Sequence[Image]) -> dict[str, npt.NDArray[Any]]:
    return {
        "path": texts([to_db(i.key.path) for i in images]),
        "size_bytes": np.array([i.key.size_bytes for i in images], np.int64),
        "mtime_ns": np.array([i.key.mtime_ns for i in images], np.int64),
        "captured_at": times([i.captured.at for i in images]),
        "captured_at_source": texts([i.captured.source.value for i in images]),
        "captured_at_suspect": texts([i.captured.suspect for i in images]),
        "captured_at_reason": texts([i.captured_reason for i in images]),
        "utc_offset_min": integers([i.captured.utc_offset_min for i in images], np.int16),
        "make": texts([i.make for i in images]),
        "model": texts([i.model for i in images]),
        "serial": texts([i.serial for i in images]),
        "width": integers([i.width for i in images], np.int32),
        "height": integers([i.height for i in images], np.int32),
        "orientation": np.array([i.orientation for i in images], np.int16),
        "status": texts([(Status.FAILED if i.error_code else Status.PENDING).value for i in images]),
        "error_code": texts([i.error_code for i in images]),
        "error_message": texts([i.error_message for i in images]),
        "latitude": degrees([i.latitude for i in images]),
        "longitude": degrees([i.longitude for i in images]),
        "content_id": texts([i.content_id for i in images]),
        "is_video": np.array([i.is_video for i in images], np.bool_),
        "duration_s": degrees([i.duration_s for i in images]),
        "frame_rate": degrees([i.frame_rate for i in images]),
        "codec": texts([i.codec for i in images]),
    }


def _station_ids(db: Connection, names: Sequence[str]) -> npt.NDArray[np.int32]:
    """The ids of stations by scanned name, made where they are new; people's renames and merges go first."""
    known = {str(n): int(i) for i, n in db.execute("SELECT station_id, name FROM stations").fetchall()}
    known |= {
        str(n): int(i) for i, n in db.execute("SELECT station_id, name FROM station_aliases").fetchall()
    }
    new = [name for name in dict.fromkeys(names) if name not in known]
    if new:
        # A merged station may come back under its own id.
        first = max(next_id(db, table, "station_id") for table in ("stations", "station_changes"))
        known.update({name: first + n for n, name in enumerate(new)})
        insert(
            db, "stations", {"station_id": np.array([known[n] for n in new], np.int32), "name": texts(new)}
        )
    return np.array([known[name] for name in names], np.int32)


def _column(db: Connection, sql: str) -> Ids:
    (values,) = db.execute(sql).fetchnumpy().values()
    return np.asarray(values, dtype=np.int64)
