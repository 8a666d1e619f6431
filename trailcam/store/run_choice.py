"""Which run's boxes count: the newest that completed, or the one that a person chose; and runs deleted.

``images.run_id`` names the run that counts for a photo. A run that was chosen overrides all others on the
photos that its model completed, also before runs of other models that come later. Runs of equal ``model_key``
give the same answers, so all of them are chosen with one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trailcam.errors import UsageError
from trailcam.store.database import Connection, one, rows, utc_now
from trailcam.words.text import count


@dataclass(frozen=True, slots=True)
class Deleted:
    """What went with a run: ``results`` and ``detections`` of its own; what the photos it counted for became.

    ``handed_on`` photos have another run's boxes now, ``left`` have none: they are pending or failed again.
    """

    results: int
    detections: int
    handed_on: int
    left: int


def check_run(db: Connection, run_id: int) -> dict[str, Any]:
    """The columns of a run. Raises UsageError where there is none of that number."""
    found = rows(db, "SELECT * FROM runs WHERE run_id = ?", [run_id])
    if found:
        return found[0]
    known = [str(n) for (n,) in db.execute("SELECT run_id FROM runs ORDER BY 1").fetchall()]
    listed = ", ".join(known) if len(known) <= 20 else f"{known[0]} to {known[-1]}"
    raise UsageError(
        f"There is no run {run_id}.",
        f"Runs: {listed}. `trailcam runs list` shows them."
        if known
        else "Nothing has been looked at yet: run `trailcam detect`.",
    )


def chosen_run(db: Connection) -> dict[str, Any] | None:
    """The columns of the run that a person chose, None where nobody did."""
    found = rows(db, "SELECT * FROM runs WHERE chosen_at IS NOT NULL")
    return found[0] if found else None


def list_runs(db: Connection) -> list[dict[str, Any]]:
    """All runs, the newest first: their columns, and ``counting``, the photos that each counts for."""
    return rows(
        db,
        "SELECT r.*, coalesce(n.photos, 0) AS counting FROM runs r LEFT JOIN ("
        " SELECT run_id, count(*) AS photos FROM images WHERE run_id IS NOT NULL GROUP BY run_id"
        ") n USING (run_id) ORDER BY r.run_id DESC",
    )


def class_counts(db: Connection, run_id: int, fallback: float) -> list[dict[str, Any]]:
    """A run's classes with their ``detections`` and ``photos`` in all, and ``counting`` from the threshold.

    ``threshold`` is what the weights recommend or was fitted, None: nothing, and ``fallback`` (0..1) counts.
    """
    return rows(
        db,
        "SELECT c.class_id, c.name, c.kind, c.age_class, c.species,"
        " c.threshold::VARCHAR::DOUBLE AS threshold,"
        " count(d.image_id) AS detections, count(DISTINCT d.image_id) AS photos,"
        " count(d.image_id) FILTER (d.confidence >= coalesce(c.threshold, $fallback)::REAL"
        " AND NOT d.repeats) AS counting"
        " FROM classes c LEFT JOIN detections d ON d.run_id = c.run_id AND d.class_id = c.class_id"
        " WHERE c.run_id = $run_id GROUP BY ALL ORDER BY c.class_id",
        {"run_id": run_id, "fallback": fallback},
    )


def choose_run(db: Connection, run_id: int | None) -> None:
    """Let the model of a run count from now on wherever it completed a photo; None: the newest run again.

    Raises UsageError for a run that doesn't exist or completed nothing.
    """
    if run_id is not None:
        run = check_run(db, run_id)
        if (
            one(db, "SELECT 1 FROM results WHERE run_id = ? AND status = 'completed' LIMIT 1", [run_id])
            is None
        ):
            raise UsageError(
                f"Run {run_id} ({run['state']}) has completed no photo.",
                "Choose one that has: `trailcam runs list` shows how many each completed.",
            )
    db.execute("UPDATE runs SET chosen_at = NULL WHERE chosen_at IS NOT NULL")
    if run_id is not None:
        db.execute("UPDATE runs SET chosen_at = ? WHERE run_id = ?", [utc_now(), run_id])
    settle(db, "SELECT image_id FROM images WHERE run_id IS NOT NULL")


def take_over(db: Connection, run_id: int, *, completed: bool) -> None:
    """Let a run that has just ended count for what it completed, unless the photo has a chosen model's boxes.

    One that was interrupted takes nothing over from another, unless it is of the chosen model.
    """
    if chosen_run(db) is not None:
        settle(db, f"SELECT image_id FROM results WHERE run_id = {int(run_id)}")
    elif completed:
        db.execute(
            "UPDATE images SET run_id = $run_id FROM results r WHERE r.run_id = $run_id"
            " AND r.status = 'completed' AND r.image_id = images.image_id"
            " AND images.run_id IS DISTINCT FROM $run_id",
            {"run_id": run_id},
        )


def count_kept(db: Connection, run_id: int) -> int:
    """How many photos that a run completed keep the boxes of a chosen other model."""
    chosen = chosen_run(db)
    if chosen is None:
        return 0
    found = one(
        db,
        "SELECT count(*) FROM results r JOIN images i USING (image_id) JOIN runs c ON c.run_id = i.run_id"
        " WHERE r.run_id = $run_id AND r.status = 'completed' AND i.run_id <> $run_id"
        " AND c.model_key = $chosen",
        {"run_id": run_id, "chosen": chosen["model_key"]},
    )
    return int(found[0]) if found else 0


def check_deletable(db: Connection, run_id: int, *, force: bool = False) -> dict[str, Any]:
    """The columns of a run that may be deleted.

    Raises UsageError for no run, and without ``force`` for one that counts or was chosen.
    """
    run = check_run(db, run_id)
    counting = next(row["counting"] for row in list_runs(db) if row["run_id"] == run_id)
    if not force and (counting or run["chosen_at"] is not None):
        why = f"counts for {count(counting, 'photo')}" if counting else "was chosen by hand"
        raise UsageError(
            f"Run {run_id} {why}; it was not deleted.",
            "Let another count first: `trailcam runs current RUN`. --force deletes it anyway:"
            " the photos then go to their next run, or are pending again.",
        )
    return run


def delete_run(db: Connection, run_id: int, *, force: bool = True) -> Deleted:
    """Delete a run with its results and boxes. What people said stays, and so do fitted thresholds.

    Photos that it counted for go to the run that counts without it; those that no other completed are failed
    again where another run failed on them, else pending. What digests have told is not told again while
    another run's result of the photo remains. Call it in a transaction.
    Raises UsageError as :func:`check_deletable`.
    """
    was_chosen = check_deletable(db, run_id, force=force)["chosen_at"] is not None
    db.execute(
        "CREATE OR REPLACE TEMP TABLE orphans AS SELECT image_id FROM images WHERE run_id = ?",
        [run_id],
    )
    db.execute(
        "CREATE OR REPLACE TEMP TABLE looked_before AS SELECT image_id, min(looked_at) AS looked_at"
        " FROM results WHERE status = 'completed'"
        " AND image_id IN (SELECT image_id FROM results WHERE run_id = ?) GROUP BY image_id",
        [run_id],
    )
    results = len(db.execute("DELETE FROM results WHERE run_id = ? RETURNING 1", [run_id]).fetchall())
    boxes = len(db.execute("DELETE FROM detections WHERE run_id = ? RETURNING 1", [run_id]).fetchall())
    db.execute("DELETE FROM classes WHERE run_id = ?", [run_id])
    db.execute("DELETE FROM runs WHERE run_id = ?", [run_id])
    db.execute("UPDATE imports SET undone_at = ? WHERE run_id = ? AND undone_at IS NULL", [utc_now(), run_id])
    db.execute("UPDATE images SET run_id = NULL WHERE run_id = ?", [run_id])
    # With the choice its model's other runs lose their place too.
    settle(db, "SELECT image_id FROM images" if was_chosen else "SELECT image_id FROM orphans")
    _reopen(db)
    _still_told(db)
    found = one(
        db,
        "SELECT count(*), count(i.run_id) FROM orphans o JOIN images i USING (image_id)",
    )
    db.execute("DROP TABLE orphans; DROP TABLE looked_before")
    n, handed_on = (int(found[0]), int(found[1])) if found else (0, 0)
    return Deleted(results=results, detections=boxes, handed_on=handed_on, left=n - handed_on)


def settle(db: Connection, images: str) -> None:
    """Work out again which run counts for photos of a query: the chosen model's, else the newest completed.

    One that never completed counts only where no other does; another program's only where none of ours does.
    """
    db.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE settled AS
        SELECT r.image_id, first(r.run_id ORDER BY
            t.model_key = (SELECT model_key FROM runs WHERE chosen_at IS NOT NULL) DESC NULLS LAST,
            t.device <> 'imported' DESC,
            t.state = 'completed' DESC,
            CASE WHEN t.state = 'completed' THEN t.finished_at END DESC NULLS LAST,
            CASE WHEN t.state = 'completed' THEN -r.run_id ELSE r.run_id END
        ) AS run_id
        FROM results r JOIN runs t ON t.run_id = r.run_id
        WHERE r.status = 'completed' AND r.image_id IN ({images})
        GROUP BY r.image_id;
        UPDATE images SET run_id = s.run_id FROM settled s
        WHERE s.image_id = images.image_id AND images.run_id IS DISTINCT FROM s.run_id;
        DROP TABLE settled;
        """
    )


