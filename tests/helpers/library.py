"""A small library in a real database, written by the functions that a scan and a detect use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trailcam.domain import (
    AgeClass,
    CaptureTime,
    ClassInfo,
    FileKey,
    Image,
    Kind,
    Outcome,
    Status,
    TimeSource,
)
from trailcam.media.file_kinds import is_video
from trailcam.store.database import Database
from trailcam.store.images import save_images, save_root
from trailcam.store.run_sink import RunFacts, RunSink, begin_run, end_run

# The classes that tests name: a name is also the class's name in the model.
WHITETAIL = (
    ClassInfo(0, "doe", Kind.DOE),
    ClassInfo(1, "young", Kind.BUCK, AgeClass.YOUNG),
    ClassInfo(2, "mid", Kind.BUCK, AgeClass.MID),
    ClassInfo(3, "mature", Kind.BUCK, AgeClass.MATURE),
    ClassInfo(4, "person", Kind.PERSON),
)
ANY_BUCK = (ClassInfo(0, "buck", Kind.BUCK, AgeClass.UNKNOWN), ClassInfo(1, "doe", Kind.DOE))
NO_DEER = (ClassInfo(0, "person", Kind.PERSON), ClassInfo(1, "animal", Kind.ANIMAL))

Found = tuple[str, float] | tuple[str, float, tuple[float, float, float, float]]


@dataclass(frozen=True)
class Photo:
    """One photo. ``at`` is None or ISO ("2024-11-03 06:10"); ``station`` is its first folder too."""

    name: str
    at: str | datetime | None = None
    station: str = "Hayfield"
    suspect: str | None = None
    error_code: str | None = None
    size: tuple[int, int] | None = None  # px, as stored
    offset_min: int | None = None  # from UTC, as the file states it
    source: TimeSource = TimeSource.EXIF

    def image(self) -> Image:
        """The photo as a scan would have read it."""
        when = datetime.fromisoformat(self.at) if isinstance(self.at, str) else self.at
        source = self.source if when else TimeSource.UNKNOWN
        captured = CaptureTime(when, source, self.suspect, self.offset_min)
        return Image(
            key=FileKey(f"{self.station}/{self.name}", 1000, 1),
            station=self.station,
            captured=captured,
            captured_reason="only_reading" if when else None,
            readings=(captured,) if when else (),
            width=self.size[0] if self.size else None,
            height=self.size[1] if self.size else None,
            error_code=self.error_code,
            error_message="cannot be read" if self.error_code else None,
            is_video=is_video(self.name),
        )


def seen(image_id: int, confidence: npt.ArrayLike, class_id: npt.ArrayLike) -> Outcome:
    """What a model made of one image: a box for each confidence, side by side."""
    scores = np.asarray(confidence, np.float32)
    boxes = np.array([beside(n, len(scores)) for n in range(len(scores))], np.float32).reshape(-1, 4)
    classes = np.asarray(class_id, np.int16)
    return Outcome(image_id, Status.COMPLETED, boxes=boxes, confidence=scores, class_id=classes)


def beside(n: int, count: int) -> tuple[float, float, float, float]:
    """The place of box ``n`` of ``count`` that don't overlap; a single one lies in the middle."""
    width = 0.25 if count < 2 else 0.75 / count
    return (0.25 + n * width, 0.25, width, 0.25)


class Library:
    """A database with one root, ``root``. Photos are named by their ``name``, which must be unique."""

    def __init__(self, database: Database, root: Path) -> None:
        self.database = database
        self.root = root
        with database.write() as db:
            self.root_id = save_root(db, root.name, str(root))
        self.ids: dict[str, int] = {}

    def add(self, photos: Sequence[Photo]) -> None:
        """Save photos as a scan does: pending, or failed where they have an error."""
        with self.database.write() as db:
            save_images(db, self.root_id, [photo.image() for photo in photos], {})
        with self.database.read() as db:
            found = db.execute("SELECT image_id, path FROM images").fetchall()
        self.ids = {str(path).rpartition("/")[2]: int(image_id) for image_id, path in found}

    def detect(
        self,
        detections: Mapping[str, Sequence[Found]],
        *,
        failed: Iterable[str] = (),
        missing: Iterable[str] = (),
        classes: Sequence[ClassInfo] = WHITETAIL,
        weights: str = "whitetail.pt",
        key: str | None = None,
        completed: bool | None = True,
    ) -> int:
        """One run: photo -> its (class, confidence) pairs, none for a blank. Returns the run's id.

        A third part is the box, ``xywhn``; without it all lie in one place.

        ``key`` is the run's model_key, by default the weights' name. ``completed`` False ends the run as
        interrupted, None not at all, as a kill does.
        """
        ids = {info.name: info.class_id for info in classes}
        outcomes = [
            Outcome(
                self.ids[name],
                Status.COMPLETED,
                confidence=np.array([confidence for _, confidence, *_ in found], np.float32),
                class_id=np.array([ids[class_name] for class_name, *_ in found], np.int16),
                boxes=np.array(
                    [box[2] if len(box) > 2 else beside(n, len(found)) for n, box in enumerate(found)],
                    np.float32,
                ).reshape(-1, 4),
            )
            for name, found in detections.items()
        ]
        outcomes += [
            Outcome(self.ids[name], Status.FAILED, error_code="truncated", error_message="cut off")
            for name in failed
        ]
        outcomes += [Outcome(self.ids[name], Status.MISSING) for name in missing]
        facts = RunFacts(key or weights, "0" * 64, weights, {}, {}, "cpu", tuple(classes))
        with self.database.write() as db:
            run_id = begin_run(db, facts)
        RunSink(self.database, run_id).write(outcomes)
        if completed is not None:
            with self.database.write() as db:
                end_run(db, run_id, completed=completed, seconds={"wall": 2.0})
        return run_id


def make_library(
    folder: Path,
    photos: Sequence[Photo] = (),
    detections: Mapping[str, Sequence[tuple[str, float]]] | None = None,
) -> Library:
    """A library in ``folder``; photos without an entry in ``detections`` stay pending.

    With ``detections`` None no run takes place at all.
    """
    root = folder / "photos"
    root.mkdir(exist_ok=True)
    library = Library(Database(folder / "trailcam.duckdb"), root)
    library.add(photos)
    if detections is not None:
        library.detect(detections)
    return library
