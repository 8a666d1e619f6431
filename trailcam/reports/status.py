"""``status``: where every photo stands, which roots can be reached, and how the last run went."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from trailcam.files.object_store import list_folder, url_of
from trailcam.reports.base import CellType, Column, Report, Row, Screen, Section, percent, share
from trailcam.reports.run_list import choice_sentence
from trailcam.selection import Selection
from trailcam.store.database import Connection
from trailcam.store.photo_counts import (
    STATUSES,
    failures,
    root_counts,
    status_counts,
    suspect_times,
    time_sources,
)
from trailcam.store.run_choice import chosen_run, last_run
from trailcam.store.select import count_copies, count_thumbnails, select
from trailcam.store.static_known import StaticSummary
from trailcam.store.static_known import summary as static_summary
from trailcam.store.unread import count_unread
from trailcam.words.text import count, printable
from trailcam.words.unread import unread_words, why_unread

# A network drive that is gone can keep its caller waiting for minutes.
_PATIENCE_S = 3.0

_COLUMNS = (
    Column("by", "by", CellType.TEXT),
    Column("name", "name", CellType.TEXT, null="undated", wraps=True),
    Column("photos", "photos", CellType.COUNT),
    *(Column(status, status, CellType.COUNT) for status in STATUSES),
    Column("undated", "undated", CellType.COUNT, hide_zero=True, spare=1),
    Column("coverage", "coverage", CellType.SHARE),
)
_ROOT_COLUMNS = (
    Column("name", "folder", CellType.TEXT, wraps=True),
    Column("reachable", "reachable", CellType.TEXT),
    Column("photos", "photos", CellType.COUNT),
    Column("videos", "videos", CellType.COUNT, hide_zero=True),
    Column("other_pictures", "other pictures", CellType.COUNT, hide_zero=True),
    Column("scanned_at", "last scan", CellType.MOMENT, null="never"),
    Column("path", "path", CellType.TEXT, wraps=True),
)
_RUN_COLUMNS = (
    Column("run_id", "run", CellType.COUNT),
    Column("state", "state", CellType.TEXT),
    Column("started_at", "started", CellType.MOMENT),
    Column("finished_at", "finished", CellType.MOMENT, spare=1),
    Column("completed", "completed", CellType.COUNT),
    Column("failed", "failed", CellType.COUNT),
    Column("missing", "missing", CellType.COUNT, shown=False),
    Column("detections", "detections", CellType.COUNT, shown=False),
    Column("photos_per_s", "photos/s", CellType.NUMBER),
    Column("device", "device", CellType.TEXT),
    Column("weights", "weights", CellType.TEXT, wraps=True),
)
_FAILURE_COLUMNS = (
    Column("error_code", "error", CellType.TEXT),
    Column("photos", "photos", CellType.COUNT),
    Column("example", "example", CellType.TEXT, wraps=True),
)
_SOURCE_COLUMNS = (Column("source", "source", CellType.TEXT), Column("photos", "photos", CellType.COUNT))
_SUSPECT_COLUMNS = (Column("doubt", "doubt", CellType.TEXT), Column("photos", "photos", CellType.COUNT))


def status(db: Connection, *, working: bool) -> Report:
    """The state of a whole library.

    ``working`` says whether a scan or detect is at work on the database now; without one, a run recorded as
    running was cut off and is called interrupted. Rows are counted over all photos (``by`` "all"), by station
    and by month (``name`` None: no capture time). ``reachable`` of a root is "yes", "absent", "not a
    folder", "empty", "unreadable" or "no answer". The sections roots, last_run, failures, time_sources and
    suspect_times are empty where there is nothing to say.
    """
    with select(db, Selection()) as photos:
        counts, failed, sources = status_counts(photos), failures(photos), time_sources(photos)
        n_stills = photos.count_stills()
    overall = counts[0]
    roots = _roots(db)
    coverage = {
        "photos": overall["photos"],
        **{name: overall[name] for name in STATUSES},
        "undated": overall["undated"],
        "suspect_times": overall["suspect"],
        **count_unread(db),
        "copies": count_copies(db),
        "thumbnails": count_thumbnails(db),
        "videos_with_photo": n_stills,
        "share": share(overall["completed"], overall["photos"]),
    }
    static = static_summary(db)
    coverage |= {f"static_{name}": number for name, number in asdict(static).items()}
    run = _last_run(db, working)
    chosen = [choice_sentence(db)] if chosen_run(db) else []
    rows = [_count_row(row) for row in counts]
    notes = [*_notes(coverage, roots, run), *chosen, *_static_notes(static)]
    sections = (
        Section("roots", "Folders", _ROOT_COLUMNS, roots),
        Section("last_run", "Last run", _RUN_COLUMNS, [run] if run else []),
        Section("failures", "Failed photos", _FAILURE_COLUMNS, failed),
        Section("time_sources", "Capture times", _SOURCE_COLUMNS, sources),
        Section("suspect_times", "Doubtful capture times", _SUSPECT_COLUMNS, suspect_times(db)),
    )
    return Report(
        name="status",
        title="Status",
        filters={},
        coverage=coverage,
        columns=_COLUMNS,
        rows=rows,
        notes=notes,
        sections=sections,
        screen=_screen(coverage, rows, notes, sections),
    )


def _screen(
    coverage: Mapping[str, Any], rows: Sequence[Row], notes: Sequence[str], sections: Sequence[Section]
) -> Screen:
    """The folders and what to do first, the months last: they are many."""
    roots, run, failed, *times = sections
    stations = [row for row in rows if row["by"] != "month"]
    months = [row for row in rows if row["by"] == "month"]
    return Screen(
        sentences=[*_unreachable(roots.rows), *([_summary(coverage)] if roots.rows else [])],
        tables=(
            dataclasses.replace(roots, name=""),
            Section("", "By station", _named("station"), stations),
            *(dataclasses.replace(section, name="") for section in (failed, run, *times)),
            Section("", "By month", _named("month"), months),
        ),
        below=_below(roots.rows, notes),
        next=_next(coverage, roots.rows),
        whole=True,
    )


def _below(roots: Sequence[Row], notes: Sequence[str]) -> list[str]:
    said = _unreachable(roots)
    rest = [note for note in notes if note not in said]
    return ["", *rest] if roots and rest else rest


def _unreachable(roots: Sequence[Row]) -> list[str]:
    return [
        f"The folder {printable(root['name'])} is not reachable ({root['reachable']}): is the drive connected"
        " and mounted?"
        for root in roots
        if root["reachable"] != "yes"
    ]


def _named(heading: str) -> Sequence[Column]:
    return [dataclasses.replace(c, heading=heading) if c.name == "name" else c for c in _COLUMNS[1:]]


def _summary(coverage: Mapping[str, Any]) -> str:
    photos = coverage["photos"]
    if not photos:
        return "No photo is known."
    parts = [f"{coverage[name]:,} {name}" for name in ("pending", "failed", "missing") if coverage[name]]
    looked = f"{coverage['completed']:,} of {count(photos, 'photo')} looked at ({percent(coverage['share'])})"
    return f"{', '.join([looked, *parts])}."


def _next(coverage: Mapping[str, Any], roots: Sequence[Row]) -> list[tuple[str, str]]:
    """The next useful command."""
    if not roots:
        return [("Next", "scan FOLDER")]
    if not coverage["photos"]:
        return [("Next", "scan")]
    if coverage["pending"]:
        return [("Next", "detect")]
    return [("Next", "report bucks")]


def reachability(paths: Sequence[str], patience_s: float = _PATIENCE_S) -> list[str]:
    """For each path "yes", "absent", "not a folder", "empty", "unreadable" or, after a wait, "no answer".

    All are asked at once, so that the whole takes ``patience_s`` seconds at most.
    """
    answers = ["no answer"] * len(paths)

    def ask(n: int, path: str) -> None:
        answers[n] = _look(path)

    # Daemons: one that never gets an answer must not keep the process from leaving.
    threads = [threading.Thread(target=ask, args=(n, path), daemon=True) for n, path in enumerate(paths)]
    for thread in threads:
        thread.start()
    deadline = threading.Event()
    timer = threading.Timer(patience_s, deadline.set)
    timer.daemon = True
    timer.start()
    while any(thread.is_alive() for thread in threads) and not deadline.is_set():
        for thread in threads:
            thread.join(0.02)
    timer.cancel()
    return list(answers)


def _look(path: str) -> str:
    try:
        if url := url_of(path):
            return "yes" if list_folder(url) else "empty"
        with os.scandir(path) as entries:
            return "yes" if any(True for _ in entries) else "empty"
    except NotADirectoryError:
        return "not a folder"
    except PermissionError:
        return "unreadable"
    except (OSError, ValueError):
        return "absent"


def _count_row(row: Row) -> Row:
    return {
        "by": row["grouped_by"],
        "name": "all photos" if row["grouped_by"] == "all" else row["name"],
        **{name: row[name] for name in ("photos", *STATUSES, "undated")},
        "coverage": share(row["completed"], row["photos"]),
    }


def _roots(db: Connection) -> list[Row]:
    found = root_counts(db)
    reachable = reachability([row["path"] for row in found])
    return [
        {
            **{name: row[name] for name in ("name", "photos", "videos", "other_pictures", "path")},
            "reachable": answer,
            "scanned_at": _utc(row["scanned_at"]),
        }
        for row, answer in zip(found, reachable, strict=True)
    ]


def _last_run(db: Connection, working: bool) -> Row | None:
    run = last_run(db)
    if run is None:
        return None
    seen = run["n_completed"] + run["n_failed"]
    return {
        "run_id": run["run_id"],
        "state": "interrupted" if run["state"] == "running" and not working else run["state"],
        "started_at": _utc(run["started_at"]),
        "finished_at": _utc(run["finished_at"]),
        "completed": run["n_completed"],
        "failed": run["n_failed"],
        "missing": run["n_missing"],
        "detections": run["n_detections"],
        "photos_per_s": round(seen / run["wall_s"], 1) if run["wall_s"] else None,
        "device": run["device"],
        "weights": run["weights_name"],
    }


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at else None


def _static_notes(static: StaticSummary) -> list[str]:
    notes = []
    if static.places or static.areas:
        parts = [count(static.places, "static place")] if static.places else []
        parts += [count(static.areas, "excluded area")] if static.areas else []
        auto = f", {static.automatic:,} of the places by [static] auto" if static.automatic else ""
        notes.append(f"Boxes are hidden at {' and '.join(parts)}{auto}: `trailcam static list`.")
    if static.waiting:
        notes.append(
            f"{count(static.waiting, 'place')} may show a thing that never moves:"
            " `trailcam static find --page static.html` asks about each."
        )
    return notes


def _notes(coverage: Mapping[str, Any], roots: Sequence[Row], run: Row | None) -> list[str]:
    if not roots:
        return ["Nothing has been scanned yet: run `trailcam scan FOLDER`."]
    notes: list[str] = []
    notes += _unreachable(roots)
    if run is None:
        notes.append("No photo has been looked at yet: run `trailcam detect`.")
    elif run["state"] == "interrupted":
        notes.append("The last run was interrupted: `trailcam detect` carries on where it stopped.")
    if coverage["undated"]:
        n = coverage["undated"]
        have = "has" if n == 1 else "have"
        notes.append(
            f"{count(n, 'photo')} {have} no capture time; --months and similar options leave them out."
        )
    if coverage["suspect_times"]:
        n = coverage["suspect_times"]
        notes.append(f"{count(n, 'photo')} {'has' if n == 1 else 'have'} a doubtful capture time.")
    if coverage["copies"]:
        copies = count(coverage["copies"], "exact copy", "exact copies")
        notes.append(f"{copies} of photos, counted once: `trailcam duplicates` lists them.")
    if coverage["thumbnails"]:
        thumbnails = count(coverage["thumbnails"], "thumbnail")
        notes.append(f"{thumbnails} of photos, counted once: `trailcam duplicates` lists them.")
    if n := coverage["videos_with_photo"]:
        begin = "1 video lies beside the photo" if n == 1 else f"{n:,} videos lie beside the photos"
        one = "the two are one photo" if n == 1 else "each pair is one photo"
        notes.append(f"{begin} of the same trigger: in reports {one}.")
    unread = unread_words(coverage["videos_unread"], coverage["other_picture_kinds"])
    if unread:
        why = why_unread(coverage["videos_unread"], coverage["other_picture_kinds"])
        notes.append(f"{unread} not looked at: {why}")
    return notes
