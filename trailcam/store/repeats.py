"""Boxes that repeat another box of their photo, so that one animal counts once: ``queries/repeats.sql``."""

from __future__ import annotations

import duckdb

from trailcam.domain import FALLBACK_CONFIDENCE
from trailcam.store.sql import query


def mark_repeats(db: duckdb.DuckDBPyConnection) -> None:
    """Find them among all detections again, as after thresholds changed."""
    db.execute("UPDATE detections SET repeats = false WHERE repeats")
    db.execute(_sql("true"))


def mark_new_repeats(db: duckdb.DuckDBPyConnection, run_id: int) -> None:
    """Find them among the boxes that a run has just saved of the photos in the table ``asked``."""
    db.execute(_sql(f"d.run_id = {int(run_id)} AND d.image_id IN (SELECT image_id FROM asked)"))


def _sql(which: str) -> str:
    return query("repeats").replace("{which}", which).replace("{fallback}", repr(FALLBACK_CONFIDENCE))
