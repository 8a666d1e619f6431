"""``export crops``: photos or cut-outs in a folder for each class, for training sets and for a look.

Bucks go by age class: ``young/``, ``mid/``, ``mature/``. A file's name follows from the photo and the box
alone, so a second run finds what the first has written: nothing is overwritten, and an
interrupted one carries on.
"""

from __future__ import annotations

import csv
import io
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from trailcam.domain import Kind
from trailcam.errors import UsageError
from trailcam.export.summary import Summary
from trailcam.export.target import flat_name, inside, make_folder, safe_part, short_hash, whole_file
from trailcam.months import season_year_of
from trailcam.root import check_root
from trailcam.selection import Selection
from trailcam.store.database import Connection, Database
from trailcam.store.export import Box, Photo, Plan, make_plan, stream, stream_reopening
from trailcam.store.images import roots
from trailcam.text import printable

_MANIFEST = (
    *("file", "folder", "class", "confidence", "station", "captured_at", "season", "event"),
    *("root", "path", "x", "y", "w", "h"),
)
_QUALITY = 95


@dataclass(frozen=True, slots=True)
class CropOptions:
    """What to save, and how much of it.

    ``classes`` are the model's names or age classes, none for all bucks. ``margin`` is a share of the
    box's sides, added on each; ``whole`` copies the photo instead. ``per_event`` and ``balance`` are numbers
    of files: per folder and visit, and per folder, station and month.
    """

    confidence: float | None
    gap: timedelta
    classes: tuple[str, ...] = ()
    whole: bool = False
    margin: float = 0.1
    per_event: int | None = None
    balance: int | None = None


Picks = dict[int, list[tuple[str, Box]]]  # a photo's place in the plan -> folder and box


def export_crops(
    database: Database, selection: Selection, target: Path, options: CropOptions
) -> tuple[Summary, list[dict[str, Any]]]:
    """Fill the folder ``target``; returns also the files by season and folder, of all in its manifest.

    Raises UsageError for an unknown class or a target inside a root, RootError where the photos can't be
    reached, OutputError. A photo that can't be read is a problem of the summary, not the end.
    """
    with database.read() as db:
        folder = make_folder(target, [root.path for root in roots(db)])
        plan = make_plan(db, selection, options.confidence, options.gap)
        _check_classes(plan, options.classes)
        picks = _pick(db, plan, options)
    summary = Summary(target, undated_left_out=plan.n_undated_left_out)
    wanted = plan.counts.copy()
    wanted[:] = False
    wanted[list(picks)] = True
    rows: list[dict[str, Any]] = []
    reached: set[str] = set()
    try:
        for photo in stream_reopening(database, plan, wanted):
            if photo.root_path not in reached:
                check_root(photo.root_path)
                reached.add(photo.root_path)
            rows += _save(folder, photo, picks[photo.n], options, plan, summary)
    finally:
        kept = _write_manifest(folder, rows)
    return summary, _distribution(folder, kept)


def _folder_of(box: Box, classes: Sequence[str]) -> str | None:
    """Where a box belongs, None for nowhere."""
    age = box.info.age_class.value if box.info.age_class else None
    name = age if box.info.kind is Kind.BUCK and age else box.info.name
    if not classes:
        return name if box.info.kind is Kind.BUCK else None
    asked = {asked.casefold() for asked in classes}
    return name if name.casefold() in asked or box.info.name.casefold() in asked else None


def _check_classes(plan: Plan, classes: Sequence[str]) -> None:
    infos = [info for run in plan.runs for info in run.classes]
    known = {info.name for info in infos} | {info.age_class.value for info in infos if info.age_class}
    folded = {name.casefold() for name in known}
    for name in classes:
        if name.casefold() not in folded:
            listed = ", ".join(map(printable, sorted(known))) or "none yet: run `trailcam detect` first"
            raise UsageError(f'There is no class "{printable(name)}".', f"Known: {listed}.")


def _pick(db: Connection, plan: Plan, options: CropOptions) -> Picks:
    """The boxes to save: of each visit the surest, then of each month the surest. Photos of a station
    without a capture time count as one visit of one month."""
    found: list[tuple[float, int, str, Box, tuple[Any, ...], tuple[Any, ...]]] = []
    for photo in stream(db, plan, plan.counts):
        seen = set()
        for box in photo.boxes:
            folder = _folder_of(box, options.classes)
            if folder is None or (options.whole and folder in seen):
                continue
            seen.add(folder)
            event = (folder, photo.station, int(plan.event[photo.n]))
            month = (folder, photo.station, f"{photo.captured_at:%Y-%m}" if photo.captured_at else None)
            found.append((-box.confidence, photo.n, folder, box, event, month))
    found.sort(key=lambda pick: pick[:3])
    per_event: Counter[tuple[Any, ...]] = Counter()
    per_month: Counter[tuple[Any, ...]] = Counter()
    picks: Picks = defaultdict(list)
    for _, n, folder, box, event, month in found:
        if options.per_event is not None and per_event[event] >= options.per_event:
            continue
        if options.balance is not None and per_month[month] >= options.balance:
            continue
        per_event[event] += 1
        per_month[month] += 1
        picks[n].append((folder, box))
    return picks


