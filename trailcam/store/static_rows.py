"""Static places and excluded areas: what was found, what was said of it, and taking that back.

A place belongs to a camera at a station, and to a box. An answer says that a thing is there, or an animal,
and covers the photos that showed the box when the answerer saw it. The later answer counts: "an animal" ends
all before it. Later photos with a box there are no part of an answer; they wait for one of their own. What
answers do to counts stands in :mod:`trailcam.store.hidden`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from trailcam.domain import SAME_PLACE
from trailcam.store.columns import asked, insert, insert_row, next_id, numbers, texts, times
from trailcam.store.database import Connection, lent, query, rows, utc_now
from trailcam.store.paths import from_db
from trailcam.store.select import Selected
from trailcam.store.static_known import place_rows

Box = tuple[float, float, float, float]

AUTOMATIC = "[static] auto"
"""The author of answers that no person gave."""
CAMERA = "coalesce(nullif(trim(i.serial), ''), nullif(trim(concat_ws(' ', i.make, i.model)), ''), '')"
"""What tells one camera of a station from another: its serial number, else its make and model."""
_COUNTS = ("photos", "days", "waiting")


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """A place as it is known. ``station_id`` and ``station`` are its station as it is by now.

    ``is_thing``: the answer in force, None where there is none; ``ever_answered`` also if it was undone.
    """

    place_id: int
    station_id: int
    station: str
    camera: str
    box: Box
    is_thing: bool | None
    ever_answered: bool
    last_answer_id: int | None


@dataclass(frozen=True, slots=True)
class SeenPlace:
    """What a search found of a place; ``place_id`` None: it is new. ``waiting`` photos have no answer yet."""

    place_id: int | None
    station_id: int
    camera: str
    box: Box
    photos: int
    days: int
    is_sure: bool
    waiting: int


@dataclass(frozen=True, slots=True)
class PlaceAnswer:
    """What is said of a place: a thing, or an animal. ``made_at`` is UTC without zone.

    ``up_to`` (the same): it covers photos that a model had looked at by then. A ``uid`` is recorded once and
    for all.
    """

    place_id: int
    is_thing: bool
    made_at: datetime
    up_to: datetime
    uid: str | None = None


@dataclass(frozen=True, slots=True)
class Area:
    """A polygon in which no box counts: its corners, 0..1 of the upright photo. ``made_at``: as above."""

    station_id: int
    points: tuple[tuple[float, float], ...]
    made_at: datetime
    uid: str | None = None


def known_places(db: Connection) -> list[KnownPlace]:
    """Every place, by its number."""
    names = KnownPlace.__dataclass_fields__
    return [
        KnownPlace(**{n: row[n] for n in names if n != "box"}, box=(row["x"], row["y"], row["w"], row["h"]))
        for row in place_rows(db)
    ]


def save_sightings(db: Connection, found: Sequence[SeenPlace], station_ids: Collection[int]) -> list[int]:
    """Let ``found`` be all that waits at the stations; returns the numbers of their places, in order.

    Places that nobody ever answered for and that are found no longer go.
    """
    free = next_id(db, "static_places", "place_id")
    new = iter(range(free, free + len(found)))
    ids = [next(new) if one.place_id is None else one.place_id for one in found]
    columns = {
        "place_id": np.array(ids, np.int32),
        "station_id": np.array([one.station_id for one in found], np.int32),
        "camera": texts(one.camera for one in found),
        **{side: numbers([one.box[n] for one in found]) for n, side in enumerate("xywh")},
        **{name: np.array([getattr(one, name) for one in found], np.int32) for name in _COUNTS},
        "is_sure": np.array([one.is_sure for one in found], np.bool_),
    }
    here = (
        "station_id IN (SELECT was FROM station_now WHERE is_now IN (SELECT unnest($stations::INTEGER[])))"
        " AND place_id NOT IN (SELECT place_id FROM found)"
    )
    stations, now = {"stations": list(station_ids)}, utc_now()
    with lent(db, found=columns):
        db.execute(
            f"DELETE FROM static_places WHERE place_id IN ({query('station_was')} SELECT place_id"
            f" FROM static_places WHERE {here} AND place_id NOT IN (SELECT place_id FROM static_answers))",
            stations,
        )
        db.execute(
            "UPDATE static_places SET waiting = 0, waiting_since = NULL WHERE waiting > 0 AND place_id IN"
            f" ({query('station_was')} SELECT place_id FROM static_places WHERE {here})",
            stations,
        )
        db.execute(
            "UPDATE static_places SET photos = f.photos, days = f.days, is_sure = f.is_sure,"
            " waiting = f.waiting, waiting_since = CASE WHEN f.waiting > 0"
            " THEN coalesce(static_places.waiting_since, $now) END"
            " FROM found f WHERE f.place_id = static_places.place_id",
            {"now": now},
        )
        db.execute(
            "INSERT INTO static_places BY NAME SELECT *, $now::TIMESTAMP AS waiting_since FROM found"
            " WHERE place_id NOT IN (SELECT place_id FROM static_places)",
            {"now": now},
        )
    return ids


def add_place(db: Connection, station_id: int, camera: str, box: Box) -> int:
    """Make a place that an answer names and no search knows any more; returns its number."""
    number = next_id(db, "static_places", "place_id")
    row = {
        "place_id": number,
        "station_id": station_id,
        "camera": camera,
        **dict(zip("xywh", box, strict=True)),
    }
    insert_row(db, "static_places", row | {"photos": 0, "days": 0, "is_sure": False, "waiting": 0})
    return number


def stations_now(db: Connection) -> dict[int, int]:
    """Every station that there is or was -> what it is by now: itself, or the one it was merged into."""
    found = db.execute(f"{query('station_was')} SELECT was, is_now FROM station_now").fetchall()
    return {int(was): int(is_now) for was, is_now in found}


def files_of(db: Connection, image_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Photo -> root_id, path (as Python has it) and captured_us (None: unknown)."""
    with asked(db, image_ids):
        found = rows(
            db,
            "SELECT image_id, root_id, path, epoch_us(captured_at) AS captured_us"
            " FROM images JOIN asked USING (image_id)",
        )
    return {int(row["image_id"]): {**row, "path": from_db(row["path"])} for row in found}


