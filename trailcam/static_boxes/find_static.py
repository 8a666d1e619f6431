"""Which places look static, as things are now: found, compared with what is known, and noted as waiting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trailcam.domain import SAME_PLACE
from trailcam.selection import Selection
from trailcam.static_boxes.static_places import ABOUT, overlap_with, static_places
from trailcam.store.counted import count_boxes
from trailcam.store.database import Connection, Database, utc_now
from trailcam.store.select import select
from trailcam.store.static_rows import (
    AUTOMATIC,
    Box,
    KnownPlace,
    PlaceAnswer,
    SeenPlace,
    known_places,
    record_answers,
    save_sightings,
)
from trailcam.store.static_search import CameraBoxes, boxes_by_camera, station_ids, stations_of_run
from trailcam.words.text import count


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """A place that waits for an answer. ``box`` is ``xywhn``.

    ``boxes`` are those that no answer covers, by time, ``looks`` their classes with how many each, the most
    first. ``days`` are those on which they were taken. ``confirmed``: a thing was confirmed there before, and
    these are new. ``based_on``: the newest answer ever given on it, None: there was none.
    """

    place_id: int
    box: Box
    boxes: CameraBoxes
    looks: tuple[tuple[str, int], ...]
    days: int
    is_sure: bool
    confirmed: bool
    based_on: int | None


@dataclass(frozen=True, slots=True)
class StaticFound:
    """What a search found: proposals, and how many places it hid by itself, with how many photos."""

    proposals: tuple[Proposal, ...]
    hidden_places: int = 0
    hidden_photos: int = 0

    def in_words(self) -> list[str]:
        """What of it a person should know, in sentences."""
        told = []
        if self.hidden_places:
            told.append(
                f"Hidden by [static] auto: boxes on {count(self.hidden_photos, 'photo')} at"
                f" {count(self.hidden_places, 'place')}. `trailcam static undo PLACE` takes it back."
            )
        if self.proposals:
            told.append(
                f"{count(len(self.proposals), 'place')} may show a thing that never moves. Their boxes count"
                " until a person confirms it: `trailcam static find --page static.html` asks about each."
            )
        return told


def find_static(
    db: Connection, confidence: float | None, *, stations: Sequence[str] = (), auto: bool = False
) -> StaticFound:
    """Search the stations (none: all), and note in the database what waits for an answer there.

    ``confidence`` is what boxes count from, as in reports. With ``auto`` what is sure is hidden: new boxes at
    places where a thing was confirmed, and sure places that nobody ever answered for. The connection is one
    for writing. Raises UsageError for a station that doesn't exist.
    """
    found = _search(db, confidence, stations)
    sure = [one for one in found if one.confirmed or (one.is_sure and one.based_on is None)] if auto else []
    if not sure:
        return StaticFound(tuple(found))
    now = utc_now()
    answers = [PlaceAnswer(one.place_id, True, now, now) for one in sure]
    record_answers(db, answers, author=AUTOMATIC, now=now, automatic=True)
    photos = sum(len(np.unique(one.boxes.image_id)) for one in sure)
    return StaticFound(tuple(_search(db, confidence, stations)), len(sure), photos)


def find_after_run(database: Database, run_id: int, confidence: float | None, *, auto: bool) -> StaticFound:
    """As :func:`find_static`, at the stations that a run has looked at; in a transaction of its own."""
    with database.write() as db:
        return find_static(db, confidence, stations=stations_of_run(db, run_id), auto=auto)


def _search(db: Connection, confidence: float | None, stations: Sequence[str]) -> list[Proposal]:
    with (
        select(db, Selection(stations=tuple(stations))) as photos,
        count_boxes(photos, confidence) as counted,
    ):
        cameras, looks = boxes_by_camera(counted)
        searched = station_ids(photos)
    known: dict[tuple[int, str], list[KnownPlace]] = {}
    for place in known_places(db):
        known.setdefault((place.station_id, place.camera), []).append(place)
    found = [
        (sighting, place, boxes)
        for camera in cameras
        for sighting, place, boxes in _of_camera(camera, known.get((camera.station_id, camera.camera), ()))
    ]
    ids = save_sightings(db, [sighting for sighting, *_ in found], searched)
    return [
        Proposal(
            place_id=place_id,
            box=sighting.box,
            boxes=boxes,
            looks=_counted(boxes.look, looks),
            days=sighting.days,
            is_sure=sighting.is_sure,
            confirmed=bool(place and place.is_thing),
            based_on=place.last_answer_id if place else None,
        )
        for place_id, (sighting, place, boxes) in zip(ids, found, strict=True)
    ]


def _of_camera(
    camera: CameraBoxes, known: Sequence[KnownPlace]
) -> Iterator[tuple[SeenPlace, KnownPlace | None, CameraBoxes]]:
    """What waits at one camera: new boxes at confirmed places, then places that nobody has answered for."""
    left = np.ones(len(camera), np.bool_)
    for place in known:
        if place.is_thing is None:
            continue
        overlap = overlap_with(camera.xywhn, place.box)
        # An animal comes back to about the place; what stays lies exactly there.
        there = overlap >= (SAME_PLACE if place.is_thing else ABOUT)
        if place.is_thing and there.any():
            boxes = camera.where(there & left)
            if len(boxes):
                yield _sighting(boxes, place.box, place, is_sure=True), place, boxes
        left &= ~there
    rest = camera.where(left)
    open_ = [place for place in known if place.is_thing is None]
    for found in static_places(rest.xywhn, rest.image_id, rest.at):
        same = next((place for place in open_ if is_same_place(place.box, found.box)), None)
        if same:
            open_.remove(same)
        box = same.box if same else found.box
        boxes = rest.where(overlap_with(rest.xywhn, box) >= SAME_PLACE)
        yield _sighting(boxes, box, same, is_sure=found.is_sure), same, boxes


def is_same_place(one: Box, other: Box) -> bool:
    """Whether two boxes are so alike that they name one place."""
    return bool(overlap_with(np.array([one], np.float32), other)[0] >= SAME_PLACE)


def _sighting(boxes: CameraBoxes, box: Box, place: KnownPlace | None, *, is_sure: bool) -> SeenPlace:
    photos = len(np.unique(boxes.image_id))
    days = np.unique(boxes.at[~np.isnat(boxes.at)].astype("datetime64[D]"))
    return SeenPlace(
        place_id=place.place_id if place else None,
        station_id=boxes.station_id,
        camera=boxes.camera,
        box=box,
        photos=photos,
        days=len(days),
        is_sure=is_sure,
        waiting=photos,
    )


def _counted(look: npt.NDArray[np.int32], names: Sequence[str]) -> tuple[tuple[str, int], ...]:
    numbers, times = np.unique(look, return_counts=True)
    found = [(names[number], int(n)) for number, n in zip(numbers, times, strict=True)]
    return tuple(sorted(found, key=lambda one: (-one[1], one[0])))