def _save(
    target: Path,
    photo: Photo,
    picks: Sequence[tuple[str, Box]],
    options: CropOptions,
    plan: Plan,
    summary: Summary,
) -> list[dict[str, Any]]:
    """Write the files of one photo; returns their rows of the manifest."""
    source = Path(photo.root_path, photo.path)
    saved: list[dict[str, Any]] = []
    for folder, box in picks:
        relative = f"{safe_part(folder)}/{_file_name(photo, box, options)}"
        path = inside(target, relative)
        path.parent.mkdir(exist_ok=True)
        if path.exists():
            summary.already_there += 1
        else:
            try:
                content = source.read_bytes() if options.whole else _cut(source, box, options.margin)
                times = source.stat()
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                summary.problems.append((photo.path, str(error)))
                return saved
            with whole_file(path) as file:
                file.write(content)
            os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        saved.append(_manifest_row(relative, folder, photo, box, plan))
        summary.boxes += 1
    summary.photos += 1
    return saved


def _file_name(photo: Photo, box: Box, options: CropOptions) -> str:
    name = flat_name(photo.root, photo.path)
    if options.whole:
        return name + Path(photo.path).suffix.lower()
    return f"{name}-{short_hash(*map(repr, box[2:6]), repr(options.margin))[:6]}.jpg"


def _cut(source: Path, box: Box, margin: float) -> bytes:
    """The JPEG of a box of the upright photo, with a margin, within the photo's bounds."""
    with Image.open(source) as stored:
        upright = ImageOps.exif_transpose(stored).convert("RGB")
    left, top = box.x - margin * box.w, box.y - margin * box.h
    right, bottom = box.x + (1 + margin) * box.w, box.y + (1 + margin) * box.h
    x1, y1 = int(max(0.0, left) * upright.width), int(max(0.0, top) * upright.height)
    x2 = max(x1 + 1, round(min(1.0, right) * upright.width))
    y2 = max(y1 + 1, round(min(1.0, bottom) * upright.height))
    jpeg = io.BytesIO()
    upright.crop((x1, y1, x2, y2)).save(jpeg, "JPEG", quality=_QUALITY)
    return jpeg.getvalue()


def _manifest_row(relative: str, folder: str, photo: Photo, box: Box, plan: Plan) -> dict[str, Any]:
    at, start = photo.captured_at, plan.event_start(photo.n)
    return {
        "file": relative,
        "folder": folder,
        "class": box.info.name,
        "confidence": box.confidence,
        "station": photo.station,
        "captured_at": at.isoformat(sep=" ") if at else "",
        "season": season_year_of(at.year, at.month) if at else "",
        "event": f"{photo.station} {start:%Y-%m-%d %H:%M:%S}" if start else "",
        "root": photo.root,
        "path": photo.path,
        **dict(zip("xywh", box[2:6], strict=True)),
    }


def _write_manifest(target: Path, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add ``rows`` to what manifest.csv says of other files; returns all."""
    path = target / "manifest.csv"
    files = {row["file"] for row in rows}
    old: list[dict[str, Any]] = []
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            old = [row for row in csv.DictReader(file) if row.get("file") not in files]
    everything = sorted([*old, *rows], key=lambda row: str(row["file"]))
    _write_csv(path, _MANIFEST, everything)
    return everything


def _distribution(target: Path, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Files by season, month, station and folder into distribution.csv; returned by season and folder."""
    rows = list(rows)
    fine = Counter((r["season"], r["captured_at"][:7], r["station"], r["folder"]) for r in rows)
    names = ("season", "month", "station", "folder")
    table = [{**dict(zip(names, key, strict=True)), "files": n} for key, n in sorted(fine.items())]
    _write_csv(target / "distribution.csv", (*names, "files"), table)
    coarse = Counter((row["season"] or "undated", row["folder"]) for row in rows)
    return [{"season": s, "folder": f, "files": n} for (s, f), n in sorted(coarse.items())]


def _write_csv(path: Path, names: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with whole_file(path) as file:
        file.write(text.getvalue().encode("utf-8", "backslashreplace"))
