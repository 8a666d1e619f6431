"""Selected photos counted: by keys, by status, by source and doubt of their times."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.store.database import Connection, one, query, rows
from trailcam.store.keys import key_columns
from trailcam.store.paths import from_db
from trailcam.store.select import Selected

STATUSES = ("completed", "pending", "failed", "missing")


def count_by(photos: Selected, keys: Sequence[str], first_month: int) -> list[dict[str, Any]]:
    """By keys: scope_photos, dated and a count for each status; a photo and its video are one."""
    return rows(
        photos.db,
        f"SELECT {key_columns(keys, first_month)} count(*) AS scope_photos, count(captured_at) AS dated, "
        + ", ".join(f"count(*) FILTER (status = '{status}') AS {status}" for status in STATUSES)
        + " FROM moments GROUP BY ALL",
    )


def clocks_by(photos: Selected, keys: Sequence[str], first_month: int) -> list[dict[str, Any]]:
    """By keys: photos, sure (a time, not in doubt), suspect, undated, first_photo and last_photo (ISO)."""
    return rows(
        photos.db,
        f"SELECT {key_columns(keys, first_month)} count(*) AS photos,"
        " count(*) FILTER (captured_at IS NOT NULL AND captured_at_suspect IS NULL) AS sure,"
        " strftime(min(captured_at), '%Y-%m-%d %H:%M') AS first_photo,"
        " strftime(max(captured_at), '%Y-%m-%d %H:%M') AS last_photo,"
        " count(captured_at_suspect) AS suspect, count(*) FILTER (captured_at IS NULL) AS undated"
        " FROM (SELECT s.station, s.captured_at, i.captured_at_suspect"
        " FROM moments s JOIN images i USING (image_id)) GROUP BY ALL",
    )


def clock_doubts(photos: Selected) -> list[dict[str, Any]]:
    """By station and doubt: photos whose capture time is in doubt."""
    return rows(photos.db, query("report_clock_doubts"))


def classes_by_run(photos: Selected) -> list[tuple[str, list[ClassInfo]]]:
    """Model and classes of each run that counts for them, the oldest run first."""
    found = rows(
        photos.db,
        "SELECT r.run_id, r.weights_name, c.class_id, c.name, c.kind, c.age_class, c.species"
        " FROM runs r JOIN classes c USING (run_id) WHERE r.run_id IN (SELECT run_id FROM selected)"
        " ORDER BY r.run_id, c.class_id",
    )
    return [
        (model, [_class(row) for row in group])
        for (_, model), group in groupby(found, key=lambda row: (row["run_id"], row["weights_name"]))
    ]


def _class(row: dict[str, Any]) -> ClassInfo:
    age = AgeClass(row["age_class"]) if row["age_class"] else None
    return ClassInfo(row["class_id"], row["name"], Kind(row["kind"]), age, row["species"])


def status_counts(photos: Selected) -> list[dict[str, Any]]:
    """The rows of ``status_counts.sql``: all, by station, by month."""
    return rows(photos.db, query("status_counts"))


def failed_moments(photos: Selected) -> dict[str, int]:
    """Error codes of photos that are in no count, and how many have each."""
    found = photos.db.execute(
        "SELECT coalesce(i.error_code, 'unknown') AS code, count(*) FROM moments m"
        " JOIN images i USING (image_id) WHERE m.status = 'failed' GROUP BY ALL ORDER BY count(*) DESC, code"
    ).fetchall()
    return {str(code): int(n) for code, n in found}


def failures(photos: Selected) -> list[dict[str, Any]]:
    """By error_code: failed files, and one as an example."""
    return [{**row, "example": from_db(row["example"])} for row in rows(photos.db, query("status_failures"))]


def time_sources(photos: Selected) -> list[dict[str, Any]]:
    """By source of the capture time: photos."""
    return rows(photos.db, query("status_time_sources"))


def suspect_times(db: Connection) -> list[dict[str, Any]]:
    """By doubt: photos of the whole library whose capture time is in doubt."""
    return rows(db, query("status_suspects"))


def root_counts(db: Connection) -> list[dict[str, Any]]:
    """Each root: name, path, photos, videos and scanned_at (UTC, naive)."""
    return [{**row, "path": from_db(row["path"])} for row in rows(db, query("status_roots"))]


def count_images(db: Connection) -> int:
    """How many files the library knows, copies and missing ones too."""
    found = one(db, "SELECT count(*) FROM images")
    return int(found[0]) if found else 0


def count_pending(db: Connection) -> int:
    """How many photos nobody looked at."""
    found = one(db, "SELECT count(*) FROM images WHERE status = 'pending' AND duplicate_of IS NULL")
    return int(found[0]) if found else 0


def strip_counts(photos: Selected, *, with_exif: bool) -> list[dict[str, Any]]:
    """By station: what strips gave, of photos without an EXIF time or (``with_exif``) of all."""
    return rows(photos.db, query("strip_stations"), {"with_exif": with_exif})


def strip_doubts(photos: Selected, *, with_exif: bool) -> list[dict[str, Any]]:
    """By reason: photos whose strip gives no time, and one as an example."""
    found = rows(photos.db, query("strip_doubts"), {"with_exif": with_exif})
    return [{**row, "example": from_db(row["example"])} for row in found]
