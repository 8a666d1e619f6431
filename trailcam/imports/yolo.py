"""``import yolo``: the label files of a data set as corrections.

Names that ``export yolo`` or Roboflow gave are known again; others are matched by the path below ``labels``.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trailcam.domain import ClassInfo
from trailcam.errors import DataSetError, UsageError
from trailcam.evaluate.dataset import (
    DATASET_SUFFIXES,
    BadLine,
    class_names,
    labelled_by_models,
    parse_labels,
)
from trailcam.files.target import flat_name
from trailcam.imports.classes import meanings
from trailcam.imports.labels import (
    Labelled,
    LabelOptions,
    Recorder,
    Word,
    find_info,
    note_matches,
    original_name,
    refuse_scores,
)
from trailcam.imports.reading import Malformed, sha256_of
from trailcam.store.corrections import JudgedBox, Judgement, is_place
from trailcam.store.database import Connection, Database, utc_now
from trailcam.store.imported import all_paths
from trailcam.store.match import TWICE, Matcher, Problem
from trailcam.words.text import printable

FORM = "yolo"
_SPLITS = ("train", "val", "valid", "test")
_YAML = "data.yaml"
_NONE_CHANGED = "Nothing was changed."


@dataclass(frozen=True, slots=True)
class _Entry:
    """A label file, and the path of its photo below ``images``."""

    file: Path
    photo: str


def import_yolo(
    database: Database,
    folder: Path,
    options: LabelOptions,
) -> Labelled:
    """Record the label files of the data set in ``folder`` as corrections, in one transaction.

    An empty label file says that nothing is there; a photo without one is not labelled. A label file that
    can't be used is left out whole and named. Raises DataSetError for a malformed data set, and UsageError
    where no photo is matched or a model made the labels; then nothing is changed.
    """
    folder = folder.parent if folder.name == _YAML else folder
    names = class_names(folder / _YAML)
    yaml = sha256_of(folder / _YAML)
    entries = _entries(folder)
    done = Labelled(entries=len(entries))
    scored = _count_scored(entries, names, folder)
    refuse_scores(scored, printable(str(folder)), accept=options.accept_scores, done=done)
    with database.write(keep=not options.dry_run) as db:
        photos = _match(db, entries, options.base, done)
        if not photos:
            raise UsageError(
                f"None of the {len(entries):,} label files in {printable(str(folder))} is of a photo of the"
                " library.",
                f"{_NONE_CHANGED} --base FOLDER says which scanned folder its photos are relative to.",
            )
        infos = meanings(db, options.rules)
        recorder = Recorder(db, FORM, folder.name, done, overwrite=options.overwrite)
        for n, image_id in photos.items():
            file = entries[n].file
            try:
                boxes = _boxes(file, names, infos, done)
            except Malformed as error:
                done.problems.append(Problem(n, entries[n].photo, str(error)))
                continue
            said = hashlib.sha256(f"{yaml} {sha256_of(file)}".encode()).hexdigest()
            judgement = Judgement(image_id, boxes, True, utc_now(), f"yolo {said}/{image_id}")
            recorder.add(Word(n, entries[n].photo, judgement, options.fallback_author))
        recorder.finish()
    return done


def _count_scored(entries: list[_Entry], names: Mapping[int, str], folder: Path) -> int:
    """How many labels carry a score, or stand in files that a model filled as manifest.csv has it."""
    makers = labelled_by_models(folder)
    n = 0
    for entry in entries:
        with suppress(BadLine, OSError):  # named when its turn comes
            labels = parse_labels(_text(entry.file), names)
            n += len(labels.class_id) if entry.file.stem in makers else labels.n_scored
    return n


def _entries(folder: Path) -> list[_Entry]:
    found = []
    for file in sorted(folder.rglob("*.txt")):
        parts = file.relative_to(folder).parts
        if "labels" not in parts[:-1]:
            continue
        last = len(parts) - 2 - parts[:-1][::-1].index("labels")
        rest = parts[last + 1 :]
        rest = rest[1:] if len(rest) > 1 and rest[0] in _SPLITS else rest
        stem = folder.joinpath(*parts[:last], "images", *parts[last + 1 :]).with_suffix("")
        endings = [
            e
            for e in sorted(DATASET_SUFFIXES)
            for e in (e, e.upper())
            if stem.with_name(stem.name + e).exists()
        ]
        if file.name == "classes.txt" and not endings:
            continue  # the names of the classes, as LabelImg leaves them beside its labels
        *above, name = rest
        name = original_name(name.removesuffix(".txt") + (endings[0] if endings else ".jpg"))
        found.append(_Entry(file, "/".join([*above, name])))
    if not found:
        raise DataSetError(
            f"There is no label file in {printable(str(folder))}.",
            f"{_NONE_CHANGED} Labels lie in folders called labels, one text file for each photo.",
        )
    return found


def _match(db: Connection, entries: list[_Entry], base: Path | None, done: Labelled) -> dict[int, int]:
    """Entry -> photo. Names the other entries in ``done``."""
    ours = {entry.file.stem: n for n, entry in enumerate(entries)} if base is None else {}
    photos = {}
    for image_id, root, path in all_paths(db) if ours else ():
        n = ours.get(flat_name(root, path))
        if n is not None:
            photos[n] = image_id
    rest = [n for n in range(len(entries)) if n not in photos]
    matcher = Matcher(db, base)
    matcher.add([entries[n].photo for n in rest], [_content(entries[n].file) for n in rest])
    matcher.match()
    note_matches(matcher, done)
    done.problems += [problem._replace(n=rest[problem.n]) for problem in matcher.problems()]
    photos |= {rest[k]: image_id for k, image_id in matcher.photos(0, len(rest)).items()}
    often = Counter(photos.values())
    done.problems += [Problem(n, entries[n].photo, TWICE) for n, i in photos.items() if often[i] > 1]
    return {n: image_id for n, image_id in sorted(photos.items()) if often[image_id] == 1}


def _boxes(
    file: Path, names: Mapping[int, str], known: Mapping[str, ClassInfo], done: Labelled
) -> tuple[JudgedBox, ...]:
    try:
        labels = parse_labels(_text(file), names)
    except OSError as error:
        raise Malformed("", f"its label file can't be read: {error.strerror or error}") from error
    except BadLine as error:
        raise Malformed("", str(error)) from error
    boxes = []
    for place, number in zip(labels.boxes.tolist(), labels.class_id.tolist(), strict=True):
        info = find_info(names[number], known, done)
        if not is_place(*place):
            raise Malformed("", "one of its boxes has no extent")
        boxes.append(JudgedBox(info, *place))
    return tuple(boxes)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8-sig", errors="replace")


def _content(file: Path) -> str:
    """Equal for label files that say the same."""
    try:
        return ";".join(sorted(" ".join(line.split()) for line in _text(file).splitlines() if line.strip()))
    except OSError:
        return str(file)
