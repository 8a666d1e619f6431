"""``export xmp``: a sidecar for each photo that was looked at, for Lightroom, Bridge, digiKam and their kin.

The sidecars lie in the target as the photos lie in their folder. So they can be copied beside the photos, or
written there at once: the target is the scanned folder then. Photos are never written to, and neither is a
sidecar that another program made or changed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import Enum
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from trailcam.errors import OutputError
from trailcam.export.megadetector import file_name
from trailcam.export.summary import Summary
from trailcam.export.xmp_packet import MARK, packet
from trailcam.files.home import at_home
from trailcam.files.target import create_folder, inside, safe_part, safe_path, short_hash, whole_file
from trailcam.selection import Selection
from trailcam.store.database import Database
from trailcam.store.export_rows import ExportPhoto, make_plan, shared_stems, stream_reopening
from trailcam.words.text import count, printable

ENDING = ".xmp"
_HEAD_BYTES = 1024  # our mark stands within
_SHOWN = 3
_Ids = npt.NDArray[np.int64]
_Path = Callable[[ExportPhoto], PurePosixPath]


class _Done(Enum):
    WRITTEN = 1
    SAME = 2
    FOREIGN = 3


def export_xmp(
    database: Database, selection: Selection, target: Path, confidence: float | None, *, full_names: bool
) -> Summary:
    """Fill the folder ``target``. ``confidence`` None: what the weights recommend.

    A sidecar is called ``NAME.xmp`` after its photo, or ``NAME.JPG.xmp`` with ``full_names`` and wherever two
    photos of a folder differ by their endings alone. One of ours is brought up to date. Raises UsageError and
    OutputError.
    """
    folder = at_home(Path(target)).absolute()
    summary = Summary(target)
    with database.read() as db:
        plan = make_plan(db, selection, confidence, timedelta(0))
        path_of = _paths(*shared_stems(db), several=plan.n_roots > 1, full_names=full_names)
    summary.undated_left_out = plan.n_undated_left_out
    summary.notes += plan.hidden.in_words(visits=False)
    create_folder(folder)
    made: Path | None = None
    foreign: list[str] = []
    n_foreign = 0
    for photo in stream_reopening(database, plan, plan.completed):
        if not photo.looked_at:  # taken back since
            continue
        path = inside(folder, path_of(photo))
        if path.parent != made:
            create_folder(path.parent)
            made = path.parent
        done = _write(path, packet(photo))
        if done is _Done.FOREIGN:
            n_foreign += 1
            foreign += [printable(str(path))] if n_foreign <= _SHOWN else []
            continue
        summary.already_there += done is _Done.SAME
        summary.add(photo)
    summary.not_looked_at = int(len(plan) - np.count_nonzero(plan.completed))
    if n_foreign:
        summary.notes.append(
            f"{count(n_foreign, 'sidecar')} of other programs left alone, as"
            f" {', '.join(foreign)}: they lack trailcam's keywords."
        )
    return summary


def _paths(shared: _Ids, by_case: _Ids, *, several: bool, full_names: bool) -> _Path:
    """Which file a photo's sidecar is, relative to the target."""

    def path_of(photo: ExportPhoto) -> PurePosixPath:
        whole = PurePosixPath(file_name(photo, several))
        name = whole.name
        if not full_names and not _among(shared, photo.image_id):
            name = whole.stem
        elif _among(by_case, photo.image_id):
            name = f"{name}-{short_hash(photo.root, photo.path)}"
        return safe_path(str(whole.parent)) / f"{safe_part(name)}{ENDING}"

    return path_of


def _among(ids: _Ids, image_id: int) -> bool:
    at = int(np.searchsorted(ids, image_id))
    return at < len(ids) and int(ids[at]) == image_id


def _write(path: Path, content: bytes) -> _Done:
    """Write one sidecar, but not over another's. Raises OutputError."""
    try:
        with path.open("rb") as file:
            there = file.read(len(content) + 1)
    except FileNotFoundError:
        there = b""
    except OSError as error:
        raise OutputError(
            f"{printable(str(path))} can't be read: {error.strerror or error}.",
            "It may be another program's sidecar, so it isn't replaced.",
        ) from error
    if there == content:
        return _Done.SAME
    if there and MARK.encode() not in there[:_HEAD_BYTES]:
        return _Done.FOREIGN
    with whole_file(path, sync=False) as file:
        file.write(content)
    return _Done.WRITTEN
