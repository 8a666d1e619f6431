"""``import camtrap-dp``: what people observed on photos of a Camtrap DP package, as corrections.

Observations of machines, and of events (which have no place on a photo), are left.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.errors import UsageError
from trailcam.imports.classes import meanings
from trailcam.imports.labels import UNLABELLED_BOX, Labelled, Recorder, Word
from trailcam.imports.package import Package, open_package
from trailcam.imports.reading import Malformed, as_number, refusing
from trailcam.settings.classmap import ClassRule, fold
from trailcam.store.camtrap_observations import CamtrapObservations
from trailcam.store.corrections import JudgedBox, Judgement, is_place
from trailcam.store.database import Database, utc_now
from trailcam.store.match import BATCH, Matcher, Problem
from trailcam.words.text import count, printable

FORM = "camtrap-dp"
UNKNOWN = "it isn't told what a person saw"
_EXPECTED = "a Camtrap DP package: a folder with datapackage.json, or a ZIP file of one"
_WHITETAIL = "Odocoileus virginianus"
_TYPES = ("animal", "human", "vehicle", "blank", "unknown", "unclassified")
_MEDIA = frozenset({"mediaID", "filePath"})
_NEEDED = frozenset({"observationID", "observationLevel", "observationType", "classificationMethod"})


def import_camtrap_dp(
    database: Database,
    path: Path,
    *,
    author: str | None,
    fallback_author: str,
    rules: Mapping[str, ClassRule],
    base: Path | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Labelled:
    """Record people's observations of photos in the package at ``path``, all in one transaction.

    ``author`` None: whom the package names in classifiedBy, else ``fallback_author``. ``base``: the folder
    that filePath is relative to, None: found out. Raises ImportFileError for a malformed package and
    UsageError where no photo is matched; then nothing is changed.
    """
    done = Labelled()
    with refusing(path, _EXPECTED), open_package(path) as package, database.write(keep=not dry_run) as db:
        matcher = Matcher(db, base)
        tables = CamtrapObservations(db)
        done.entries = _read_media(package, tables, matcher)
        n_events = _read_observations(package, tables)
        if not matcher.match():
            raise UsageError(
                f"None of the {done.entries:,} media of {printable(str(path))} is a photo of the library.",
                "Nothing was changed. --base FOLDER says which scanned folder its paths are relative to.",
            )
        if matcher.note:
            done.notes.append(matcher.note)
        if n_events:
            done.notes.append(
                f"{count(n_events, 'observation')} of people on events left out: they have no place."
            )
        done.problems = list(matcher.problems())
        known = meanings(db, rules)
        recorder = Recorder(db, FORM, path.name, done, overwrite=overwrite)
        for first in range(0, done.entries, BATCH):
            photos = matcher.photos(first, first + BATCH)
            spoken = tables.of_people(first, first + BATCH)
            done.unlabelled += sum(n not in spoken for n in photos)
            for n, observed in spoken.items():
                if n in photos:
                    word = _word(n, observed, photos[n], known)
                    if isinstance(word, Problem):
                        done.problems.append(word)
                    else:
                        recorder.add(replace(word, author=author or word.author or fallback_author))
        recorder.finish()
    return done


def _read_media(package: Package, tables: CamtrapObservations, matcher: Matcher) -> int:
    """Take in the media; returns how many there are."""
    n = 0
    for batch in _batched(package.rows("media", _MEDIA)):
        for place, row in batch:
            for column in sorted(_MEDIA):
                if not row[column]:
                    raise Malformed(place, f"has no {column}")
        n = tables.add_media([(row["mediaID"], row["filePath"], place) for place, row in batch])
        matcher.add([row["filePath"] for _, row in batch])
    if repeated := tables.repeated_media():
        raise Malformed(repeated, "has the mediaID of another row")
    return n


def _read_observations(package: Package, tables: CamtrapObservations) -> int:
    """Take in the observations of media; returns how many people made of events."""
    n_events = 0
    for batch in _batched(package.rows("observations", _NEEDED)):
        parsed = []
        for place, row in batch:
            human = row["classificationMethod"] == "human"
            if row["observationType"] not in _TYPES:
                raise Malformed(place, f"has an observationType that is none of {', '.join(_TYPES)}")
            if row.get("mediaID") and row["observationLevel"] == "media":
                parsed.append(_parse(row, place, human=human))
            n_events += human and row["observationLevel"] == "event"
        if parsed:
            tables.add_observations(parsed)
    if lost := tables.without_media():
        raise Malformed(lost, "has a mediaID that media.csv doesn't know")
    return n_events


def _parse(row: Mapping[str, str], place: str, *, human: bool) -> dict[str, Any]:
    given = [row.get(column) or "" for column in ("bboxX", "bboxY", "bboxWidth", "bboxHeight")]
    box = None
    if any(given):
        box = tuple(_number(text, f"{place} bbox") for text in given)
        if not is_place(*box):
            raise Malformed(f"{place} bbox", "isn't a place on the photo: write shares from 0 to 1")
    return {
        "media": row["mediaID"],
        "human": human,
        "kind": row["observationType"],
        "species": row.get("scientificName") or "",
        "stage": row.get("lifeStage") or "",
        "sex": row.get("sex") or "",
        "tags": row.get("observationTags") or "",
        "author": (row.get("classifiedBy") or "").strip(),
        "place": place,
        "said_at": _time(row.get("classificationTimestamp") or "", place),
        "box": box,
    }


def _number(text: str, place: str) -> float:
    try:
        return as_number(float(text), place, 0, 1)
    except ValueError:
        raise Malformed(place, "must be four numbers from 0 to 1") from None


def _time(text: str, place: str) -> datetime | None:
    """UTC without zone; None where nothing is said."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
        return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    except (ValueError, OverflowError):
        raise Malformed(f"{place} classificationTimestamp", "is no time") from None