def newest_photos(photos: Selected) -> list[dict[str, Any]]:
    """The newest photo of each station that is there: image_id, station_id and station, by its name."""
    return rows(
        photos.db,
        "SELECT arg_max(s.image_id, (s.captured_at IS NOT NULL, s.captured_at, s.image_id)) AS image_id,"
        " i.station_id, s.station FROM selected s JOIN images i USING (image_id)"
        " WHERE s.status <> 'missing' GROUP BY ALL ORDER BY s.station",
    )


def record_answers(
    db: Connection, answers: Sequence[PlaceAnswer], *, author: str, now: datetime, automatic: bool = False
) -> int:
    """Record answers in their order, at ``now``; returns how many were new.

    Those whose uid is known are left out, also where they were undone since. What is recorded at one moment
    is taken back as one (:func:`undo_last`).
    """
    known = known_uids(db)
    new = [answer for answer in answers if answer.uid is None or answer.uid not in known]
    if not new:
        return 0
    first, n = next_id(db, "static_answers", "answer_id"), len(new)
    answer_ids = np.arange(first, first + n, dtype=np.int32)
    places = np.array([answer.place_id for answer in new], np.int32)
    insert(
        db,
        "static_answers",
        {
            "answer_id": answer_ids,
            "place_id": places,
            "is_thing": np.array([answer.is_thing for answer in new], np.bool_),
            "automatic": np.full(n, automatic),
            **_said(new, author, now),
        },
    )
    things = np.array([answer.is_thing for answer in new], np.bool_)
    fresh = {
        "answer_id": answer_ids[things],
        "place_id": places[things],
        "up_to": times([answer.up_to for answer in new])[things],
    }
    with lent(db, fresh=fresh):
        db.execute(query("iou"))
        db.execute(_with_camera("static_cover"))
    return n


