"""``export crops``: photos or cut-outs in a folder for each class, for training sets and for a look.

Bucks go by age class: ``young/``, ``mid/``, ``mature/``. A file's name follows from the photo and the box
alone, so a second run finds what the first has written: nothing is overwritten, and an
interrupted one carries on.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from trailcam.detect.pipeline.decode import Failed, decode_whole
from trailcam.detect.pipeline.read_file import read_file
from trailcam.domain import Kind
from trailcam.errors import UsageError
from trailcam.export.manifest import Manifest
from trailcam.export.picks import Picks, pick
from trailcam.export.summary import Summary
from trailcam.files.mount_guard import check_root
from trailcam.files.photo_file import photo_status, read_photo
from trailcam.files.target import (
    check_folder,
    create_folder,
    flat_name,
    inside,
    safe_part,
    short_hash,
    whole_file,
)
from trailcam.media.file_kinds import is_video
from trailcam.media.remove_gps import without_place
from trailcam.selection import Selection
from trailcam.settings.class_words import is_meant, words_of
from trailcam.store.database import Database
from trailcam.store.export_rows import (
    ExportBox,
    ExportPhoto,
    ExportPlan,
    make_plan,
    root_paths,
    stream,
    stream_reopening,
)
from trailcam.store.images import roots
from trailcam.words.months import season_year_of
from trailcam.words.text import no_formula, printable

_MANIFEST = (
    *("file", "folder", "class", "confidence", "station", "captured_at", "season", "event"),
    *("root", "path", "x", "y", "w", "h"),
)
_QUALITY = 95


@dataclass(frozen=True, slots=True)
class CropOptions:
    """What to save, and how much of it.

    ``classes`` are the model's names or age classes, none for all bucks. ``margin`` is a share of the
    box's sides, added on each; ``whole`` copies the photo instead, without its GPS position unless
    ``with_coordinates``. ``per_event`` and ``balance`` are numbers
    of files: per folder and scene, and per folder, station and month.
    """

    confidence: float | None
    gap: timedelta
    classes: tuple[str, ...] = ()
    whole: bool = False
    margin: float = 0.1
    per_event: int | None = None
    balance: int | None = None
    with_coordinates: bool = False


def export_crops(
    database: Database, selection: Selection, target: Path, options: CropOptions
) -> tuple[Summary, list[dict[str, Any]]]:
    """Fill the folder ``target``; returns also the files by season and folder, of all in its manifest.

    Raises UsageError for an unknown class or a target inside a root, RootError where the photos can't be
    reached (if that is so from the start, nothing was made), OutputError. A photo that can't be read is a
    problem of the summary, not the end.
    """
    with database.read() as db:
        folder = check_folder(target, [root.path for root in roots(db)])
        plan = make_plan(db, selection, options.confidence, options.gap)
        _check_classes(plan, options.classes)
        picks = pick(
            stream(plan, plan.counts),
            plan,
            options.classes,
            whole=options.whole,
            per_event=options.per_event,
            balance=options.balance,
        )
        wanted = np.zeros(len(plan), np.bool_)
        wanted[picks.n] = True
        for path in root_paths(plan, wanted):
            check_root(path)
    summary = Summary(target, undated_left_out=plan.n_undated_left_out)
    summary.notes += plan.hidden.in_words(visits=False)
    create_folder(folder)
    with Manifest(folder, _MANIFEST) as manifest:
        writer = _Writer(folder, picks, options, plan, summary, manifest)
        for photo in stream_reopening(database, plan, wanted):
            writer.save(photo)
    return summary, manifest.by_season()


def _check_classes(plan: ExportPlan, classes: Sequence[str]) -> None:
    infos = [info for run in plan.runs for info in run.classes]
    known = {info.name for info in infos} | {info.age_class.value for info in infos if info.age_class}
    words = set[str](Kind).union(*map(words_of, infos))
    for name in classes:
        if not is_meant(words, [name]):
            listed = ", ".join(map(printable, sorted(known))) or "none yet: run `trailcam detect` first"
            raise UsageError(f'There is no class "{printable(name)}".', f"Known: {listed}.")


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the files of photos below ``folder``, and their rows of the manifest."""

    folder: Path
    picks: Picks
    options: CropOptions
    plan: ExportPlan
    summary: Summary
    manifest: Manifest

    def save(self, photo: ExportPhoto) -> None:
        """Write the files of one photo. Raises RootError where the drive is gone."""
        source, options = Path(photo.root_path, photo.path), self.options
        try:
            for folder, box in self.picks.of(photo):
                relative = f"{safe_part(folder)}/{_file_name(photo, box, options)}"
                path = inside(self.folder, relative)
                if path.exists():
                    self.summary.already_there += 1
                else:
                    content = (
                        _copy(source, box, options) if options.whole else _cut(source, box, options.margin)
                    )
                    times = photo_status(source)
                    create_folder(path.parent)
                    with whole_file(path) as file:
                        file.write(content)
                    os.utime(path, ns=(times.st_mtime_ns, times.st_mtime_ns))
                self.manifest.add(_manifest_row(relative, folder, photo, box, self.plan))
                self.summary.boxes += 1
        except (OSError, ValueError, SyntaxError, LookupError, Image.DecompressionBombError) as error:
            check_root(photo.root_path)  # one photo's fault, or has the whole drive gone?
            self.summary.problems.append((photo.path, str(error)))
            return
        self.summary.photos += 1


