"""``import camtrap-dp``: what people observed on photos of a Camtrap DP package, as corrections.

Observations of machines, and of events (which have no place on a photo), are left.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from trailcam.domain import AgeClass, ClassInfo, Kind
from trailcam.imports.classes import meanings
from trailcam.imports.labels import (
    CONTRADICTION,
    UNLABELLED_BOX,
    Labelled,
    LabelOptions,
    Recorder,
    Word,
    note_matches,
    refuse_unmatched,
)
from trailcam.imports.package import Package, open_package
from trailcam.imports.reading import Malformed, as_box, refusing
from trailcam.settings.classmap import fold
from trailcam.settings.species import WHITETAIL
from trailcam.store.camtrap_observations import CamtrapObservations
from trailcam.store.corrections import JudgedBox, Judgement
from trailcam.store.database import Database, utc_now
from trailcam.store.match import BATCH, Matcher, Problem
from trailcam.words.text import count, printable

FORM = "camtrap-dp"
UNKNOWN = "the package doesn't say what a person saw"
_EXPECTED = "a Camtrap DP package: a folder with datapackage.json, or a ZIP file of one"
_TYPES = ("animal", "human", "vehicle", "blank", "unknown", "unclassified")
_BBOX = ("bboxX", "bboxY", "bboxWidth", "bboxHeight")
_MEDIA = frozenset({"mediaID"})
_NEEDED = frozenset({"observationType"})


def import_camtrap_dp(database: Database, path: Path, options: LabelOptions) -> Labelled:
    """Record people's observations of photos in the package at ``path``, all in one transaction.

    The author, unless the options name one, is whom the package names in classifiedBy. A photo of which a
    row can't be used is left out and named. Raises ImportFileError for a malformed package and UsageError
    where no photo is matched; then nothing is changed.
    """
    done = Labelled()
    with (
        refusing(path, _EXPECTED),
        open_package(path) as package,
        database.write(keep=not options.dry_run) as db,
    ):
        matcher = Matcher(db, options.base)
        reader = _Reader(package, CamtrapObservations(db), matcher)
        reader.read()
        done.entries = reader.n_media
        if not matcher.match():
            refuse_unmatched(matcher, done.entries, "media", printable(str(path)))
        note_matches(matcher, done)
        done.notes += reader.notes()
        bad = reader.bad_media
        done.problems = [bad.get(problem.n, problem) for problem in matcher.problems()]
        done.problems += reader.problems
        known = meanings(db, options.rules)
        recorder = Recorder(db, FORM, path.name, done, overwrite=options.overwrite)
        for first in range(0, done.entries, BATCH):
            photos = matcher.photos(first, first + BATCH)
            spoken = reader.tables.of_people(first, first + BATCH)
            done.unlabelled += sum(n not in spoken and n not in bad for n in photos)
            done.problems += [bad[n] for n in photos if n in bad]
            for n, observed in spoken.items():
                if n in photos and n not in bad:
                    word = _word(n, observed, photos[n], known)
                    if isinstance(word, Problem):
                        done.problems.append(word)
                    else:
                        author = options.author or word.author or options.fallback_author
                        recorder.add(replace(word, author=author))
        recorder.finish()
    return done


class _Reader:
    """Takes in media and observations; ``bad_media``: those that can't be used, ``problems``: other rows."""

    def __init__(self, package: Package, tables: CamtrapObservations, matcher: Matcher) -> None:
        self._package = package
        self.tables = tables
        self._matcher = matcher
        self.n_media = 0
        self.bad_media: dict[int, Problem] = {}
        self.problems: list[Problem] = []
        self._n_events = self._n_makerless = self._n_timeless = 0

    def read(self) -> None:
        """Read all. Raises Malformed where the package's structure is broken."""
        for batch in _batched(self._package.rows("media", _MEDIA)):
            self._media([row for _, row in batch])
        for batch in _batched(self._package.rows("observations", _NEEDED)):
            parsed = [self._parse(row, place) for place, row in batch]
            if kept := [row for row in parsed if row is not None]:
                self.tables.add_observations(kept)
        for n, path in self.tables.settle():
            self.bad_media[n] = Problem(n, path, "has the mediaID of another row")
        self.problems += [
            Problem(k, media, why or "its mediaID is not among the media", place)
            for k, (media, why, place) in enumerate(self.tables.without_media())
        ]
        self.problems += [Problem(k, "", why, place) for k, (place, why) in enumerate(self._package.bad_rows)]

    def notes(self) -> list[str]:
        """What was left aside, as sentences."""
        said = (
            (self._n_events, "of people on events left out: they have no place on a photo"),
            (self._n_makerless, "left out: the package doesn't say if a person or a machine made them"),
            (self._n_timeless, "with a time that can't be read: they count as made now"),
        )
        return [f"{count(n, 'observation')} {what}." for n, what in said if n]

    def _media(self, rows: list[dict[str, str]]) -> None:
        paths = [_path(row) for row in rows]
        for n, (row, path) in enumerate(zip(rows, paths, strict=True), start=self.n_media):
            if not (row["mediaID"] and path):
                lacking = "mediaID" if path else "filePath"
                self.bad_media[n] = Problem(n, path, f"has no {lacking}")
        self.tables.add_media([(row["mediaID"], path) for row, path in zip(rows, paths, strict=True)])
        self._matcher.add(paths, None, [_clock(row.get("timestamp") or "") for row in rows])
        self.n_media += len(rows)

    def _parse(self, row: Mapping[str, str], place: str) -> dict[str, Any] | None:
        """An observation for the table, None for one that is not a person's or machine's of a medium."""
        told = {key: _told(row.get(key)) for key in row}
        maker = told.get("classificationMethod", "").casefold()
        media = row.get("mediaID") or ""
        # Before 1.0 there was no level: what named a medium was of that medium.
        level = told.get("observationLevel", "").casefold() or ("media" if media else "event")
        if level != "media" or not media:
            self._n_events += maker == "human"
            return None
        kind = told["observationType"].casefold()
        at, box, bad = None, None, None
        try:
            if kind not in _TYPES:
                raise Malformed(place, f"has an observationType other than {', '.join(_TYPES)}")
            box = _box([told.get(column, "") for column in _BBOX], place)
            if kind == "blank" and box:
                raise Malformed(place, "says blank, but has a box")
        except Malformed as error:
            bad = str(error)
        try:
            at = _time(told.get("classificationTimestamp", ""))
        except (ValueError, OverflowError):
            self._n_timeless += 1
        self._n_makerless += maker not in ("human", "machine")
        return {
            "media": media,
            "human": maker == "human",
            "kind": kind,
            "species": told.get("scientificName", ""),
            "stage": told.get("lifeStage", "").casefold(),
            "sex": told.get("sex", "").casefold(),
            "tags": told.get("observationTags", ""),
            "author": told.get("classifiedBy", ""),
            "place": place,
            "said_at": at,
            "box": box,
            "bad": bad,
        }


