"""``export coco``: COCO Camera Traps, the form of the public camera-trap data sets.

A blank has one annotation of category 0, empty; a failed photo is ``corrupt`` and has none. Photos that were
never looked at are left out. A buck that has a name has it as ``individual`` of its annotation.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

from trailcam.domain import Status
from trailcam.export.megadetector import file_name
from trailcam.export.summary import Summary
from trailcam.files.target import check_file, short_hash, whole_file
from trailcam.selection import Selection
from trailcam.store.database import Database
from trailcam.store.export_rows import ExportPhoto, ExportPlan, make_plan, stream


def export_coco(
    database: Database, selection: Selection, target: Path, confidence: float | None, gap: timedelta
) -> Summary:
    """Write the file ``target``. A longer pause than ``gap`` begins a new sequence.

    ``confidence`` None: what the weights recommend. Raises UsageError and OutputError.
    """
    check_file(target, database.path, ".json")
    summary = Summary(target)
    with database.read() as db, whole_file(target) as file, tempfile.TemporaryFile() as later:
        plan = make_plan(db, selection, confidence, gap)
        summary.undated_left_out = plan.n_undated_left_out
        summary.notes += plan.hidden.in_words(visits=False)
        ids = _category_ids(plan)
        head = {
            "info": {"version": "1.0", "description": "Exported by trailcam"},
            "categories": [{"id": number, "name": name} for name, number in ids.items()],
        }
        file.write(json.dumps(head, indent=1).encode()[:-2] + b',\n "images": [')
        images, annotations = _List(file), _List(later)
        summary.notes += plan.videos_left_out()
        for photo in stream(plan, ~plan.is_video):
            if not photo.looked_at and photo.status is not Status.FAILED:
                summary.not_looked_at += 1
                continue
            images.add(_image(photo, plan))
            for annotation in _annotations(photo, ids):
                annotations.add(annotation)
            summary.add(photo)
        file.write(b'\n ],\n "annotations": [')
        later.seek(0)
        shutil.copyfileobj(later, file)
        file.write(b"\n ]\n}\n")
    return summary


class _List:
    """Objects of a JSON list, one a line."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._separator = b"\n"

    def add(self, item: Mapping[str, Any]) -> None:
        self._file.write(self._separator + json.dumps(item).encode())
        self._separator = b",\n"


def _category_ids(plan: ExportPlan) -> dict[str, int]:
    names = sorted({info.name for run in plan.runs for info in run.classes} - {"empty"})
    return {"empty": 0} | {name: number for number, name in enumerate(names, start=1)}


def _id(photo: ExportPhoto) -> str:
    """The same for a photo in every export, whatever ids the database gave."""
    return short_hash(photo.root, photo.path, digits=16)


def _image(photo: ExportPhoto, plan: ExportPlan) -> dict[str, Any]:
    image: dict[str, Any] = {"id": _id(photo), "file_name": file_name(photo, plan.n_roots > 1)}
    if photo.width and photo.height:
        image |= {"width": photo.width, "height": photo.height}
    image["location"] = photo.station
    start = plan.scene_start(photo.n)
    if photo.captured_at and start:
        image |= {
            "datetime": photo.captured_at.isoformat(" ", "seconds"),
            "seq_id": f"{photo.station} {start.isoformat(' ', 'seconds')}",
            "seq_num_frames": int(plan.frames[photo.n]),
            "frame_num": int(plan.frame[photo.n]),
        }
    if not photo.looked_at:
        image["corrupt"] = True
    return image


def _annotations(photo: ExportPhoto, ids: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    image = _id(photo)
    if photo.looked_at and not photo.boxes:
        yield {"id": f"{image}-0", "image_id": image, "category_id": 0}
    for number, box in enumerate(photo.boxes, start=1):
        annotation: dict[str, Any] = {
            "id": f"{image}-{number}",
            "image_id": image,
            "category_id": ids[box.info.name],
            "score": box.confidence,
        }
        if photo.width and photo.height:
            size = (photo.width, photo.height, photo.width, photo.height)
            annotation["bbox"] = [round(part * scale, 2) for part, scale in zip(box[2:6], size, strict=True)]
        if box.individual:
            annotation["individual"] = box.individual
        yield annotation
