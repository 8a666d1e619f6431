"""Opening the DuckDB file: shared for reading, briefly for writing.

DuckDB lets one process write or several read. trailcam therefore opens the file only
while it has something to do, so that ``status`` and reports answer while a detect is
running, and waits a moment when the other side holds it. Who may *work* on a database
(scan, detect) is decided elsewhere, by :class:`trailcam.files.lock.WriterLock`.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from trailcam.errors import DamagedError, DatabaseError
from trailcam.store import migrations
from trailcam.store.interrupt import stop_when_interrupted
from trailcam.store.sql import query as query
from trailcam.words.text import printable

log = logging.getLogger(__name__)

Connection = duckdb.DuckDBPyConnection

READ_WAIT_S = 20.0  # a flush holds the file for milliseconds; a first scan's chunk for a second
WRITE_WAIT_S = 120.0  # a long report may hold it longer
_SILENT_S = 0.8  # of a wait; after that it is said who holds the file
_POLL_S = 0.05
BACKUPS_KEPT = 2
_DAMAGED = re.compile(r"Corrupt (database|WAL) file|Failure while replaying WAL|Could not read enough bytes")
# DuckDB's words for "another process has it", on POSIX and on Windows. The last: another thread of this
# process has it, as a flush that a second Ctrl-C leaves behind.
_HELD = re.compile(
    r"Conflicting lock is held|Lock is already held|already open in|being used by another process"
    r"|Unique file handle conflict"
)
_NO_LOCKS = re.compile(r"Could not set lock|File locks are not supported")
# "md:x", "s3://x", "http://x": DuckDB would load an extension and open a connection. "C:" is a Windows drive.
_SERVICE = re.compile(r"[A-Za-z][A-Za-z0-9+._-]+:")
_MAGIC = b"DUCK"
# Never over the network, whatever a statement or a name asks for.
NO_NETWORK = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}


def connect(path: Path, *, read_only: bool) -> Connection:
    """Open a database file as it is: nothing but a file, and without waiting. Raises DuckDB's errors."""
    with suppress(OSError), path.open("rb") as file:
        head = file.read(12)
        if head and head[8:] != _MAGIC:  # DuckDB would look for an extension that reads it, as for SQLite's
            raise duckdb.IOException(f"{path} is not a valid DuckDB database file")
    # An absolute path has no prefix that DuckDB could take for a service.
    connection = duckdb.connect(str(path.absolute()), read_only=read_only, config=dict(NO_NETWORK))
    return stop_when_interrupted(connection)


def check_path(path: Path) -> None:
    """Refuse what names no plain file. Raises DatabaseError."""
    shown, text = printable(str(path)), str(path)
    if text == ":memory:":
        raise DatabaseError(
            "A database in memory would be gone at the end of the command.", "Name a file with --db."
        )
    if _SERVICE.match(text):
        raise DatabaseError(
            f"{shown} names a service on a network, not a file: trailcam opens no connection.",
            f"Name a file with --db. For a file with that name: --db {printable(str(path.absolute()))}",
        )
    if "?" in str(path.absolute()):
        raise DatabaseError(
            f"The path of the database {shown} holds a question mark: DuckDB would put its log elsewhere.",
            "Rename the folder or the file, or name another with --db.",
        )
    _check_file(path, shown)


