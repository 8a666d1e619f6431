"""One writer at a time for each database: a lock beside it, and who holds it.

The lock is the operating system's own on ``<db>.lock``, so that it vanishes with the process that held it,
however that ended. ``<db>.lock.json`` names the holder for messages and decides nothing; one left by a killed
process is overwritten by the next.
"""

from __future__ import annotations

import errno
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from trailcam.errors import DatabaseError, LockedError
from trailcam.words.text import printable

_POLL_S = 0.1
# A holder writes its name just after it got the lock; who is refused in between would read the last holder's.
# Where so many ask at once that it gets no turn for a while, they wait for its name up to _NAMED_WITHIN_S.
_NAMING_S = 0.1
_NAMED_WITHIN_S = 3.0
# What a network share without locks answers.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: ``since`` is ISO 8601 in UTC, ``host`` the name of the machine or container."""

    pid: int
    command: str
    since: str
    host: str

    def __str__(self) -> str:
        host = "" if self.host == platform.node() else f" on {printable(self.host)}"
        return f"{printable(self.command)} (PID {self.pid}{host}), since {_local_time(self.since)}"


class WriterLock:
    """The right to write to one database.

    ``db_path`` need not exist, nor its folder: that is made. ``command`` is shown to whom the lock keeps out
    ("trailcam detect"). Processes started by fork share a lock held at that moment and keep it alive; those
    started by spawn or forkserver don't.
    """

    def __init__(self, db_path: Path, command: str) -> None:
        self._command = command
        self._db = db_path
        self._lock_path = db_path.with_name(db_path.name + ".lock")
        self._holder_path = db_path.with_name(db_path.name + ".lock.json")

    @contextmanager
    def acquire(
        self, wait_s: float = 0, on_wait: Callable[[Holder | None], None] | None = None
    ) -> Iterator[None]:
        """Hold the lock inside the ``with`` block, after waiting for it up to ``wait_s`` seconds.

        ``on_wait`` is called once, with the holder if known, before a wait begins. Raises LockedError naming
        the holder when the time is over, DatabaseError where no lock can be made.
        """
        lock = self._new_lock()
        try:
            self._lock_path.parent.mkdir(parents=True, exist_ok=True)
            self._take(lock, wait_s, on_wait)
        except Timeout:
            raise self._refusal(wait_s, self._settled_holder()) from None
        except (OSError, NotImplementedError) as error:
            raise self._unlockable(error) from error
        try:
            self._write_holder()
            yield
        finally:
            with suppress(
                OSError
            ):  # a name left behind misleads no one for long; the lock itself is what counts
                self._holder_path.unlink(missing_ok=True)
            lock.release()

    def holder(self) -> Holder | None:
        """Who last took the lock and has not released it (or was killed); None if that can't be read."""
        try:
            entry = json.loads(self._holder_path.read_text(encoding="utf-8"))
            return Holder(int(entry["pid"]), str(entry["command"]), str(entry["since"]), str(entry["host"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def held(self) -> bool:
        """Whether a process holds the lock now. Where that can't be told, the name it left counts."""
        if self.holder() is None:
            return False
        try:
            with self._new_lock().acquire(timeout=0):
                return False
        except (Timeout, OSError, NotImplementedError):
            return True

    def _new_lock(self) -> FileLock:
        # Without the system's locks there is none: a file left by a killed process would lock for ever.
        return FileLock(self._lock_path, thread_local=False, fallback_to_soft=False)

    def _take(self, lock: FileLock, wait_s: float, on_wait: Callable[[Holder | None], None] | None) -> None:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if wait_s <= 0:
                self._take_after_all(lock)
                return
            if on_wait is not None:
                on_wait(self._settled_holder())
            lock.acquire(timeout=wait_s, poll_interval=_POLL_S)

    def _take_after_all(self, lock: FileLock) -> None:
        """Name who holds the lock, or take it where that one leaves before it could be named.

        Raises LockedError, and Timeout where it stays nameless.
        """
        deadline = time.monotonic() + _NAMED_WITHIN_S
        while True:
            time.sleep(_NAMING_S)
            holder = self.holder()
            if holder is not None:
                raise self._refusal(0, holder)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                if time.monotonic() > deadline:
                    raise
            else:
                return

    def _write_holder(self) -> None:
        since = datetime.now(UTC).isoformat(timespec="seconds")
        holder = Holder(os.getpid(), self._command, since, platform.node())
        draft = self._holder_path.with_name(f"{self._holder_path.name}.{holder.pid}")
        try:
            draft.write_text(json.dumps(asdict(holder)), encoding="utf-8")
            draft.replace(self._holder_path)  # whole or not at all: a reader never sees half of it
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise self._unlockable(error) from error

    def _settled_holder(self) -> Holder | None:
        time.sleep(_NAMING_S)
        return self.holder()

    def _refusal(self, wait_s: float, holder: Holder | None) -> LockedError:
        who = f"in use by {holder}" if holder else "in use by another trailcam process"
        waited = f"; waited {wait_s:g} s" if wait_s > 0 else ""
        return LockedError(
            f"The database {printable(str(self._db))} is {who}{waited}.",
            "Wait until it has finished, or give --wait SECONDS to wait for it. "
            "Reports and status need no lock and work meanwhile.",
        )

    def _unlockable(self, error: Exception) -> DatabaseError:
        db, folder = printable(str(self._db)), printable(str(self._db.parent))
        if isinstance(error, OSError) and error.errno in _NO_LOCKS:
            return DatabaseError(
                f"The database {db} lies on a file system without locks, as some network shares are.",
                "Two programs could write at once and destroy it. Choose a place on a local disk with"
                " --db PATH or TRAILCAM_DB.",
            )
        for path in (self._lock_path, self._holder_path):
            if isinstance(error, PermissionError) and (owner := _other_owner(path)):
                return DatabaseError(
                    f"Cannot lock the database {db}: {printable(str(path))} belongs to {owner}, and you may"
                    " not write to it.",
                    f"If no trailcam of {owner} is at work, have the file deleted; it holds nothing. For a"
                    " database of your own choose another place with --db PATH or TRAILCAM_DB.",
                )
        why = getattr(error, "strerror", None) or str(error)
        return DatabaseError(
            f"Cannot lock the database {db}: {printable(str(why))}.",
            f"trailcam must be able to make and write files in the folder {folder}. "
            "Choose another place with --db PATH or TRAILCAM_DB.",
        )


def _other_owner(path: Path) -> str | None:
    """Who owns a file that this process may not write to; None where that isn't another user."""
    try:
        owner = path.stat().st_uid
        if not hasattr(os, "geteuid") or owner == os.geteuid():
            return None
        with suppress(KeyError, OSError, NotImplementedError):
            return f"the user {printable(path.owner())}"
    except OSError:
        return None
    return f"the user number {owner}"


def _local_time(since: str) -> str:
    """``since`` on this machine's clock; what is no time is shown as it is."""
    try:
        return f"{datetime.fromisoformat(since).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError):
        return printable(since)
