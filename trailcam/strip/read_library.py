"""Read the strips of a library's photos, keep what they say, and give photos their times.

Folder by folder and camera by camera: what is read is saved every few seconds, and judged when the folder is
done. So a stop costs seconds, and the next run goes on from there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from trailcam.domain import CaptureTime, TimeSource
from trailcam.errors import Interrupted, RootError
from trailcam.files.mount_guard import alive, check_root
from trailcam.media.capture_time import STRIP_DIFFERS, best, suspicion
from trailcam.selection import Selection
from trailcam.store.database import Connection, Database, utc_now
from trailcam.store.images import roots
from trailcam.store.readings import (
    Reading,
    Shot,
    counting_readings,
    save_choices,
    save_readings,
    shots_by_camera,
    undated,
)
from trailcam.store.select import select
from trailcam.strip.folder import read_raw
from trailcam.strip.judge import judge
from trailcam.strip.ocr import Ocr
from trailcam.strip.records import DateOrder, RawReading, Reason, StripImage, StripReading
from trailcam.words.text import count, printable

_SAVE_EVERY = 256  # photos
_WITNESSES = 8  # photos with EXIF that are read beside those without: they tell the order of day and month

Progress = Callable[[int, int], None]
_DETAILS = ("text", "certainty", "failure", "temperature_c", "layout")


@dataclass(frozen=True, slots=True)
class StripOptions:
    """Which photos of the selection are read, and how.

    ``with_exif``: also photos with an EXIF time, to compare. ``again``: also those that were read before.
    ``order``: the order of day and month, where a person knows it; remembered with the readings. ``roots``:
    only photos of these roots (ids), None for all. ``now``: naive local time.
    """

    with_exif: bool = False
    again: bool = False
    order: DateOrder | None = None
    roots: frozenset[int] | None = None
    threads: int = 1
    now: datetime = field(default_factory=lambda: datetime.now().astimezone().replace(tzinfo=None))


@dataclass(slots=True)
class StripReport:
    """What a run did. ``unreadable`` are the paths of files that can't be decoded."""

    n_read: int = 0
    n_before: int = 0  # photos of the selection whose strips were read in earlier runs
    n_dated: int = 0  # photos that had no time and have one now
    unreadable: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Group:
    """One camera in one folder."""

    root: Path
    folder: str
    shots: dict[str, Shot]  # by path
    todo: list[Shot]
    judged: bool  # nothing is left to judge from earlier runs
    raws: dict[str, RawReading] = field(default_factory=dict)
    order: DateOrder | None = None


def read_strips(
    database: Database,
    selection: Selection,
    options: StripOptions,
    ocr: Ocr,
    *,
    progress: Progress = lambda done, total: None,
    stop: Callable[[], bool] = lambda: False,
) -> StripReport:
    """Read the strips of the selection's photos and give undated photos their times.

    Raises RootError where a root can't be reached, and Interrupted after a stop;
    what was read is saved then.
    """
    groups = _groups(database, selection, options)
    for root in {group.root for group in groups if group.todo}:
        check_root(root)
    report = StripReport(n_before=sum(_n_before(group, options) for group in groups))
    total = sum(len(group.todo) for group in groups)
    for group in groups:
        read = partial(read_raw, ocr=ocr, threads=options.threads, stop=stop)
        _read_group(database, group, report, read, lambda done: progress(done, total))
        if stop() and report.n_read < total:
            raise Interrupted(
                f"Stopped after reading the strips of {count(report.n_read, 'photo')} of {total:,}; "
                "they are saved.",
                "Run the same command again to carry on: times are given when a folder is done.",
            )
        if group.todo or not group.judged:
            report.n_dated += _judge_group(database, group, options.order, options.now)
    return report


def _groups(database: Database, selection: Selection, options: StripOptions) -> list[_Group]:
    with database.read() as db:
        paths = {root.root_id: Path(root.path) for root in roots(db)}
        with select(db, selection) as photos:
            found = shots_by_camera(photos)
    groups = []
    for (root_id, folder, _), shots in found.items():
        wanted = [shot for shot in shots if shot.selected and (options.with_exif or shot.exif_at is None)]
        if not wanted or (options.roots is not None and root_id not in options.roots):
            continue
        todo = [shot for shot in wanted if options.again or shot.detail is None]
        raws = {shot.path: _from_detail(shot) for shot in shots if shot.detail is not None}
        if todo:
            todo += _witnesses(shots, todo)
        told = [json.loads(shot.detail).get("order") for shot in shots if shot.detail]
        order = next((DateOrder(one) for one in told if one), None)
        judged = options.order in (None, order) and all(shot.reason != Reason.NOT_JUDGED for shot in shots)
        group = _Group(paths[root_id], folder, {s.path: s for s in shots}, todo, judged, raws, order)
        groups.append(group)
    return groups


