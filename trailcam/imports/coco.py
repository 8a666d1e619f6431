"""``import coco``: labels in COCO Camera Traps' form as corrections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trailcam.domain import ClassInfo
from trailcam.imports.classes import NOTHING, meanings
from trailcam.imports.labels import (
    CONTRADICTION,
    UNLABELLED_BOX,
    Labelled,
    LabelOptions,
    Recorder,
    Word,
    find_info,
    note_matches,
    original_name,
    refuse_scores,
    refuse_unmatched,
)
from trailcam.imports.reading import (
    Malformed,
    as_box,
    as_id,
    as_list,
    as_number,
    as_object,
    as_text,
    members,
    refusing,
    sha256_of,
)
from trailcam.settings.classmap import fold
from trailcam.store.coco_tables import CocoTables, ImageRow, LabelRow
from trailcam.store.corrections import JudgedBox, Judgement
from trailcam.store.database import Database, utc_now
from trailcam.store.match import BATCH, Matcher, Problem
from trailcam.words.text import printable

FORM = "coco"
_EXPECTED = "a file of COCO Camera Traps (JSON) with images, categories and annotations"
_LISTS = frozenset({"images", "annotations", "categories"})
_SCORES = ("score", "confidence", "conf")
_SHAPE = 0.02  # how far the ratios of two pictures' sides may differ for one to be the other, resized
NO_SIZE = "its width and height aren't known"
OTHER_SHAPE = "the file's picture has another shape than the photo: it was cut, padded or turned"
EMPTY_BOX = "a label says empty, but has a box"


def import_coco(
    database: Database,
    path: Path,
    options: LabelOptions,
) -> Labelled:
    """Record the labels of the file ``path`` as corrections, all in one transaction.

    Photos without any annotation, and corrupt ones, are not labelled; one whose only label is named empty and
    has no box is a blank. A photo with a label that can't be used is left out whole and named.

    Raises ImportFileError for a malformed file, UsageError where no photo is matched, or labels carry scores
    without ``accept_scores``; then nothing is changed.
    """
    sha256 = sha256_of(path)
    done = Labelled()
    with refusing(path, _EXPECTED), database.write(keep=not options.dry_run) as db:
        matcher, tables = Matcher(db, options.base), CocoTables(db)
        reader = _Reader(tables, matcher)
        reader.read(path)
        done.entries = reader.n_images
        refuse_scores(reader.n_scored, printable(str(path)), accept=options.accept_scores, done=done)
        tables.settle()
        bad = {n: Problem(n, name, why) for n, name, why in tables.bad_images()}
        if not matcher.match():
            if bad and len(bad) == done.entries:
                raise Malformed("images[0]", next(iter(bad.values())).why)
            refuse_unmatched(matcher, done.entries, "images", printable(str(path)))
        note_matches(matcher, done)
        done.problems = [bad.get(problem.n, problem) for problem in matcher.problems()]
        done.problems += reader.problems
        done.problems += [
            Problem(i, image, why or "belongs to none of the images", f"annotations[{i}]")
            for i, image, why in tables.lost_labels()
        ]
        entries = _Entries(reader.names, meanings(db, options.rules), options.fallback_author, sha256, done)
        recorder = Recorder(db, FORM, path.name, done, overwrite=options.overwrite)
        for first in range(0, done.entries, BATCH):
            photos = matcher.photos(first, first + BATCH)
            for image, labels in tables.entries(photos, first, first + BATCH):
                if image["n"] in bad:
                    done.problems.append(bad[image["n"]])
                elif word := entries.word(image, labels, photos[image["n"]]):
                    recorder.add(word)
        recorder.finish()
    return done


class _Reader:
    """Puts images and annotations into the tables; what is wrong with one goes with it."""

    def __init__(self, tables: CocoTables, matcher: Matcher) -> None:
        self._tables = tables
        self._matcher = matcher
        self._images: list[ImageRow] = []
        self._labels: list[LabelRow] = []
        self.names: dict[int, str] = {}
        self.problems: list[Problem] = []
        self.n_images = 0
        self.n_scored = 0

    def read(self, path: Path) -> None:
        """Read all. Raises Malformed where the file's structure is broken."""
        seen: set[str] = set()
        for member in members(path, _LISTS):
            if member.key not in _LISTS:
                continue
            seen.add(member.key)
            if member.number is None:
                as_list(member.value, member.key)
            elif member.key == "categories":
                self._category(member.value, member.number)
            elif member.key == "images":
                self._image(member.value, member.number)
            else:
                self._label(member.value, member.number)
            if max(len(self._images), len(self._labels)) >= BATCH:
                self._flush()
        self._flush()
        for key in sorted(_LISTS - seen):
            raise Malformed(key, "is missing")

    def _category(self, value: object, n: int) -> None:
        try:
            row = as_object(value, "")
            number, name = _whole(row.get("id"), "id"), as_text(row.get("name"), "name")
            if self.names.setdefault(number, name) != name:
                raise Malformed("id", f'is that of "{printable(self.names[number])}" too')
        except Malformed as error:
            self.problems.append(Problem(n, "", str(error), f"categories[{n}]"))

    def _image(self, value: object, n: int) -> None:
        self.n_images += 1
        image = ImageRow(n)
        try:
            row = as_object(value, "")
            name = _original(as_text(row.get("file_name"), "file_name"), row.get("extra"))
            image = image._replace(path=_storable(name))
            image = image._replace(
                id=_storable(as_id(row.get("id"), "id")),
                width=_side(row.get("width")),
                height=_side(row.get("height")),
                corrupt=row.get("corrupt") in (True, 1),
            )
        except Malformed as error:
            image = image._replace(bad=_storable(str(error)))
        self._images.append(image)

    def _label(self, value: object, i: int) -> None:
        label = LabelRow(i)
        try:
            row = as_object(value, "")
            label = label._replace(image=_storable(as_id(row.get("image_id"), "image_id")))
            self.n_scored += any(row.get(key) is not None for key in _SCORES)
            label = label._replace(category=_whole(row.get("category_id"), "category_id"))
            if row.get("bbox") not in (None, []):
                given = as_list(row["bbox"], "bbox")
                if len(given) != 4:
                    raise Malformed("bbox", "must be a list of left, top, width and height in pixels")
                x, y, w, h = (as_number(side, f"bbox[{k}]") for k, side in enumerate(given))
                label = label._replace(x=x, y=y, w=w, h=h)
        except Malformed as error:
            label = label._replace(bad=_storable(f"annotations[{i}] {error}"))
        self._labels.append(label)

    def _flush(self) -> None:
        if self._images:
            self._tables.add_images(self._images)
            self._matcher.add([row.path for row in self._images])
        if self._labels:
            self._tables.add_labels(self._labels)
        self._images, self._labels = [], []


