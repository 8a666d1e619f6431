"""Every photo under a root, once, with what is needed to recognise it as unchanged.

The cost is one listing and one ``stat`` a folder and one ``stat`` a photo; nothing is opened.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from trailcam.domain import FileKey
from trailcam.files.object_store import FileStatus, ObjectEntry, list_folder, url_of
from trailcam.media.file_kinds import (
    SYSTEM_FOLDERS,
    VIDEO_SUFFIXES,
    is_other_programs_folder,
    photo_suffixes,
    picture_kind,
)

NOT_A_FILE = "not_a_file"
BROKEN_LINK = "broken_link"
SYMLINK_LOOP = "symlink_loop"
DUPLICATE_FOLDER = "duplicate_folder"
UNREADABLE_FOLDER = "unreadable_folder"
UNREADABLE_FILE = "unreadable_file"

_FIRST_NS, _LAST_NS = -(1 << 63), (1 << 63) - 1


@dataclass(slots=True)
class WalkNotes:
    """What a walk met besides photos. Filled while the walk is iterated; complete when it ends.

    ``skipped`` pairs a relative path with a reason code: ``not_a_file`` (a folder, FIFO, socket or device
    with the name of a photo), ``broken_link``, ``symlink_loop`` (a link to a folder above it),
    ``duplicate_folder`` (reached already by another way), ``unreadable_folder``, ``unreadable_file``.
    ``unreadable_folders`` are relative paths about which the walk can't tell what lies below: photos there
    may still exist. ``videos`` are listed beside the photos (``n_videos`` counts those that vanish, too).
    Other files are only counted; so are ``pictures`` that aren't read, by kind (HEIC, DNG). ``left_out``
    are folders of other programs' thumbnails and of what was deleted with them.
    """

    skipped: list[tuple[str, str]] = field(default_factory=list)
    unreadable_folders: list[str] = field(default_factory=list)
    n_videos: int = 0
    videos: list[FileKey] = field(default_factory=list)
    n_other: int = 0
    pictures: Counter[str] = field(default_factory=Counter)
    left_out: list[str] = field(default_factory=list)


_Entry = os.DirEntry[str] | ObjectEntry


@dataclass(slots=True)
class _Folder:
    """A folder still to be listed: where it is, its relative path with a trailing ``/`` ("" for the root)."""

    path: str
    prefix: str


@dataclass(slots=True)
class _Listing:
    """One folder's content by kind, each sorted by name."""

    photos: list[_Entry] = field(default_factory=list)
    videos: list[_Entry] = field(default_factory=list)
    folders: list[_Folder] = field(default_factory=list)
    links: list[_Folder] = field(default_factory=list)


def walk(root: Path, notes: WalkNotes) -> Iterator[FileKey]:
    """Yield every photo under ``root``, a folder's photos in the order of their names.

    Links are followed, but no folder is walked twice, and real folders go before linked ones, so that a photo
    keeps its real path whatever the links are called. Paths are relative, with ``/``, bytes that aren't UTF-8
    surrogate-escaped. A file that vanishes meanwhile is left out as if it had never been there; a sub-folder
    that fails, even half-way, is noted as unreadable.

    Raises OSError when ``root`` itself can't be listed.
    """
    above = _ancestors(root)
    seen = set(above)
    stack = [_Folder(os.fspath(root), "")]
    links: deque[_Folder] = deque()
    while stack or links:
        folder = stack.pop() if stack else links.popleft()
        try:
            identity = _identity(folder.path)
            if identity in seen:
                is_loop = identity in above or _leads_upwards(folder.path)
                notes.skipped.append((folder.prefix[:-1], SYMLINK_LOOP if is_loop else DUPLICATE_FOLDER))
                continue
            seen.add(identity)
            listing = _list(folder, notes)
        except OSError:
            if not folder.prefix:
                raise
            # Also for a folder that is gone again: it was there a moment ago, and a drive that drops out
            # looks just like this. Its photos are judged by the next walk.
            _note_unreadable(folder.prefix[:-1], UNREADABLE_FOLDER, notes)
            continue
        for entry in listing.photos:
            key = _key(entry, folder.prefix, notes)
            if key is not None:
                yield key
        found = (_key(entry, folder.prefix, notes) for entry in listing.videos)
        notes.videos += (key for key in found if key is not None)
        stack.extend(reversed(listing.folders))
        links.extend(listing.links)


