"""Shifts of capture times. Each is kept with the photos it moved, and can be taken back.

A shift names photos, not a rule: photos that are scanned later are not shifted. ``before`` and
``after`` are a photo's time as it was shown and as it became, so that shifts build on each other and an older
one can't change under a newer one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from trailcam.errors import UsageError
from trailcam.store.columns import asked, insert_row, next_id
from trailcam.store.database import Connection, one, rows, utc_now
from trailcam.store.select import Selected
from trailcam.store.temp_tables import TempTables


@dataclass(frozen=True, slots=True)
class Moved:
    """Photos of one station that a shift moves: how many, the first and last time as shown until now."""

    station: str
    photos: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class ToShift(TempTables):
    """The table ``to_shift`` (image_id, station, captured_at), and the same by station in ``moved``."""

    moved: list[Moved]
    DROPS: ClassVar[str] = "DROP TABLE to_shift"


def to_shift(photos: Selected, folder: str | None) -> ToShift:
    """The dated ones of the selected photos, below ``folder`` if given."""
    db = photos.db
    terms, values = ["captured_at IS NOT NULL"], []
    if folder is not None:
        terms.append("starts_with(path, ?)")
        values.append(folder.rstrip("/") + "/")
    db.execute(
        "CREATE TEMP TABLE to_shift AS SELECT image_id, station, captured_at FROM selected"
        f" WHERE {' AND '.join(terms)}",
        values,
    )
    found = rows(
        db,
        "SELECT station, count(*) AS photos, min(captured_at) AS first_at, max(captured_at) AS last_at"
        " FROM to_shift GROUP BY station ORDER BY station",
    )
    return ToShift(db, [Moved(**row) for row in found])


def save_shift(photos: ToShift, words: str, by: timedelta, note: str | None) -> tuple[int, list[int]]:
    """Record a shift of photos, asked for in ``words``; returns its number and the photos' ids."""
    db = photos.db
    shift_id = next_id(db, "time_shifts", "shift_id")
    row = {"shift_id": shift_id, "asked": words, "by_s": _seconds(by), "note": note, "made_at": utc_now()}
    insert_row(db, "time_shifts", row)
    db.execute(
        "INSERT INTO shifted_images BY NAME SELECT $shift_id::INTEGER AS shift_id, image_id,"
        " captured_at AS before_at, captured_at + to_seconds($by_s::BIGINT) AS after_at FROM to_shift",
        {"shift_id": shift_id, "by_s": _seconds(by)},
    )
    return shift_id, _images_of(db, shift_id)


def undo_shift(db: Connection, shift_id: int | None) -> tuple[int, list[int]]:
    """Take back a shift, the newest in force by default; returns its number and the photos' ids.

    Raises UsageError where there is none, or a newer one builds on it.
    """
    if shift_id is None:
        newest = one(db, "SELECT max(shift_id) FROM time_shifts WHERE undone_at IS NULL")
        if newest is None or newest[0] is None:
            raise UsageError("No times were shifted.", "There is nothing to undo.")
        shift_id = int(newest[0])
    found = one(db, "SELECT undone_at FROM time_shifts WHERE shift_id = ?", [shift_id])
    if found is None:
        raise UsageError(f"There is no shift {shift_id}.", "`trailcam times list` names them all.")
    if found[0] is not None:
        raise UsageError(f"Shift {shift_id} is undone already.", "Nothing was changed.")
    newer = one(
        db,
        "SELECT max(n.shift_id) FROM shifted_images o JOIN shifted_images n USING (image_id)"
        " JOIN time_shifts t ON t.shift_id = n.shift_id"
        " WHERE o.shift_id = $1 AND n.shift_id > $1 AND t.undone_at IS NULL",
        [shift_id],
    )
    if newer and newer[0] is not None:
        raise UsageError(
            f"Shift {newer[0]} moved some of the same photos again.",
            f"Undo that one first: times undo {newer[0]}",
        )
    db.execute("UPDATE time_shifts SET undone_at = ? WHERE shift_id = ?", [utc_now(), shift_id])
    return shift_id, _images_of(db, shift_id)


def corrected(db: Connection, image_ids: Iterable[int]) -> dict[int, datetime]:
    """What the shifts in force make of these images' times; images that none moved are not in it.

    A shift corrects what a photo's file stated. It no longer applies where the file was replaced and states
    another time.
    """
    with asked(db, image_ids):
        found = db.execute(
            """
            SELECT image_id, arg_max(after_at, shift_id)
            FROM shifted_images JOIN time_shifts t USING (shift_id) JOIN asked USING (image_id)
            WHERE t.undone_at IS NULL
            GROUP BY image_id
            HAVING arg_min(before_at, shift_id) IN (
                SELECT r.value FROM time_readings r
                WHERE r.image_id = shifted_images.image_id AND r.counts AND r.source <> 'correction'
            )
            """
        ).fetchall()
    return {int(image_id): at for image_id, at in found}


def drop_corrections(db: Connection, image_ids: Iterable[int]) -> None:
    """Forget these images' readings of the source correction; the shifts stay."""
    with asked(db, image_ids):
        db.execute(
            "DELETE FROM time_readings WHERE source = 'correction'"
            " AND image_id IN (SELECT image_id FROM asked)"
        )


def shifts(db: Connection) -> list[dict[str, Any]]:
    """All shifts, the oldest first: shift, asked, by_s, stations, photos, in_force, times, note, moments.

    ``in_force`` counts photos whose time is this shift's or builds on it.
    """
    return rows(
        db,
        """
        SELECT
            t.shift_id AS shift, t.asked, t.by_s, t.note, t.made_at, t.undone_at,
            string_agg(DISTINCT s.name, ', ' ORDER BY s.name) AS stations,
            count(*) AS photos,
            count(*) FILTER (t.undone_at IS NULL AND i.captured_at_source = 'correction') AS in_force,
            min(m.before_at) AS first_at, max(m.before_at) AS last_at
        FROM time_shifts t
        JOIN shifted_images m USING (shift_id)
        LEFT JOIN images i USING (image_id)
        LEFT JOIN stations s USING (station_id)
        GROUP BY ALL ORDER BY t.shift_id
        """,
    )


def any_shifts(db: Connection) -> bool:
    """Whether a shift is in force."""
    return one(db, "SELECT 1 FROM time_shifts WHERE undone_at IS NULL LIMIT 1") is not None


def too_few(selection: str) -> UsageError:
    """What to say where nothing with a time fits."""
    return UsageError(
        f"No photo with a capture time fits {selection}.",
        "--since and --until refer to the times that trailcam shows now: `trailcam times check` lists them.",
    )


def _images_of(db: Connection, shift_id: int) -> list[int]:
    found = db.execute("SELECT image_id FROM shifted_images WHERE shift_id = ?", [shift_id]).fetchall()
    return [int(image_id) for (image_id,) in found]


def _seconds(by: timedelta) -> int:
    return round(by.total_seconds())