def _told(text: str | None) -> str:
    """A cell as it counts: R and pandas write NA and the like for nothing."""
    plain = (text or "").strip()
    return "" if plain in ("NA", "N/A", "NaN", "nan", "null", "NULL", "None") else plain


def _path(row: Mapping[str, str]) -> str:
    """Where a medium lies: filePath may be a URL or a folder, with fileName beside it."""
    path, name = (row.get("filePath") or "").strip(), _told(row.get("fileName"))
    if re.match(r"[a-z][a-z0-9+.-]+://", path, re.IGNORECASE):
        with suppress(ValueError):  # no address after all: "http://[x"
            path = unquote(urlsplit(path).path)
        # A store of files knows them by a number ("/assets/1b2c/file"): the name alone tells the photo.
        return path if not name or path.endswith(f"/{name}") else name
    if name and not path.replace("\\", "/").endswith(name) and not Path(path).suffix:
        return f"{path.rstrip('/')}/{name}" if path else name
    return path


def _box(given: list[str], place: str) -> tuple[float, float, float, float] | None:
    if not any(given):
        return None
    try:
        box = as_box([float(text) for text in given], f"{place} bbox")
    except ValueError:
        raise Malformed(f"{place} bbox", "must be four numbers from 0 to 1") from None
    if not (box[2] and box[3]):
        raise Malformed(f"{place} bbox", "has no extent")
    return box


def _clock(text: str) -> datetime | None:
    """What the camera's clock showed, None where that can't be read."""
    try:
        return datetime.fromisoformat(text.strip()).replace(tzinfo=None)
    except ValueError:
        return None


def _time(text: str) -> datetime | None:
    """UTC without zone; None where nothing is said. Raises ValueError and OverflowError."""
    if not text:
        return None
    at = datetime.fromisoformat(text)
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def _word(
    n: int, observed: list[dict[str, Any]], image_id: int, known: Mapping[str, ClassInfo]
) -> Word | Problem:
    """People's word on a photo: of the whole where all of its observations are people's."""
    people = [row for row in observed if row["human"]]
    path = people[0]["path"]
    boxes = []
    for row in people:
        if row["bad"]:
            return Problem(n, path, row["bad"])
        if row["kind"] == "blank":
            continue
        if row["x"] is None:
            return Problem(n, path, UNLABELLED_BOX)
        info = class_of(row, known)
        if info is None:
            return Problem(n, path, UNKNOWN)
        boxes.append(JudgedBox(info, row["x"], row["y"], row["w"], row["h"]))
    if boxes and len(boxes) < len(people):
        return Problem(n, path, CONTRADICTION)
    whole = len(people) == len(observed)
    if not (boxes or whole):  # a person says blank, a machine sees something
        whole = True
    made_at = max((row["said_at"] for row in people if row["said_at"]), default=None) or utc_now()
    left = ("n", "place", "bad")
    told = sorted(str({k: v for k, v in row.items() if k not in left}) for row in observed)
    uid = f"camtrap-dp {hashlib.sha256(chr(0).join(told).encode()).hexdigest()}/{image_id}"
    author = next((row["author"] for row in people if row["author"]), "")
    return Word(n, path, Judgement(image_id, tuple(boxes), whole, made_at, uid), author)


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
    if species.casefold() != WHITETAIL.casefold():
        return ClassInfo(0, printable(species) or "animal", Kind.ANIMAL, None, printable(species) or None)
    if row["stage"] == "juvenile":
        return ClassInfo(0, "fawn", Kind.FAWN, None, WHITETAIL)
    if row["sex"] == "female":
        return ClassInfo(0, "doe", Kind.DOE, None, WHITETAIL)
    if row["sex"] == "male":
        told = AgeClass(age) if age in {a.value for a in AgeClass} else AgeClass.UNKNOWN
        if told is AgeClass.UNKNOWN and row["stage"] == "subadult":
            told = AgeClass.YOUNG
        name = "buck" if told is AgeClass.UNKNOWN else told.value
        return ClassInfo(0, name, Kind.BUCK, told, WHITETAIL)
    return ClassInfo(0, "deer", Kind.DEER, None, WHITETAIL)


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
