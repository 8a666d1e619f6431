"""Runs of other programs: recorded beside trailcam's own, current only where a photo has no other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trailcam.store.database import Connection, Database, one
from trailcam.store.images import utc_now
from trailcam.store.runs import OutcomeLike, RunFacts, RunSink, begin_run


def find_import(db: Connection, model_key: str) -> int | None:
    """The run that a file was imported as before, None: never."""
    found = one(db, "SELECT run_id FROM runs WHERE model_key = ? ORDER BY run_id", [model_key])
    return int(found[0]) if found else None


def looked_at(db: Connection, run_id: int, image_ids: Sequence[int]) -> set[int]:
    """Those of ``image_ids`` that a run has a result for."""
    db.register("asked", {"image_id": np.array(sorted(image_ids), np.int64)})
    try:
        found = db.execute(
            "SELECT image_id FROM results JOIN asked USING (image_id) WHERE run_id = ?", [run_id]
        ).fetchall()
    finally:
        db.unregister("asked")
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

    def write(self, outcomes: Sequence[OutcomeLike]) -> list[OutcomeLike]:
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
        ((n,),) = self._db.execute("SELECT count(*) FROM images WHERE run_id = ?", [self.run_id]).fetchall()
        return int(n)
