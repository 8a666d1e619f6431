"""``import names``: the names of bucks out of any file that trailcam exports, and nothing else of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from trailcam.errors import UsageError
from trailcam.geometry import upright_xywhn
from trailcam.imports.labels import refuse_unmatched
from trailcam.imports.package import open_package
from trailcam.imports.reading import ImportFileError, Malformed, as_box, as_text, members, refusing, sha256_of
from trailcam.imports.xmp_names import sidecars
from trailcam.store.clean_name import clean_name
from trailcam.store.database import Connection, Database
from trailcam.store.import_batches import begin_import
from trailcam.store.match import Matcher, Problem
from trailcam.store.name_files import NoTable, named_rows, orientations, photos_by_stem
from trailcam.store.name_photo import buck_places
from trailcam.store.names import Box, NamedBox, name_boxes, note_import
from trailcam.words.text import printable

FORM = "names"
_EXPECTED = "a file of names: CSV, Parquet, MegaDetector's JSON, COCO, a Camtrap DP package or XMP sidecars"
_LISTS = frozenset({"images", "annotations"})


class _Entry(NamedTuple):
    """A name in the file: on which photo, where (``xywhn``; None: on its only buck), and where that stands.

    ``as_stored``: the box is on the pixels before the photo's orientation is applied.
    """

    path: str
    name: str
    box: Box | None
    place: str
    as_stored: bool = False


@dataclass(slots=True)
class NamesTaken:
    """What became of a file's names, in animals. ``import_id`` 0: nothing was new."""

    import_id: int = 0
    entries: int = 0
    recorded: int = 0
    known: int = 0
    agreed: int = 0
    note: str = ""
    problems: list[Problem] = field(default_factory=list)


