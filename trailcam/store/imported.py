"""Runs of other programs beside trailcam's own, current only where a photo has no other; what people said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from trailcam.domain import AgeClass, ClassInfo, Kind, Outcome
from trailcam.geometry import upright_size
from trailcam.store.columns import asked, texts
from trailcam.store.corrections import JudgedBox
from trailcam.store.database import Connection, Database, lent, one, rows, utc_now
from trailcam.store.judged import Judged
from trailcam.store.paths import from_db
from trailcam.store.run_choice import take_over
from trailcam.store.run_sink import RunFacts, RunSink, begin_run


def find_import(db: Connection, model_key: str) -> int | None:
    """The run that a file was imported as before, None: never."""
    found = one(db, "SELECT run_id FROM runs WHERE model_key = ? ORDER BY run_id", [model_key])
    return int(found[0]) if found else None


def looked_at(db: Connection, run_id: int, image_ids: Sequence[int]) -> set[int]:
    """Those of ``image_ids`` that a run has a result for."""
    with asked(db, image_ids):
        found = db.execute(
            "SELECT image_id FROM results JOIN asked USING (image_id) WHERE run_id = ?", [run_id]
        ).fetchall()
    return {int(image_id) for (image_id,) in found}


class ImportedRun:
    """Writes a run of another program within one transaction of ``db``.

    A photo without a run gets this one as its current run; any other keeps the one it has. A missing photo
    stays missing.
    """

    def __init__(self, database: Database, db: Connection, facts: RunFacts) -> None:
        known = find_import(db, facts.model_key)
        self.known = known is not None
        self.run_id = begin_run(db, facts) if known is None else known
        self._db = db
        self._sink = RunSink(database, self.run_id)
        db.execute(
            "CREATE OR REPLACE TEMP TABLE gone AS SELECT image_id FROM images WHERE status = 'missing'"
        )

    def write(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Save those outcomes whose photos have none in this run; returns them."""
        before = looked_at(self._db, self.run_id, [o.image_id for o in outcomes]) if self.known else set()
        fresh = [outcome for outcome in outcomes if outcome.image_id not in before]
        if fresh:
            self._sink.write_in(self._db, fresh)
        return fresh

    def finish(self) -> int:
        """Close the run; returns for how many photos it is the current one."""
        self._db.execute(
            "UPDATE images SET status = 'missing' WHERE status <> 'missing'"
            " AND image_id IN (SELECT image_id FROM gone)"
        )
        self._db.execute(
            "UPDATE runs SET state = 'completed', finished_at = ? WHERE run_id = ?", [utc_now(), self.run_id]
        )
        take_over(self._db, self.run_id, completed=False)  # only where a person chose this very run
        ((n,),) = self._db.execute("SELECT count(*) FROM images WHERE run_id = ?", [self.run_id]).fetchall()
        return int(n)


class Said(NamedTuple):
    """People's word in force on a photo: of the whole of it, or of the places of ``boxes`` alone."""

    whole: bool
    boxes: tuple[JudgedBox, ...]


def said_of(judged: Judged, image_ids: Sequence[int]) -> dict[int, Said]:
    """Photo -> what people say of it, for those that people judged."""
    db = judged.db
    with asked(db, image_ids):
        whole = db.execute("SELECT image_id, whole FROM judged JOIN asked USING (image_id)").fetchall()
        placed = rows(db, "SELECT p.* FROM person_boxes p JOIN asked USING (image_id)")
    boxes: dict[int, list[JudgedBox]] = {}
    for row in placed:
        info = None
        if row["class"] is not None:
            age = AgeClass(row["age_class"]) if row["age_class"] else None
            info = ClassInfo(0, row["class"], Kind(row["kind"]), age, row["species"])
        sides = (float(row[side]) for side in "xywh")
        boxes.setdefault(int(row["image_id"]), []).append(JudgedBox(info, *sides))
    # Of a whole photo, that nothing is at some place says no more than the rest does.
    return {
        int(image_id): Said(
            bool(is_whole), tuple(b for b in boxes.get(int(image_id), ()) if b.info or not is_whole)
        )
        for image_id, is_whole in whole
    }


def known_uids_of(db: Connection, uids: Sequence[str]) -> set[str]:
    """Those of ``uids`` that were recorded before, also where they were undone since."""
    with lent(db, asked={"uid": texts(uids)}):
        found = db.execute("SELECT uid FROM judgements JOIN asked USING (uid)").fetchall()
    return {str(uid) for (uid,) in found}


def upright_sizes(db: Connection, image_ids: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Photo -> its width and height in px, upright, where they are known."""
    with asked(db, image_ids):
        found = db.execute(
            "SELECT image_id, width, height, orientation FROM images JOIN asked USING (image_id)"
            " WHERE width > 0 AND height > 0"
        ).fetchall()
    return {int(i): upright_size(int(w), int(h), int(turned)) for i, w, h, turned in found}


def all_paths(db: Connection) -> Iterator[tuple[int, str, str]]:
    """Every photo: its id, its root's name and its path there, as Python has them."""
    last = 0
    while found := db.execute(
        "SELECT image_id, r.name, i.path FROM images i JOIN roots r USING (root_id)"
        " WHERE image_id > ? ORDER BY image_id LIMIT 100000",
        [last],
    ).fetchall():
        for image_id, root, path in found:
            yield int(image_id), from_db(str(root)), from_db(str(path))
        last = int(found[-1][0])
