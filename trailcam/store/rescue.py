"""A write-ahead log that can't be replayed: what a crash of the machine or a failing disk may leave."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import duckdb

from trailcam.errors import DatabaseError
from trailcam.store.database import connect, explained
from trailcam.words.text import printable


def set_aside_log(path: Path, copy: Path, *, dry_run: bool) -> Path | None:
    """Move a damaged log of the database at ``path`` away, so that it opens as it was before those changes.

    The database is copied to ``copy`` and the log to ``copy`` + ``.wal`` first. Returns ``copy``, None where
    no log is damaged. Raises DatabaseError where the file doesn't open for another reason.
    """
    log = path.with_name(f"{path.name}.wal")
    try:
        with closing(connect(path, read_only=True)):
            return None
    except duckdb.Error as error:
        if "WAL" not in str(error) or not log.exists():
            return None  # the next one to open it reports what is wrong
    if dry_run:
        return copy
    with explained(path):
        shutil.copy2(path, copy)
        log.replace(copy.with_name(f"{copy.name}.wal"))
    try:
        with closing(connect(path, read_only=True)):
            return copy
    except duckdb.Error as error:
        raise DatabaseError(
            f"{printable(str(path))} doesn't open without its log either: {printable(str(error))}",
            f"Both are kept: {printable(str(copy))} and its .wal.",
        ) from error