def record_areas(db: Connection, areas: Sequence[Area], *, author: str, now: datetime) -> int:
    """As :func:`record_answers`, for areas."""
    known = known_uids(db)
    new = [area for area in areas if area.uid is None or area.uid not in known]
    if not new:
        return 0
    first, n = next_id(db, "static_areas", "area_id"), len(new)
    points = np.empty(n, object)
    points[:] = [[side for point in area.points for side in point] for area in new]
    columns = {
        "area_id": np.arange(first, first + n, dtype=np.int32),
        "station_id": np.array([area.station_id for area in new], np.int32),
        "points": points,
        **_said(new, author, now),
    }
    insert(db, "static_areas", columns)
    return n


def known_uids(db: Connection) -> set[str]:
    """Every uid that was recorded, also where it was undone since."""
    found = db.execute(
        "SELECT uid FROM static_answers WHERE uid IS NOT NULL"
        " UNION ALL SELECT uid FROM static_areas WHERE uid IS NOT NULL"
    ).fetchall()
    return {str(uid) for (uid,) in found}


def undo_place(db: Connection, place_id: int, author: str) -> list[int]:
    """Take back the newest answer in force on a place; returns its number, nothing where there is none."""
    found = db.execute(
        "UPDATE static_answers SET undone_at = ?, undone_by = ? WHERE answer_id ="
        " (SELECT max(answer_id) FROM static_answers WHERE place_id = ? AND undone_at IS NULL)"
        " RETURNING place_id",
        [utc_now(), author, place_id],
    ).fetchall()
    return [int(number) for (number,) in found]


def undo_last(db: Connection, author: str) -> tuple[list[int], int]:
    """Take back all that was recorded last at one moment: the places answered for, and how many areas."""
    ((at,),) = db.execute(
        "SELECT max(recorded_at) FROM (SELECT recorded_at FROM static_answers WHERE undone_at IS NULL"
        " UNION ALL SELECT recorded_at FROM static_areas WHERE undone_at IS NULL)"
    ).fetchall()
    undone = [utc_now(), author, at]
    places = db.execute(
        "UPDATE static_answers SET undone_at = ?, undone_by = ? WHERE recorded_at = ? AND undone_at IS NULL"
        " RETURNING place_id",
        undone,
    ).fetchall()
    areas = db.execute(
        "UPDATE static_areas SET undone_at = ?, undone_by = ? WHERE recorded_at = ? AND undone_at IS NULL"
        " RETURNING area_id",
        undone,
    ).fetchall()
    return [int(number) for (number,) in places], len(areas)


def place_answers(db: Connection, place_id: int) -> list[dict[str, Any]]:
    """Every answer on a place, the oldest first, with ``photos``: how many it covers."""
    return rows(
        db,
        "SELECT a.*, (SELECT count(*) FROM static_boxes b WHERE b.answer_id = a.answer_id) AS photos"
        " FROM static_answers a WHERE place_id = ? ORDER BY answer_id",
        [place_id],
    )


def place_photos(db: Connection, place_id: int) -> list[dict[str, Any]]:
    """The photos with a box at a place, as rows of ``static_photos.sql``."""
    db.execute(query("iou"))
    found = rows(db, _with_camera("static_photos"), {"place_id": place_id})
    return [{**row, "path": from_db(row["path"])} for row in found]


def remove_areas(db: Connection, area_ids: Sequence[int], author: str) -> None:
    """Let areas count no more; they stay in the history."""
    db.execute(
        "UPDATE static_areas SET undone_at = $now, undone_by = $author"
        " WHERE list_contains($ids::INTEGER[], area_id) AND undone_at IS NULL",
        {"now": utc_now(), "author": author, "ids": list(area_ids)},
    )


def _said(new: Sequence[PlaceAnswer] | Sequence[Area], author: str, now: datetime) -> dict[str, Any]:
    return {
        "author": texts([author] * len(new)),
        "uid": texts(one.uid for one in new),
        "made_at": times([one.made_at for one in new]),
        "recorded_at": np.full(len(new), now, dtype="datetime64[us]"),
    }


def _with_camera(name: str) -> str:
    return query(name).replace("{camera}", CAMERA).replace("{same_place}", repr(SAME_PLACE))
