"""Labelled photos as ultralytics lays them out: data.yaml, images/ and labels/.

data.yaml names the classes and the folders of each split; a photo's boxes lie in a text file of its name in
the folder ``labels`` beside ``images``: a line ``class cx cy w h`` for each, 0..1 of the upright photo; a
line with more numbers is a polygon, of which the bounding box counts. Format:
docs.ultralytics.com/datasets/detect. A line with one number more carries a score, as models write them.

A ``manifest.csv`` beside data.yaml may say more of each photo: its column ``file`` is the photo's name, or
its path from the folder of data.yaml; ``complete`` is "False" where an animal may be without a box, ``scene``
(or ``event``) names what near-duplicates share, and ``labelled_by`` names the model that made the labels,
"person" or nothing where people did; ``weights_sha256`` says which file that model was.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import yaml

from trailcam.errors import DataSetError
from trailcam.geometry import Boxes
from trailcam.words.text import count, printable

DATASET_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
_SHAPE = (
    "A data set is a YAML file as ultralytics reads it: `path`, a folder for each of train, val and test, "
    "and `names` of the classes. `trailcam export yolo` writes one."
)
_FALSE = ("false", "0", "no")
_OUTSIDE = 0.5  # of a side: how far a box may stand out of its photo and be cut at the edge
_MANIFEST = "manifest.csv"
PERSON = "person"
UNNAMED_MODEL = "a model"


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPhoto:
    """One photo and its truth. ``boxes`` (n, 4) ``xywhn``, ``class_id`` (n,) of the data set's classes.

    ``complete``: whatever has no box is no animal. ``scene`` is shared by near-duplicates. ``labelled_by``:
    the model that made the labels (UNNAMED_MODEL where they merely carry scores), "" for a person;
    ``weights_sha256`` of that model, "" where unknown.
    """

    file: Path
    boxes: Boxes
    class_id: npt.NDArray[np.int64]
    complete: bool = True
    scene: str = ""
    labelled_by: str = ""
    weights_sha256: str = ""


class Labels(NamedTuple):
    """A label file: ``boxes`` (n, 4) ``xywhn``, ``class_id`` (n,), and how many lines carry a score."""

    boxes: Boxes
    class_id: npt.NDArray[np.int64]
    n_scored: int


@dataclass(frozen=True, slots=True)
class DataSet:
    """One split of a data set. ``names``: class id -> name."""

    path: Path
    split: str
    names: Mapping[int, str]
    photos: tuple[LabelledPhoto, ...] = field(repr=False)


def read_dataset(path: Path, split: str) -> DataSet:
    """The photos of one ``split`` (train, val or test) with their boxes, in the order of their paths.

    Raises DataSetError for a file that isn't there or isn't such a data set, and names the place. A photo
    without a label file has no animal, as ultralytics sees it.
    """
    table = _read_yaml(path)
    names = _names(table, path)
    notes = _manifest(path.parent / _MANIFEST)
    files = sorted(set(_files(table, path, split)))
    if not files:
        raise DataSetError(f"The split {split} of {_shown(path)} has no photos.", _SHAPE)
    photos = tuple(_photo(file, path.parent, names, notes) for file in files)
    if not any(len(photo.boxes) for photo in photos):
        raise DataSetError(
            f"None of the {count(len(photos), 'photo')} in the split {split} of {_shown(path)} has a label.",
            f"Labels are looked for in {_shown(_label_file(files[0]).parent)}.",
        )
    return DataSet(path, split, names, photos)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        table = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataSetError(f"{_shown(path)} can't be read: {error.strerror or error}.", _SHAPE) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise DataSetError(f"{_shown(path)} is not valid YAML: {printable(str(error))}", _SHAPE) from error
    if not isinstance(table, dict):
        raise DataSetError(f"{_shown(path)} is not a data set: it has no keys.", _SHAPE)
    return table


def _names(table: Mapping[str, Any], path: Path) -> dict[int, str]:
    names = table.get("names")
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not names:
        raise DataSetError(f"{_shown(path)} names no classes: `names` is missing or not a list.", _SHAPE)
    if not all(isinstance(key, int) and not isinstance(key, bool) and key >= 0 for key in names):
        raise DataSetError(f"{_shown(path)}: the keys of `names` are not whole numbers.", _SHAPE)
    return {key: str(name) for key, name in names.items()}


def _files(table: Mapping[str, Any], path: Path, split: str) -> Iterator[Path]:
    """The photos of a split: of a folder, of a text file that lists them, or of a list of either."""
    base = Path(str(table.get("path") or ""))
    base = base if base.is_absolute() else path.parent / base
    entries = table.get(split)
    if not entries:
        known = [name for name in ("train", "val", "test") if table.get(name)]
        raise DataSetError(
            f"{_shown(path)} has no split {split}.",
            f"It has: {', '.join(known) or 'none'}. Choose by --split.",
        )
    for entry in entries if isinstance(entries, list) else [entries]:
        place = _place(base, str(entry))
        if place.is_dir():
            yield from (file for file in place.rglob("*") if file.suffix.lower() in DATASET_SUFFIXES)
        elif place.is_file() and place.suffix == ".txt":
            lines = place.read_text(encoding="utf-8-sig", errors="surrogateescape").splitlines()
            yield from (place.parent / line.strip() for line in lines if line.strip())
        else:
            raise DataSetError(
                f"The split {split} of {_shown(path)} names {_shown(place)}, which isn't there.",
                "`path` in the file says where the data set was made: correct it if the data set has moved.",
            )


def _place(base: Path, entry: str) -> Path:
    """Where an entry of a split leads, found as ultralytics finds it.

    Roboflow writes ``../valid/images`` for a folder that lies beside data.yaml.
    """
    place = base / entry
    return base / entry[3:] if entry.startswith("../") and not place.exists() else place


def _photo(
    file: Path, folder: Path, names: Mapping[int, str], notes: Mapping[str, Mapping[str, str]]
) -> LabelledPhoto:
    labels = read_labels(_label_file(file), names)
    note = notes.get(os.path.relpath(file, folder)) or notes.get(file.name) or {}
    author = note.get("labelled_by") or (UNNAMED_MODEL if labels.n_scored else "")
    return LabelledPhoto(
        file=file,
        boxes=labels.boxes,
        class_id=labels.class_id,
        complete=(note.get("complete") or "true").strip().lower() not in _FALSE,
        scene=note.get("scene") or note.get("event") or file.as_posix(),
        labelled_by="" if author == PERSON else author,
        weights_sha256=note.get("weights_sha256") or "",
    )


def _label_file(image: Path) -> Path:
    """``.../images/.../NAME.jpg`` -> ``.../labels/.../NAME.txt``: the last folder called images counts."""
    parts = list(image.parts)
    for n in range(len(parts) - 2, -1, -1):
        if parts[n] == "images":
            parts[n] = "labels"
            break
    return Path(*parts).with_suffix(".txt")


def class_names(path: Path) -> dict[int, str]:
    """The classes that the data.yaml at ``path`` names. Raises DataSetError."""
    return _names(_read_yaml(path), path)


class BadLine(ValueError):
    """Line ``n`` of a label file; ``what`` is wrong with it ("is no label: ..."), ``hint`` what should be."""

    def __init__(self, n: int, what: str, hint: str) -> None:
        super().__init__(f"line {n} {what}")
        self.hint = hint


def read_labels(file: Path, names: Mapping[int, str]) -> Labels:
    """The labels of a file; none where there is no file. Raises DataSetError."""
    try:
        return parse_labels(file.read_text(encoding="utf-8-sig", errors="replace"), names)
    except FileNotFoundError:
        return parse_labels("", names)
    except OSError as error:
        raise DataSetError(f"{_shown(file)} can't be read: {error.strerror or error}.") from error
    except BadLine as error:
        raise DataSetError(f"{_shown(file)}, {error}.", error.hint) from error


def parse_labels(text: str, names: Mapping[int, str]) -> Labels:
    """The labels of a file's text. Raises BadLine."""
    boxes, classes, n_scored = [], [], 0
    for n, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        class_id, box, scored = _parse(line, n)
        if class_id not in names:
            raise BadLine(
                n,
                f"names the class {class_id}, which is not among the {len(names)} in data.yaml",
                "The labels and data.yaml belong to different data sets, or `names` lacks a class.",
            )
        boxes.append(box)
        classes.append(class_id)
        n_scored += scored
    return Labels(np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, np.int64), n_scored)


