"""``trailcam runs``: every run, one in full, and which of them count."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from trailcam.reports.base import CellType, Column, Report, Row, Section
from trailcam.settings.config import FALLBACK_CONFIDENCE
from trailcam.store.database import Connection
from trailcam.store.photo_counts import count_images
from trailcam.store.run_choice import check_run, chosen_run, class_counts, list_runs
from trailcam.words.text import count, printable

_COLUMNS = (
    Column("run_id", "run", CellType.COUNT),
    Column("weights", "weights", CellType.TEXT, wraps=True),
    Column("counting", "counts for", CellType.COUNT),
    Column("chosen", "chosen", CellType.FLAG, hide_zero=True),
    Column("state", "state", CellType.TEXT, spare=3),
    Column("completed", "completed", CellType.COUNT),
    Column("failed", "failed", CellType.COUNT, hide_zero=True),
    Column("missing", "missing", CellType.COUNT, shown=False),
    Column("detections", "boxes", CellType.COUNT, spare=2),
    Column("started_at", "started", CellType.MOMENT),
    Column("finished_at", "finished", CellType.MOMENT, spare=0),
    Column("device", "device", CellType.TEXT, spare=1),
    Column("model_key", "model", CellType.TEXT, shown=False),
)
_CLASS_COLUMNS = (
    Column("class_id", "number", CellType.COUNT),
    Column("name", "class", CellType.TEXT, wraps=True),
    Column("kind", "kind", CellType.TEXT),
    Column("age_class", "age", CellType.TEXT),
    Column("species", "species", CellType.TEXT, wraps=True, spare=0),
    Column("threshold", "counts from", CellType.NUMBER, null=f"{FALLBACK_CONFIDENCE:g}"),
    Column("detections", "boxes", CellType.COUNT),
    Column("counting", "that count", CellType.COUNT),
    Column("photos", "photos", CellType.COUNT),
)
_FACT_COLUMNS = (Column("name", "fact", CellType.TEXT), Column("value", "value", CellType.TEXT, wraps=True))
_SECONDS = ("wall_s", "warmup_s", "load_s", "infer_s", "write_s")


def runs_list(db: Connection, *, working: bool, counting_only: bool = False) -> Report:
    """All runs, the newest first, or those that count for a photo.

    ``working``: a detect is at work now; without one, a run recorded as running was cut off.
    """
    found = [_row(run, working=working) for run in list_runs(db)]
    return Report(
        name="runs",
        title="Runs",
        filters={"counting_only": counting_only},
        coverage={"photos": count_images(db), "counted": sum(row["counting"] for row in found)},
        columns=_COLUMNS,
        rows=[row for row in found if row["counting"] or not counting_only],
        notes=_notes(db, found),
    )


def run_show(db: Connection, run_id: int, *, working: bool) -> Report:
    """One run: its classes with their boxes, then its facts. Raises UsageError where there is none."""
    check_run(db, run_id)
    run = next(run for run in list_runs(db) if run["run_id"] == run_id)
    row = _row(run, working=working)
    classes = class_counts(db, run_id, FALLBACK_CONFIDENCE)
    return Report(
        name="run",
        title=f"Run {run_id}",
        filters={"run": run_id},
        coverage={name: row[name] for name in ("completed", "failed", "missing", "counting")}
        | {"photos": count_images(db)},
        columns=_CLASS_COLUMNS,
        rows=classes,
        headline=_headline(row, classes),
        notes=["All boxes of this run; corrections are not taken into account here."],
        sections=(Section("facts", "Facts", _FACT_COLUMNS, _facts(run, row)),),
    )


def _headline(run: Row, classes: Sequence[Row]) -> str:
    how = {"running": " so far", "interrupted": " before it was interrupted"}.get(run["state"], "")
    failed = f" ({run['failed']:,} failed)" if run["failed"] else ""
    counting = sum(row["counting"] for row in classes)
    return (
        f"Run {run['run_id']} ({printable(run['weights'] or 'no weights named')}) looked at"
        f" {count(run['completed'] + run['failed'], 'photo')}{failed}{how} and found"
        f" {count(run['detections'], 'box')}, {counting:,} of them sure enough to count."
        f" It counts for {count(run['counting'], 'photo')} today."
    )


def _row(run: Row, *, working: bool) -> Row:
    return {
        "run_id": run["run_id"],
        "weights": run["weights_name"] or None,
        "counting": run["counting"],
        "chosen": run["chosen_at"] is not None,
        "state": "interrupted" if run["state"] == "running" and not working else run["state"],
        **{name: run[f"n_{name}"] for name in ("completed", "failed", "missing", "detections")},
        "started_at": _utc(run["started_at"]),
        "finished_at": _utc(run["finished_at"]),
        "device": run["device"] or None,
        "model_key": run["model_key"],
    }


def _facts(run: Row, row: Row) -> list[Row]:
    facts: dict[str, Any] = {
        "weights": row["weights"],
        "weights_sha256": run["weights_sha256"],
        "model_key": run["model_key"],
        "state": row["state"],
        "device": row["device"],
        "started_at": row["started_at"],
        "finished_at": row["finished_at"],
        "completed": row["completed"],
        "failed": row["failed"],
        "missing": row["missing"],
        "boxes": row["detections"],
        "counts_for_photos": row["counting"],
        "chosen_at": _utc(run["chosen_at"]),
        **{name: None if run[name] is None else f"{run[name]:.1f}" for name in _SECONDS},
        **_flat("settings", _loaded(run["settings"])),
        **_flat("versions", _loaded(run["versions"])),
    }
    known = {name: value for name, value in facts.items() if value not in (None, "")}
    return [{"name": name, "value": _as_text(value)} for name, value in known.items()]


def _loaded(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:  # a run that another program recorded
        return text


def _flat(name: str, value: object) -> dict[str, object]:
    if isinstance(value, dict):
        return {f"{name}.{key}": entry for key, entry in value.items()}
    return {name: value}


def _as_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _notes(db: Connection, found: list[Row]) -> list[str]:
    if not found:
        return ["No photo has been looked at yet: run `trailcam detect`."]
    return [choice_sentence(db)]


def choice_sentence(db: Connection) -> str:
    """How it is decided which run counts, as a sentence."""
    chosen = chosen_run(db)
    if chosen is None:
        return (
            "On each photo the newest run that completed it counts; `trailcam runs current RUN` chooses"
            " another."
        )
    name = printable(chosen["weights_name"] or "no weights named")
    return (
        f"Run {chosen['run_id']} ({name}) was chosen by hand: it and other runs of the same model count"
        " wherever they completed a photo, elsewhere the newest run does. `trailcam runs current --newest`"
        " ends that."
    )


def kept_sentence(kept: int, chosen: Row) -> str:
    """That photos keep the chosen model's boxes although another run looked at them."""
    keep = "keeps" if kept == 1 else "keep"
    return (
        f"{count(kept, 'photo')} {keep} the boxes of run {chosen['run_id']}, which was chosen by hand;"
        " `trailcam runs current --newest` lets the new ones count."
    )


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at else None
