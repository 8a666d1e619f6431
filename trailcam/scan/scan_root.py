"""Scan: walk a root, compare it with the database, read what is new, write in bulk.

The order is the mount guard: nothing is written until the walk is complete and compared,
so a drive that isn't there can't change a byte.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from trailcam.clock.shift import restore_reread
from trailcam.domain import FileKey, Image
from trailcam.errors import Interrupted, RootError, UsageError
from trailcam.files.mount_guard import alive, check_root, no_photos, too_many_gone
from trailcam.files.object_store import as_given, url_of
from trailcam.media.exif import UNREADABLE, VANISHED
from trailcam.media.file_kinds import is_video
from trailcam.media.station import StationRule
from trailcam.media.walk import WalkNotes, walk
from trailcam.scan.find_thumbnails import find_thumbnails
from trailcam.scan.follow_contents import count_found_again, follow_contents, read_known
from trailcam.scan.read_files import CHUNK, Read, local_now, read_ahead, reader, without_videos
from trailcam.scan.scan_job import Progress, ScanJob, ScanOptions, Stop
from trailcam.store.contents import Settled, count_below, count_missing, mark_unsettled, unsettled
from trailcam.store.database import Database
from trailcam.store.images import (
    Root,
    ScanDifference,
    compare,
    finish_scan,
    roots,
    save_images,
    save_root,
    save_stations,
    stations_summary,
)
from trailcam.store.unread import count_unread
from trailcam.words.text import count, printable
from trailcam.words.unread import reads_videos, unread_words

# A transaction costs tens of milliseconds, a crash what is not yet in one.
_SAVE_EVERY = 8 * CHUNK


@dataclass(frozen=True, slots=True)
class ScanReport:
    """What a scan of one root found. ``stations`` has station, photos, first_date, last_date, undated.

    ``n_moved`` photos lie at another path than before, with all that was known of them; ``n_copies`` files
    are newly found to repeat a photo to the byte. Neither are in the other numbers. ``n_thumbnails`` files
    are newly found to be a photo in a smaller size. Videos that are read are among the photos; ``n_videos``
    are those that aren't, for lack of a decoder. ``n_known_again`` photos of an earlier trailcam were
    opened once for their content ids. ``pictures`` of kinds that aren't read are counted by kind;
    ``left_out`` are folders of other programs.
    """

    root: Root
    n_new: int
    n_changed: int
    n_unchanged: int
    n_missing: int
    n_returned: int
    n_unreadable: int
    n_videos: int
    pictures: Mapping[str, int]
    left_out: Sequence[str]
    n_moved: int
    n_copies: int
    n_known_again: int
    skipped: list[tuple[str, str]]
    errors: list[tuple[str, str]] = field(default_factory=list)
    stations: list[dict[str, Any]] = field(default_factory=list)
    n_thumbnails: int = 0


@dataclass(slots=True)
class _Saved:
    """Ids of the images that were saved for new and for changed files; (path, message) of the bad ones."""

    fresh: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)


NOTHING_SETTLED = Settled(0, 0, 0, np.zeros(0, np.int64), [])


def scan(
    database: Database,
    given: str | Path,
    options: ScanOptions,
    *,
    station_facts: Mapping[str, Mapping[str, Any]] | None = None,
    progress: Progress | None = None,
    stop: Stop = lambda: False,
) -> ScanReport:
    """Bring the database up to date with the photos under ``given``.

    ``progress`` is called with files read and files to read; ``stop`` is asked between chunks.
    Raises RootError (nothing changed), UsageError, DatabaseError, or Interrupted: then what
    was read so far is saved and the next scan goes on from there.
    """
    rule = StationRule.parse(options.station_from)
    path = check_root(given)
    job = ScanJob(database, path, options, progress, stop)
    notes = WalkNotes()
    files = _walk(path, notes, stop)
    known, name = _identify(database, path, options.root_name)
    difference = _compare(database, known, files, notes)
    if not reads_videos():
        difference = without_videos(difference, files)
    unread = [files[int(i)] for i in (*difference.fresh, *difference.changed)]
    unread.sort(key=lambda key: is_video(key.path))
    _guard(job, name, difference, unread)

    with database.write() as db:
        root_id = save_root(db, name, as_given(path))
        is_news = difference.is_news or unsettled(db)
        if is_news:
            mark_unsettled(db, root_id)
    changed = {
        files[int(i)].path: int(image_id)
        for i, image_id in zip(difference.changed, difference.changed_ids, strict=True)
    }
    saved = _read_and_save(job, root_id, unread, changed, reader(job, rule, files))
    strangers = [files[int(i)] for i in difference.unidentified]
    read_known(job, strangers, difference.unidentified_ids)
    with database.write() as db:
        finish_scan(
            db, root_id, difference.vanished_ids, difference.returned_ids, notes.n_videos, notes.pictures
        )
        save_stations(db, station_facts or {})
    settled = follow_contents(job, root_id) if is_news else NOTHING_SETTLED
    n_thumbnails = find_thumbnails(job) if is_news else 0
    report = _report(database, Root(root_id, name, as_given(path)), difference, notes, saved, settled)
    return replace(report, n_thumbnails=n_thumbnails)


def _guard(job: ScanJob, name: str, difference: ScanDifference, unread: Sequence[FileKey]) -> None:
    """Raise RootError where too many photos vanished; those that lie elsewhere now have not."""
    share = job.options.missing_limit
    limit = share * difference.n_known
    if job.options.accept_missing or difference.n_gone <= limit:
        return
    n_found = count_found_again(job, difference.vanished_ids, unread)
    if not alive(job.path):
        raise _stopped_answering(job.path, "Nothing was changed.")
    n_gone = difference.n_gone - n_found
    if n_gone > limit:
        raise too_many_gone(name, job.path, n_gone, difference.n_known, share)


def _report(
    database: Database,
    root: Root,
    difference: ScanDifference,
    notes: WalkNotes,
    saved: _Saved,
    settled: Settled,
) -> ScanReport:
    with database.read() as db:
        stations = stations_summary(db, root.root_id)
        n_missing = count_missing(db, difference.vanished_ids)
        n_videos = count_unread(db, root.root_id)["videos_unread"]
    fresh = np.array(saved.fresh, np.int64)
    changed = np.array(saved.changed, np.int64)
    return ScanReport(
        root=root,
        n_new=int((~np.isin(fresh, settled.taken)).sum()),
        n_changed=int((~np.isin(changed, settled.taken)).sum()),
        n_unchanged=difference.n_unchanged + settled.n_touched,
        n_missing=n_missing,
        n_returned=len(difference.returned_ids),
        n_unreadable=len(saved.errors),
        n_videos=n_videos,
        pictures=notes.pictures,
        left_out=notes.left_out,
        n_moved=settled.n_moved,
        n_copies=settled.n_copies,
        n_known_again=len(difference.unidentified),
        skipped=notes.skipped,
        errors=saved.errors,
        stations=stations,
    )


def known_roots(database: Database) -> list[Root]:
    """The roots of earlier scans; none when there is no database yet."""
    if not database.exists():
        return []
    with database.read() as db:
        return roots(db)


def _walk(path: Path, notes: WalkNotes, stop: Stop) -> list[FileKey]:
    files = []
    try:
        for key in chain(walk(path, notes), _late(notes)):
            files.append(key)
            if stop():
                raise Interrupted(
                    f"Stopped while listing {printable(as_given(path))}; nothing was changed.",
                    "Run the same scan again.",
                )
    except OSError as error:
        raise _stopped_answering(path, f"Nothing was changed ({error.strerror or error}).") from error
    if not files or not (reads_videos() or len(files) > len(notes.videos)):
        raise no_photos(path, notes.n_other, unread_words(notes.n_videos, notes.pictures))
    return files


def _stopped_answering(path: Path, state: str) -> RootError:
    return RootError(
        f"The folder {printable(as_given(path))} stopped answering during the scan.",
        f"{state} Check its drive or share, then scan again.",
    )


def _identify(database: Database, path: Path, root_name: str | None) -> tuple[Root | None, str]:
    """The known root that ``path`` is, if any, and its name. Raises UsageError for an overlap."""
    if root_name is not None and not root_name.strip():
        raise UsageError("--root-name is empty.", "Give the library a name, or leave the option out.")
    known = known_roots(database)
    here = next((r for r in known if _same_path(r.path, path)), None)
    if root_name is None and here:
        return here, here.name
    name = root_name or path.name or str(path)
    named = next((r for r in known if r.name == name), None)
    if named and named is not here and root_name is None:
        raise UsageError(
            f"A root named {printable(name)!r} is known already, at {printable(named.path)}.",
            f"If this is the same library at a new place: --root-name {printable(name)!r} moves it here "
            "without scanning anew. If it is another one, give it a name of its own with --root-name.",
        )
    if here and named is not here:
        raise UsageError(
            f"{printable(as_given(path))} is known already as the root {printable(here.name)!r}.",
            "Scan it without --root-name.",
        )
    for other in known:
        if other is not named and _overlap(other.path, str(path)):
            raise UsageError(
                f"{printable(as_given(path))} overlaps the root {printable(other.name)!r} at "
                f"{printable(other.path)}.",
                "A photo must belong to one root, or it would be counted twice. Scan the outer folder only.",
            )
    return named, name


def _same_path(known: str, path: Path) -> bool:
    return _real(known) == _real(str(path))


def _real(path: str) -> str:
    """What two spellings of one folder, one of them through a link, have in common."""
    if url := url_of(path):
        return url
    return os.path.normcase(os.path.realpath(path))


def _overlap(a: str, b: str) -> bool:
    a, b = _real(a), _real(b)
    if url_of(a) or url_of(b):
        return f"{a}/".startswith(f"{b}/") or f"{b}/".startswith(f"{a}/")
    try:
        return os.path.commonpath([a, b]) in (a, b)
    except ValueError:  # different drives, or one relative to nothing that exists here
        return False


def _compare(
    database: Database, known: Root | None, files: Sequence[FileKey], notes: WalkNotes
) -> ScanDifference:
    if known is None:
        return ScanDifference.all_new(len(files))
    with database.read() as db:
        difference = compare(db, known.root_id, files, notes.unreadable_folders)
        # What was scanned of other programs' folders before is left out now, not gone from the drive.
        n_left_out = count_below(db, difference.vanished_ids, notes.left_out) if notes.left_out else 0
    return replace(difference, n_gone=difference.n_gone - n_left_out)


def _late(notes: WalkNotes) -> Iterator[FileKey]:
    """The videos of a walk, which are known when it ends."""
    yield from notes.videos


def _read_and_save(
    job: ScanJob, root_id: int, unread: Sequence[FileKey], changed: Mapping[str, int], read: Read
) -> _Saved:
    """Read ``unread`` files and save them chunk by chunk."""
    saved = _Saved()
    unsaved: list[Image] = []
    n_read = 0

    def save() -> None:
        with job.database.write() as db:
            ids = save_images(db, root_id, unsaved, changed)
            reread = [changed[i.key.path] for i in unsaved if i.key.path in changed]
            restore_reread(db, reread, local_now())
        for image, image_id in zip(unsaved, ids.tolist(), strict=True):
            (saved.changed if image.key.path in changed else saved.fresh).append(image_id)
        unsaved.clear()

    with closing(read_ahead(job, unread, read)) as chunks:
        for images in chunks:
            if any(i.error_code in (VANISHED, UNREADABLE) for i in images) and not alive(job.path):
                save()
                raise _stopped_answering(job.path, f"{count(n_read, 'file')} read so far are saved.")
            unsaved += (i for i in images if i.error_code != VANISHED and not _withheld(i, changed))
            saved.errors += [
                (i.key.path, i.error_message or "") for i in images if i.error_code not in (None, VANISHED)
            ]
            n_read += len(images)
            if len(unsaved) >= _SAVE_EVERY:
                save()
            job.report(n_read, len(unread))
            if job.stop() and n_read < len(unread):
                save()
                raise Interrupted(
                    f"Stopped after reading {count(n_read, 'file')} of {len(unread):,}; they are saved.",
                    "Run the same scan again to carry on.",
                )
    if unsaved:
        save()
    return saved


def _withheld(image: Image, changed: Mapping[str, int]) -> bool:
    """Whether the system won't hand out a known photo just now: it stays as it is until one can read it."""
    return image.error_code == UNREADABLE and image.key.path in changed
