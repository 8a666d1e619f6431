"""Runs, and the sink that a detect writes to."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trailcam.domain import AgeClass, ClassInfo, Kind, Outcome, Status
from trailcam.selection import Selection
from trailcam.store.columns import Column, asked, insert, insert_row, next_id, numbers, texts
from trailcam.store.database import Connection, Database, lent, one, rows, utc_now
from trailcam.store.judged_boxes import use_fitted
from trailcam.store.outcome_columns import OutcomeColumns
from trailcam.store.paths import from_db
from trailcam.store.repeats import mark_new_repeats
from trailcam.store.run_choice import take_over
from trailcam.store.select import count_undated_left_out, select
from trailcam.words.unread import reads_videos


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What makes a run what it is. Runs of equal ``model_key`` give the same answers.

    ``model_key`` is a hash over the weights and every setting that changes boxes.
    """

    model_key: str
    weights_sha256: str
    weights_name: str
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    device: str
    classes: tuple[ClassInfo, ...]


@dataclass(frozen=True, slots=True)
class Todo:
    """Images to look at, as arrays of equal length; ``path`` as Python's file functions want it.

    ``failed``: whether an image is marked as failed already. ``video``: whether it is one, ``duration_s``
    then its seconds, NaN where they aren't known.
    """

    image_id: npt.NDArray[np.int64]
    root_id: npt.NDArray[np.int32]
    path: list[str]
    failed: npt.NDArray[np.bool_]
    video: npt.NDArray[np.bool_]
    duration_s: npt.NDArray[np.float64]
    n_undated_left_out: int


TODO = """
    SELECT image_id, root_id, path, status = 'failed' AS failed, is_video, duration_s FROM selected
    WHERE status <> 'missing' AND ($videos OR NOT is_video) AND NOT EXISTS (
        SELECT 1 FROM results JOIN runs USING (run_id)
        WHERE results.image_id = selected.image_id
          AND results.status = 'completed' AND runs.model_key = $model_key
    )
    ORDER BY root_id, path LIMIT $limit
"""
"""Of ``selected``, the images that a model hasn't completed, in the order of the disk."""


def todo_parameters(model_key: str, limit: int | None) -> dict[str, object]:
    """What :data:`TODO` asks for."""
    # Where the extra isn't installed, videos that were scanned elsewhere wait.
    return {
        "model_key": model_key,
        "limit": 2**62 if limit is None else limit,
        "videos": reads_videos(),
    }


def select_todo(db: Connection, selection: Selection, model_key: str, limit: int | None) -> Todo:
    """The selected images that ``model_key`` hasn't completed, in the order of the disk.

    Missing images are never in it. With statuses pending or failed only those are taken.
    """
    with select(db, selection):
        found = db.execute(TODO, todo_parameters(model_key, limit)).fetchnumpy()
    return todo_of(found, count_undated_left_out(db, selection))


def todo_of(found: Mapping[str, Any], n_undated_left_out: int) -> Todo:
    """The rows of :data:`TODO`, or of a file of them, as a Todo.

    Files of an earlier trailcam know no videos.
    """
    n = len(found["path"])
    durations = np.ma.filled(np.ma.asarray(found.get("duration_s", np.full(n, np.nan)), np.float64), np.nan)
    return Todo(
        image_id=np.asarray(found["image_id"], np.int64),
        root_id=np.asarray(found["root_id"], np.int32),
        path=[from_db(str(p)) for p in found["path"]],
        failed=np.asarray(found["failed"], np.bool_),
        video=np.asarray(found.get("is_video", np.zeros(n)), np.bool_),
        duration_s=durations,
        n_undated_left_out=n_undated_left_out,
    )


