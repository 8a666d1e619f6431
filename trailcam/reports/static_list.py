"""``static find``, ``list``, ``show`` and ``area list``: places with static boxes, and excluded areas."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from trailcam.errors import UsageError
from trailcam.reports.base import CellType, Column, Report, Row, Section
from trailcam.static_boxes.find_static import Proposal, StaticFound
from trailcam.store.database import Connection
from trailcam.store.select import check_stations
from trailcam.store.static_known import area_rows, place_rows
from trailcam.store.static_rows import place_answers, place_photos
from trailcam.words.text import count, printable

_PLACE = Column("place", "place", CellType.COUNT)
_STATION = Column("station", "station", CellType.TEXT, wraps=True)
_CAMERA = Column("camera", "camera", CellType.TEXT, null="", spare=2, wraps=True)
_BOX = tuple(Column(side, side, CellType.NUMBER, spare=0) for side in "xywh")
_FIND_COLUMNS = (
    _PLACE,
    _STATION,
    _CAMERA,
    Column("photos", "photos", CellType.COUNT),
    Column("days", "days", CellType.COUNT),
    Column("first_at", "first", CellType.TEXT, spare=1),
    Column("last_at", "last", CellType.TEXT),
    Column("classes", "taken for", CellType.TEXT, wraps=True),
    Column("confidence", "conf.", CellType.NUMBER, spare=3),
    Column("confirmed", "confirmed before", CellType.FLAG),
    Column("sure", "sure", CellType.FLAG),
    *_BOX,
)
_LIST_COLUMNS = (
    _PLACE,
    _STATION,
    _CAMERA,
    Column("answer", "answer", CellType.TEXT, null="none"),
    Column("hidden_photos", "hidden photos", CellType.COUNT),
    Column("waiting", "waiting photos", CellType.COUNT),
    Column("author", "by", CellType.TEXT, spare=1, wraps=True),
    Column("made_at", "at", CellType.MOMENT, spare=1),
    *_BOX,
)
_PHOTO_COLUMNS = (
    Column("captured_at", "time", CellType.TEXT, null="undated"),
    Column("class", "taken for", CellType.TEXT, wraps=True),
    Column("confidence", "conf.", CellType.NUMBER),
    Column("hidden", "hidden", CellType.FLAG),
    Column("path", "photo", CellType.TEXT, wraps=True),
    Column("image_id", "image", CellType.COUNT, shown=False),
    *_BOX,
)
_ANSWER_COLUMNS = (
    Column("answer", "answer", CellType.TEXT),
    Column("photos", "photos", CellType.COUNT),
    Column("author", "by", CellType.TEXT, wraps=True),
    Column("made_at", "at", CellType.MOMENT),
    Column("undone_at", "undone", CellType.MOMENT, null=""),
    Column("undone_by", "undone by", CellType.TEXT, null="", wraps=True),
)
_AREA_COLUMNS = (
    Column("area", "area", CellType.COUNT),
    _STATION,
    Column("points", "corners", CellType.TEXT, wraps=True),
    Column("author", "by", CellType.TEXT, wraps=True),
    Column("made_at", "at", CellType.MOMENT),
)
_NAMES = {True: "a thing", False: "an animal", None: None}


def static_found(found: StaticFound, stations: Sequence[str]) -> Report:
    """A row for each place that waits for an answer. ``classes``: what it was taken for, "doe 80, cow 7"."""
    notes = found.in_words() if found.proposals else [*found.in_words(), "No place waits for an answer."]
    return Report(
        name="static_found",
        title="Places that look static",
        filters={"stations": list(stations)},
        coverage={
            "photos": sum(len(np.unique(one.boxes.image_id)) for one in found.proposals),
            "places": len(found.proposals),
            "hidden_now": found.hidden_places,
        },
        columns=_FIND_COLUMNS,
        rows=[_proposed(one) for one in found.proposals],
        notes=notes,
    )


def static_list(db: Connection) -> Report:
    """Every place that was found or answered for. ``hidden_photos`` are those it hides a box of."""
    found = place_rows(db)
    areas = len(area_rows(db))
    hidden = sum(row["hidden_photos"] for row in found)
    notes = [] if found else ["No static place is known: `trailcam static find` searches."]
    if areas:
        notes.append(f"{count(areas, 'area')} excluded besides: `trailcam static area list`.")
    return Report(
        name="static_places",
        title="Static places",
        filters={},
        coverage={"photos": hidden, "places": len(found), "areas": areas},
        columns=_LIST_COLUMNS,
        rows=[_listed(row) for row in found],
        notes=notes,
    )


def static_place(db: Connection, place_id: int) -> Report:
    """One place: the boxes exactly there, the newest photo first, and every answer. Raises UsageError."""
    known = {row["place_id"]: row for row in place_rows(db)}
    if place_id not in known:
        raise UsageError(f"There is no place {place_id}.", "`trailcam static list` shows their numbers.")
    row, photos = _listed(known[place_id]), place_photos(db, place_id)
    answer = row["answer"] or "nobody has answered for it"
    return Report(
        name="static_place",
        title=f"Static place {place_id}",
        filters={"place": place_id},
        coverage={"photos": len({photo["image_id"] for photo in photos})},
        columns=_PHOTO_COLUMNS,
        rows=[
            {
                **{name: photo[name] for name in ("class", "hidden", "path", "image_id")},
                "captured_at": _minute(photo["captured_at"]),
                "confidence": round(float(photo["confidence"]), 4),
                **_sides([photo[side] for side in "xywh"]),
            }
            for photo in photos
        ],
        notes=[f"{printable(row['station'])}: {answer}. Boxes of all confidences are listed."],
        sections=(
            Section("place", "Place", _LIST_COLUMNS, [row]),
            Section("answers", "Answers", _ANSWER_COLUMNS, [_answer(a) for a in place_answers(db, place_id)]),
        ),
    )


def area_list(db: Connection, station: str | None) -> Report:
    """The areas in force. ``points`` is text as `static area add` takes it. Raises UsageError."""
    if station is not None:
        check_stations(db, [station])
    found = [row for row in area_rows(db) if station is None or row["station"].lower() == station.lower()]
    return Report(
        name="static_areas",
        title="Excluded areas",
        filters={"station": station},
        coverage={"photos": 0, "areas": len(found)},
        columns=_AREA_COLUMNS,
        rows=[
            {
                "area": row["area_id"],
                "station": row["station"],
                "points": " ".join(f"{x:g},{y:g}" for x, y in row["points"]),
                "author": row["author"],
                "made_at": _utc(row["made_at"]),
            }
            for row in found
        ],
        notes=[] if found else ["No area is excluded."],
    )


def _proposed(one: Proposal) -> Row:
    at = one.boxes.at[~np.isnat(one.boxes.at)]
    first, last = (at.min().item(), at.max().item()) if len(at) else (None, None)
    return {
        "place": one.place_id,
        "station": one.boxes.station,
        "camera": one.boxes.camera or None,
        "photos": len(np.unique(one.boxes.image_id)),
        "days": one.days,
        "first_at": _minute(first),
        "last_at": _minute(last),
        "classes": ", ".join(f"{name} {n}" for name, n in one.looks),
        "confidence": round(float(np.median(one.boxes.confidence)), 4),
        "confirmed": one.confirmed,
        "sure": one.is_sure,
        **_sides(one.box),
    }


def _listed(row: dict[str, Any]) -> Row:
    return {
        "place": row["place_id"],
        "station": row["station"],
        "camera": row["camera"] or None,
        "answer": _NAMES[row["is_thing"]],
        **{name: row[name] for name in ("hidden_photos", "waiting", "author")},
        "made_at": _utc(row["made_at"]),
        **_sides([row[side] for side in "xywh"]),
    }


def _answer(row: dict[str, Any]) -> Row:
    return {
        "answer": _NAMES[row["is_thing"]],
        **{name: row[name] for name in ("photos", "author", "undone_by")},
        **{name: _utc(row[name]) for name in ("made_at", "undone_at")},
    }


def _sides(box: Sequence[float]) -> Row:
    return {side: round(float(value), 4) for side, value in zip("xywh", box, strict=True)}


def _minute(at: datetime | None) -> str | None:
    return at.isoformat(" ", "minutes") if at else None


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at else None
