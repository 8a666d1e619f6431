"""Whether a database is sound, down to its last block; and copies of it that were read back."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb

from trailcam.errors import DatabaseError, OutputError
from trailcam.store import migrations
from trailcam.store.database import (
    READ_WAIT_S,
    Connection,
    Database,
    connect,
    copy_database,
    explained,
    quoted,
    when_free,
)
from trailcam.store.invariants import Broken, broken
from trailcam.words.text import printable

Fingerprint = dict[str, tuple[int, int]]
"""Table -> its rows, and a hash over all their values that knows no order."""


@dataclass(frozen=True, slots=True)
class Health:
    """What a check found. ``tables``: rows by table. ``unreadable``: table -> what DuckDB says of it."""

    tables: dict[str, int]
    unreadable: dict[str, str] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether everything can be read and every rule holds."""
        return not self.unreadable and not self.broken


def check(database: Database) -> Health:
    """Read every value of every table, then ask for every rule. Waits for a process that holds the file.

    Raises DatabaseError where the file can't be opened at all.
    """
    tables: dict[str, int] = {}
    unreadable: dict[str, str] = {}
    with database.read() as db:
        names = _tables(db)
    while left := [name for name in names if name not in tables and name not in unreadable]:
        name = left[0]
        try:
            with database.read() as db:  # a damaged block ends the connection that met it
                for name in left:
                    tables[name] = fingerprint(db, [name])[name][0]
                found = [] if unreadable else broken(db)
        except DatabaseError as error:
            unreadable[name] = error.message
    return Health(tables, unreadable, [] if unreadable else found)


def fingerprint(db: Connection, names: list[str] | None = None) -> Fingerprint:
    """Rows and hash of the tables ``names`` (None: all), which reads every block of them."""
    found: Fingerprint = {}
    for name in _tables(db) if names is None else names:
        ((n, digest),) = db.execute(f'SELECT count(*), bit_xor(hash(t)) FROM "{name}" t').fetchall()
        found[name] = (int(n), int(digest or 0))
    return found


def back_up(database: Database, target: Path) -> Fingerprint:
    """Copy the database into the file ``target``, and read the copy back before it gets that name.

    No other process can write in the meantime: a detect waits and continues afterwards. The schema
    stays as it is. Raises DatabaseError (also where the copy differs) and OutputError; then ``target`` is as
    it was.
    """
    if not database.exists():
        raise DatabaseError(
            f"There is no database at {printable(str(database.path))}.",
            "Name it with --db (or TRAILCAM_DB). Nothing was copied.",
        )
    if target.is_dir():
        raise OutputError(f"{printable(str(target))} is a folder.", "Name a file in it.")
    if target.exists() and target.samefile(database.path):
        raise OutputError(
            f"{printable(str(target))} is the database itself.",
            "Name another file with -o. Nothing was changed.",
        )
    draft = target.with_name(f"{target.name}.new")
    try:
        with explained(database.path), closing(_attached(database.path)) as db:
            migrations.current(db)
            was = fingerprint(db)
            copy_database(db, draft)
        with explained(draft), closing(connect(draft, read_only=True)) as copy:
            same = fingerprint(copy) == was
        if not same:
            raise DatabaseError(
                f"The copy {printable(str(target))} differs from the database and was deleted.",
                "The disk it lies on, or this machine's memory, may be at fault. Copy it elsewhere.",
            )
        draft.replace(target)
    except OSError as error:
        raise OutputError(
            f"Cannot write {printable(str(target))}: {error.strerror or error}.",
            "Choose another place with -o.",
        ) from error
    finally:
        draft.unlink(missing_ok=True)
    return was


def copies(path: Path) -> list[Path]:
    """The copies of a database that trailcam made beside it, the newest first."""
    found = [p for p in path.parent.glob("*.backup") if p.name.startswith(f"{path.name}.") and p.is_file()]
    return sorted(found, key=lambda p: p.stat().st_mtime, reverse=True)


def copy_name(path: Path, why: str) -> Path:
    """A name for a copy beside the database that tells ``why`` and when it was made."""
    return path.with_name(f"{path.name}.{why}-{datetime.now().astimezone():%Y-%m-%d-%H%M%S}.backup")


def copies_hint(path: Path) -> str:
    """Where the copies of an unreadable database are, to go back to one."""
    found = [printable(str(copy)) for copy in copies(path)[:5]]
    if not found:
        return (
            "There is no copy of it beside it. If you have one elsewhere, put it in its place; else move the "
            "file away and scan and detect again: the photos are untouched."
        )
    return f"Copies of it, the newest first: {', '.join(found)}. To restore one, give it the database's name."


def _attached(path: Path) -> Connection:
    """A connection that reads the file at ``path`` and may write others."""

    def connect() -> Connection:
        db = duckdb.connect()
        try:
            db.execute(f"ATTACH {quoted(str(path))} AS source (READ_ONLY)")
            db.execute("USE source")
        except BaseException:
            db.close()
            raise
        return db

    return when_free(connect, path, READ_WAIT_S)


def _tables(db: Connection) -> list[str]:
    found = db.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND NOT temporary"
        " ORDER BY 1"
    ).fetchall()
    return [str(name) for (name,) in found]
