"""Imports: which file brought which run or which corrections, so that one can be undone as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trailcam.errors import UsageError
from trailcam.store.columns import insert_row, next_id
from trailcam.store.database import Connection, Database, one, rows, utc_now
from trailcam.store.names import forget_names
from trailcam.store.run_choice import delete_run


@dataclass(frozen=True, slots=True)
class UndoneImport:
    """An import that counts no more. ``made_at`` is UTC without zone.

    ``run_id`` is the run that went with its results of ``photos`` photos, ``left`` of which have no result
    any more; None: the import was of corrections, of ``photos`` photos.
    """

    import_id: int
    file: str
    made_at: datetime
    photos: int
    run_id: int | None = None
    left: int = 0


def begin_import(db: Connection, form: str, file: str, run_id: int | None = None) -> int:
    """Note an import of the file called ``file`` and return its number.

    ``form`` is the command's ("coco"). A run that a file adds photos to belongs to the import that made it.
    """
    known = one(
        db,
        "SELECT import_id FROM imports WHERE run_id = ? AND undone_at IS NULL ORDER BY import_id",
        [run_id],
    )
    if known:
        return int(known[0])
    number = next_id(db, "imports", "import_id")
    row = {"import_id": number, "format": form, "file": file, "run_id": run_id, "made_at": utc_now()}
    insert_row(db, "imports", row)
    return number


def undo_import(database: Database, import_id: int | None, author: str) -> UndoneImport:
    """Undo an import, None: the last one: its run is deleted, or its corrections count no more.

    Its names count no more either. What people said before and since stays. The same file can be imported
    again afterwards. Raises UsageError where there is no such import, or it was undone before.
    """
    with database.write() as db:
        return _undo(db, import_id, author)


def _undo(db: Connection, import_id: int | None, author: str) -> UndoneImport:
    found = _find(db, import_id)
    number, run_id = int(found["import_id"]), found["run_id"]
    if run_id is not None:
        gone = delete_run(db, int(run_id))
        undone = UndoneImport(number, found["file"], found["made_at"], gone.results, int(run_id), gone.left)
    else:
        counting = db.execute(
            "UPDATE judgements SET undone_at = ?, undone_by = ? WHERE import_id = ? AND undone_at IS NULL"
            " RETURNING image_id",
            [utc_now(), author, number],
        ).fetchall()
        # Without its uid a correction is nothing that the same file brought before.
        db.execute("UPDATE judgements SET uid = NULL WHERE import_id = ?", [number])
        undone = UndoneImport(number, found["file"], found["made_at"], len(counting))
    forget_names(db, number, author)
    db.execute(
        "UPDATE imports SET undone_at = ?, undone_by = ? WHERE import_id = ?", [utc_now(), author, number]
    )
    return undone


def _find(db: Connection, import_id: int | None) -> dict[str, Any]:
    standing = rows(db, "SELECT * FROM imports WHERE undone_at IS NULL ORDER BY import_id")
    if not standing:
        raise UsageError("There is no import to undo.", "One photo: `trailcam correct PHOTO --undo`.")
    if import_id is None:
        return standing[-1]
    for row in standing:
        if row["import_id"] == import_id:
            return row
    listed = ", ".join(f"{row['import_id']} ({row['file']})" for row in standing[-10:])
    raise UsageError(f"There is no import {import_id} to undo.", f"These can be undone: {listed}.")
