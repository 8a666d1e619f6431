"""What a search for static boxes reads: the boxes that count, camera by camera, in numpy columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from trailcam.store.counted import Counted
from trailcam.store.database import Connection, lent
from trailcam.store.select import Selected
from trailcam.store.static_rows import CAMERA

_NO_TIME = np.iinfo(np.int64).min  # numpy's NaT


@dataclass(frozen=True, slots=True, eq=False)
class CameraBoxes:
    """The boxes of models that count, of one camera, by time. Arrays of equal length n.

    ``xywhn``: (n, 4) float32; ``at``: datetime64[us], NaT where unknown, first; ``look``: the number of a
    class in the list of names beside it.
    """

    station_id: int
    station: str
    camera: str
    image_id: npt.NDArray[np.int64]
    at: npt.NDArray[np.datetime64]
    xywhn: npt.NDArray[np.float32]
    confidence: npt.NDArray[np.float32]
    look: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.image_id)

    def where(self, mask: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> CameraBoxes:
        """Those boxes that ``mask`` picks, or the indices."""
        return replace(self, **{name: getattr(self, name)[mask] for name in _COLUMNS})


_COLUMNS = ("image_id", "at", "xywhn", "confidence", "look")


def station_ids(photos: Selected) -> list[int]:
    """The stations of the photos."""
    found = photos.db.execute(
        "SELECT station_id FROM stations WHERE name IN (SELECT DISTINCT station FROM selected)"
    ).fetchall()
    return [int(number) for (number,) in found]


def stations_of_run(db: Connection, run_id: int) -> list[str]:
    """The names of the stations whose photos a run has completed."""
    found = db.execute(
        "SELECT DISTINCT s.name FROM results r JOIN images i USING (image_id)"
        " JOIN stations s USING (station_id) WHERE r.run_id = ? AND r.status = 'completed' ORDER BY 1",
        [run_id],
    ).fetchall()
    return [str(name) for (name,) in found]


def boxes_by_camera(counted: Counted) -> tuple[list[CameraBoxes], list[str]]:
    """The boxes of each camera that has some, by station and camera, and the names of the looks."""
    db = counted.db
    cameras = db.execute(
        f"SELECT DISTINCT hash(i.station_id, {CAMERA}), i.station_id, s.name, {CAMERA}"
        " FROM images i JOIN stations s USING (station_id) ORDER BY 3, 4, 2"
    ).fetchall()
    looks, look_of = _looks(counted)
    with lent(db, look_of=look_of):
        found = db.execute(
            # Numbers alone: names would be an object for each box.
            f"SELECT hash(i.station_id, {CAMERA}) AS camera, c.image_id,"
            f" coalesce(epoch_us(c.captured_at), {_NO_TIME}) AS at, c.confidence, l.look, c.x, c.y, c.w, c.h"
            " FROM counted c JOIN images i USING (image_id)"
            " JOIN look_of l ON l.run_id = c.run_id AND l.class_id = c.class_id WHERE NOT c.by_person"
        ).fetchnumpy()
    code, at = np.asarray(found["camera"], np.uint64), np.asarray(found["at"], np.int64)
    order = np.lexsort((np.asarray(found["image_id"], np.int64), at, code))
    code = code[order]
    columns: dict[str, npt.NDArray[Any]] = {
        "image_id": np.asarray(found["image_id"], np.int64)[order],
        "at": at[order].view("datetime64[us]"),
        "xywhn": np.stack([np.asarray(found[side], np.float32) for side in "xywh"], axis=1)[order],
        "confidence": np.asarray(found["confidence"], np.float32)[order],
        "look": np.asarray(found["look"], np.int32)[order],
    }
    made = []
    for number, station_id, station, camera in cameras:
        first, end = (int(np.searchsorted(code, np.uint64(number), side)) for side in ("left", "right"))
        if end > first:
            own = {name: column[first:end] for name, column in columns.items()}
            made.append(CameraBoxes(int(station_id), str(station), str(camera), **own))
    return made, looks


def _looks(counted: Counted) -> tuple[list[str], dict[str, npt.NDArray[np.int32]]]:
    """The names of all classes, and the number of its name for each class of a run."""
    classes = counted.db.execute("SELECT run_id, class_id, name FROM classes").fetchall()
    names = sorted({str(name) for _, _, name in classes})
    numbered = [(run_id, class_id, names.index(str(name))) for run_id, class_id, name in classes]
    table = np.array(numbered, np.int32).reshape(-1, 3)
    return names, {key: table[:, n] for n, key in enumerate(("run_id", "class_id", "look"))}
