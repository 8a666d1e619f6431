"""``import megadetector``: MegaDetector's batch output, or SpeciesNet's, as a run beside trailcam's own.

The file is read three times, an entry at a time: for the photos it names, to check it, and to write what it
says. Everything is one transaction. An entry that can't be used is left out and named.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from trailcam import __version__
from trailcam.domain import ClassInfo, Outcome, Status
from trailcam.imports import speciesnet
from trailcam.imports.box_classes import EVERYTHING, BoxClasses, ClassChoice, FileHead
from trailcam.imports.classes import meanings
from trailcam.imports.labels import refuse_unmatched
from trailcam.imports.reading import (
    Malformed,
    as_box,
    as_list,
    as_object,
    as_share,
    as_text,
    members,
    refusing,
    sha256_of,
)
from trailcam.settings.classmap import ClassRule, fold
from trailcam.settings.ranges import SpeciesList
from trailcam.store.database import Database
from trailcam.store.import_batches import begin_import
from trailcam.store.imported import ImportedRun
from trailcam.store.match import BATCH, Matcher, Problem
from trailcam.store.run_sink import RunFacts
from trailcam.words.text import printable

_VERSION = re.compile(r"1(\.\d+)?")
_NEWEST = 6  # of the formats 1.x that were there when this was written
_EXPECTED = "MegaDetector's batch output (JSON), format 1.0 to 1.6, or SpeciesNet's predictions"
_FRAME_RATE, _HIGHEST_RATE = 30.0, 10_000.0  # frames/s
_LAST_FRAME = 10**9
_LISTS = frozenset({"images", "predictions"})


@dataclass(slots=True)
class Imported:
    """What became of a file.

    ``fresh``: photos written now, ``failed`` of them as failures; ``known``: photos that this run had before.
    ``current``: photos whose current run it is. ``problems``: entries that were left out; ``of`` is what the
    file calls its entries. ``notes`` are sentences for the user.
    """

    import_id: int = 0
    run_id: int = 0
    new_run: bool = True
    of: str = "images"
    entries: int = 0
    fresh: int = 0
    known: int = 0
    failed: int = 0
    boxes: int = 0
    current: int = 0
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def import_megadetector(
    database: Database,
    path: Path,
    *,
    rules: Mapping[str, ClassRule],
    base: Path | None = None,
    choice: ClassChoice = EVERYTHING,
    dry_run: bool = False,
) -> Imported:
    """Record the file ``path`` as a run of its own.

    ``base``: the folder that its paths are relative to, None: found out. ``choice``: how a box gets its
    class. A file that was imported before changes nothing, except for photos that it now matches. With
    ``dry_run`` nothing is kept. Raises ImportFileError for a malformed file, and where no entry can be used,
    and UsageError where it matches no photo; then nothing is changed.
    """
    sha256 = sha256_of(path)
    done = Imported()
    with refusing(path, _EXPECTED), database.write(keep=not dry_run) as db:
        matcher = Matcher(db, base)
        head = _read_names(path, matcher, done)
        if not matcher.match():
            refuse_unmatched(matcher, done.entries, done.of, printable(str(path)))
        _note(done, matcher, head)
        classes = BoxClasses(head, meanings(db, rules), choice)
        infos = classes.read_all(_entries(path), lambda entry: _check(entry, classes))
        run = ImportedRun(database, db, _facts(path, sha256, head, choice, infos))
        done.run_id, done.new_run = run.run_id, not run.known
        done.problems = [
            problem._replace(why=classes.bad.get(problem.n, problem.why)) if not problem.path else problem
            for problem in matcher.problems()
        ]
        _write(path, matcher, classes, run, done)
        done.problems.sort()
        if not done.fresh and not done.known:
            first = done.problems[0]
            what = f"none of its {done.entries:,} {done.of} can be used"
            raise Malformed("", f"{what}; {done.of}[{first.n}]: {first.why}")
        done.notes += classes.notes()
        done.current = run.finish()
        done.import_id = begin_import(db, "megadetector", path.name, run.run_id)
    return done


def _facts(
    path: Path, sha256: str, head: FileHead, choice: ClassChoice, infos: tuple[ClassInfo, ...]
) -> RunFacts:
    """What the run is: equal for a file that was imported before in the same way."""
    allowed = {"allowed_species": list(choice.allowed.names)} if choice.allowed else {}
    return RunFacts(
        model_key=" ".join([f"import {sha256} {choice.least:g}", *_key_of(choice.allowed)]),
        weights_sha256=sha256,
        weights_name=printable(str(head.info.get("detector") or path.name)),
        settings={
            "imported": "megadetector",
            "file": printable(path.name),
            "least_classification": choice.least,
            **allowed,
            "info": dict(head.info),
        },
        versions={"trailcam": __version__, "format": head.version},
        device="imported",
        classes=infos,
    )


def _write(path: Path, matcher: Matcher, classes: BoxClasses, run: ImportedRun, done: Imported) -> None:
    """Write what the entries say of the photos that they match."""
    for first, entries in _batches(path):
        photos = matcher.photos(first, first + len(entries))
        outcomes = []
        for n, entry in enumerate(entries, first):
            if n in photos and n in classes.bad:
                name = str(entry.get("file", entry.get("filepath")))
                done.problems.append(Problem(n, name, classes.bad[n]))
            elif n in photos:
                outcomes.append(_outcome(photos[n], entry, classes))
        fresh = run.write(outcomes)
        done.fresh += len(fresh)
        done.known += len(outcomes) - len(fresh)
        done.failed += sum(o.status is Status.FAILED for o in fresh)
        done.boxes += sum(len(o.confidence) for o in fresh)


def _key_of(allowed: SpeciesList) -> list[str]:
    """What of a species list changes classes."""
    place = [f"place {allowed.place}"] if allowed.place else []
    return [*place, *sorted(map(fold, allowed.names))]


def _read_names(path: Path, matcher: Matcher, done: Imported) -> FileHead:
    """All but what the entries hold; hands their paths to ``matcher``."""
    head = FileHead()
    keys: set[str] = set()
    names: list[str] = []
    contents: list[str] = []
    for member in members(path, _LISTS):
        keys.add(member.key)
        if member.key in _LISTS and member.number is None:
            as_list(member.value, member.key)
            done.of = member.key
        elif member.key in _LISTS:
            if len(keys & _LISTS) > 1:
                raise Malformed("", "it has images and predictions")
            name, content = _name_and_content(member.value)
            names.append(name)
            contents.append(content)
            done.entries += 1
            if member.key == "predictions":
                _note_speciesnet(head, member.value)
            if len(names) >= BATCH:
                matcher.add(names, contents)
                names, contents = [], []
        elif member.key == "info":
            head.info = member.value if isinstance(member.value, dict) else {}
        elif member.key == "detection_categories":
            head.categories = _names(member.value, member.key)
        elif member.key == "classification_categories":
            head.classifications = _names(member.value or {}, member.key)  # null: no classifier
        elif member.key == "classification_category_descriptions":
            head.descriptions = _names(member.value or {}, member.key)
    matcher.add(names, contents)
    if "predictions" in keys:
        head.categories, head.version = dict(speciesnet.CATEGORIES), "speciesnet"
        return head
    for key in ("detection_categories", "images"):
        if key not in keys:
            raise Malformed(key, "is missing")
    head.version = _version(head.info.get("format_version"))
    return head


def _name_and_content(value: object) -> tuple[str, str]:
    """An entry's path, "" where it has none that can be, and a text that is equal for equal results."""
    if not isinstance(value, dict):
        return "", ""
    try:
        name = as_text(value.get("file", value.get("filepath")), "file")
    except Malformed:
        name = ""
    said = {key: value.get(key) for key in ("detections", "failure", "failures", "prediction")}
    return name, hashlib.blake2b(repr(said).encode("utf-8", "replace"), digest_size=12).hexdigest()