def _reopen(db: Connection) -> None:
    """Photos of the table ``orphans`` without any run: failed where one failed on them, else pending."""
    db.execute(
        """
        CREATE OR REPLACE TEMP TABLE failures AS
        SELECT o.image_id, max(r.run_id) IS NOT NULL AS failed,
            arg_max(r.error_code, r.run_id) AS code, arg_max(r.error_message, r.run_id) AS message
        FROM orphans o LEFT JOIN results r ON r.image_id = o.image_id AND r.status = 'failed'
        GROUP BY o.image_id;
        UPDATE images SET error_code = f.code, error_message = f.message, status = CASE
            WHEN images.status = 'missing' THEN 'missing' WHEN f.failed THEN 'failed' ELSE 'pending' END
        FROM failures f WHERE f.image_id = images.image_id AND images.run_id IS NULL;
        DROP TABLE failures;
        """
    )


def _still_told(db: Connection) -> None:
    """Digests know a photo by when it was first looked at; where that is a later run's now, move theirs."""
    db.execute(
        """
        UPDATE digest_photos SET looked_at = greatest(digest_photos.looked_at, n.looked_at)
        FROM (
            SELECT b.image_id, any_value(b.looked_at) AS before, min(r.looked_at) AS looked_at
            FROM looked_before b JOIN results r ON r.image_id = b.image_id AND r.status = 'completed'
            GROUP BY b.image_id
        ) n
        WHERE n.image_id = digest_photos.image_id AND digest_photos.looked_at >= n.before
        """
    )


def last_run(db: Connection) -> dict[str, Any] | None:
    """The run that is at work, else the one that was last, as a dictionary of its columns, or None."""
    found = rows(
        db,
        "SELECT * FROM runs ORDER BY state = 'running' DESC, coalesce(finished_at, started_at) DESC,"
        " run_id DESC LIMIT 1",
    )
    return found[0] if found else None