def _parse(line: str, n: int) -> tuple[int, tuple[float, float, float, float], bool]:
    """One line -> class id, (x, y, w, h) of 0..1, cut at the photo's edges, and if it carries a score."""
    try:
        number, *values = (float(word) for word in line.split())
    except ValueError:
        number, values = 0.5, []
    # A box has four numbers, a polygon six or more, in pairs; one beyond that is a score.
    scored = len(values) >= 5 and len(values) % 2 == 1
    values = values[:-1] if scored else values
    if not number.is_integer() or len(values) < 4 or len(values) % 2 or not all(map(math.isfinite, values)):
        raise BadLine(
            n,
            f"is not a label: {printable(line[:80])}",
            "A line is `class cx cy w h`: a whole number, then numbers from 0 to 1.",
        )
    if len(values) > 4:
        left, right = min(values[0::2]), max(values[0::2])
        top, bottom = min(values[1::2]), max(values[1::2])
    else:
        cx, cy, w, h = values
        left, right, top, bottom = cx - w / 2, cx + w / 2, cy - h / 2, cy + h / 2
    low, high = -_OUTSIDE, 1 + _OUTSIDE
    if not (low <= left <= right <= high and low <= top <= bottom <= high):
        raise BadLine(
            n,
            f"puts a box outside the photo: {printable(line[:80])}",
            "The numbers must be fractions of the photo's width and height, not pixels.",
        )
    left, top, right, bottom = (min(1.0, max(0.0, side)) for side in (left, top, right, bottom))
    return int(number), (left, top, right - left, bottom - top), scored


def labelled_by_models(folder: Path) -> frozenset[str]:
    """The photos of a data set, by name without ending, whose labels manifest.csv says a model made."""
    notes = _manifest(folder / _MANIFEST)
    return frozenset(
        Path(file).stem for file, note in notes.items() if note.get("labelled_by") not in (None, "", PERSON)
    )


def _manifest(file: Path) -> dict[str, Mapping[str, str]]:
    if not file.is_file():
        return {}
    try:
        with file.open(encoding="utf-8", errors="replace", newline="") as lines:
            return {row["file"]: row for row in csv.DictReader(lines) if row.get("file")}
    except (OSError, csv.Error) as error:
        raise DataSetError(f"{_shown(file)} can't be read: {printable(str(error))}") from error


def _shown(path: Path) -> str:
    return printable(str(path))
