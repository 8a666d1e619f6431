"""``import megadetector``: batch output of MegaDetector's form, 1.4 to 1.6, as a run beside trailcam's own.

The file is read twice, an entry at a time: once for the photos it names, once for what it says of them.
Everything is one transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from trailcam import __version__
from trailcam.domain import ClassInfo, Kind, Outcome, Status
from trailcam.errors import UsageError
from trailcam.imports.classes import NOTHING, meanings, taxon
from trailcam.imports.reading import (
    Malformed,
    as_list,
    as_number,
    as_object,
    as_text,
    members,
    refusing,
    sha256_of,
)
from trailcam.settings.classmap import ClassRule, fold
from trailcam.store.database import Database
from trailcam.store.imported import ImportedRun
from trailcam.store.match import BATCH, Matcher, Problem
from trailcam.store.run_sink import RunFacts
from trailcam.words.text import printable

VERSIONS = ("1.4", "1.5", "1.6")
_EXPECTED = f"MegaDetector's batch output (JSON), format {VERSIONS[0]} to {VERSIONS[-1]}"
_LISTS = frozenset({"images"})
_SLACK = 1e-3  # boxes are written with few digits, so that an edge may come to lie a hair outside
_KINDS = {"animal": Kind.ANIMAL, "person": Kind.PERSON, "human": Kind.PERSON, "vehicle": Kind.VEHICLE}
_MOST_CLASSES = 2**15


@dataclass(slots=True)
class Imported:
    """What became of a file.

    ``fresh``: photos written now, ``failed`` of them as failures; ``known``: photos that this run had before.
    ``current``: photos whose current run it is. ``problems``: entries that match no photo.
    """

    run_id: int = 0
    new_run: bool = True
    entries: int = 0
    fresh: int = 0
    known: int = 0
    failed: int = 0
    boxes: int = 0
    current: int = 0
    note: str = ""
    problems: list[Problem] = field(default_factory=list)


def import_megadetector(
    database: Database,
    path: Path,
    *,
    rules: Mapping[str, ClassRule],
    base: Path | None = None,
    least: float = 0.0,
) -> Imported:
    """Record the file ``path`` as a run of its own.

    ``base``: the folder that its paths are relative to, None: found out. A classification of a probability
    below ``least`` (0..1) doesn't count: then the box keeps its category. A file that was imported before
    changes nothing, but for photos that it now matches. Raises ImportFileError for a malformed file and
    UsageError where it matches no photo; then nothing is changed.
    """
    sha256 = sha256_of(path)
    done = Imported()
    with refusing(path, _EXPECTED), database.write() as db:
        matcher = Matcher(db, base)
        head = _read_names(path, matcher, done)
        if not matcher.match():
            raise UsageError(
                f"None of the {done.entries:,} entries of {printable(str(path))} is a photo of the library.",
                "Nothing was changed. --base FOLDER says which scanned folder its paths are relative to.",
            )
        done.note = matcher.note
        done.problems = list(matcher.problems())
        classes = _Classes(head, meanings(db, rules), least)
        facts = RunFacts(
            model_key=f"import {sha256} {least:g}",
            weights_sha256=sha256,
            weights_name=printable(str(head.info.get("detector") or path.name)),
            settings={
                "imported": "megadetector",
                "file": printable(path.name),
                "least_classification": least,
                "info": dict(head.info),
            },
            versions={"trailcam": __version__, "format": str(head.info["format_version"])},
            device="imported",
            classes=classes.read_all(path),
        )
        run = ImportedRun(database, db, facts)
        done.run_id, done.new_run = run.run_id, not run.known
        for first, entries in _batches(path):
            photos = matcher.photos(first, first + len(entries))
            outcomes = [
                _outcome(photos[n], entry, f"images[{n}]", classes)
                for n, entry in enumerate(entries, first)
                if n in photos
            ]
            fresh = run.write(outcomes)
            done.fresh += len(fresh)
            done.known += len(outcomes) - len(fresh)
            done.failed += sum(o.status is Status.FAILED for o in fresh)
            done.boxes += sum(len(o.confidence) for o in fresh)
        done.current = run.finish()
    return done


@dataclass(slots=True)
class _Head:
    info: Mapping[str, Any] = field(default_factory=dict)
    categories: dict[str, str] = field(default_factory=dict)
    classifications: dict[str, str] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)


def _read_names(path: Path, matcher: Matcher, done: Imported) -> _Head:
    """All but what the entries hold; hands their paths to ``matcher``."""
    head = _Head()
    keys: set[str] = set()
    names: list[str] = []
    for member in members(path, _LISTS):
        keys.add(member.key)
        if member.key == "images" and member.number is None:
            as_list(member.value, "images")
        elif member.key == "images":
            place = f"images[{member.number}]"
            names.append(as_text(as_object(member.value, place).get("file"), f"{place}.file"))
            done.entries += 1
            if len(names) >= BATCH:
                matcher.add(names)
                names = []
        elif member.key == "info":
            head.info = as_object(member.value, "info")
        elif member.key == "detection_categories":
            head.categories = _names(member.value, member.key)
        elif member.key == "classification_categories":
            head.classifications = _names(member.value, member.key)
        elif member.key == "classification_category_descriptions":
            head.descriptions = _names(member.value, member.key)
    matcher.add(names)
    for key in ("info", "detection_categories", "images"):
        if key not in keys:
            raise Malformed(key, "is missing")
    version = head.info.get("format_version")
    if version not in VERSIONS:
        shown = printable(str(version)) if version is not None else "nothing"
        raise Malformed("info.format_version", f"is {shown}; it must be text, one of {', '.join(VERSIONS)}")
    detector = head.info.get("detector")
    if detector is not None and not isinstance(detector, str):
        raise Malformed("info.detector", "must be text")
    return head


def _names(value: object, place: str) -> dict[str, str]:
    return {key: as_text(name, f"{place}.{key}") for key, name in as_object(value, place).items()}


def _batches(path: Path) -> Iterator[tuple[int, list[Mapping[str, Any]]]]:
    entries = (m.value for m in members(path, _LISTS) if m.key == "images" and m.number is not None)
    first = 0
    while batch := list(islice(entries, BATCH)):
        yield first, batch
        first += len(batch)


class _Classes:
    """The file's names as classes of a run: a box is what its best classification says, else its category."""

    def __init__(self, head: _Head, known: Mapping[str, ClassInfo], least: float) -> None:
        self._head = head
        self._known = known
        self._least = least
        self._ids: dict[tuple[str, str | None], int] = {}
        self._infos: list[ClassInfo] = []

    def read_all(self, path: Path) -> tuple[ClassInfo, ...]:
        """Every class that the file's boxes use. Checks all of the file. Raises Malformed."""
        for first, entries in _batches(path):
            for n, entry in enumerate(entries, first):
                _outcome(0, entry, f"images[{n}]", self)
        return tuple(self._infos)

    def number(self, row: Mapping[str, Any], place: str) -> int:
        """The class of one detection. Raises Malformed."""
        category = row.get("category")
        if not isinstance(category, str) or category not in self._head.categories:
            raise Malformed(f"{place}.category", "is none of detection_categories")
        key = category, self._best(row.get("classifications"), f"{place}.classifications")
        if key not in self._ids:
            self._ids[key] = self._make(*key)
        return self._ids[key]

    def _best(self, given: object, place: str) -> str | None:
        best, most = None, -1.0
        for n, pair in enumerate(as_list([] if given is None else given, place)):
            at = f"{place}[{n}]"
            if not isinstance(pair, list) or len(pair) != 2:
                raise Malformed(at, "must be a list of a classification's id and its probability")
            if not isinstance(pair[0], str) or pair[0] not in self._head.classifications:
                raise Malformed(f"{at}[0]", "is none of classification_categories")
            probability = as_number(pair[1], f"{at}[1]", 0, 1)
            if probability > most:
                best, most = pair[0], probability
        if best is None or most < self._least:
            return None
        name = fold(self._head.classifications[best])
        return best if name in self._known or name not in NOTHING else None

    def _make(self, category: str, classification: str | None) -> int:
        general = self._head.categories[category].strip()
        fallback = self._known.get(fold(general))
        kind = _KINDS.get(fold(general)) or (fallback.kind if fallback else Kind.OTHER)
        if classification is None:
            name, species, told = general, fallback.species if fallback else None, None
        else:
            name = self._head.classifications[classification].strip()
            species, told = taxon(self._head.descriptions.get(classification, ""))
        found = self._known.get(fold(name))
        if found:
            info = ClassInfo(0, name, found.kind, found.age_class, found.species or species)
        else:
            info = ClassInfo(0, name, told or kind, None, species)
        for n, other in enumerate(self._infos):  # two ids of one name and meaning are one class
            if (fold(other.name), other.kind) == (fold(info.name), info.kind):
                return n
        if len(self._infos) >= _MOST_CLASSES:
            raise Malformed("classification_categories", f"are more than {_MOST_CLASSES:,}")
        number = len(self._infos)
        self._infos.append(ClassInfo(number, printable(info.name), info.kind, info.age_class, info.species))
        return number


