"""The boxes that count: the one place where they are decided, for every report, gallery, digest and export.

A box counts when it comes from its photo's current run and reaches its confidence, or when a person put it
there. What people said (see :mod:`trailcam.store.corrections`) goes before what models said:

- On a photo that a person judged as a whole, that judgement's boxes count and no model's.
- On one of which single boxes were judged, these places are the person's: a model's box that overlaps one of
  them by an IoU of :data:`COVERS` or more doesn't count, whichever run it comes from. Its other boxes do.
- Of two judgements the later counts: it takes the place of earlier boxes that it overlaps by an IoU of
  :data:`SAME` or more, and one of the whole photo that of all before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.store.database import Connection, query

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

COVERS = 0.5  # the IoU from which boxes of two detectors are commonly taken for the same object
SAME = 0.9  # of two boxes that people drew or took over
PERSON_RUN = 0
"""The number that stands for a person where a run's stands for a model's boxes; runs begin at 1."""


def make_judged(db: Connection) -> bool:
    """Create the tables ``judged`` and ``person_boxes`` of the judgements in force; False: there are none.

    judged: image_id, whole, made_at (the newest's). person_boxes: image_id, class_id (numbers the persons'
    classes), class, kind, age_class, species (None: nothing is there), x, y, w, h. Both are temporary and
    exist only where this returns True. Works on a read-only connection.
    """
    ((known,),) = db.execute("SELECT count(*) > 0 FROM judgements WHERE undone_at IS NULL").fetchall()
    if known:
        db.execute(query("judged").replace("{same}", repr(SAME)))
    else:  # what is left of judgements that were undone on this very connection
        db.execute("DROP TABLE IF EXISTS temp.person_boxes; DROP TABLE IF EXISTS temp.judged")
    return bool(known)


def make_counted(db: Connection, confidence: float | None, fallback: float) -> None:
    """Create the temporary views ``boxes`` and ``counted`` over the view ``selected``.

    ``counted`` are the boxes that count from ``confidence`` on (0..1, inclusive; None: what the weights
    recommend for each class, else ``fallback``); ``boxes`` are those and every box
    of the current run below that. Columns: image_id, root_id, path, station, captured_at, run_id
    (PERSON_RUN: a person's), class_id, class, kind, age_class, species, threshold (what counts without a
    confidence, None: the fallback), confidence (1 where a person says so), x, y, w, h (``xywhn``),
    by_person and counts: whether it is in ``counted``. Works on a read-only connection. Call
    ``make_selected`` first.
    """
    asked = "NULL" if confidence is None else repr(float(confidence))
    # Confidences are stored in single precision: 0.7 must reach a threshold of 0.7.
    counts = f"confidence >= coalesce({asked}, threshold, {float(fallback)!r})::REAL"
    db.execute(_boxes(counts, judged=_has(db, "person_boxes")))
    db.execute("CREATE OR REPLACE TEMP VIEW counted AS SELECT * FROM boxes WHERE counts")


def person_classes(db: Connection) -> tuple[ClassInfo, ...]:
    """The classes that people named, by the ``class_id`` of their boxes. Call ``make_selected`` first."""
    if not _has(db, "person_boxes"):
        return ()
    found = db.execute(
        "SELECT DISTINCT class_id, class, kind, age_class, species FROM person_boxes"
        " WHERE class IS NOT NULL ORDER BY 1"
    ).fetchall()
    return tuple(
        ClassInfo(int(number), str(name), Kind(kind), AgeClass(age) if age else None, species)
        for number, name, kind, age, species in found
    )


def count_judged(db: Connection) -> int:
    """How many photos of the view ``selected`` rest, all or in part, on a person's word."""
    if not _has(db, "judged"):
        return 0
    ((n,),) = db.execute("SELECT count(*) FROM selected JOIN judged USING (image_id)").fetchall()
    return int(n)


def judged_photos(db: Connection) -> npt.NDArray[np.int64]:
    """The photos whose every box that counts is a person's: judged as a whole, or box by box.

    Call ``make_selected`` and ``make_counted`` first.
    """
    import numpy as np  # here alone: `status` needs none, and it is slow to import

    if not _has(db, "judged"):
        return np.zeros(0, np.int64)
    found = db.execute(
        "SELECT j.image_id FROM judged j WHERE j.whole OR ("
        " EXISTS (SELECT 1 FROM counted c WHERE c.image_id = j.image_id AND c.by_person)"
        " AND NOT EXISTS (SELECT 1 FROM counted c WHERE c.image_id = j.image_id AND NOT c.by_person))"
    ).fetchnumpy()
    return np.asarray(found["image_id"], np.int64)


def _has(db: Connection, table: str) -> bool:
    ((n,),) = db.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE temporary AND table_name = ?", [table]
    ).fetchall()
    return bool(n)


def _boxes(counts: str, *, judged: bool) -> str:
    """The view ``boxes``. Where nobody has judged anything it is the plain join, and costs no more."""
    photo = "s.image_id, s.root_id, s.path, s.station, s.captured_at"
    machine = (
        f"SELECT {photo}, d.run_id, d.class_id, c.name AS class, c.kind, c.age_class, c.species,"
        " c.threshold, d.confidence, d.x, d.y, d.w, d.h, false AS by_person"
        " FROM selected s JOIN detections d ON d.image_id = s.image_id AND d.run_id = s.run_id"
        " JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id WHERE NOT d.repeats"
    )
    view = f"CREATE OR REPLACE TEMP VIEW boxes AS SELECT *, {counts} AS counts FROM"
    if not judged:
        return f"{view} ({machine})"
    # A whole photo's judgement has no run to join with (see make_selected): single places remain.
    overlap = "iou(d.x, d.y, d.w, d.h, p.x, p.y, p.w, p.h)"
    return (
        "CREATE OR REPLACE TEMP TABLE overruled AS SELECT DISTINCT d.rowid AS row FROM detections d"
        f" JOIN person_boxes p ON p.image_id = d.image_id WHERE {overlap} >= {COVERS!r};"
        f"{view} ({machine}"
        " AND d.rowid NOT IN (SELECT row FROM overruled)"
        f" UNION ALL SELECT {photo}, {PERSON_RUN}, p.class_id, p.class, p.kind, p.age_class, p.species,"
        " NULL, 1.0::REAL, p.x, p.y, p.w, p.h, true"
        " FROM selected s JOIN person_boxes p USING (image_id) WHERE p.class IS NOT NULL)"
    )
