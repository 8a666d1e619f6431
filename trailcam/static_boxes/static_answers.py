"""The file that a page of static places saves, read without trust: docs/static.md describes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from trailcam.pages.saved_file import (
    MalformedFile,
    as_box,
    as_flag,
    as_list,
    as_object,
    as_text,
    as_time,
    as_whole,
    check_form,
    read_saved,
)
from trailcam.static_boxes.polygon import Points, what_is_wrong
from trailcam.store.static_rows import Box

FORMAT = "trailcam static"
VERSION = 1
_MOST_CORNERS = 200


@dataclass(frozen=True, slots=True)
class SavedAnswer:
    """What a person says of one place: a thing is there, or an animal. ``decided_at`` is UTC without zone.

    ``place_id`` is its number on the page; station, camera and box tell it where another search gave it
    another. ``based_on``: the newest answer on it when the page was made.
    """

    uid: str
    place_id: int
    station_id: int
    camera: str
    box: Box
    is_thing: bool
    based_on: int | None
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class DrawnArea:
    """An area that a person drew on a photo of a station."""

    uid: str
    station_id: int
    points: Points
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class StaticAnswers:
    """A whole file. ``made_at`` (UTC, naive): what was looked at later was no part of the page.

    ``author`` is empty where nobody wrote a name on the page.
    """

    page: str
    library: str
    made_at: datetime
    author: str
    answers: tuple[SavedAnswer, ...]
    areas: tuple[DrawnArea, ...]


def read_static(path: Path) -> StaticAnswers:
    """Read and check all of a file. Raises SavedFileError."""
    return read_saved(path, _all, "trailcam static find --page")


def _all(document: object) -> StaticAnswers:
    top = check_form(document, FORMAT, VERSION)
    page = as_text(top, "page", "")
    answers, areas = as_list(top, "answers", ""), as_list(top, "areas", "")
    return StaticAnswers(
        page=page,
        library=as_text(top, "library", ""),
        made_at=as_time(top, "made_at", ""),
        author=as_text(top, "author", "", may_be_empty=True),
        answers=tuple(_answer(row, f"answers[{n}]", page) for n, row in enumerate(answers)),
        areas=tuple(_area(row, f"areas[{n}]", page) for n, row in enumerate(areas)),
    )


def _answer(entry: object, place: str, page: str) -> SavedAnswer:
    row = as_object(entry, place)
    place_id, decided_at = _id(row, "place", place), as_time(row, "decided_at", place)
    return SavedAnswer(
        uid=f"{page}/{place_id}/{decided_at.isoformat(timespec='milliseconds')}",
        place_id=place_id,
        station_id=_id(row, "station_id", place),
        camera=as_text(row, "camera", place, may_be_empty=True, longest=10_000),
        box=as_box(row, "box", place),
        is_thing=as_flag(row, "is_thing", place),
        based_on=None if row.get("based_on") is None else _id(row, "based_on", place),
        decided_at=decided_at,
    )


def _area(entry: object, place: str, page: str) -> DrawnArea:
    row = as_object(entry, place)
    corners, where = as_list(row, "points", place), f"{place}.points"
    if not 3 <= len(corners) <= _MOST_CORNERS:
        raise MalformedFile(where, f"must be a list of 3 to {_MOST_CORNERS} corners")
    points = tuple(_corner(corner, f"{where}[{n}]") for n, corner in enumerate(corners))
    if wrong := what_is_wrong(points):
        raise MalformedFile(where, wrong)
    station_id, decided_at = _id(row, "station_id", place), as_time(row, "decided_at", place)
    uid = f"{page}/area/{station_id}/{decided_at.isoformat(timespec='milliseconds')}"
    return DrawnArea(uid, station_id, points, decided_at)


def _corner(value: object, place: str) -> tuple[float, float]:
    sides = value if isinstance(value, list) else []
    if len(sides) != 2 or not all(type(side) in (int, float) and 0 <= side <= 1 for side in sides):
        raise MalformedFile(place, "must be a list of x and y, each from 0 to 1")
    return float(sides[0]), float(sides[1])


def _id(row: Mapping[str, Any], key: str, place: str) -> int:
    """A number that fits the database's own."""
    number = as_whole(row, key, place)
    if number >= 2**31:
        raise MalformedFile(f"{place}.{key}", "is a number that no database of trailcam has")
    return number