def _outcome(image_id: int, entry: object, place: str, classes: _Classes) -> Outcome:
    row = as_object(entry, place)
    if row.get("failure") is not None:
        why = as_text(row["failure"], f"{place}.failure")
        code, message = _reason(why)
        return Outcome(image_id, Status.FAILED, error_code=code, error_message=message)
    detections = as_list(row.get("detections"), f"{place}.detections")
    boxes, confidence, numbers = [], [], []
    for n, value in enumerate(detections):
        at = f"{place}.detections[{n}]"
        detection = as_object(value, at)
        numbers.append(classes.number(detection, at))
        confidence.append(as_number(detection.get("conf"), f"{at}.conf", 0, 1))
        boxes.append(_box(detection.get("bbox"), f"{at}.bbox"))
    return Outcome(
        image_id,
        Status.COMPLETED,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        confidence=np.array(confidence, np.float32),
        class_id=np.array(numbers, np.int16),
    )


def _reason(why: str) -> tuple[str, str]:
    """A failure as code and message; those that trailcam wrote come back as they were."""
    code, colon, message = why.partition(": ")
    if colon and code.isascii() and code.replace("_", "").isalnum() and code.islower():
        return code, message
    return "imported", printable(why)


def _box(value: object, place: str) -> tuple[float, float, float, float]:
    sides = as_list(value, place)
    if len(sides) != 4:
        raise Malformed(place, "must be a list of left, top, width and height")
    x, y, w, h = (as_number(side, f"{place}[{n}]", -_SLACK, 1 + _SLACK) for n, side in enumerate(sides))
    if w < 0 or h < 0 or x + w > 1 + _SLACK or y + h > 1 + _SLACK:
        raise Malformed(place, "is no place on the photo: shares from 0 to 1 are wanted")
    if x < 0 or y < 0 or x + w > 1 or y + h > 1:
        right, bottom = min(x + w, 1.0), min(y + h, 1.0)
        x, y = min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)
        w, h = max(right - x, 0.0), max(bottom - y, 0.0)
    return x, y, w, h