def _check_file(path: Path, shown: str) -> None:
    """Refuse what stands there and is no file. A new database would take its place: also /dev/null's."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            raise DatabaseError(
                f"The database {shown} is a link to {printable(str(path.readlink()))}, which isn't there.",
                "Is its drive connected? Nothing was made in its place.",
            ) from None
        return
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
            why = printable(error.strerror or str(error))
            raise DatabaseError(f"The database can't be {shown}: {why}.", "Name another with --db.") from None
        return  # what can't be looked at is explained when it is opened
    if stat.S_ISDIR(mode):
        raise DatabaseError(f"The database {shown} is a folder.", "Name a file in it with --db.")
    if not stat.S_ISREG(mode):
        raise DatabaseError(
            f"The database {shown} is a device, a pipe or a socket.", "Name a file with --db."
        )


class Database:
    """One DuckDB file at ``path``. Holds no connection between uses. Raises DatabaseError: see check_path."""

    def __init__(self, path: Path) -> None:
        check_path(path)
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
        with explained(self.path):
            connection = self._connect(read_only=True, wait_s=READ_WAIT_S)
            try:
                if migrations.current(connection) != migrations.LATEST:
                    connection.close()
                    self.migrate()
                    connection = self._connect(read_only=True, wait_s=READ_WAIT_S)
                yield connection
            finally:
                connection.close()

    @contextmanager
    def write(self, *, keep: bool = True) -> Iterator[Connection]:
        """A connection inside one transaction: committed on leaving, rolled back on any error.

        Without ``keep`` it is rolled back in any case: a rehearsal.
        Creates or migrates the database when that is needed. Raises DatabaseError.
        """
        with explained(self.path):
            self.migrate()
            connection = self._connect(read_only=False, wait_s=WRITE_WAIT_S)
            try:
                with migrations.transaction(connection, keep=keep):
                    yield connection
            finally:
                connection.close()

    def migrate(self) -> None:
        """Create the database or bring it to the latest schema. Cheap when there is nothing to do.

        A copy of a database with an older schema is kept beside it (``NAME.schema-N.backup``), of the
        newest two such schemas.
        """
        if self._migrated:
            return
        with explained(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.exists():
                self._create()
            if self._version() < migrations.LATEST:
                self._upgrade()
        self._migrated = True

    def _create(self) -> None:
        """Make the database whole or not at all: a process killed here leaves no half of one."""
        with drafted(self.path, ".new") as draft:
            connection = self._connect(read_only=False, wait_s=WRITE_WAIT_S, path=draft)
            try:
                migrations.apply(connection)
                # Closing would do the same, but says nothing when the disk is full: all would be in the log.
                connection.execute("CHECKPOINT")
            finally:
                connection.close()

    def _version(self) -> int:
        connection = self._connect(read_only=True, wait_s=WRITE_WAIT_S)
        try:
            return migrations.current(connection)
        finally:
            connection.close()

    def _upgrade(self) -> None:
        """Keep a copy of what there is, then migrate. Meanwhile no other process can open the file."""
        connection = self._connect(read_only=False, wait_s=WRITE_WAIT_S)
        try:
            version = migrations.current(connection)  # another process may have been faster
            if version < migrations.LATEST:
                backup = self.path.with_name(f"{self.path.name}.schema-{version}.backup")
                copy_database(connection, backup)
                log.warning(
                    "The database is upgraded from schema %d to %d; a copy from before is kept in %s",
                    version,
                    migrations.LATEST,
                    printable(str(backup)),
                )
                migrations.apply(connection)
        finally:
            connection.close()
        self._forget_old_backups()

    def _forget_old_backups(self) -> None:
        """Keep the newest copies that migrations made, so that they don't pile up over the years."""
        prefix, suffix = f"{self.path.name}.schema-", ".backup"
        found = {}
        for file in self.path.parent.iterdir():
            number = file.name.removeprefix(prefix).removesuffix(suffix)
            if number.isdecimal() and file.name == f"{prefix}{number}{suffix}":
                found[int(number)] = file
        for schema in sorted(found)[:-BACKUPS_KEPT]:
            found[schema].unlink(missing_ok=True)

    def _connect(self, *, read_only: bool, wait_s: float, path: Path | None = None) -> Connection:
        file = path or self.path
        return when_free(lambda: connect(file, read_only=read_only), self.path, wait_s)


def when_free(connect: Callable[[], Connection], path: Path, wait_s: float) -> Connection:
    """What ``connect`` opens, waiting while another process holds the file, and saying so after a moment.

    Raises DatabaseError.
    """
    began, told = time.monotonic(), False
    while True:
        try:
            return connect()
        except duckdb.Error as error:
            waited = time.monotonic() - began
            if not _HELD.search(str(error)) or waited > wait_s:
                raise _as_database_error(error, path) from error
            if waited > _SILENT_S and not told:
                told = True
                log.warning(
                    "The database is held by %s: waiting up to %d s for it.", _holder(str(error)), wait_s
                )
            time.sleep(_POLL_S)


