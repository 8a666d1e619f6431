"""Visits in plain Python, box by box: what docs/visits.md says, and no word of trailcam's code."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from operator import add

import numpy as np

from tests.helpers.library import WHITETAIL, Library, beside
from trailcam.domain import AgeClass, ClassInfo, Kind

DEER = {Kind.BUCK, Kind.DOE, Kind.FAWN, Kind.DEER}


@dataclass(frozen=True)
class Box:
    """A box that counts, and once it is joined its visit (None without a time) and what it is shown as."""

    photo: int
    at: datetime | None
    station: str
    said: ClassInfo
    confidence: float
    side: float = 0.5  # the root of its area
    by_person: bool = False
    visit: int | None = None
    shown: ClassInfo | None = None

    @property
    def info(self) -> ClassInfo:
        """What it is shown as."""
        return self.shown or self.said

    @property
    def flock(self) -> str:
        if self.said.kind in DEER:
            return "deer"
        return str(self.said.kind) if self.said.kind in (Kind.PERSON, Kind.VEHICLE) else self.said.name


def boxes_of(
    library: Library, sightings: Sequence[tuple[int | None, str, list[str]]], start: datetime
) -> list[Box]:
    """What a library holds whose photo pN shows sighting N (minute, station, classes), each box at 0.9."""
    infos = {info.name: info for info in WHITETAIL}
    ids = {int(name.rpartition("p")[2]): image_id for name, image_id in library.ids.items()}
    found = []
    for n, (minute, station, names) in enumerate(sightings):
        at = None if minute is None else start + timedelta(minutes=minute)
        for k, name in enumerate(names):
            width, height = (float(np.float32(side)) for side in beside(k, len(names))[2:])
            confidence, side = float(np.float32(0.9)), math.sqrt(width * height)
            found.append(Box(ids[n], at, station, infos[name], confidence, side))
    return found


def join(boxes: Iterable[Box], gap: timedelta, *, per_visit: bool = True) -> list[Box]:
    """The boxes with their visits, numbered from 1."""
    places = defaultdict(list)
    joined = []
    for box in boxes:
        if box.at is None:
            joined.append(box)
        else:
            places[box.station, box.flock].append(box)
    number = 0
    for (_, flock), found in sorted(places.items()):
        found.sort(key=lambda box: (box.at, box.photo))
        visit: list[Box] = []
        for box in found:
            if visit and box.at - visit[-1].at > gap:  # type: ignore[operator]  # all have a time
                joined += _finished(visit, flock, per_visit)
                visit = []
            number += not visit
            visit.append(replace(box, visit=number))
        joined += _finished(visit, flock, per_visit)
    return joined


def _finished(visit: list[Box], flock: str, per_visit: bool) -> list[Box]:
    return settled(visit) if flock == "deer" and per_visit else visit


def settled(visit: Sequence[Box]) -> list[Box]:
    """The deer of one visit, with what they are by all its photos."""
    photos = defaultdict(list)
    for box in visit:
        photos[box.photo].append(box)
    most = max(len(found) for found in photos.values())
    most_bucks = max(sum(box.said.kind is Kind.BUCK for box in found) for found in photos.values())
    single = most == 1
    voters = [box for box in visit if box.by_person] if single else []
    voters = voters or list(visit)
    antlered = [box for box in voters if box.said.kind is Kind.BUCK]
    plain = [box for box in voters if box.said.kind is not Kind.BUCK]
    has = bool(antlered) and (
        not plain or any(box.confidence >= 0.6 for box in antlered) or weight(antlered) > weight(plain)
    )
    bucks, others = ranked(antlered), ranked(plain)
    best = bucks[0] if has else others[0]
    finished = []
    for box in visit:
        kept = [look(info) for info in bucks[: max(most_bucks, 1)]] if has else []
        lost = box.said.kind is Kind.BUCK and look(box.said) not in kept
        new = best if (single or lost) and not box.by_person else box.said
        finished.append(replace(box, shown=box.said if look(new) == look(box.said) else new))
    return finished


def look(info: ClassInfo) -> tuple[Kind, AgeClass | None]:
    return info.kind, info.age_class if info.kind is Kind.BUCK else None


def weight(boxes: Iterable[Box]) -> float:
    # One after the other, as numpy does: sum() of newer Pythons rounds otherwise.
    return reduce(add, (box.confidence * box.side for box in boxes), 0.0)


def ranked(boxes: Sequence[Box]) -> list[ClassInfo]:
    """A class for each look: corrections before models, known ages before unknown ones, then by weight."""
    order = [Kind.DOE, Kind.FAWN, Kind.DEER]
    ages = [AgeClass.UNKNOWN, AgeClass.YOUNG, AgeClass.MID, AgeClass.MATURE]
    groups = defaultdict(list)
    for box in boxes:
        groups[look(box.said)].append(box)

    def rank(key: tuple[Kind, AgeClass | None]) -> tuple[bool, bool, float, int]:
        own = groups[key]
        place = ages.index(key[1]) if key[1] else order.index(key[0])
        return (
            not any(box.by_person for box in own),
            key[1] is AgeClass.UNKNOWN,
            -weight(own),
            place,
        )

    return [
        max(groups[key], key=lambda box: box.confidence * box.side).said for key in sorted(groups, key=rank)
    ]
