"""``export megadetector``: MegaDetector batch output, format 1.6, for Timelapse and its kin.

Those tools know "1" animal, "2" person and "3" vehicle; the model's own class (doe, mature, ...) is a
classification. A buck that has a name has it as ``individual``, a field of trailcam's own. All stored boxes
go out unless a confidence is asked for: the readers have a slider.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from trailcam.domain import FALLBACK_CONFIDENCE, Kind, Status
from trailcam.export.summary import Summary
from trailcam.files.target import check_file, whole_file
from trailcam.selection import Selection
from trailcam.store.counted import PERSON_RUN
from trailcam.store.database import Database
from trailcam.store.export_rows import ExportBox, ExportPhoto, ExportPlan, make_plan, stream
from trailcam.words.text import printable

_FRAME_RATE = 30.0  # frames/s, where the container doesn't tell
CATEGORIES = {"1": "animal", "2": "person", "3": "vehicle"}
_CATEGORY = {Kind.PERSON: "2", Kind.VEHICLE: "3"}  # all else is an animal


def export_megadetector(
    database: Database, selection: Selection, target: Path, confidence: float | None
) -> Summary:
    """Write the file ``target``. ``confidence`` None: every stored box. Raises UsageError and OutputError.

    Photos that were never looked at are left out: an empty list would call them blank.
    """
    check_file(target, database.path, ".json")
    summary = Summary(target)
    with database.read() as db, whole_file(target) as file:
        plan = make_plan(db, selection, 0.0 if confidence is None else confidence, timedelta(0))
        summary.undated_left_out = plan.n_undated_left_out
        summary.notes += plan.hidden.in_words(visits=False)
        ids = _classification_ids(plan)
        head = {"info": _info(plan), "detection_categories": CATEGORIES}
        head["classification_categories"] = {number: name for name, number in ids.items()}
        file.write(json.dumps(head, indent=1).encode()[:-2] + b',\n "images": [')
        separator = b"\n"
        for photo in stream(plan):
            if not photo.looked_at and photo.status is not Status.FAILED:
                summary.not_looked_at += 1
                continue
            file.write(separator + json.dumps(_image(photo, ids, plan.n_roots > 1)).encode())
            separator = b",\n"
            summary.add(photo)
        file.write(b"\n ]\n}\n")
    return summary


def file_name(photo: ExportPhoto, several_roots: bool) -> str:
    """The photo's path relative to its root; with several roots their names come first."""
    return f"{photo.root}/{photo.path}" if several_roots else photo.path


def failure(photo: ExportPhoto) -> str:
    """Why a photo failed, in one line."""
    return printable(f"{photo.error_code or 'failed'}: {photo.error_message or 'no reason is known'}")


def _info(plan: ExportPlan) -> dict[str, Any]:
    info: dict[str, Any] = {"format_version": "1.6"}
    models = [run for run in plan.runs if run.run_id != PERSON_RUN]
    if models:
        info["detector"] = ", ".join(dict.fromkeys(printable(run.weights_name) for run in models))
        finished = max(run.finished_at for run in models)
        info["detection_completion_time"] = finished.strftime("%Y-%m-%d %H:%M:%S")
        info["detector_metadata"] = {
            "megadetector_version": "unknown",
            "typical_detection_threshold": FALLBACK_CONFIDENCE,
            "conservative_detection_threshold": FALLBACK_CONFIDENCE / 2,
        }
    return info


def _classification_ids(plan: ExportPlan) -> dict[str, str]:
    names = sorted({info.name for run in plan.runs for info in run.classes})
    return {name: str(number) for number, name in enumerate(names, start=1)}


def _image(photo: ExportPhoto, ids: Mapping[str, str], several_roots: bool) -> dict[str, Any]:
    image: dict[str, Any] = {"file": file_name(photo, several_roots)}
    if not photo.looked_at:
        image |= {"failure": failure(photo), "detections": None}
    else:
        image["detections"] = [_detection(box, ids) for box in photo.boxes]
    if photo.is_video:
        image |= _add_frames(photo, image["detections"] or ())
    if photo.width and photo.height:
        image |= {"width": photo.width, "height": photo.height}
    if photo.captured_at:
        image["datetime"] = photo.captured_at.isoformat(" ", "seconds")
    return image


def _add_frames(photo: ExportPhoto, detections: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the format asks of a video beside the number of the frame that each box was seen on."""
    rate = photo.frame_rate or _FRAME_RATE
    for detection, box in zip(detections, photo.boxes, strict=False):  # of a failed one there are none
        detection["frame_number"] = round((box.frame_s or 0.0) * rate)
    return {"frame_rate": float(rate), "frames_processed": [round(at_s * rate) for at_s in photo.frames]}


def _detection(box: ExportBox, ids: Mapping[str, str]) -> dict[str, Any]:
    # A model of one score is as sure of the class as of the box.
    sure = box.confidence if box.class_probability is None else box.class_probability
    detection = {
        "category": _CATEGORY.get(box.info.kind, "1"),
        "conf": float(box.confidence),
        "bbox": [box.x, box.y, box.w, box.h],
        "classifications": [[ids[box.info.name], float(sure)]],
    }
    return detection | ({"individual": box.individual} if box.individual else {})
