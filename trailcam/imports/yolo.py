"""``import yolo``: the label files of a data set as corrections.

Names that ``export yolo`` gave are known again; others are matched by the path below ``labels``.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trailcam.domain import ClassInfo
from trailcam.errors import DataSetError, UsageError
from trailcam.evaluate.dataset import IMAGE_SUFFIXES, class_names, read_labels
from trailcam.files.target import flat_name
from trailcam.imports.classes import meanings
from trailcam.imports.labels import Labelled, Recorder, Word
from trailcam.imports.reading import sha256_of
from trailcam.settings.classmap import ClassRule, fold
from trailcam.store.corrections import JudgedBox, Judgement, is_place
from trailcam.store.database import Connection, Database, utc_now
from trailcam.store.imported import all_paths
from trailcam.store.match import TWICE, Matcher, Problem
from trailcam.words.text import printable

SOURCE = "import yolo"
_SPLITS = ("train", "val", "valid", "test")
_NONE_CHANGED = "Nothing was changed."


@dataclass(frozen=True, slots=True)
class _Entry:
    """A label file, and the path of its photo below ``images``."""

    file: Path
    photo: str


def import_yolo(
    database: Database,
    folder: Path,
    *,
    author: str,
    rules: Mapping[str, ClassRule],
    base: Path | None = None,
    overwrite: bool = False,
) -> Labelled:
    """Record the label files of the data set in ``folder`` as the word of ``author``, in one transaction.

    An empty label file says that nothing is there; a photo without one is not labelled. ``base`` as in
    :func:`trailcam.imports.coco.import_coco`. Raises DataSetError for a malformed data set or an unknown
    class, and UsageError where no photo is matched; then nothing is changed.
    """
    folder = folder.parent if folder.name == "data.yaml" else folder
    names = class_names(folder / "data.yaml")
    yaml = sha256_of(folder / "data.yaml")
    entries = _entries(folder)
    done = Labelled(entries=len(entries))
    with database.write() as db:
        photos = _match(db, entries, base, done)
        if not photos:
            raise UsageError(
                f"None of the {len(entries):,} label files in {printable(str(folder))} is of a photo of the"
                " library.",
                f"{_NONE_CHANGED} --base FOLDER says which scanned folder its photos are relative to.",
            )
        infos = meanings(db, rules)
        recorder = Recorder(db, SOURCE, done, overwrite=overwrite)
        for n, image_id in photos.items():
            file = entries[n].file
            boxes = _boxes(file, names, infos)
            said = hashlib.sha256(f"{yaml} {sha256_of(file)}".encode()).hexdigest()
            judgement = Judgement(image_id, boxes, True, utc_now(), f"yolo {said}/{image_id}")
            recorder.add(Word(n, entries[n].photo, judgement, author))
        recorder.finish()
    return done


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
            for e in sorted(IMAGE_SUFFIXES)
            for e in (e, e.upper())
            if stem.with_name(stem.name + e).exists()
        ]
        ending = endings[0] if endings else ".jpg"
        found.append(_Entry(file, "/".join(rest).removesuffix(".txt") + ending))
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
    matcher.add([entries[n].photo for n in rest])
    matcher.match()
    done.notes += [matcher.note] if matcher.note else []
    done.problems += [problem._replace(n=rest[problem.n]) for problem in matcher.problems()]
    photos |= {rest[k]: image_id for k, image_id in matcher.photos(0, len(rest)).items()}
    often = Counter(photos.values())
    done.problems += [Problem(n, entries[n].photo, TWICE) for n, i in photos.items() if often[i] > 1]
    return {n: image_id for n, image_id in sorted(photos.items()) if often[image_id] == 1}


def _boxes(file: Path, names: Mapping[int, str], known: Mapping[str, ClassInfo]) -> tuple[JudgedBox, ...]:
    places, numbers = read_labels(file, names)
    boxes = []
    for place, number in zip(places.tolist(), numbers.tolist(), strict=True):
        name = names[number]
        if fold(name) not in known:
            raise DataSetError(
                f'{printable(str(file))} names the class "{printable(name)}", which trailcam doesn\'t know.',
                f"{_NONE_CHANGED} Name it in the configuration, under [classes.NAME].",
            )
        if not is_place(*place):
            raise DataSetError(
                f"{printable(str(file))} holds a box without extent.",
                f"{_NONE_CHANGED} Width and height must be above 0.",
            )
        boxes.append(JudgedBox(known[fold(name)], *place))
    return tuple(boxes)
