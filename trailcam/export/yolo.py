"""``export yolo``: a data set that ultralytics trains on.

The split is by station and scene, never by photo: photos of one scene are near-duplicates, and a model
that has seen one knows the other. Within each station the scenes are ordered by a hash, so the split is the
same at every export of the same photos.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trailcam.errors import UnanswerableError, UsageError
from trailcam.export.summary import Summary
from trailcam.files.mount_guard import check_root
from trailcam.files.photo_file import photo_status, read_photo
from trailcam.files.target import check_folder, create_folder, flat_name, inside, short_hash, whole_file
from trailcam.media.remove_gps import without_place
from trailcam.selection import Selection
from trailcam.store.database import Database
from trailcam.store.export_rows import (
    ExportPhoto,
    ExportPlan,
    ExportRun,
    make_plan,
    root_paths,
    stream_reopening,
)
from trailcam.store.images import roots
from trailcam.words.text import printable

_MARK = "data.yaml"
_COLUMNS = ("file", "scene", "labelled_by", "weights_sha256")


@dataclass(frozen=True, slots=True)
class YoloOptions:
    """What goes into the set, and how it is split.

    ``val_share`` (0..1) of each station's scenes validate. ``blanks`` takes also photos on which nothing
    counts, as backgrounds. With ``corrected_only`` every label is a person's: photos that were judged as a
    whole, and those on which nothing but people's boxes counts. The copies lack the photos' GPS position
    unless ``with_coordinates``.
    """

    confidence: float | None
    gap: timedelta
    val_share: float = 0.2
    blanks: bool = False
    with_coordinates: bool = False
    corrected_only: bool = False


def export_yolo(database: Database, selection: Selection, target: Path, options: YoloOptions) -> Summary:
    """Fill the folder ``target``, which must be new or empty: a mix of two splits would leak.

    Raises UsageError, UnanswerableError where none was corrected, RootError
    where the photos can't be reached, OutputError. A photo that can't be read is a problem of the summary.
    manifest.csv says whose the labels of each photo are; data.yaml is written last: without it the set is
    unfinished.
    """
    with database.read() as db:
        folder = check_folder(target, [root.path for root in roots(db)])
        if folder.is_dir() and any(folder.iterdir()):
            raise UsageError(
                f"The folder {printable(str(target))} isn't empty.",
                "A mix of two splits lets photos of one scene train and validate: name a new folder.",
            )
        plan = make_plan(db, selection, options.confidence, options.gap)
        wanted = (plan.completed if options.blanks else plan.counts) & ~plan.is_video
        if options.corrected_only:
            vouched = np.isin(plan.image_id, plan.counted.only_people())
            if not (wanted & vouched).any():
                raise UnanswerableError(
                    "None of these photos has been corrected by a person.",
                    "Judge some first: trailcam review -o review.html, or trailcam correct. Photos without"
                    " an animal are added by --blanks.",
                )
            wanted = wanted & vouched
        for path in root_paths(plan, wanted):  # before anything is made: an absent drive leaves no trace
            check_root(path)
    validates = split(plan, wanted, options.val_share)
    names = _class_ids(plan)
    summary = Summary(target, undated_left_out=plan.n_undated_left_out)
    summary.notes += plan.hidden.in_words(visits=False)
    summary.notes += plan.videos_left_out()
    for kind in ("images", "labels"):
        for part in ("train", "val"):
            create_folder(folder / kind / part)
    with whole_file(inside(folder, "manifest.csv")) as binary:
        manifest = csv.writer(
            io.TextIOWrapper(binary, "utf-8", "backslashreplace", newline="", write_through=True)
        )
        manifest.writerow(_COLUMNS)
        runs = {run.run_id: run for run in plan.runs}
        for photo in stream_reopening(database, plan, wanted):
            part = "val" if validates[photo.n] else "train"
            saved = _save(folder, photo, part, names, summary, with_coordinates=options.with_coordinates)
            if saved:
                manifest.writerow(_manifest_row(saved, photo, plan, runs))
    if not wanted.any() or not validates.any():
        summary.notes.append("There are too few scenes to validate with: images/val is empty.")
    _write_yaml(folder, names)
    return summary


def split(plan: ExportPlan, wanted: npt.NDArray[np.bool_], val_share: float) -> npt.NDArray[np.bool_]:
    """Which photos validate: whole scenes. A station's photos without a capture time are one scene.

    Each station gives the rounded share of its scenes; if that is none anywhere, one scene of all is taken,
    where there are at least two.
    """
    scenes: dict[int, dict[tuple[int, int], str]] = {}
    keys = []
    for n in np.flatnonzero(wanted):
        station, scene = int(plan.station_id[n]), int(plan.scene[n])
        keys.append((int(n), (station, scene)))
        order = short_hash(str(station), str(plan.scene_us[n]) if scene >= 0 else "undated")
        scenes.setdefault(station, {})[station, scene] = order
    chosen: set[tuple[int, int]] = set()
    for own in scenes.values():
        ordered = sorted(own, key=lambda key: (own[key], key))
        chosen |= set(ordered[: round(len(ordered) * val_share)])
    everything = {key: order for own in scenes.values() for key, order in own.items()}
    if val_share > 0 and not chosen and len(everything) > 1:
        chosen = {min(everything, key=lambda key: (everything[key], key))}
    validates = np.zeros(len(plan), np.bool_)
    validates[[n for n, key in keys if key in chosen]] = True
    return validates


def _class_ids(plan: ExportPlan) -> dict[str, int]:
    """Class -> number, as the newest model counts; names that only older ones know come after."""
    names = [info.name for run in reversed(plan.runs) for info in run.classes]
    return {name: number for number, name in enumerate(dict.fromkeys(names))}


def _save(
    folder: Path,
    photo: ExportPhoto,
    part: str,
    names: Mapping[str, int],
    summary: Summary,
    *,
    with_coordinates: bool,
) -> str | None:
    """Copy one photo and write its label file, which is empty for a blank. Returns its path; None: failed."""
    name = flat_name(photo.root, photo.path)
    source = Path(photo.root_path, photo.path)
    try:
        content, times = read_photo(source), photo_status(source)
        content = content if with_coordinates else without_place(content)
        numbers = [names[box.info.name] for box in photo.boxes]
    except KeyError:
        summary.problems.append((photo.path, "a class was named during the export; run the export again"))
        return None
    except (OSError, ValueError) as error:
        check_root(photo.root_path)  # one photo's fault, or has the whole drive gone?
        summary.problems.append((photo.path, str(error)))
        return None
    image = inside(folder, f"images/{part}/{name}{Path(photo.path).suffix.lower()}")
    with whole_file(image) as file:
        file.write(content)
    os.utime(image, ns=(times.st_mtime_ns, times.st_mtime_ns))
    lines = [
        f"{number} {box.x + box.w / 2:.6f} {box.y + box.h / 2:.6f} {box.w:.6f} {box.h:.6f}\n"
        for number, box in zip(numbers, photo.boxes, strict=True)
    ]
    with whole_file(inside(folder, f"labels/{part}/{name}.txt")) as file:
        file.write("".join(lines).encode())
    summary.add(photo)
    return image.relative_to(folder).as_posix()


def _manifest_row(
    file: str, photo: ExportPhoto, plan: ExportPlan, runs: Mapping[int, ExportRun]
) -> tuple[str, ...]:
    """What `trailcam evaluate` and `import yolo` ask of a photo: its scene, and who made its labels."""
    number = int(plan.scene[photo.n])
    scene = f"{photo.station} {number}" if number >= 0 else ""
    by_people = photo.by_person or (bool(photo.boxes) and all(box.by_person for box in photo.boxes))
    if by_people or photo.run_id is None:
        return file, scene, "person", ""
    return file, scene, runs[photo.run_id].weights_name, runs[photo.run_id].weights_sha256


def _write_yaml(folder: Path, names: Mapping[str, int]) -> None:
    """data.yaml; strings are written as JSON, which YAML reads, whatever they hold."""
    lines = [f"path: {json.dumps(str(folder))}", "train: images/train", "val: images/val", "names:"]
    lines += [f"  {number}: {json.dumps(name)}" for name, number in names.items()]
    with whole_file(inside(folder, _MARK)) as file:
        file.write("".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace"))
