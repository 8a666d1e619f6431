"""Photos with their boxes, read a chunk at a time: what every export starts from.

The order of the photos is fetched first, as plain arrays (34 bytes a photo); the rest comes in chunks of
CHUNK photos. So memory doesn't grow with what the photos hold, and no result is ever left unfinished on a
connection.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from trailcam.domain import ClassInfo, Status, Trigger
from trailcam.geometry import upright_size
from trailcam.selection import Selection
from trailcam.store.counted import PERSON_RUN, Counted, class_info, count_boxes
from trailcam.store.database import Connection, Database, lent, query, quoted, rows
from trailcam.store.hidden import HiddenCounts
from trailcam.store.named import join_names
from trailcam.store.paths import from_db
from trailcam.store.scenes import join_scenes
from trailcam.store.select import Selected, select
from trailcam.words.text import count

CHUNK = 20_000
MEMORY = "256MB"
THREADS = 4
_UNDATED_US = -(2**62)  # stands for "no capture time"
_Small = npt.NDArray[np.int32]


class ExportBox(NamedTuple):
    """One box that counts. ``x, y, w, h`` are ``xywhn``: 0..1 of the upright image, from its top left.

    ``class_probability``: how sure a classifier is of the class, None where none named it. ``by_person``: a
    person put it there; its confidence is 1. ``individual``: what people call the buck. ``frame_s``: when it
    was seen, in seconds since a video began; None on a photo.
    """

    info: ClassInfo
    confidence: float
    x: float
    y: float
    w: float
    h: float
    by_person: bool = False
    individual: str | None = None
    class_probability: float | None = None
    frame_s: float | None = None


class ExportPhoto(NamedTuple):
    """One photo or video. ``path`` is relative to its root, with ``/``; ``width`` and ``height`` are px,
    upright.

    ``orientation`` is the EXIF value 1..8 that turned it so. ``trigger`` is what the camera says of it.
    ``run_id`` is of the model whose boxes count, None where none's do. ``by_person``: what is known of the
    photo is a correction. ``boxes`` are those that count, the surest first. Of a video ``frames`` are the
    times (seconds) of the frames that were looked at, ``duration_s`` and ``frame_rate`` what its container
    says.
    """

    n: int
    image_id: int
    root: str
    root_path: str
    path: str
    station: str
    captured_at: datetime | None
    captured_at_source: str
    utc_offset_min: int | None
    status: Status
    error_code: str | None
    error_message: str | None
    width: int | None
    height: int | None
    make: str | None
    model: str | None
    serial: str | None
    run_id: int | None
    by_person: bool
    boxes: tuple[ExportBox, ...]
    orientation: int = 1
    trigger: Trigger | None = None
    is_video: bool = False
    duration_s: float | None = None
    frame_rate: float | None = None
    frames: tuple[float, ...] = ()

    @property
    def looked_at(self) -> bool:
        """Whether a model has completed it or a person judged it: then no box means blank."""
        return self.run_id is not None or self.by_person


class ExportRun(NamedTuple):
    """The run behind some of the photos. ``finished_at`` is UTC without zone.

    People's judgements are the run PERSON_RUN, whose classes are those that people named.
    """

    run_id: int
    weights_name: str
    finished_at: datetime
    classes: tuple[ClassInfo, ...]
    weights_sha256: str = ""


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """Which photos, in the order of station, capture time and id, and the scenes they belong to.

    Arrays of equal length. ``scene`` counts the scenes (see :mod:`trailcam.store.scenes`) from 0, -1 where
    there is no capture time. ``frame`` is a photo's place in its scene from 0, ``frames`` the scene's length,
    ``scene_us`` its first capture time (microseconds since 1970, the camera's clock). ``counts`` says whether
    a box on the photo counts, ``completed`` whether the photo was looked at, by a model or a person,
    ``is_video`` whether it is a video.
    ``counted`` are their boxes, on the connection that the plan was made on, ``hidden`` those that would be.
    """

    image_id: npt.NDArray[np.int64]
    station_id: npt.NDArray[np.int32]
    scene: _Small
    frame: _Small
    frames: _Small
    scene_us: npt.NDArray[np.int64]
    counts: npt.NDArray[np.bool_]
    completed: npt.NDArray[np.bool_]
    is_video: npt.NDArray[np.bool_]
    runs: tuple[ExportRun, ...]
    n_roots: int
    n_undated_left_out: int
    counted: Counted
    hidden: HiddenCounts = field(default_factory=HiddenCounts)

    def __len__(self) -> int:
        return len(self.image_id)

    def videos_left_out(self) -> list[str]:
        """What a data set of photos says of the videos that were looked at."""
        n = int((self.is_video & self.completed).sum())
        return [f"{count(n, 'video')} left out: a data set is of photos."] if n else []

    def scene_start(self, n: int) -> datetime | None:
        """When the scene of photo ``n`` began, None without a capture time."""
        if self.scene[n] < 0:
            return None
        return datetime(1970, 1, 1) + timedelta(microseconds=int(self.scene_us[n]))  # noqa: DTZ001


def make_plan(db: Connection, selection: Selection, confidence: float | None, gap: timedelta) -> ExportPlan:
    """Order the selected photos. ``confidence`` 0..1; None: what the weights recommend for each class.

    Raises UsageError for an unknown station.
    """
    bound_memory(db)
    photos = select(db, selection)
    counted = count_boxes(photos, confidence)
    join_names(counted)
    with join_scenes(photos, gap):
        found = db.execute(
            # Numbers alone: sorting names and paths would take a hundred bytes a photo.
            "WITH ranked AS ("
            "SELECT station_id, row_number() OVER (ORDER BY name, station_id) AS rank FROM stations"
            f") SELECT s.image_id, station_id, coalesce(epoch_us(s.captured_at), {_UNDATED_US}) AS us,"
            " s.begins, s.run_id IS NOT NULL OR s.by_person AS completed, s.is_video"
            " FROM scenes s JOIN ranked USING (station_id)"
            " ORDER BY rank, s.captured_at NULLS LAST, s.image_id"
        ).fetchnumpy()
    image_id = np.asarray(found.pop("image_id"), np.int64)
    station_id = np.asarray(found.pop("station_id"), np.int32)
    begins = np.asarray(found.pop("begins"), np.bool_)
    scene, frame, frames, start = _places(begins, np.asarray(found.pop("us"), np.int64))
    ((n_roots,),) = db.execute("SELECT count(DISTINCT root_id) FROM selected").fetchall()
    return ExportPlan(
        image_id=image_id,
        station_id=station_id,
        scene=scene,
        frame=frame,
        frames=frames,
        scene_us=start,
        counts=_with_boxes(db, image_id),
        completed=np.asarray(found["completed"], np.bool_),
        is_video=np.asarray(found["is_video"], np.bool_),
        runs=_runs(photos),
        n_roots=int(n_roots),
        n_undated_left_out=photos.undated_left_out(),
        counted=counted,
        hidden=counted.hidden_counts(gap),
    )


def bound_memory(db: Connection, scratch: Path | None = None, limit: str = MEMORY) -> None:
    """Let the connection's queries use ``limit``, however many photos there are; the rest goes to the disk.

    It lies in the folder ``scratch``, or beside the database, while a query needs it. DuckDB takes a folder
    only until it has used one, so ``scratch`` is named before anything is asked.
    """
    if scratch is not None:
        db.execute(f"SET temp_directory = {quoted(str(scratch))}")
    # Each thread has buffers of its own, which must fit as well.
    db.execute(f"SET threads = {min(THREADS, os.cpu_count() or 1)}")
    db.execute(f"SET memory_limit = '{limit}'")


def stream(plan: ExportPlan, only: npt.NDArray[np.bool_] | None = None) -> Iterator[ExportPhoto]:
    """The photos of ``plan`` in its order, all as they were at one moment; ``only`` masks them.

    They are read on the connection that the plan was made on.
    """
    for wanted in _chunks(plan, only):
        yield from _read(plan.counted, plan, wanted)


def stream_reopening(
    database: Database, plan: ExportPlan, only: npt.NDArray[np.bool_] | None = None
) -> Iterator[ExportPhoto]:
    """As :func:`stream`, for slow work: the database is open only while a chunk is read.

    A detect may write meanwhile; each photo is consistent in itself.
    """
    for wanted in _chunks(plan, only):
        with database.read() as db:
            counted = count_boxes(select(db, Selection()), plan.counted.confidence)
            join_names(counted)
            photos = list(_read(counted, plan, wanted))
        yield from photos


def root_paths(plan: ExportPlan, only: npt.NDArray[np.bool_]) -> list[str]:
    """The paths of the roots that the photos of ``plan`` masked by ``only`` lie in."""
    db = plan.counted.db
    with lent(db, chunk={"image_id": plan.image_id[only]}):
        found = db.execute(
            "SELECT path FROM roots WHERE root_id IN (SELECT root_id FROM images JOIN chunk USING (image_id))"
            " ORDER BY root_id"
        ).fetchall()
    return [from_db(str(path)) for (path,) in found]


def shared_stems(db: Connection) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Photos whose path differs from another's of their root by its ending alone, and those by case alone.

    Both as sorted ids; the second are among the first. Of all photos that aren't missing, whatever is
    selected: what a photo's sidecar is called doesn't depend on what else is exported.
    """
    found = db.execute(query("shared_stems")).fetchnumpy()
    ids = np.asarray(found["image_id"], np.int64)
    return ids, ids[np.asarray(found["by_case"], np.bool_)]


def station_facts(db: Connection) -> dict[str, tuple[float | None, float | None, str | None]]:
    """Station -> latitude, longitude, time zone, as the database knows them."""
    found = db.execute("SELECT name, latitude, longitude, timezone FROM stations").fetchall()
    return {str(name): (latitude, longitude, zone) for name, latitude, longitude, zone in found}


def _with_boxes(db: Connection, image_id: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which of the images have a box that counts."""
    counts = np.zeros(len(image_id), np.bool_)
    seen = np.asarray(db.execute("SELECT image_id FROM counted").fetchnumpy()["image_id"], np.int64)
    if len(seen):
        order = np.argsort(image_id)
        counts[order[np.searchsorted(image_id, seen, sorter=order)]] = True
    return counts


def _places(
    begins: npt.NDArray[np.bool_], us: npt.NDArray[np.int64]
) -> tuple[_Small, _Small, _Small, npt.NDArray[np.int64]]:
    """Scene, frame, frames and the scene's start for photos in the order of station and time."""
    n = len(us)
    if n == 0:
        none = np.zeros(0, np.int32)
        return none, none, none, us
    number = np.cumsum(begins, dtype=np.int32) - np.int32(1)
    first = np.flatnonzero(begins)
    frame = np.arange(n, dtype=np.int32) - first.astype(np.int32)[number]
    frames = np.diff(np.append(first, n)).astype(np.int32)[number]
    start = us[first][number]
    number[us == _UNDATED_US] = -1
    return number, frame, frames, start


def _runs(photos: Selected) -> tuple[ExportRun, ...]:
    """The runs that count for a selected photo, with the classes of each, the oldest first; people before."""
    db = photos.db
    found = rows(
        db,
        "SELECT run_id, weights_name, weights_sha256, coalesce(finished_at, started_at) AS at FROM runs"
        " WHERE run_id IN (SELECT DISTINCT run_id FROM selected WHERE run_id IS NOT NULL) ORDER BY run_id",
    )
    classes = rows(db, "SELECT * FROM classes ORDER BY run_id, class_id")
    runs = [
        ExportRun(
            row["run_id"],
            row["weights_name"],
            row["at"],
            tuple(class_info(c) for c in classes if c["run_id"] == row["run_id"]),
            row["weights_sha256"],
        )
        for row in found
    ]
    if photos.judged and (people := photos.judged.classes()):
        runs.insert(0, ExportRun(PERSON_RUN, "a person", photos.judged.newest(), people))
    return tuple(runs)


def _chunks(plan: ExportPlan, only: npt.NDArray[np.bool_] | None) -> Iterator[npt.NDArray[np.int64]]:
    wanted = np.arange(len(plan), dtype=np.int64) if only is None else np.flatnonzero(only)
    for start in range(0, len(wanted), CHUNK):
        yield wanted[start : start + CHUNK]


def _read(counted: Counted, plan: ExportPlan, wanted: npt.NDArray[np.int64]) -> Iterator[ExportPhoto]:
    db, judged = counted.db, counted.photos.judged
    with lent(db, chunk={"n": wanted, "image_id": plan.image_id[wanted]}):
        photos = db.execute(query("export_chunk")).fetchall()
        boxes = db.execute(query("export_boxes")).fetchall()
    known = {(run.run_id, info.class_id): info for run in plan.runs for info in run.classes}
    # A detect or a person may have been at work since the plan: classes are asked for then.
    if judged and any(row[1] == PERSON_RUN for row in boxes):
        known |= {(PERSON_RUN, info.class_id): info for info in judged.classes()}
    if any((row[1], row[2]) not in known for row in boxes):
        fresh = rows(db, "SELECT * FROM classes")
        known |= {(row["run_id"], row["class_id"]): class_info(row) for row in fresh}
    by_photo = {
        n: tuple(
            ExportBox(known[run_id, class_id], confidence, x, y, w, h, run_id == PERSON_RUN, *rest)
            for _, run_id, class_id, confidence, x, y, w, h, *rest in group
        )
        for n, group in groupby(boxes, key=itemgetter(0))
    }
    for row in photos:
        yield _photo(row, by_photo.get(row[0], ()))


def _photo(row: tuple[object, ...], boxes: tuple[ExportBox, ...]) -> ExportPhoto:
    n, image_id, root, root_path, path, *middle, width, height, orientation, trigger = row[:-9]
    make, model, serial, run_id, by_person = row[-9:-4]
    is_video, duration_s, frame_rate, frames = row[-4:]
    station, at, source, offset, status, code, message = middle
    if width and height:
        width, height = upright_size(int(str(width)), int(str(height)), int(str(orientation)))
    return ExportPhoto(
        *(n, image_id, from_db(str(root)), from_db(str(root_path)), from_db(str(path)), station),  # type: ignore[arg-type]
        *(at, source, offset, Status(str(status)), code, message),  # type: ignore[arg-type]
        *(width or None, height or None, make, model, serial, run_id, by_person, boxes),  # type: ignore[arg-type]
        orientation=int(str(orientation)),
        trigger=Trigger(str(trigger)) if trigger else None,
        is_video=bool(is_video),
        duration_s=duration_s,  # type: ignore[arg-type]
        frame_rate=frame_rate,  # type: ignore[arg-type]
        frames=tuple(frames or ()),  # type: ignore[arg-type]
    )