def _note_speciesnet(head: FileHead, value: object) -> None:
    if isinstance(value, dict) and not head.info:
        head.info = {"detector": f"SpeciesNet {value.get('model_version') or ''}".strip()}


def _version(value: object) -> str:
    """The format's version as text; "" where the file doesn't say. Raises Malformed for one of the future."""
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not _VERSION.fullmatch(text):
        raise Malformed("info.format_version", f"is {printable(text[:40])}; it must be 1.0 to 1.{_NEWEST}")
    return text


def _note(done: Imported, matcher: Matcher, head: FileHead) -> None:
    if matcher.note:
        done.notes.append(matcher.note)
    if matcher.n_repeated:
        done.notes.append(f"Entries that repeat another one were skipped: {matcher.n_repeated:,}.")
    if not head.version:
        done.notes.append("The file doesn't say which version of the format it has; it was read as 1.x.")
    elif head.version.startswith("1.") and int(head.version[2:]) > _NEWEST:
        done.notes.append(f"The file has format {head.version}, newer than trailcam knows (1.{_NEWEST}).")


def _names(value: object, place: str) -> dict[str, str]:
    """Id -> name; a name that is none is left out, as if the file didn't list it."""
    return {
        key: name
        for key, name in as_object(value, place).items()
        if isinstance(name, str) and name.strip() and "\0" not in name and len(name) <= 1000
    }


