"""What a file is that a command can't import: said in its own name, with the way in."""

from __future__ import annotations

import os
import re
from pathlib import Path

_LOOK = 1 << 17  # bytes at the beginning, and as many at the end
# What must be in the text, all of it -> what the file is, and what to do. The first that fits counts.
_JSON: tuple[tuple[tuple[str, ...], str], ...] = (
    (("predictions", "filepath"), "SpeciesNet's predictions: `trailcam import megadetector` reads them"),
    (("detection_categories",), "MegaDetector's batch output: `trailcam import megadetector` reads it"),
    (("resources", "profile"), "a Camtrap DP package: `trailcam import camtrap-dp` reads its folder"),
    (("annotations", "categories"), "COCO: `trailcam import coco` reads it"),
    (("shapes", "imagePath"), "LabelMe, with one file for each photo: convert it to COCO or YOLO"),
    (("_via_",), "VIA (VGG Image Annotator): export COCO there"),
    (("regions", "shape_attributes"), "VIA (VGG Image Annotator): export COCO there"),
    (("annotations", "result", "data"), "Label Studio: export COCO or YOLO there"),
    (("image_id", "category_id", "score"), "COCO results of a detector, without the images they are of"),
    (
        ("detections", "bbox"),
        "a plain list of detections: MegaDetector's format needs an object with info, detection_categories"
        " and images, and boxes as shares of the photo (PytorchWildlife: save_detection_timelapse_json)",
    ),
)
_MAGIC = (
    (b"PK\x03\x04", "a ZIP archive: `trailcam import camtrap-dp` reads packages in one"),
    (b"\x1f\x8b", "compressed by gzip: decompress it first"),
    (b"SQLite format 3", "a SQLite database: export JSON from the program that made it"),
    (b"%PDF", "a PDF"),
)


def recognise(path: Path, expected: str = "") -> str:
    """A sentence on what the file seems to be, "" where nothing else than ``expected`` is recognised."""
    try:
        with path.open("rb") as file:
            head = file.read(_LOOK)
            file.seek(max(len(head), os.fstat(file.fileno()).st_size - _LOOK))
            tail = file.read(_LOOK)
    except OSError:
        return ""
    found = next((what for magic, what in _MAGIC if head.startswith(magic)), "")
    text = (head + tail).decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        found = "XML, as LabelImg (Pascal VOC) and CVAT write: export COCO or YOLO there"
    elif text.startswith(("{", "[")):
        found = next((what for words, what in _JSON if all(f'"{word}' in text for word in words)), "")
    elif re.match(r"\S*mediaID[,;\t]", text):
        found = "a table of a Camtrap DP package: `trailcam import camtrap-dp` reads the whole folder"
    name = re.match(r"[\w ]*", found.removeprefix("a "))
    is_expected = name is not None and bool(name[0]) and name[0] in expected
    return f" It looks like {found}." if found and not is_expected else ""