@contextmanager
def drafted(target: Path, suffix: str) -> Iterator[Path]:
    """A new database file to fill and close, which then becomes ``target``, whole or not at all."""
    draft = target.absolute().with_name(f"{target.name}{suffix}")
    parts = (draft, draft.with_name(f"{draft.name}.wal"))
    try:
        for left in parts:
            left.unlink(missing_ok=True)
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(target)
    except BaseException:
        for left in parts:
            with suppress(OSError):
                left.unlink(missing_ok=True)
        raise


def copy_database(connection: Connection, target: Path) -> None:
    """Copy all tables of an open database into the file ``target``, whole or not at all.

    A file there is replaced. Raises DuckDB's and the system's errors.
    """
    with drafted(target, ".part") as draft:
        ((source,),) = connection.execute("SELECT current_database()").fetchall()
        connection.execute(f"ATTACH {quoted(str(draft))} AS trailcam_copy")
        try:
            name = str(source).replace('"', '""')
            connection.execute(f'COPY FROM DATABASE "{name}" TO trailcam_copy')
            connection.execute("CHECKPOINT trailcam_copy")  # see Database._create
        finally:
            connection.execute("DETACH trailcam_copy")


def quoted(text: str) -> str:
    """A text as SQL writes it, for the statements that take no parameters."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what DuckDB or the file system says of the file into a DatabaseError; a wrong query is a bug.

    What the system says of any other file is passed on.
    """
    try:
        yield
    except duckdb.InterruptException as error:  # see trailcam.store.interrupt
        raise KeyboardInterrupt from error
    except (duckdb.OperationalError, duckdb.FatalException, duckdb.InternalError, OSError) as error:
        if isinstance(error, OSError) and _is_of_another_file(error, path):
            raise
        raise _as_database_error(error, path) from error
    except duckdb.Error as error:
        if _DAMAGED.search(str(error)):  # DuckDB has no class of its own for it
            raise _as_database_error(error, path) from error
        raise
    except RuntimeError as error:
        if "Query interrupted" in str(error):  # what DuckDB makes of a KeyboardInterrupt while it works
            raise KeyboardInterrupt from error
        raise


def _is_of_another_file(error: OSError, database: Path) -> bool:
    """Whether the system speaks of what is neither the database, nor beside it, nor a folder above it."""
    if not isinstance(error.filename, str):
        return False
    named, own = Path(error.filename).absolute(), database.absolute()
    return named.parent != own.parent and not own.is_relative_to(named)


def _as_database_error(error: Exception, path: Path) -> DatabaseError:
    text = str(error)
    name = printable(str(path))
    first_line = printable(text.splitlines()[0] if text else type(error).__name__)
    if _HELD.search(text):
        return DatabaseError(
            f"The database {name} is held by {_holder(text)}.",
            "A DuckDB file can be written by one program at a time. Close the other program, or try again.",
        )
    if _NO_LOCKS.search(text):
        return DatabaseError(
            f"The database {name} lies on a file system without locks, as some network shares are.",
            "Two programs could write at once and destroy it. Choose a place on a local disk with --db.",
        )
    if "not a valid DuckDB" in text:
        return DatabaseError(
            f"{name} is not a DuckDB database.",
            "Is --db (or TRAILCAM_DB) set to the right file? Nothing was written to it.",
        )
    if _DAMAGED.search(text):
        return DamagedError(
            f"The database {name} is damaged: {first_line}",
            "`trailcam db check` says what can be read, and which copies there are. Check the disk.",
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


def _holder(text: str) -> str:
    """Who holds the file, by DuckDB's message: "process 123 (python3.11)"."""
    found = re.search(r"(?:held in (.*?) )?\(?PID (\d+)", text)
    if found is None:
        return "another program"
    program = printable(Path(found[1]).name) if found[1] else ""
    return f"process {found[2]}" + (f" ({program})" if program else "")


def utc_now() -> datetime:
    """Now, as the database writes its ``*_at`` columns: UTC, without zone."""
    return datetime.now(UTC).replace(tzinfo=None)


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


@contextmanager
def lent(connection: Connection, **tables: Mapping[str, Any]) -> Iterator[None]:
    """Let queries read numpy columns (name -> array) as tables, each by the name of its argument."""
    for name, columns in tables.items():
        connection.register(name, dict(columns))
    try:
        yield
    finally:
        for name in tables:
            with suppress(duckdb.TransactionException):  # aborted: it takes them back
                connection.unregister(name)