def import_names(
    database: Database,
    path: Path,
    *,
    author: str,
    base: Path | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> NamesTaken:
    """Record the names in the file or folder ``path`` by ``author``, all in one naming.

    ``base``: the folder that its paths are relative to, None: found out. A name that another animal of its
    photo has, and, without ``overwrite``, an animal that has another name here, is left out and named. With
    ``dry_run`` nothing is kept. Raises ImportFileError for a file that can't be read, and UsageError where
    it holds no name, or none of its photos is in the library; then nothing is changed.
    """
    done = NamesTaken()
    with refusing(path, _EXPECTED), database.write(keep=not dry_run) as db:
        entries = list(_entries(db, path, done))
        done.entries = len(entries)
        if not entries:
            raise UsageError(
                f"{printable(str(path))} holds no name of a buck.", "Nothing was changed. " + _HINT
            )
        matcher = Matcher(db, base)
        paths = {path: n for n, path in enumerate(dict.fromkeys(entry.path for entry in entries))}
        matcher.add(list(paths))
        if not matcher.match():
            refuse_unmatched(matcher, len(entries), "names", printable(str(path)))
        done.note = matcher.note
        found_photos = matcher.photos(0, len(paths))
        photos = {
            n: found_photos[paths[e.path]] for n, e in enumerate(entries) if paths[e.path] in found_photos
        }
        done.problems += matcher.problems()
        source = sha256_of(path)[:16] if path.is_file() else path.name
        boxes, places = _boxes(db, entries, photos, source, done, overwrite=overwrite)
        found = name_boxes(db, boxes, author=author, source=f"import {FORM}")
        done.recorded, done.known, done.agreed = found.recorded, found.known, found.agreed
        for refused in found.refused:
            n = places[refused.n]
            done.problems.append(Problem(n, entries[n].path, refused.why, entries[n].place))
        if found.naming_id:
            done.import_id = begin_import(db, FORM, path.name)
            note_import(db, found.naming_id, done.import_id)
    done.problems.sort()
    return done


_HINT = (
    "In CSV and Parquet, MegaDetector's JSON and COCO it is called individual, in Camtrap DP individualID, in"
    " XMP it is a keyword below trailcam|individual."
)


def _boxes(
    db: Connection,
    entries: list[_Entry],
    photos: dict[int, int],
    source: str,
    done: NamesTaken,
    *,
    overwrite: bool,
) -> tuple[list[NamedBox], list[int]]:
    """The boxes to name, and which entry each is."""
    bucks = buck_places(
        db, [photos[n] for n, entry in enumerate(entries) if entry.box is None and n in photos]
    )
    turned = orientations(
        db, [photos[n] for n, entry in enumerate(entries) if entry.as_stored and n in photos]
    )
    boxes, places = [], []
    for n, image_id in sorted(photos.items()):
        entry = entries[n]
        own = bucks.get(image_id, [])
        if entry.box is not None:
            own = [upright_xywhn(entry.box, turned[image_id]) if entry.as_stored else entry.box]
        try:
            name = clean_name(entry.name)
        except UsageError as error:
            done.problems.append(Problem(n, entry.path, error.message, entry.place))
            continue
        if len(own) != 1:
            why = f"it shows {len(own)} bucks, and the name lies on no box" if own else "no buck counts on it"
            done.problems.append(Problem(n, entry.path, why, entry.place))
            continue
        boxes.append(NamedBox(image_id, name, own[0], f"{source}/{n}", None, None if overwrite else 0))
        places.append(n)
    return boxes, places


def _entries(db: Connection, path: Path, done: NamesTaken) -> Iterator[_Entry]:
    """Every name in a file, by what the file is. Raises Malformed, and ImportFileError."""
    if path.is_dir() and not any((path / name).exists() for name in ("datapackage.json", "metadata.json")):
        return _of_sidecars(db, path, done)
    if path.is_dir() or path.suffix.lower() == ".zip" or path.name == "datapackage.json":
        return _of_package(path)
    if path.suffix.lower() in (".csv", ".parquet"):
        return _of_table(db, path)
    if path.suffix.lower() == ".json":
        return _of_json(path)
    raise ImportFileError(f"{printable(str(path))} is no file that names are read from.", _EXPECTED)


def _of_table(db: Connection, path: Path) -> Iterator[_Entry]:
    try:
        for n, (photo, *sides, name) in enumerate(named_rows(db, path)):
            place = f"row {n + 1} with a name"
            try:
                box = as_box([float(side or "nan") for side in sides], place)
            except ValueError:
                raise Malformed(place, "has no box: x, y, w and h are numbers from 0 to 1") from None
            yield _Entry(photo, name, box, place)
    except NoTable as error:
        raise Malformed("", str(error)) from error


def _of_package(path: Path) -> Iterator[_Entry]:
    with open_package(path) as package:
        paths = {
            row["mediaID"]: row["filePath"]
            for _, row in package.rows("media", frozenset({"mediaID", "filePath"}))
        }
        for place, row in package.rows("observations", frozenset({"observationType"})):
            name, media = row.get("individualID", "").strip(), row.get("mediaID", "")
            if name in ("", "NA") or media not in paths:
                continue
            sides = [row.get(column, "") for column in ("bboxX", "bboxY", "bboxWidth", "bboxHeight")]
            try:
                box = as_box([float(side) for side in sides], place) if any(sides) else None
            except ValueError:
                raise Malformed(place, "has a bbox that isn't four numbers from 0 to 1") from None
            yield _Entry(paths[media], name, box, place)


def _of_json(path: Path) -> Iterator[_Entry]:
    """MegaDetector's form, where a photo holds its detections, or COCO's, with annotations of their own."""
    images: dict[str, tuple[str, float, float]] = {}
    later: list[tuple[str, str, Any, str]] = []
    for member in members(path, _LISTS):
        if member.key not in _LISTS or member.number is None or not isinstance(member.value, dict):
            continue
        row, place = member.value, f"{member.key}[{member.number}]"
        if member.key == "annotations":
            if row.get("individual"):
                name = as_text(row["individual"], f"{place}.individual")
                later.append((str(row.get("image_id")), name, row.get("bbox"), place))
        elif "file_name" in row:
            size = (float(row.get("width") or 0), float(row.get("height") or 0))
            images[str(row.get("id"))] = (as_text(row["file_name"], f"{place}.file_name"), *size)
        else:
            yield from _of_detections(row, place)
    for image, name, bbox, place in later:
        if image not in images:
            raise Malformed(f"{place}.image_id", "is none of the images")
        file_name, width, height = images[image]
        box = as_box(bbox, f"{place}.bbox", width, height) if bbox and width and height else None
        yield _Entry(file_name, name, box, place)


def _of_detections(row: dict[str, Any], place: str) -> Iterator[_Entry]:
    found = row.get("detections")
    for n, detection in enumerate(found if isinstance(found, list) else []):
        if isinstance(detection, dict) and detection.get("individual"):
            at = f"{place}.detections[{n}]"
            name = as_text(detection["individual"], f"{at}.individual")
            yield _Entry(
                as_text(row.get("file"), f"{place}.file"),
                name,
                as_box(detection.get("bbox"), f"{at}.bbox"),
                at,
            )


def _of_sidecars(db: Connection, folder: Path, done: NamesTaken) -> Iterator[_Entry]:
    known = photos_by_stem(db)
    for file, named in sidecars(folder):
        if isinstance(named, str):
            done.problems.append(Problem(0, str(file.relative_to(folder)), named, "sidecar"))
            continue
        whole = file.relative_to(folder).as_posix().rpartition(".")[0]  # IMG_1, or IMG_1.JPG
        several = known.get(whole.lower(), [])
        photo = several[0] if len(several) == 1 else whole
        for name, box in named:
            yield _Entry(photo, name, box, str(file.relative_to(folder)), as_stored=True)