@dataclass(frozen=True, slots=True)
class _Entries:
    """Makes corrections of matched images and their labels."""

    names: Mapping[int, str]
    known: Mapping[str, ClassInfo]
    author: str
    sha256: str
    done: Labelled

    def word(self, image: Mapping[str, Any], labels: list[dict[str, Any]], image_id: int) -> Word | None:
        """What the file says of a photo; None where that is nothing, or can't be taken and is named."""
        if not labels or image["corrupt"]:
            self.done.unlabelled += 1
            return None
        try:
            boxes = self._boxes(image, labels)
        except Malformed as error:
            self.done.problems.append(Problem(image["n"], image["path"], str(error)))
            return None
        judgement = Judgement(image_id, boxes, True, utc_now(), f"coco {self.sha256}/{image['n']}")
        return Word(image["n"], image["path"], judgement, self.author)

    def _boxes(self, image: Mapping[str, Any], labels: list[dict[str, Any]]) -> tuple[JudgedBox, ...]:
        boxes, n_empty = [], 0
        for label in labels:
            place = f"annotations[{label['i']}]"
            if label["bad"]:
                raise Malformed("", label["bad"])
            if label["category"] not in self.names:
                raise Malformed(f"{place}.category_id", f"{label['category']} is not one of the categories")
            name = self.names[label["category"]]
            if fold(name) in NOTHING:  # the name says so, not the number: 0 is any category's
                if label["x"] is not None:
                    raise Malformed("", EMPTY_BOX)
                n_empty += 1
                continue
            try:
                info = find_info(name, self.known, self.done)
            except Malformed as error:
                raise Malformed(place, error.what) from None
            boxes.append(_box(label, image, info))
        if boxes and n_empty:
            raise Malformed("", CONTRADICTION)
        return tuple(boxes)


def _box(label: Mapping[str, Any], image: Mapping[str, Any], info: ClassInfo) -> JudgedBox:
    if label["x"] is None:
        raise Malformed("", UNLABELLED_BOX)
    size, own = (image["width"], image["height"]), image["own_size"]
    if None in size:
        size = own or size
    if None in size:
        raise Malformed("", NO_SIZE)
    if own and not abs(size[0] * own[1] / (size[1] * own[0]) - 1) <= _SHAPE:
        raise Malformed("", OTHER_SHAPE)
    place = f"annotations[{label['i']}].bbox"
    box = as_box([label[side] for side in "xywh"], place, *size)
    if not (box[2] and box[3]):
        raise Malformed(place, "has no extent")
    if label["w"] <= 1 and label["h"] <= 1:
        raise Malformed(place, "is not a pixel large: COCO counts pixels, and these seem to be shares")
    return JudgedBox(info, *box)


def _original(name: str, extra: object) -> str:
    """The name before Roboflow changed it, which keeps it beside the new one or in it."""
    told = extra.get("name") if isinstance(extra, dict) else None
    plain = original_name(name)
    return told if plain != name and isinstance(told, str) and told.strip() else plain


def _side(value: object) -> float | None:
    """A width or height in px, None where the file gives none that can be."""
    try:
        return as_number(value, "", 1, 1e6)
    except Malformed:
        return None


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _whole(value: object, place: str) -> int:
    text = as_id(value, place)
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise Malformed(place, "must be a whole number")
    return int(text)