def _word(
    n: int, observed: list[dict[str, Any]], image_id: int, known: Mapping[str, ClassInfo]
) -> Word | Problem:
    """People's word on a photo: of the whole where all of its observations are people's."""
    people = [row for row in observed if row["human"]]
    boxes = []
    for row in people:
        if row["kind"] == "blank":
            continue
        if row["x"] is None:
            return Problem(n, row["path"], UNLABELLED_BOX)
        info = class_of(row, known)
        if info is None:
            return Problem(n, row["path"], UNKNOWN)
        boxes.append(JudgedBox(info, row["x"], row["y"], row["w"], row["h"]))
    whole = len(people) == len(observed)
    if not (boxes or whole):  # a person says blank, a machine sees something
        whole = True
    made_at = max((row["said_at"] for row in people if row["said_at"]), default=None) or utc_now()
    told = sorted(str({k: v for k, v in row.items() if k not in ("n", "place")}) for row in observed)
    uid = f"camtrap-dp {hashlib.sha256(chr(0).join(told).encode()).hexdigest()}/{image_id}"
    author = next((row["author"] for row in people if row["author"]), "")
    return Word(n, people[0]["path"], Judgement(image_id, tuple(boxes), whole, made_at, uid), author)


def class_of(row: Mapping[str, Any], known: Mapping[str, ClassInfo]) -> ClassInfo | None:
    """The class of an observation, None where it tells none.

    By the tag ``class:NAME`` that trailcam writes, else by species, sex, life stage and ``ageClass``.
    """
    tags = dict(tag.strip().partition(":")[::2] for tag in row["tags"].split("|"))
    name = tags.get("class", "").strip()
    if fold(name) in known:
        return known[fold(name)]
    general = _general(row, tags.get("ageClass", "").strip())
    if general is None:
        return None
    info = known.get(fold(general.name), general)
    return info if info.kind is general.kind else general


def _general(row: Mapping[str, Any], age: str) -> ClassInfo | None:
    kind, species = row["kind"], row["species"].strip()
    if kind == "human":
        return ClassInfo(0, "person", Kind.PERSON, None, "Homo sapiens")
    if kind == "vehicle":
        return ClassInfo(0, "vehicle", Kind.VEHICLE)
    if kind != "animal":
        return None
    if species.casefold() != _WHITETAIL.casefold():
        return ClassInfo(0, printable(species) or "animal", Kind.ANIMAL, None, printable(species) or None)
    if row["stage"] == "juvenile":
        return ClassInfo(0, "fawn", Kind.FAWN, None, _WHITETAIL)
    if row["sex"] == "female":
        return ClassInfo(0, "doe", Kind.DOE, None, _WHITETAIL)
    if row["sex"] == "male":
        told = AgeClass(age) if age in {a.value for a in AgeClass} else AgeClass.UNKNOWN
        if told is AgeClass.UNKNOWN and row["stage"] == "subadult":
            told = AgeClass.YOUNG
        name = "buck" if told is AgeClass.UNKNOWN else told.value
        return ClassInfo(0, name, Kind.BUCK, told, _WHITETAIL)
    return ClassInfo(0, "deer", Kind.DEER, None, _WHITETAIL)


def _batched(
    found: Iterator[tuple[str, dict[str, str]]],
) -> Iterator[list[tuple[str, dict[str, str]]]]:
    batch: list[tuple[str, dict[str, str]]] = []
    for item in found:
        batch.append(item)
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
