"""What a scan does to know files again: reads content ids, compares bytes, lets photos follow their content.

The rules are :mod:`trailcam.store.contents`'s; here are the files.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from enum import Enum
from pathlib import Path

import numpy as np

from trailcam.clock.shift import restore
from trailcam.domain import FileKey
from trailcam.errors import Interrupted
from trailcam.files.mount_guard import alive
from trailcam.files.object_store import url_of
from trailcam.files.photo_file import photo_status
from trailcam.media.content_id import read_content_id, read_whole_id
from trailcam.media.walk import file_key
from trailcam.scan.scan_job import ScanJob
from trailcam.store.contents import (
    KnownFile,
    Settled,
    copies_of,
    count_found,
    known_by_root,
    lost_sizes,
    mark_missing,
    save_content_ids,
    save_whole_ids,
    settle,
    unverified,
)
from trailcam.store.images import Ids

_CHUNK = 500
# An UPDATE costs a join with the whole table, a crash what is not yet saved.
_SAVE_EVERY = 20 * _CHUNK
# A network drive that is gone can keep its caller waiting for minutes.
_PATIENCE_S = 5.0


class Unread(Enum):
    """What became of a known file that isn't there to be read."""

    GONE = "gone"
    UNKNOWN = "unknown"


def count_found_again(job: ScanJob, vanished: Ids, unread: Sequence[FileKey]) -> int:
    """How many vanished photos lie elsewhere now: among the ``unread`` files of the root, or as copies.

    Reads content ids of files whose size is that of a vanished photo; writes nothing. Raises Interrupted.
    """
    with job.database.read() as db:
        sizes = set(lost_sizes(db, vanished).tolist())
        copies = copies_of(db, vanished)
    files = [file for file in unread if file.size_bytes in sizes]
    contents: list[str | None] = []
    with ThreadPoolExecutor(job.workers) as pool:
        for start in range(0, len(files), _CHUNK):
            if job.stop():
                raise Interrupted("Stopped; nothing was changed.", "Run the same scan again to carry on.")
            chunk = [os.path.join(job.path, f.path) for f in files[start : start + _CHUNK]]  # noqa: PTH118
            contents += pool.map(read_content_id, chunk)
        living = _living(copies)
        there = pool.map(lambda copy: copy.root_id in living and _is_there(copy), copies)
        here = [copy.image_id for copy, is_there in zip(copies, there, strict=True) if is_there]
    with job.database.read() as db:
        return count_found(db, vanished, files, contents, np.array(here, np.int64))


def read_known(job: ScanJob, files: Sequence[FileKey], ids: Ids) -> None:
    """Take the content ids of known ``files`` (images ``ids``) that an earlier trailcam scanned without them.

    Raises Interrupted between chunks; what was read is saved.
    """
    found: list[str | None] = []
    saved = 0

    def save() -> None:
        nonlocal saved
        with job.database.write() as db:
            save_content_ids(db, ids[saved : saved + len(found)], found)
        saved += len(found)
        found.clear()

    with ThreadPoolExecutor(job.workers) as pool:
        for start in range(0, len(files), _CHUNK):
            chunk = [os.path.join(job.path, f.path) for f in files[start : start + _CHUNK]]  # noqa: PTH118
            found += pool.map(read_content_id, chunk)
            done = start + len(chunk)
            if len(found) >= _SAVE_EVERY or done == len(files) or job.stop():
                save()
            job.report(done, len(files))
            if job.stop() and done < len(files):
                raise Interrupted(
                    f"Stopped after the content ids of {done:,} of {len(files):,} photos; they are saved.",
                    "Run the same scan again to carry on.",
                )


def follow_contents(job: ScanJob, root_id: int) -> Settled:
    """Compare the bytes of files that look equal, then let photos follow their content and copies be copies.

    A photo of another root is taken for gone where that root answers and the file isn't there, within that
    root's own limit of vanished photos (or with ``accept_missing``, also where the root doesn't answer).
    Raises Interrupted; the next scan carries on.
    """
    accept_missing = job.options.accept_missing
    with job.database.read() as db:
        files = unverified(db, root_id if accept_missing else None)
        known = known_by_root(db) if files else {}
    whole, gone = _read_whole(job, files, root_id)
    for other in {file.root_id for file in gone}:
        ours = [file for file in gone if file.root_id == other]
        if not accept_missing and len(ours) > job.options.missing_limit * known.get(other, 0):
            gone = [file for file in gone if file.root_id != other]
    with job.database.write() as db:
        if whole:
            save_whole_ids(db, whole)
        if gone:
            mark_missing(db, [file.image_id for file in gone])
        settled = settle(db)
        # A new name may state a time, or state none any more.
        restore(db, settled.rechosen, datetime.now().astimezone().replace(tzinfo=None))
    return settled


def _read_whole(
    job: ScanJob, files: Sequence[KnownFile], root_id: int
) -> tuple[dict[int, str], list[KnownFile]]:
    """Image -> hash of all bytes, and the files of other roots that are gone."""
    whole: dict[int, str] = {}
    gone: list[KnownFile] = []
    if not files:
        return whole, gone
    living = _living(files)

    def ask(file: KnownFile) -> str | Unread:
        if file.root_id not in living:
            is_gone = job.options.accept_missing and file.root_id != root_id
            return Unread.GONE if is_gone else Unread.UNKNOWN
        return _ask(file)

    step = job.workers * 4
    with ThreadPoolExecutor(job.workers) as pool:
        for start in range(0, len(files), step):
            if job.stop():
                raise Interrupted(
                    f"Stopped after comparing {start:,} of {len(files):,} files that look alike.",
                    "What was read is saved. Run the same scan again to carry on.",
                )
            chunk = files[start : start + step]
            for file, answer in zip(chunk, pool.map(ask, chunk), strict=True):
                if isinstance(answer, str):
                    whole[file.image_id] = answer
                elif answer is Unread.GONE and file.root_id != root_id:
                    gone.append(file)
            job.report(start + len(chunk), len(files))
    return whole, gone


def _ask(file: KnownFile) -> str | Unread:
    full = os.path.join(file.root_path, file.path)  # noqa: PTH118
    try:
        if not _is_there(file):
            return Unread.UNKNOWN if _may_exist(full) else Unread.GONE
        if file.verified:
            return Unread.UNKNOWN
        return read_whole_id(full)
    except (OSError, ValueError):
        return Unread.UNKNOWN


def _may_exist(path: str) -> bool:
    if not url_of(path):
        return os.path.lexists(path)
    try:
        photo_status(path)
    except FileNotFoundError:
        return False
    return True


def _is_there(file: KnownFile) -> bool:
    """Whether a file is where it was, and has not changed since it was scanned."""
    try:
        found = file_key(file.path, photo_status(Path(file.root_path, file.path)))
    except (OSError, ValueError):
        return False
    return (found.size_bytes, found.mtime_ns) == (file.size_bytes, file.mtime_ns)


def _living(files: Sequence[KnownFile]) -> set[int]:
    """The roots of ``files`` that answer in time."""
    living: set[int] = set()

    def look(root_id: int, path: str) -> None:
        if alive(Path(path)):
            living.add(root_id)

    asked = [
        threading.Thread(target=look, args=root, daemon=True)
        for root in {(file.root_id, file.root_path) for file in files}
    ]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join(_PATIENCE_S)
    return set(living)
