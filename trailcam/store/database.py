"""Opening the DuckDB file: shared for reading, briefly for writing.

DuckDB lets one process write or several read. trailcam therefore opens the file only
while it has something to do, so that ``status`` and reports answer while a detect is
running, and waits a moment when the other side holds it. Who may *work* on a database
(scan, detect) is decided elsewhere, by :class:`trailcam.lock.WriterLock`.
"""

from __future__ import annotations

import logging
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from trailcam.errors import DatabaseError
from trailcam.store import migrations
from trailcam.text import printable

log = logging.getLogger(__name__)

Connection = duckdb.DuckDBPyConnection

READ_WAIT_S = 20.0  # a flush holds the file for milliseconds; a first scan's chunk for a second
WRITE_WAIT_S = 120.0  # a long report may hold it longer
_POLL_S = 0.05
# DuckDB's words for "another process has it", on POSIX and on Windows.
_HELD = re.compile(r"Could not set lock|already open in|being used by another process")


class Database:
    """One DuckDB file at ``path``. Holds no connection between uses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._migrated = False

    def exists(self) -> bool:
        """Whether there is a database file. One of 0 bytes is none yet."""
        return self.path.is_file() and self.path.stat().st_size > 0

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only connection; the file is not changed by a single byte.

        Raises DatabaseError when there is no database, it is broken, it stays locked for
        READ_WAIT_S seconds, or its schema is not the one this trailcam knows.
        """
        if not self.exists():
            raise DatabaseError(
                f"There is no database at {printable(str(self.path))}.",
                "Run `trailcam scan FOLDER` first, or name another database with --db.",
            )
        connection = self._connect(read_only=True, wait_s=READ_WAIT_S)
        try:
            if migrations.current(connection) != migrations.LATEST:
                connection.close()
                self.migrate()
                connection = self._connect(read_only=True, wait_s=READ_WAIT_S)
            with _explained(self.path):
                yield connection
        finally:
            connection.close()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection inside one transaction: committed on leaving, rolled back on any error.

        Creates or migrates the database when that is needed. Raises DatabaseError.
        """
        self.migrate()
        connection = self._connect(read_only=False, wait_s=WRITE_WAIT_S)
        try:
            with _explained(self.path), migrations.transaction(connection):
                yield connection
        finally:
            connection.close()

    def migrate(self) -> None:
        """Create the database or bring it to the latest schema. Cheap when there is nothing to do.

        A copy of a database with an older schema is kept beside it (``NAME.schema-N.backup``).
        """
        if self._migrated:
            return
        if self.path.is_dir():
            raise DatabaseError(
                f"The database {printable(str(self.path))} is a folder.", "Name a file in it with --db."
            )
        with _explained(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.exists():
                self._create()
            version = self._version()
            if version < migrations.LATEST:
                self._back_up(version)
                self._apply(self.path)
        self._migrated = True

    def _create(self) -> None:
        """Make the database whole or not at all: a process killed here leaves no half of one."""
        draft = self.path.with_name(f"{self.path.name}.new")
        for left in (draft, draft.with_name(f"{draft.name}.wal")):
            left.unlink(missing_ok=True)
        self._apply(draft)
        draft.replace(self.path)

    def _version(self) -> int:
        connection = self._connect(read_only=True, wait_s=WRITE_WAIT_S)
        try:
            return migrations.current(connection)
        finally:
            connection.close()

    def _back_up(self, version: int) -> None:
        # Closing writes everything into the one file; and Windows lets nobody copy it while it is open.
        self._connect(read_only=False, wait_s=WRITE_WAIT_S).close()
        backup = self.path.with_name(f"{self.path.name}.schema-{version}.backup")
        draft = backup.with_name(f"{backup.name}.part")
        shutil.copy2(self.path, draft)
        draft.replace(backup)

    def _apply(self, path: Path) -> None:
        connection = self._connect(read_only=False, wait_s=WRITE_WAIT_S, path=path)
        try:
            migrations.apply(connection)
        finally:
            connection.close()

    def _connect(self, *, read_only: bool, wait_s: float, path: Path | None = None) -> Connection:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                return duckdb.connect(str(path or self.path), read_only=read_only)
            except duckdb.IOException as error:
                if not _HELD.search(str(error)) or time.monotonic() > deadline:
                    raise _as_database_error(error, self.path) from error
                time.sleep(_POLL_S)
            except duckdb.Error as error:
                raise _as_database_error(error, self.path) from error


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn what DuckDB or the file system says of the file into a DatabaseError; a wrong query is a bug."""
    try:
        yield
    except (duckdb.OperationalError, duckdb.FatalException, duckdb.InternalError, OSError) as error:
        raise _as_database_error(error, path) from error


def _as_database_error(error: Exception, path: Path) -> DatabaseError:
    text = str(error)
    name = printable(str(path))
    first_line = printable(text.splitlines()[0] if text else type(error).__name__)
    if _HELD.search(text):
        holder = re.search(r"PID (\d+)", text)
        who = f"process {holder.group(1)}" if holder else "another program"
        return DatabaseError(
            f"The database {name} is held by {who}.",
            "A DuckDB file can be written by one program at a time. Close the other program, or try again.",
        )
    if "not a valid DuckDB" in text:
        return DatabaseError(
            f"{name} is not a DuckDB database.",
            "Is --db (or TRAILCAM_DB) set to the right file? Nothing was written to it.",
        )
    if "No space left" in text:
        return DatabaseError(
            f"There is no space left for the database {name}.",
            "Everything up to the last flush is saved. Free some space, then run the same command again.",
        )
    return DatabaseError(
        f"The database {name} can't be used: {first_line}",
        "Check that the path is right, its folder can be written to and the disk is not full.",
    )


def one(connection: Connection, sql: str, params: object = None) -> tuple[Any, ...] | None:
    """The first row of a query, None when there is none.

    All rows are fetched: DuckDB refuses other work on a connection with an unfinished result.
    """
    found = connection.execute(sql, params).fetchall()
    return found[0] if found else None


def rows(connection: Connection, sql: str, params: object = None) -> list[dict[str, Any]]:
    """All rows of a query as dictionaries keyed by column name."""
    cursor = connection.execute(sql, params)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def query(name: str) -> str:
    """The text of ``trailcam/store/queries/NAME.sql``."""
    return (Path(__file__).parent / "queries" / f"{name}.sql").read_text(encoding="utf-8")