def _batches(path: Path) -> Iterator[tuple[int, list[Mapping[str, Any]]]]:
    entries: Iterator[Mapping[str, Any]] = (
        m.value if isinstance(m.value, dict) else {}
        for m in members(path, _LISTS)
        if m.key in _LISTS and m.number is not None
    )
    first = 0
    while batch := list(islice(entries, BATCH)):
        yield first, batch
        first += len(batch)


def _entries(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for first, entries in _batches(path):
        yield from enumerate(entries, first)


def _check(entry: Mapping[str, Any], classes: BoxClasses) -> None:
    """Raises Malformed for an entry that can't be used."""
    as_text(entry.get("file", entry.get("filepath")), "file")
    _outcome(0, entry, classes)


def _outcome(image_id: int, entry: Mapping[str, Any], classes: BoxClasses) -> Outcome:
    """What an entry says of its photo. Raises Malformed."""
    row = speciesnet.as_batch_entry(entry) if "filepath" in entry else entry
    if row.get("failure") is not None:
        why = as_text(row["failure"], "failure")
        code, message = _reason(why)
        return Outcome(image_id, Status.FAILED, error_code=code, error_message=message)
    boxes, confidence, numbers, probabilities = [], [], [], []
    rate, frame_s = _frame_rate(row), []
    for n, value in enumerate(as_list(row.get("detections"), "detections")):
        at = f"detections[{n}]"
        detection = as_object(value, at)
        found = classes.number(detection, at)
        if found is None:
            continue
        numbers.append(found[0])
        probabilities.append(np.nan if found[1] is None else found[1])
        confidence.append(as_share(detection.get("conf"), f"{at}.conf"))
        boxes.append(as_box(detection.get("bbox"), f"{at}.bbox"))
        frame_s.append(_frame_number(detection.get("frame_number", 0), f"{at}.frame_number") / (rate or 1))
    return Outcome(
        image_id,
        Status.COMPLETED,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        confidence=np.array(confidence, np.float32),
        class_id=np.array(numbers, np.int16),
        class_probability=np.array(probabilities, np.float32),
        frame_s=np.array(frame_s, np.float32) if rate else None,
        frames=tuple(sorted(_frames(row, frame_s, rate))) if rate else None,
    )


def _frame_rate(row: Mapping[str, Any]) -> float | None:
    """Frames in a second of a video, as the file says or as most cameras film; None of a photo."""
    if not any(key in row for key in ("frame_rate", "frames_processed")) and not any(
        isinstance(d, dict) and "frame_number" in d for d in as_list(row.get("detections"), "detections")
    ):
        return None
    rate = row.get("frame_rate", _FRAME_RATE)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= _HIGHEST_RATE:
        raise Malformed("frame_rate", "must be a number above 0")
    return float(rate)


def _frame_number(value: object, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST_FRAME:
        raise Malformed(place, "must be a number of 0 or more")
    return int(value)


def _frames(row: Mapping[str, Any], seen: list[float], rate: float) -> set[float]:
    """The times of the frames that were looked at; a file of an older form lists those with a box alone."""
    numbers = as_list(row.get("frames_processed", []), "frames_processed")
    found = {_frame_number(n, f"frames_processed[{k}]") / rate for k, n in enumerate(numbers)}
    return found | set(seen)


def _reason(why: str) -> tuple[str, str]:
    """A failure as code and message; those that trailcam wrote come back as they were."""
    code, colon, message = why.partition(": ")
    if colon and code.isascii() and code.replace("_", "").isalnum() and code.islower():
        return code, message
    return "imported", printable(why)
