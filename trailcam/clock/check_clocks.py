"""Check cameras' clocks: every station's photos against each other, the sun, and what files say elsewhere.

What is doubted is noted beside the time (``images.captured_at_suspect``); the time stays. A check of the same
photos gives the same doubts, so that it can be run at any time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from trailcam.clock.doubt import NUMBERS_BACKWARDS, OFFSET_DIFFERS, Doubt
from trailcam.clock.sequence import Frame, frozen, judge_sequence
from trailcam.clock.sources import FileTimes, judge_sources
from trailcam.clock.sun_check import Lit, is_infrared, judge_light
from trailcam.domain import SURE_OFFSETS, TimeSource
from trailcam.media.capture_time import STRIP_DIFFERS, in_reach
from trailcam.media.copy_marks import split_copy_mark, split_number_mark
from trailcam.media.time_in_name import parse_file_name
from trailcam.store.clock_facts import (
    ClockShot,
    ClockStation,
    clock_shots,
    clock_stations,
    mark_checked,
    save_doubts,
)
from trailcam.store.database import Connection, Database
from trailcam.strip.judge import natural_key
from trailcam.sun.sky import Observer, Sun, trusted_offset, zone_of

# Folders that cameras make themselves (DCF 2.0: three digits, five characters): one card has several.
_CAMERA_FOLDER = re.compile(r"\d{3}[A-Za-z0-9_]{5}")
_TIMES = ("captured_at", "exif_at", "noted_at", "modified_at", "named_at", "strip_at")
_COUNTER = re.compile(r"\D*(\d{1,6})(?!\d)")


@dataclass(frozen=True, slots=True)
class Finding:
    """Photos of one camera's folder under one doubt; the first and last path in the order of names.

    Photos that are gone, copies and thumbnails come into doubt too, but are not counted here.
    """

    station: str
    folder: str
    camera: str
    doubt: Doubt
    photos: int
    first_path: str
    last_path: str
    first_at: datetime
    last_at: datetime


@dataclass(slots=True)
class Checked:
    """``stations`` (ids) that were checked. ``changed``: image id -> doubt, where the database says else.

    ``newly_doubted``: how many of these are in doubt now and count as photos.
    """

    stations: list[int] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    changed: dict[int, str | None] = field(default_factory=dict)
    newly_doubted: int = 0


Where = tuple[float, float] | None
"""Latitude and longitude that stand for those of a station without a place of its own."""


def check(
    db: Connection, stations: Sequence[ClockStation], timezone: str | None, place_of_all: Where = None
) -> Checked:
    """Judge all photos of ``stations``. Changes nothing, and works on a read-only connection.

    ``timezone`` (IANA) and ``place_of_all`` are those of stations without one of their own.
    """
    checked, sun = Checked(), Sun()
    for station in stations:
        own = Observer(station.latitude, station.longitude, zone_of(station.timezone, timezone))
        place = own.or_at(place_of_all)
        for folder, camera, shots in _streams(clock_shots(db, station.station_id)):
            doubts, backwards = _judge(shots, place, sun)
            aside = _aside(shots, place, backwards)
            checked.findings += _findings(station.name, folder, camera, shots, doubts, aside)
            for shot, doubt in zip(shots, doubts, strict=True):
                word = doubt.word if doubt else None
                if word != shot.captured_at_suspect:
                    checked.changed[shot.image_id] = word
                    checked.newly_doubted += word is not None and shot.counts
        checked.stations.append(station.station_id)
    return checked


def save(db: Connection, checked: Checked) -> None:
    """Note the doubts that a check found."""
    save_doubts(db, checked.changed)
    mark_checked(db, checked.stations)


def check_stale(db: Connection, timezone: str | None, place_of_all: Where = None) -> Checked:
    """Check and note what is new: stations with photos, times or places since their last check."""
    checked = check(db, clock_stations(db, stale=True), timezone, place_of_all)
    save(db, checked)
    return checked


def check_new(database: Database, timezone: str | None, place_of_all: Where = None) -> int:
    """:func:`check_stale` in a transaction of its own; returns how many photos came into doubt.

    The caller holds the writer's lock.
    """
    with database.write() as db:
        checked = check_stale(db, timezone, place_of_all)
    return checked.newly_doubted


def _streams(shots: Sequence[ClockShot]) -> Iterator[tuple[str, str, list[ClockShot]]]:
    """Folder, camera and photos of one counter, in the order of their names; a card's folders are one.

    A second card copied into the folder of the first has names with a copy's mark: that is another counter.
    """
    names = {shot.path.rpartition(".")[0] for shot in shots}
    streams: dict[tuple[int, str, str, str, str], list[ClockShot]] = {}
    for shot in shots:
        folder = shot.path.rpartition("/")[0]
        parent, _, last = folder.rpartition("/")
        plain, mark = _split_mark(shot.path.rpartition(".")[0], names)
        prefix = re.match(r"\D*", plain.rpartition("/")[2])
        key = parent if _CAMERA_FOLDER.fullmatch(last) else folder
        streams.setdefault(
            (shot.root_id, key, shot.camera, prefix[0].casefold() if prefix else "", mark), []
        ).append(shot)
    for (_, folder, camera, _, _), own in streams.items():
        yield folder, camera, sorted(own, key=lambda shot: natural_key(shot.path))


def _split_mark(path: str, names: set[str]) -> tuple[str, str]:
    """A path without its ending -> the path copied, and the copy's mark. `X_1` has one only beside an `X`."""
    folder, slash, stem = path.rpartition("/")
    plain, mark = split_copy_mark(stem)
    if not mark:
        plain, mark = split_number_mark(stem)
        if folder + slash + plain not in names:
            return path, ""
    return folder + slash + plain, mark


