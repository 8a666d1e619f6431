"""Corrections beside what a model found, and the thresholds fitted to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from trailcam.store.columns import insert, numbers, texts, times
from trailcam.store.database import Connection, query, rows, utc_now
from trailcam.store.repeats import mark_repeats
from trailcam.store.scenes import join_scenes
from trailcam.store.select import Selected


def judged_models(photos: Selected) -> list[dict[str, Any]]:
    """The models whose results count for photos that were judged, the one with most first.

    Columns: model_key, weights_sha256, weights_name, run_id (the newest) and photos.
    """
    if not photos.judged:
        return []
    return rows(
        photos.db,
        "SELECT r.model_key, any_value(r.weights_sha256) AS weights_sha256,"
        " arg_max(r.weights_name, r.run_id) AS weights_name, max(r.run_id) AS run_id, count(*) AS photos"
        " FROM selected JOIN judged USING (image_id) JOIN images i USING (image_id)"
        " JOIN runs r ON r.run_id = i.run_id GROUP BY r.model_key ORDER BY photos DESC, run_id DESC",
    )


def model_of_run(db: Connection, run_id: int) -> dict[str, Any] | None:
    """The row of :func:`judged_models` for the model of a run, None where there is no such run."""
    found = rows(
        db,
        "SELECT model_key, weights_sha256, weights_name, run_id, 0 AS photos FROM runs WHERE run_id = ?",
        [run_id],
    )
    return found[0] if found else None


def people_and_model(
    photos: Selected, model_key: str, gap: timedelta, *, only_random: bool
) -> list[dict[str, Any]]:
    """The rows of ``accuracy.sql``; none where nobody judged anything. ``gap`` ends a scene."""
    if not photos.judged:
        return []
    with join_scenes(photos, gap):
        return rows(photos.db, query("accuracy"), {"model_key": model_key, "only_random": only_random})


def judging_authors(photos: Selected) -> list[str]:
    """Who judged photos, in order of their names."""
    if not photos.judged:
        return []
    found = photos.db.execute(
        "SELECT DISTINCT author FROM judgements JOIN in_force USING (judgement_id)"
        " WHERE judgements.image_id IN (SELECT image_id FROM selected) ORDER BY 1"
    ).fetchall()
    return [str(author) for (author,) in found]


def save_fitted(db: Connection, weights_sha256: str, thresholds: Mapping[str, float], author: str) -> None:
    """Let ``thresholds`` (class name -> 0..1) count for all runs of the weights, also for later ones.

    What counted before is kept, for :func:`forget_fitted`.
    """
    before = dict(
        db.execute(
            "SELECT c.name, CASE WHEN f.class IS NOT NULL THEN f.before ELSE c.threshold END FROM classes c"
            " JOIN runs r USING (run_id) LEFT JOIN fitted_thresholds f"
            " ON f.weights_sha256 = r.weights_sha256 AND f.class = c.name"
            " WHERE r.weights_sha256 = ? ORDER BY c.run_id",  # the newest run's, as the last in the dict
            [weights_sha256],
        ).fetchall()
    )
    names = list(thresholds)
    for name in names:
        db.execute(
            "DELETE FROM fitted_thresholds WHERE weights_sha256 = ? AND class = ?", [weights_sha256, name]
        )
    insert(
        db,
        "fitted_thresholds",
        {
            "weights_sha256": texts([weights_sha256] * len(names)),
            "class": texts(names),
            "threshold": numbers([thresholds[name] for name in names]),
            "before": numbers([before.get(name) for name in names]),
            "author": texts([author] * len(names)),
            "fitted_at": times([utc_now()] * len(names)),
        },
    )
    use_fitted(db)
    mark_repeats(db)


def use_fitted(db: Connection) -> None:
    """Put fitted thresholds into the classes of the runs they are for."""
    db.execute(
        "UPDATE classes SET threshold = f.threshold FROM fitted_thresholds f JOIN runs r"
        " ON r.weights_sha256 = f.weights_sha256"
        " WHERE classes.run_id = r.run_id AND classes.name = f.class"
        " AND classes.threshold IS DISTINCT FROM f.threshold"
    )


def forget_fitted(db: Connection, weights_sha256: str) -> list[str]:
    """Let what the weights recommend count again; returns the names of the classes that had another."""
    names = [
        str(name)
        for (name,) in db.execute(
            "SELECT class FROM fitted_thresholds WHERE weights_sha256 = ? ORDER BY 1", [weights_sha256]
        ).fetchall()
    ]
    db.execute(
        "UPDATE classes SET threshold = f.before FROM fitted_thresholds f JOIN runs r"
        " ON r.weights_sha256 = f.weights_sha256"
        " WHERE f.weights_sha256 = ? AND classes.run_id = r.run_id AND classes.name = f.class",
        [weights_sha256],
    )
    db.execute("DELETE FROM fitted_thresholds WHERE weights_sha256 = ?", [weights_sha256])
    mark_repeats(db)
    return names
