"""The boxes that count: the one place where they are decided, for every report, gallery, digest and export.

A box counts when it comes from its photo's current run and reaches its confidence, or when a person put it
there. Corrections (see :mod:`trailcam.store.corrections`) override every model:

- On a photo that a person judged as a whole, that judgement's boxes count and no model's.
- On one of which single boxes were judged, these places are the person's: a model's box that overlaps one of
  them by an IoU of :data:`COVERS` or more doesn't count, whichever run it comes from. Its other boxes do.
- Of two judgements the later counts: it takes the place of earlier boxes that it overlaps by an IoU of
  :data:`trailcam.store.judged.SAME` or more, and one of the whole photo that of all before it.

A model's box at a static place that was confirmed, or in an excluded area, counts nowhere: see
:mod:`trailcam.store.hidden`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from trailcam.domain import FALLBACK_CONFIDENCE, AgeClass, ClassInfo, Kind
from trailcam.store.database import rows
from trailcam.store.hidden import HiddenCounts
from trailcam.store.select import Selected
from trailcam.store.temp_tables import TempTables

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

COVERS = 0.5  # the IoU from which boxes of two detectors are commonly taken for the same object
PERSON_RUN = 0
"""The number that stands for a person where a run's stands for a model's boxes; runs begin at 1."""


@dataclass(frozen=True, slots=True)
class Counted(TempTables):
    """The views ``boxes`` and ``counted`` over the photos of ``photos``.

    ``counted`` are the boxes that count from ``confidence`` on (0..1, inclusive; None: what the weights
    recommend for each class, else FALLBACK_CONFIDENCE); ``boxes`` are those and every box of the current
    run below that; of a video, one box for each animal (see :mod:`trailcam.store.follow_animals`). Columns:
    image_id, root_id, path, station_id, station, captured_at, run_id (PERSON_RUN: a person's), class_id,
    class, kind, age_class, species, threshold (what counts without a confidence, None: the fallback),
    confidence (1 where a person says so), x, y, w, h (``xywhn``), class_probability (NULL where no
    classifier named it), frame_s (of a video, when), by_person and counts: whether it is in ``counted``.
    Boxes in the photos' table ``hidden`` are in neither.
    """

    photos: Selected
    confidence: float | None
    DROPS: ClassVar[str] = "DROP VIEW counted; DROP VIEW boxes; DROP TABLE IF EXISTS temp.overruled"

    def classes(self) -> list[tuple[int, ClassInfo]]:
        """All classes that a box can be of, each with its run; PERSON_RUN: what people named."""
        found = rows(self.photos.db, "SELECT * FROM classes ORDER BY run_id, class_id")
        named = self.photos.judged.classes() if self.photos.judged else ()
        return [(PERSON_RUN, info) for info in named] + [(row["run_id"], class_info(row)) for row in found]

    def buck_tenths(self) -> dict[tuple[int, str], tuple[int, int]]:
        """(tenth of confidence 0..9, age class) -> boxes of bucks, and how many of them count.

        1.0 belongs to the last tenth; what people say is not a confidence. Confidences are stored in single
        precision, in which 0.7 is a little less: rounding brings it back.
        """
        found = self.db.execute(
            "SELECT least(floor(round(confidence::DOUBLE * 1e6) / 1e5), 9)::INTEGER AS tenth,"
            " coalesce(age_class, 'unknown') AS age, count(*), count(*) FILTER (counts)"
            " FROM boxes WHERE kind = 'buck' AND NOT by_person GROUP BY ALL"
        ).fetchall()
        return {(tenth, age): (n, counted) for tenth, age, n, counted in found}

    def hidden_counts(self, gap: timedelta, image_id: int | None = None) -> HiddenCounts:
        """The boxes that would count if they weren't hidden, of one photo or all; ``gap`` ends a visit."""
        if not self.photos.hidden.make():
            return HiddenCounts()
        found = self.db.execute(
            # A flock is what visits together: see ``animals.flock_of``.
            "WITH found AS (SELECT s.station_id, s.image_id, s.captured_at, h.*,"
            " CASE WHEN c.kind IN ('buck', 'doe', 'fawn', 'deer') THEN 'deer'"
            " WHEN c.kind IN ('person', 'vehicle') THEN c.kind ELSE lower(trim(c.name)) END AS flock"
            " FROM selected s"
            " JOIN detections d ON d.image_id = s.image_id AND d.run_id = s.run_id"
            " JOIN hidden h ON h.row = d.rowid"
            " JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id"
            f" WHERE NOT d.repeats AND {_reaches(self.confidence)}"
            " AND ($image_id IS NULL OR s.image_id = $image_id)"
            + (" AND d.rowid NOT IN (SELECT row FROM overruled)" if self.photos.judged else "")
            + "), steps AS (SELECT epoch_us(captured_at) - epoch_us(lag(captured_at) OVER"
            " (PARTITION BY station_id, flock ORDER BY captured_at, image_id)) AS since_us"
            " FROM found WHERE captured_at IS NOT NULL)"
            " SELECT count(*), (SELECT count(*) FROM steps WHERE coalesce(since_us > $gap_us, true)),"
            " count(place_id), count(DISTINCT place_id), count(area_id), count(DISTINCT area_id),"
            " count(*) FILTER (automatic) FROM found",
            {"gap_us": min(gap // timedelta(microseconds=1), 2**61), "image_id": image_id},
        ).fetchall()
        return HiddenCounts(*map(int, found[0]))

    def only_people(self) -> npt.NDArray[np.int64]:
        """The photos whose every box that counts is a person's: judged as a whole, or box by box."""
        import numpy as np  # here alone: `status` needs none, and it is slow to import

        if not self.photos.judged:
            return np.zeros(0, np.int64)
        found = self.db.execute(
            "SELECT j.image_id FROM judged j WHERE j.whole OR ("
            " EXISTS (SELECT 1 FROM counted c WHERE c.image_id = j.image_id AND c.by_person)"
            " AND NOT EXISTS (SELECT 1 FROM counted c WHERE c.image_id = j.image_id AND NOT c.by_person))"
        ).fetchnumpy()
        return np.asarray(found["image_id"], np.int64)


def class_info(row: dict[str, object]) -> ClassInfo:
    """A row of the table ``classes``."""
    threshold = row["threshold"]
    return ClassInfo(
        class_id=int(str(row["class_id"])),
        name=str(row["name"]),
        kind=Kind(str(row["kind"])),
        age_class=AgeClass(str(row["age_class"])) if row["age_class"] else None,
        species=str(row["species"]) if row["species"] else None,
        threshold=float(str(threshold)) if threshold is not None else None,
    )


def count_boxes(photos: Selected, confidence: float | None) -> Counted:
    """Decide which boxes on the photos count. Works on a read-only connection."""
    hidden = photos.hidden.make()
    photos.db.execute(_boxes(_reaches(confidence), judged=photos.judged is not None, hidden=hidden))
    photos.db.execute("CREATE TEMP VIEW counted AS SELECT * FROM boxes WHERE counts")
    return Counted(photos.db, photos, confidence)


def count_hidden(photos: Selected, confidence: float | None, gap: timedelta) -> HiddenCounts:
    """See :meth:`Counted.hidden_counts`; for whoever has not counted the boxes yet."""
    if not photos.hidden.make():
        return HiddenCounts()
    with count_boxes(photos, confidence) as counted:
        return counted.hidden_counts(gap)


def _reaches(confidence: float | None) -> str:
    """The condition in SQL that a box has the confidence it counts from."""
    asked = "NULL" if confidence is None else repr(float(confidence))
    # Confidences are stored in single precision: 0.7 must reach a threshold of 0.7.
    return f"confidence >= coalesce({asked}, threshold, {FALLBACK_CONFIDENCE!r})::REAL"


def _boxes(counts: str, *, judged: bool, hidden: bool) -> str:
    """The view ``boxes``. Where nothing is judged or hidden it is the plain join, and costs no more."""
    photo = "s.image_id, s.root_id, s.path, s.station_id, s.station, s.captured_at"
    machine = (
        f"SELECT {photo}, d.run_id, d.class_id, c.name AS class, c.kind, c.age_class, c.species,"
        " c.threshold, d.confidence, d.x, d.y, d.w, d.h, d.class_probability, d.frame_s, false AS by_person"
        " FROM selected s JOIN detections d ON d.image_id = s.image_id AND d.run_id = s.run_id"
        " JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id WHERE NOT d.repeats"
        + (" AND d.rowid NOT IN (SELECT row FROM hidden)" if hidden else "")
    )
    view = f"CREATE TEMP VIEW boxes AS SELECT *, {counts} AS counts FROM"
    if not judged:
        return f"{view} ({machine})"
    # A whole photo's judgement has no run to join with (see Selected): single places remain.
    overlap = "iou(d.x, d.y, d.w, d.h, p.x, p.y, p.w, p.h)"
    return (
        "CREATE TEMP TABLE overruled AS SELECT DISTINCT d.rowid AS row FROM detections d"
        f" JOIN person_boxes p ON p.image_id = d.image_id WHERE {overlap} >= {COVERS!r};"
        f"{view} ({machine}"
        " AND d.rowid NOT IN (SELECT row FROM overruled)"
        f" UNION ALL SELECT {photo}, {PERSON_RUN}, p.class_id, p.class, p.kind, p.age_class, p.species,"
        " NULL, 1.0::REAL, p.x, p.y, p.w, p.h, NULL, NULL, true"
        " FROM selected s JOIN person_boxes p USING (image_id) WHERE p.class IS NOT NULL)"
    )