def begin_run(db: Connection, facts: RunFacts) -> int:
    """Record a run as running and return its id.

    A run of the same ``model_key`` that never completed is continued: the caller
    holds the writer's lock, so a run left as running belongs to a process that is gone.
    Runs of other models that are still called running are marked interrupted.
    """
    unfinished = one(
        db,
        "SELECT run_id FROM runs WHERE model_key = ? AND state <> 'completed' ORDER BY run_id DESC",
        [facts.model_key],
    )
    db.execute("UPDATE runs SET state = 'interrupted' WHERE state = 'running'")
    if unfinished:
        run_id = int(unfinished[0])
        db.execute("UPDATE runs SET state = 'running', finished_at = NULL WHERE run_id = ?", [run_id])
        # The class map may have been fixed since.
        db.execute("DELETE FROM classes WHERE run_id = ?", [run_id])
        insert(db, "classes", _class_columns(run_id, facts.classes))
        use_fitted(db)
        return run_id
    run_id = next_id(db, "runs", "run_id")
    record = {
        "run_id": run_id,
        "state": "running",
        "model_key": facts.model_key,
        "weights_sha256": facts.weights_sha256,
        "weights_name": facts.weights_name,
        "settings": json.dumps(facts.settings, sort_keys=True),
        "versions": json.dumps(facts.versions, sort_keys=True),
        "device": facts.device,
        "started_at": utc_now(),
    }
    insert_row(db, "runs", record)
    insert(db, "classes", _class_columns(run_id, facts.classes))
    use_fitted(db)
    return run_id


def ran_before(db: Connection, weights_sha256: str, device: str, versions: Mapping[str, str]) -> bool:
    """Whether a run with those weights on that device, with those versions, has completed a photo."""
    found = one(
        db,
        "SELECT 1 FROM runs WHERE weights_sha256 = ? AND device = ? AND versions = ? AND n_completed > 0",
        [weights_sha256, device, json.dumps(versions, sort_keys=True)],
    )
    return found is not None


def end_run(db: Connection, run_id: int, *, completed: bool, seconds: Mapping[str, float]) -> None:
    """Close a run: add its seconds per stage, and when it completed let its results count.

    ``seconds`` has wall, warmup, load, infer and write. A completed run becomes the current
    one for every image that it completed, also those that an older run had looked at, unless
    a person chose another model that looked at it (see :mod:`trailcam.store.run_choice`).
    """
    db.execute(
        """
        UPDATE runs SET state = $state, finished_at = $now,
            wall_s = coalesce(wall_s, 0) + $wall, warmup_s = coalesce(warmup_s, 0) + $warmup,
            load_s = coalesce(load_s, 0) + $load, infer_s = coalesce(infer_s, 0) + $infer,
            write_s = coalesce(write_s, 0) + $write
        WHERE run_id = $run_id
        """,
        {
            "state": "completed" if completed else "interrupted",
            "now": utc_now(),
            "run_id": run_id,
            **{stage: seconds.get(stage, 0.0) for stage in ("wall", "warmup", "load", "infer", "write")},
        },
    )
    take_over(db, run_id, completed=completed)


def merged_shards(db: Connection, model_key: str, list_id: str) -> set[int]:
    """The shards of a work list that were merged into its run."""
    found = one(
        db,
        "SELECT settings -> '$.shards.merged' FROM runs WHERE model_key = ?"
        " AND settings ->> '$.shards.list' = ? ORDER BY run_id DESC",
        [model_key, list_id],
    )
    return set(json.loads(found[0])) if found else set()


def note_merged(db: Connection, run_id: int, list_id: str, merged: set[int], shards: int) -> None:
    """Record in a run's settings which shards of a work list it has by now."""
    note = {"shards": {"list": list_id, "of": shards, "merged": sorted(merged)}}
    db.execute(
        "UPDATE runs SET settings = json_merge_patch(settings, ?) WHERE run_id = ?",
        [json.dumps(note), run_id],
    )