def _file_name(photo: ExportPhoto, box: ExportBox, options: CropOptions) -> str:
    name = flat_name(photo.root, photo.path)
    if options.whole:
        return name + (".jpg" if photo.is_video else Path(photo.path).suffix.lower())
    return f"{name}-{short_hash(*map(repr, box[2:6]), repr(options.margin))[:6]}.jpg"


def _copy(source: Path, box: ExportBox, options: CropOptions) -> bytes:
    """The photo, or the frame of a video that the box was seen on."""
    content = _content(source, box)
    return content if options.with_coordinates else without_place(content)


def _content(source: Path, box: ExportBox) -> bytes:
    if box.frame_s is None and not is_video(source.name):
        return read_photo(source)
    found = read_file(source, box.frame_s or 0.0)
    if not isinstance(found, bytes):
        raise OSError(found.message)
    return found


def _cut(source: Path, box: ExportBox, margin: float) -> bytes:
    """The JPEG of a box of the upright photo, with a margin, within the photo's bounds."""
    pixels = decode_whole(_content(source, box))
    if isinstance(pixels, Failed):
        raise OSError(pixels.message)
    upright = Image.fromarray(pixels)
    left, top = box.x - margin * box.w, box.y - margin * box.h
    right, bottom = box.x + (1 + margin) * box.w, box.y + (1 + margin) * box.h
    x1, y1 = int(max(0.0, left) * upright.width), int(max(0.0, top) * upright.height)
    x2 = max(x1 + 1, round(min(1.0, right) * upright.width))
    y2 = max(y1 + 1, round(min(1.0, bottom) * upright.height))
    jpeg = io.BytesIO()
    upright.crop((x1, y1, x2, y2)).save(jpeg, "JPEG", quality=_QUALITY)
    return jpeg.getvalue()


def _manifest_row(
    relative: str, folder: str, photo: ExportPhoto, box: ExportBox, plan: ExportPlan
) -> dict[str, Any]:
    at, start = photo.captured_at, plan.scene_start(photo.n)
    return {
        "file": no_formula(relative),
        "folder": no_formula(folder),
        "class": no_formula(box.info.name),
        "confidence": box.confidence,
        "station": no_formula(photo.station),
        "captured_at": at.isoformat(sep=" ") if at else "",
        "season": season_year_of(at.year, at.month) if at else "",
        "event": no_formula(f"{photo.station} {start.isoformat(' ', 'seconds')}") if start else "",
        "root": no_formula(photo.root),
        "path": no_formula(photo.path),
        **dict(zip("xywh", box[2:6], strict=True)),
    }