def _judge(shots: Sequence[ClockShot], place: Observer, sun: Sun) -> tuple[list[Doubt | None], bool]:
    """The doubt about each photo's time, the gravest first, and whether its numbers run backwards."""
    shots = [_within_reach(shot) for shot in shots]
    stuck = frozen([shot.captured_at for shot in shots])
    frames = [Frame(None) if i in stuck else _frame(shot) for i, shot in enumerate(shots)]
    verdict = judge_sequence(frames, place.zone)
    said = judge_sources(
        [
            FileTimes(
                shot.exif_at or shot.noted_at or shot.strip_at,
                _noted(shot),
                shot.modified_at,
                shot.named_at,
                shot.named_offset_min,
            )
            for shot in shots
        ],
        place.zone,
    )
    light = _light(shots, {i for i, doubt in verdict.doubts.items() if doubt} | stuck.keys(), place, sun)
    found: list[Doubt | None] = []
    for i, shot in enumerate(shots):
        by_order, acquitted = verdict.doubts.get(i), i in verdict.doubts and verdict.doubts[i] is None
        own = Doubt(shot.own) if shot.own and not acquitted else None
        strip = Doubt(STRIP_DIFFERS) if shot.strip_differs else None
        if shot.captured_at is None:
            found.append(own)  # no time, or one that can't be true
        elif shot.captured_at_source == TimeSource.CORRECTION:
            found.append(own)  # a correction is doubted only where it can't be true
        else:
            found.append(own or by_order or stuck.get(i) or light.get(i) or strip or said.get(i))
    return found, verdict.backwards


def _within_reach(shot: ClockShot) -> ClockShot:
    """The photo without times from years in which no camera ran: nothing is calculated from them."""
    far = {name: None for name in _TIMES if not in_reach(getattr(shot, name))}
    return replace(shot, **far) if far else shot  # type: ignore[arg-type]


def _noted(shot: ClockShot) -> datetime | None:
    return shot.noted_at if shot.exif_at else None


def _infrared(shot: ClockShot) -> bool | None:
    return is_infrared(shot.colour) if shot.infrared is None else shot.infrared


def _frame(shot: ClockShot) -> Frame:
    name = shot.path.rpartition("/")[2]
    counter = _COUNTER.match(split_copy_mark(name.rpartition(".")[0])[0])
    if parse_file_name(name) is not None or counter is None:
        return Frame(None, None, shot.own)  # a name made of the time, or without a number, is no evidence
    return Frame(shot.captured_at, int(counter[1]), shot.own)


def _light(shots: Sequence[ClockShot], but: set[int], place: Observer, sun: Sun) -> dict[int, Doubt]:
    """What the light says, of photos that nothing else has flagged."""
    order = [i for i, shot in enumerate(shots) if shot.captured_at and i not in but]
    photos = [
        Lit(at, _offset(shots[i], at, place), _infrared(shots[i]))
        for i in order
        if (at := shots[i].captured_at)
    ]
    return {order[k]: doubt for k, doubt in judge_light(photos, place, sun).items()}


def _offset(shot: ClockShot, at: datetime, place: Observer) -> int | None:
    sure = shot.captured_at_source in SURE_OFFSETS
    return trusted_offset(at, place, shot.utc_offset_min, offset_sure=sure)


def _aside(shots: Sequence[ClockShot], place: Observer, backwards: bool) -> dict[Doubt, list[ClockShot]]:
    """What is told of photos and puts no time in doubt."""
    dated = [shot for shot in shots if shot.captured_at]
    offsets = [
        shot
        for shot in dated
        if shot.captured_at
        and in_reach(shot.captured_at)
        and shot.utc_offset_min is not None
        and _offset(shot, shot.captured_at, place) is None
    ]
    told = {Doubt(OFFSET_DIFFERS): offsets, Doubt(NUMBERS_BACKWARDS): dated if backwards else []}
    return {doubt: found for doubt, found in told.items() if found}


def _findings(
    station: str,
    folder: str,
    camera: str,
    shots: Sequence[ClockShot],
    doubts: Sequence[Doubt | None],
    aside: Mapping[Doubt, Sequence[ClockShot]],
) -> list[Finding]:
    by_doubt: dict[Doubt, list[ClockShot]] = {}
    for shot, doubt in zip(shots, doubts, strict=True):
        if doubt is not None:
            by_doubt.setdefault(doubt, []).append(shot)
    found = []
    for doubt, all_accused in (*by_doubt.items(), *aside.items()):
        accused = [shot for shot in all_accused if shot.counts]
        if not accused:
            continue
        times = [shot.captured_at for shot in accused if shot.captured_at]
        paths = accused[0].path, accused[-1].path
        found.append(Finding(station, folder, camera, doubt, len(accused), *paths, min(times), max(times)))
    return found
