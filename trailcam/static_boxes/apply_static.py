"""``trailcam static apply``: a page's answers into the database, each once, none over somebody else's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from trailcam.errors import UsageError
from trailcam.static_boxes.find_static import find_static, is_same_place
from trailcam.static_boxes.static_answers import DrawnArea, SavedAnswer, StaticAnswers
from trailcam.store.database import Connection, utc_now
from trailcam.store.review_rows import library_id
from trailcam.store.static_known import place_rows
from trailcam.store.static_rows import (
    Area,
    PlaceAnswer,
    add_place,
    known_uids,
    record_answers,
    record_areas,
    stations_now,
    undo_last,
    undo_place,
)
from trailcam.words.text import printable


@dataclass(slots=True)
class StaticApplied:
    """What became of a file: ``things``, ``animals`` and ``areas`` recorded, ``known`` before.

    ``conflicts`` say which answers were left out, and why.
    """

    things: int = 0
    animals: int = 0
    areas: int = 0
    known: int = 0
    conflicts: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Undone:
    """What was taken back: answers on places, and areas."""

    places: tuple[int, ...] = ()
    areas: int = 0


def apply_static(
    db: Connection,
    given: StaticAnswers,
    *,
    author: str,
    confidence: float | None,
    overwrite: bool = False,
) -> StaticApplied:
    """Record the answers and areas of ``given`` by ``author``, in the caller's transaction.

    What was recorded before changes nothing. An answer that contradicts one that somebody else gave since the
    page was made is left out and reported, unless ``overwrite`` is given. Raises UsageError for a file of
    another database; then nothing is changed.
    """
    if given.library != library_id(db):
        raise UsageError(
            "These answers are on places of another database.",
            "Nothing was changed. Name the database that the page was made from with --db.",
        )
    known = known_uids(db)
    uids = [answer.uid for answer in given.answers] + [area.uid for area in given.areas]
    done = StaticApplied(known=sum(uid in known for uid in uids))
    new = [answer for answer in given.answers if answer.uid not in known]
    taken = _taken(db, replace(given, answers=tuple(new)), done, author, overwrite)
    areas = _areas(db, [area for area in given.areas if area.uid not in known], done)
    now = utc_now()
    record_answers(db, taken, author=author, now=now)
    done.areas = record_areas(db, areas, author=author, now=now)
    done.things = sum(answer.is_thing for answer in taken)
    done.animals = len(taken) - done.things
    _search_again(db, [answer.place_id for answer in taken], confidence)
    return done


def undo_static(db: Connection, place_id: int | None, author: str, confidence: float | None) -> Undone:
    """Take back the newest answer on a place, None: all that was recorded last at once.

    Raises UsageError where there is nothing to take back.
    """
    if place_id is None:
        places, areas = undo_last(db, author)
    else:
        places, areas = undo_place(db, place_id, author), 0
    if not places and not areas:
        what = "There is no answer" if place_id is None else f"Place {place_id} has no answer"
        raise UsageError(f"{what} to take back.", "`trailcam static list` shows the places.")
    _search_again(db, places, confidence)
    return Undone(tuple(places), areas)


def _taken(
    db: Connection, given: StaticAnswers, done: StaticApplied, author: str, overwrite: bool
) -> list[PlaceAnswer]:
    """The answers to record; names the others in ``done``."""
    stations = stations_now(db)
    places = place_rows(db)
    taken = []
    for answer in given.answers:
        if answer.station_id not in stations:
            done.conflicts.append(f"Place {answer.place_id}: its station isn't in this database")
            continue
        place = _place(places, answer, stations[answer.station_id])
        if place and not overwrite and _contradicts(place, answer, given.page, author):
            done.conflicts.append(_conflict(place))
            continue
        number = (
            int(place["place_id"]) if place else add_place(db, answer.station_id, answer.camera, answer.box)
        )
        taken.append(PlaceAnswer(number, answer.is_thing, answer.decided_at, given.made_at, answer.uid))
    return taken


def _areas(db: Connection, drawn: Sequence[DrawnArea], done: StaticApplied) -> list[Area]:
    """The areas to record; names the others in ``done``."""
    stations = stations_now(db)
    lost = sum(area.station_id not in stations for area in drawn)
    done.conflicts += ["An area: its station isn't in this database"] * lost
    return [
        Area(area.station_id, area.points, area.decided_at, area.uid)
        for area in drawn
        if area.station_id in stations
    ]


def _place(places: Sequence[dict[str, Any]], answer: SavedAnswer, station_id: int) -> dict[str, Any] | None:
    """The place that an answer is about: by its number, unless another is called so by now."""
    here = [
        place
        for place in places
        if (place["station_id"], place["camera"]) == (station_id, answer.camera)
        and is_same_place((place["x"], place["y"], place["w"], place["h"]), answer.box)
    ]
    return next((place for place in here if place["place_id"] == answer.place_id), here[0] if here else None)


def _contradicts(place: Mapping[str, Any], answer: SavedAnswer, page: str, author: str) -> bool:
    """Whether somebody said the contrary after the page was made, other than this author on the same page."""
    last = place["answer_id"]
    if last is None or place["is_thing"] == answer.is_thing or last <= (answer.based_on or 0):
        return False
    return not (str(place["uid"] or "").startswith(f"{page}/") and place["author"] == author)


def _conflict(place: Mapping[str, Any]) -> str:
    said = "a thing" if place["is_thing"] else "an animal"
    return (
        f"Place {place['place_id']} ({printable(place['station'])}): {printable(place['author'])} has"
        f" recorded since the page was made: {said} ({place['made_at']:%Y-%m-%d %H:%M} UTC)"
    )


def _search_again(db: Connection, place_ids: Sequence[int], confidence: float | None) -> None:
    """Let what waits at the places' stations be right."""
    names = {row["station"] for row in place_rows(db) if row["place_id"] in place_ids}
    if names:
        find_static(db, confidence, stations=sorted(names))