def _witnesses(shots: Sequence[Shot], todo: Sequence[Shot]) -> list[Shot]:
    """A few photos with EXIF that no one has read, spread over the folder."""
    asked = {shot.path for shot in todo}
    known = sum(shot.detail is not None for shot in shots if shot.exif_at)
    free = [shot for shot in shots if shot.exif_at and shot.detail is None and shot.path not in asked]
    n = max(0, _WITNESSES - known - sum(shot.exif_at is not None for shot in todo))
    step = max(1, len(free) // n) if n else 1
    return free[::step][:n]


def _n_before(group: _Group, options: StripOptions) -> int:
    asked = {shot.path for shot in group.todo}
    return sum(
        shot.selected
        and shot.detail is not None
        and shot.path not in asked
        and (options.with_exif or shot.exif_at is None)
        for shot in group.shots.values()
    )


def _read_group(
    database: Database,
    group: _Group,
    report: StripReport,
    read: Callable[[Sequence[StripImage]], Iterable[list[RawReading]]],
    progress: Callable[[int], None],
) -> None:
    unsaved: dict[str, RawReading] = {}
    images = [
        StripImage(shot.path, Path(os.path.join(group.root, shot.path)), shot.exif_at, shot.orientation)  # noqa: PTH118
        for shot in group.todo
    ]
    seen: set[str] = set()
    for block in read(images) if images else ():
        lost = [raw.name for raw in block if raw.failure is Reason.UNREADABLE_FILE]
        if lost and not alive(group.root):
            _save_raw(database, group, unsaved)
            raise RootError(
                f"The folder {printable(str(group.root))} stopped answering.",
                f"The strips of {count(report.n_read, 'photo')} read so far are saved. Check its drive or"
                " share, then run the same command again.",
            )
        report.unreadable += lost
        for raw in block:
            if raw.failure is not Reason.UNREADABLE_FILE:  # tomorrow it may be readable
                unsaved[raw.name] = group.raws[raw.name] = raw
        report.n_read += len({raw.name for raw in block} - seen)
        seen.update(raw.name for raw in block)
        if len(unsaved) >= _SAVE_EVERY:
            _save_raw(database, group, unsaved)
        progress(report.n_read)
    _save_raw(database, group, unsaved)


def _save_raw(database: Database, group: _Group, unsaved: dict[str, RawReading]) -> None:
    """Keep readings that aren't judged; empties ``unsaved``."""
    if not unsaved:
        return
    none = CaptureTime(None, TimeSource.STRIP)
    readings = [
        Reading(
            group.shots[name].image_id, none, False, None, Reason.NOT_JUDGED.value, _detail(raw, group.order)
        )
        for name, raw in unsaved.items()
    ]
    with database.write() as db:
        save_readings(db, readings, utc_now())
    unsaved.clear()


def _judge_group(database: Database, group: _Group, order: DateOrder | None, now: datetime) -> int:
    """Judge all readings of a camera's folder and choose its photos' times, in one transaction.

    Returns how many photos had no time before and have one now.
    """
    group.order = order or group.order
    found = list(judge(list(group.raws.values()), now, group.order))
    readings = [_as_reading(group.shots[one.raw.name], one, group.order, now) for one in found]
    differs = {r.image_id for r in readings if r.reason == Reason.EXIF_DIFFERS}
    with database.write() as db:
        save_readings(db, readings, utc_now())
        return _choose(db, [reading.image_id for reading in readings], differs)


def _choose(db: Connection, image_ids: Sequence[int], differs: set[int]) -> int:
    choices = []
    before = undated(db, image_ids)
    by_image = counting_readings(db, image_ids)
    for image_id in image_ids:
        time, reason = best(by_image.get(image_id, []))
        if image_id in differs and time.suspect is None and time.source is not TimeSource.CORRECTION:
            time = CaptureTime(time.at, time.source, STRIP_DIFFERS, time.utc_offset_min)
        choices.append((image_id, time, reason))
    save_choices(db, choices)
    return before - undated(db, image_ids)


def _as_reading(shot: Shot, one: StripReading, order: DateOrder | None, now: datetime) -> Reading:
    suspect = suspicion(one.read_at, now) if one.read_at else None
    # A strip that contradicts EXIF is kept as evidence, and flagged; it doesn't become the time.
    return Reading(
        shot.image_id,
        CaptureTime(one.read_at, TimeSource.STRIP, suspect),
        one.reason is Reason.OK,
        one.confidence,
        one.reason.value,
        _detail(one.raw, order),
    )


def _detail(raw: RawReading, order: DateOrder | None) -> str:
    known = {
        name: value for name, value in asdict(raw).items() if name in _DETAILS and value not in (None, "")
    }
    return json.dumps({**known, **({"order": order.value} if order else {})}, ensure_ascii=False)


def _from_detail(shot: Shot) -> RawReading:
    known = {name: value for name, value in json.loads(shot.detail or "{}").items() if name in _DETAILS}
    if failure := known.pop("failure", None):
        known["failure"] = Reason(failure)
    return RawReading(name=shot.path, exif_at=shot.exif_at, **known)