def _list(folder: _Folder, notes: WalkNotes) -> _Listing:
    """Sort a folder's entries into photos and folders, counting the rest.

    Raises OSError when the folder can't be opened, or when the root's listing breaks off.
    """
    entries: list[_Entry] = []
    with _listed(folder.path) as found:
        try:
            entries.extend(found)
        except OSError:
            if not folder.prefix:
                raise
            _note_unreadable(folder.prefix[:-1], UNREADABLE_FOLDER, notes)
    entries.sort(key=lambda entry: entry.name)
    parent = folder.prefix[:-1].rpartition("/")[2]
    listing = _Listing()
    for entry in entries:
        if entry.name.startswith("."):
            _note_hidden(entry, folder.prefix, notes)
        else:
            try:
                _sort_in(entry, folder.prefix, parent, listing, notes)
            except OSError:  # links that lead to each other, or a medium that fails
                _note_unreadable(folder.prefix + entry.name, UNREADABLE_FILE, notes)
    return listing


def _listed(path: str) -> AbstractContextManager[Iterator[_Entry]]:
    """What lies in a folder of a drive, or of object storage. Raises OSError, also while it is read."""
    url = url_of(path)
    return contextlib.nullcontext(iter(list_folder(url))) if url else os.scandir(path)


def _note_hidden(entry: _Entry, prefix: str, notes: WalkNotes) -> None:
    """Hidden files and folders are passed over; of another program's folder people may want to know."""
    with contextlib.suppress(OSError):
        if is_other_programs_folder(entry.name, "") and entry.is_dir():
            notes.left_out.append(prefix + entry.name)


def _sort_in(entry: _Entry, prefix: str, parent: str, listing: _Listing, notes: WalkNotes) -> None:
    suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - a million Path objects cost seconds
    is_image = suffix in photo_suffixes()
    if entry.is_dir():
        if is_other_programs_folder(entry.name, parent):
            notes.left_out.append(prefix + entry.name)
            return
        if entry.name.lower() in SYSTEM_FOLDERS:
            return
        if is_image:
            notes.skipped.append((prefix + entry.name, NOT_A_FILE))
        same_kind = listing.links if entry.is_symlink() else listing.folders
        same_kind.append(_Folder(entry.path, f"{prefix}{entry.name}/"))
    elif entry.is_file():
        if is_image:
            listing.photos.append(entry)
        elif suffix in VIDEO_SUFFIXES:
            notes.n_videos += 1
            listing.videos.append(entry)
        elif kind := picture_kind(entry.name):
            notes.pictures[kind] += 1
        else:
            notes.n_other += 1
    elif entry.is_symlink():
        notes.skipped.append((prefix + entry.name, BROKEN_LINK))
        if not is_image:
            # Most likely a folder on a drive that isn't mounted: its photos haven't gone.
            notes.unreadable_folders.append(prefix + entry.name)
    elif is_image:
        notes.skipped.append((prefix + entry.name, NOT_A_FILE))
    else:
        notes.n_other += 1


def _key(entry: _Entry, prefix: str, notes: WalkNotes) -> FileKey | None:
    try:
        stat = entry.stat()
    except FileNotFoundError:
        return None
    except OSError:
        _note_unreadable(prefix + entry.name, UNREADABLE_FILE, notes)
        return None
    return file_key(prefix + entry.name, stat)


def file_key(path: str, status: os.stat_result | FileStatus) -> FileKey:
    """A file's key; a time beyond what 64 bits of nanoseconds hold (the years 1677 to 2262) is their end."""
    return FileKey(path, status.st_size, max(_FIRST_NS, min(status.st_mtime_ns, _LAST_NS)))


def _note_unreadable(path: str, reason: str, notes: WalkNotes) -> None:
    notes.skipped.append((path, reason))
    notes.unreadable_folders.append(path)


_Identity = tuple[int, int] | str


def _identity(path: str) -> _Identity:
    """What two paths to one folder have in common. Raises OSError."""
    if url := url_of(path):
        return url
    stat = Path(path).stat()
    # Some network file systems number nothing.
    return (stat.st_dev, stat.st_ino) if stat.st_ino else os.path.realpath(path)


def _ancestors(root: Path) -> set[_Identity]:
    """The folders above ``root``: a link to one of them would bring the whole root in again."""
    found: set[_Identity] = set()
    if url_of(root):
        return found
    for parent in Path(os.path.realpath(root)).parents:
        try:
            found.add(_identity(os.fspath(parent)))
        except OSError:  # a folder we may pass but not look at; links into it fail the same way
            continue
    return found


def _leads_upwards(link: str) -> bool:
    """Whether a link's target is a folder that contains the link."""
    home = os.path.realpath(os.path.dirname(link))  # noqa: PTH120 - see PTH122 above
    target = os.path.realpath(link)
    return home == target or home.startswith(os.path.join(target, ""))  # noqa: PTH118 - a trailing separator