class RunSink:
    """Writes outcomes of one run: each ``write`` is one transaction.

    Detections, results and the images' status go together or not at all. ``seconds`` counts
    the time spent here, opening the file included: the database's share of a run.
    """

    def __init__(self, database: Database, run_id: int) -> None:
        self._database = database
        self._run_id = run_id
        self.seconds = 0.0

    def write(self, outcomes: Sequence[Outcome]) -> None:
        """Save ``outcomes``. Raises DatabaseError; then none of them is saved."""
        if not outcomes:
            return
        start = time.perf_counter()
        with self._database.write() as db:
            self.write_in(db, outcomes)
        self.seconds += time.perf_counter() - start

    def write_in(self, db: Connection, outcomes: Sequence[Outcome]) -> None:
        """As :meth:`write`, within a transaction of the caller's."""
        self.write_columns(db, OutcomeColumns.of(outcomes))

    def write_columns(self, db: Connection, outcomes: OutcomeColumns) -> None:
        """As :meth:`write_in`, for outcomes that are columns already."""
        seen = ~outcomes.of_status(Status.MISSING)
        completed = outcomes.of_status(Status.COMPLETED)
        before = self._drop_earlier(db, outcomes.image_id[seen])
        insert(db, "results", self._own(outcomes.photos(seen)))
        detections = self._own(outcomes.detections(completed))
        insert(db, "detections", detections)
        several = np.bincount(outcomes.owner, minlength=len(seen)) > 1
        with asked(db, outcomes.image_id[completed & several].tolist()):
            videos = not bool(np.isnan(outcomes.frame_s).all())
            mark_new_repeats(db, self._run_id, videos=videos)
        self._update_images(db, outcomes)
        db.execute(
            "UPDATE runs SET n_completed = n_completed + $c, n_failed = n_failed + $f,"
            " n_missing = n_missing + $m, n_detections = n_detections + $d WHERE run_id = $run_id",
            {
                "c": int(completed.sum()) - before["completed"],
                "f": int(seen.sum()) - int(completed.sum()) - before["failed"],
                "m": int((~seen).sum()),
                "d": len(detections["image_id"]) - before["detections"],
                "run_id": self._run_id,
            },
        )

    def _own(self, columns: dict[str, Column]) -> dict[str, Column]:
        return {"run_id": np.full(len(columns["image_id"]), self._run_id, np.int32), **columns}

    def _drop_earlier(self, db: Connection, seen: npt.NDArray[np.int64]) -> Counter[str]:
        """Take back what this run said of these images before: one result per run and image, not two.

        A photo that failed and is tried again has one. Returns how many results by status, and detections.
        """
        own = "WHERE run_id = ? AND image_id IN (SELECT image_id FROM again)"
        with lent(db, again={"image_id": seen}):
            found = db.execute(f"DELETE FROM results {own} RETURNING status", [self._run_id]).fetchall()
            before = Counter(str(status) for (status,) in found)
            if before["completed"]:
                dropped = db.execute(f"DELETE FROM detections {own} RETURNING 1", [self._run_id]).fetchall()
                before["detections"] = len(dropped)
        return before

    def _update_images(self, db: Connection, outcomes: OutcomeColumns) -> None:
        """An image that an earlier run completed stays completed, and says so, whatever fails here."""
        with lent(db, outcomes=outcomes.photos(np.ones(len(outcomes.image_id), np.bool_))):
            db.execute(
                """
                UPDATE images SET
                    status = o.status,
                    error_code = CASE WHEN o.status = 'missing' THEN images.error_code ELSE o.error_code END,
                    error_message = CASE WHEN o.status = 'missing' THEN images.error_message
                                    ELSE o.error_message END,
                    run_id = CASE WHEN o.status = 'completed' THEN coalesce(images.run_id, $run_id)
                             ELSE images.run_id END
                FROM outcomes o
                WHERE o.image_id = images.image_id AND NOT (o.status = 'failed' AND images.run_id IS NOT NULL)
                """,
                {"run_id": self._run_id},
            )


def class_infos(db: Connection, run_id: int) -> tuple[ClassInfo, ...]:
    """The classes of a run, by class id."""
    found = rows(db, "SELECT * FROM classes WHERE run_id = ? ORDER BY class_id", [run_id])
    return tuple(
        ClassInfo(
            class_id=row["class_id"],
            name=row["name"],
            kind=Kind(row["kind"]),
            age_class=AgeClass(row["age_class"]) if row["age_class"] else None,
            species=row["species"],
            threshold=row["threshold"],
        )
        for row in found
    )


def _class_columns(run_id: int, classes: Sequence[ClassInfo]) -> dict[str, npt.NDArray[Any]]:
    return {
        "run_id": np.full(len(classes), run_id, np.int32),
        "class_id": np.array([c.class_id for c in classes], np.int16),
        "name": texts(c.name for c in classes),
        "kind": texts(c.kind.value for c in classes),
        "age_class": texts(c.age_class.value if c.age_class else None for c in classes),
        "species": texts(c.species for c in classes),
        "threshold": numbers([c.threshold for c in classes]),
    }
