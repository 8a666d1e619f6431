"""Two runs compared: the photos that both completed, and the boxes of each that count there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, ClassVar, NamedTuple

from trailcam.domain import FALLBACK_CONFIDENCE
from trailcam.store.database import Connection, one, rows
from trailcam.store.paths import from_db
from trailcam.store.run_choice import check_run
from trailcam.store.select import Selected
from trailcam.store.temp_tables import TempTables

_CHUNK = 10_000


class RunBox(NamedTuple):
    """A box of a run. ``name`` is its class, compared without regard to case; ``xywhn``, confidence 0..1."""

    name: str
    kind: str
    confidence: float
    x: float
    y: float
    w: float
    h: float


class BothSaid(NamedTuple):
    """A photo on which at least one of two runs has boxes that count: those of each."""

    image_id: int
    a: list[RunBox]
    b: list[RunBox]


@dataclass(frozen=True, slots=True)
class Sides(TempTables):
    """What is compared: the rows of the two runs, and the selected photos that both or one completed.

    The table ``sides`` (image_id, run_a, run_b) has these. ``names_a`` and ``names_b`` are the classes that
    each model knows, in lower case. ``by_model``: other runs of the same models are taken in too.
    """

    a: dict[str, Any]
    b: dict[str, Any]
    both: int
    only_a: int
    only_b: int
    names_a: frozenset[str]
    names_b: frozenset[str]
    by_model: bool
    DROPS: ClassVar[str] = "DROP TABLE sides"


def make_sides(photos: Selected, a: int, b: int) -> Sides:
    """Compare the two runs on the selected photos.

    A side is the run, and where it didn't complete a photo, the newest other run of the same model that did.
    Runs of one and the same model stand for themselves alone. Raises UsageError for a run that isn't there.
    """
    db = photos.db
    run_a, run_b = check_run(db, a), check_run(db, b)
    by_model = run_a["model_key"] != run_b["model_key"]
    best = "max_by(r.run_id, CASE WHEN r.run_id = {n} THEN 1 ELSE 0 END * 2.0 ** 40 + r.run_id)"
    which = "t.model_key = (SELECT model_key FROM runs WHERE run_id = {n})" if by_model else "r.run_id = {n}"
    side = (
        f"SELECT r.image_id, {best} AS run_id FROM results r JOIN runs t ON t.run_id = r.run_id"
        f" WHERE r.status = 'completed' AND {which} GROUP BY r.image_id"
    )
    db.execute(
        "CREATE TEMP TABLE sides AS"
        " SELECT s.image_id, a.run_id AS run_a, b.run_id AS run_b FROM selected s"
        f" LEFT JOIN ({side.format(n=int(a))}) a ON a.image_id = s.image_id"
        f" LEFT JOIN ({side.format(n=int(b))}) b ON b.image_id = s.image_id"
        " WHERE a.run_id IS NOT NULL OR b.run_id IS NOT NULL"
    )
    counted = one(db, "SELECT count(run_a), count(run_b), count(*) FROM sides") or (0, 0, 0)
    n_a, n_b, n = (int(value) for value in counted)
    return Sides(
        *(db, run_a, run_b, n_a + n_b - n, n - n_b, n - n_a, _names(db, a), _names(db, b)), by_model=by_model
    )


def photo_facts_of(sides: Sides, image_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Photo -> root_id, path, station, captured_at and captured_us, for some of the photos of ``sides``."""
    found = rows(
        sides.db,
        "SELECT image_id, root_id, path, station, captured_at, epoch_us(captured_at) AS captured_us"
        " FROM selected WHERE image_id IN (SELECT unnest($ids::BIGINT[]))",
        {"ids": list(image_ids)},
    )
    names = ("path", "station")
    return {int(row["image_id"]): row | {name: from_db(row[name]) for name in names} for row in found}


def both_said(sides: Sides, confidence: float | None) -> Iterator[BothSaid]:
    """The photos that both completed and one has boxes on, by id; read it to its end.

    ``confidence`` (0..1): see :class:`trailcam.store.counted.Counted`. Corrections play no part.
    """
    asked = "NULL" if confidence is None else repr(float(confidence))
    cursor = sides.db.execute(
        "SELECT s.image_id, d.run_id = s.run_a AS of_a, d.run_id = s.run_b AS of_b, trim(c.name) AS name,"
        " c.kind, d.confidence::VARCHAR::DOUBLE AS confidence, d.x, d.y, d.w, d.h"
        " FROM sides s JOIN detections d ON d.image_id = s.image_id AND d.run_id IN (s.run_a, s.run_b)"
        " JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id"
        " WHERE s.run_a IS NOT NULL AND s.run_b IS NOT NULL AND NOT d.repeats"
        f" AND d.confidence >= coalesce({asked}, c.threshold, {FALLBACK_CONFIDENCE!r})::REAL"
        " ORDER BY s.image_id, d.confidence DESC, name, d.x, d.y, d.w, d.h"
    )

    def lines() -> Iterator[tuple[Any, ...]]:
        while chunk := cursor.fetchmany(_CHUNK):
            yield from chunk

    for image_id, group in groupby(lines(), key=itemgetter(0)):
        boxes = list(group)
        yield BothSaid(
            int(image_id),
            [RunBox(*row[3:]) for row in boxes if row[1]],
            [RunBox(*row[3:]) for row in boxes if row[2]],
        )


def _names(db: Connection, run_id: int) -> frozenset[str]:
    found = db.execute("SELECT lower(trim(name)) FROM classes WHERE run_id = ?", [run_id]).fetchall()
    return frozenset(str(name) for (name,) in found)
