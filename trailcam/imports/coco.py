"""``import coco``: labels in COCO Camera Traps' form as corrections.

Photos and labels lie in temporary tables meanwhile: they may come in any order, and in any number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from trailcam.domain import ClassInfo
from trailcam.errors import UsageError
from trailcam.imports.classes import NOTHING, meanings
from trailcam.imports.labels import UNLABELLED_BOX, Labelled, Recorder, Word
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
from trailcam.store.columns import insert, integers, numbers, texts
from trailcam.store.corrections import JudgedBox, Judgement
from trailcam.store.database import Connection, Database, rows, utc_now
from trailcam.store.imported import upright_sizes
from trailcam.store.match import BATCH, Matcher, Problem
from trailcam.words.text import count, printable

SOURCE = "import coco"
_EXPECTED = "a file of COCO Camera Traps (JSON) with images, categories and annotations"
_LISTS = frozenset({"images", "annotations", "categories"})
_SLACK = 0.01  # of a side: boxes of others may stand out by some pixels
NO_SIZE = "its width and height aren't known"


def import_coco(
    database: Database,
    path: Path,
    *,
    author: str,
    rules: Mapping[str, ClassRule],
    base: Path | None = None,
    overwrite: bool = False,
) -> Labelled:
    """Record the labels of the file ``path`` as the word of ``author``, all in one transaction.

    ``base``: the folder that its paths are relative to, None: found out. Photos without any annotation, and
    corrupt ones, are not labelled; one of the category 0, empty, is a blank. Raises ImportFileError for a
    malformed file or an unknown class, and UsageError where no photo is matched; then nothing is changed.
    """
    sha256 = sha256_of(path)
    done = Labelled()
    with refusing(path, _EXPECTED), database.write() as db:
        matcher = Matcher(db, base)
        reader = _Reader(db, matcher)
        names = reader.read(path)
        done.entries = reader.n_images
        if not matcher.match():
            raise UsageError(
                f"None of the {done.entries:,} images of {printable(str(path))} is a photo of the library.",
                "Nothing was changed. --base FOLDER says which scanned folder its paths are relative to.",
            )
        if matcher.note:
            done.notes.append(matcher.note)
        if reader.n_scored:
            done.notes.append(
                f"{count(reader.n_scored, 'label')} carry a score, as a model's do: they count as yours now."
            )
        done.problems = list(matcher.problems())
        known = meanings(db, rules)
        recorder = Recorder(db, SOURCE, done, overwrite=overwrite)
        for first in range(0, done.entries, BATCH):
            photos = matcher.photos(first, first + BATCH)
            for image, labels in _entries(db, photos, first):
                word = _word(image, labels, photos[image["n"]], names, known, author, sha256)
                if isinstance(word, Word):
                    recorder.add(word)
                elif word is None:
                    done.unlabelled += 1
                else:
                    done.problems.append(word)
        recorder.finish()
    return done


class _Reader:
    """Puts images and annotations into the tables ``coco_images`` and ``coco_labels``."""

    def __init__(self, db: Connection, matcher: Matcher) -> None:
        self._db = db
        self._matcher = matcher
        self.n_images = 0
        self.n_scored = 0
        db.execute(
            "CREATE OR REPLACE TEMP TABLE coco_images"
            " (n BIGINT, id VARCHAR, path VARCHAR, width DOUBLE, height DOUBLE, corrupt BOOLEAN);"
            "CREATE OR REPLACE TEMP TABLE coco_labels"
            " (i BIGINT, image VARCHAR, category BIGINT, x DOUBLE, y DOUBLE, w DOUBLE, h DOUBLE)"
        )

    def read(self, path: Path) -> dict[int, str]:
        """Read and check all; returns the categories. Raises Malformed."""
        names: dict[int, str] = {}
        waiting: dict[str, list[tuple[Any, ...]]] = {"images": [], "annotations": []}
        seen: set[str] = set()
        for member in members(path, _LISTS):
            if member.key not in _LISTS:
                continue
            seen.add(member.key)
            if member.number is None:
                as_list(member.value, member.key)
                continue
            place = f"{member.key}[{member.number}]"
            row = as_object(member.value, place)
            if member.key == "categories":
                number = _whole(row.get("id"), f"{place}.id")
                if number in names:
                    raise Malformed(f"{place}.id", "is that of another category too")
                names[number] = as_text(row.get("name"), f"{place}.name")
                continue
            parse = self._image if member.key == "images" else self._annotation
            waiting[member.key].append(parse(row, place, member.number))
            if len(waiting[member.key]) >= BATCH:
                self._flush(waiting)
        self._flush(waiting)
        for key in sorted(_LISTS - seen):
            raise Malformed(key, "is missing")
        self._check(names)
        return names

    def _image(self, row: Mapping[str, Any], place: str, n: int) -> tuple[Any, ...]:
        self.n_images += 1
        sides = [
            None if row.get(key) is None else as_number(row[key], f"{place}.{key}", 1, 1e6)
            for key in ("width", "height")
        ]
        name = as_text(row.get("file_name"), f"{place}.file_name")
        return n, _id(row.get("id"), f"{place}.id"), name, *sides, row.get("corrupt") is True

    def _annotation(self, row: Mapping[str, Any], place: str, n: int) -> tuple[Any, ...]:
        image = _id(row.get("image_id"), f"{place}.image_id")
        category = _whole(row.get("category_id"), f"{place}.category_id")
        sides: list[float | None] = [None] * 4
        if row.get("bbox") is not None:
            given = as_list(row["bbox"], f"{place}.bbox")
            if len(given) != 4:
                raise Malformed(f"{place}.bbox", "must be a list of left, top, width and height in pixels")
            sides = [as_number(s, f"{place}.bbox[{k}]", -1e6, 1e6) for k, s in enumerate(given)]
        self.n_scored += "score" in row
        return n, image, category, *sides

    def _flush(self, waiting: dict[str, list[tuple[Any, ...]]]) -> None:
        images, labels = waiting["images"], waiting["annotations"]
        if images:
            n, ids, paths, width, height, corrupt = zip(*images, strict=True)
            insert(
                self._db,
                "coco_images",
                {
                    "n": integers(n, np.int64),
                    "id": texts(ids),
                    "path": texts(map(_storable, paths)),
                    "width": numbers(width),
                    "height": numbers(height),
                    "corrupt": np.array(corrupt, np.bool_),
                },
            )
            self._matcher.add(paths)
        if labels:
            i, image, category, *sides = zip(*labels, strict=True)
            columns = {"i": integers(i, np.int64), "image": texts(image)}
            columns["category"] = integers(category, np.int64)
            columns |= {
                key: np.array([np.nan if v is None else v for v in side], np.float64)
                for key, side in zip("xywh", sides, strict=True)
            }
            insert(self._db, "coco_labels", columns)
        for rows_ in waiting.values():
            rows_.clear()

    def _check(self, names: Mapping[int, str]) -> None:
        twice = self._db.execute(
            "SELECT max(n) FROM coco_images GROUP BY id HAVING count(*) > 1 LIMIT 1"
        ).fetchall()
        if twice:
            raise Malformed(f"images[{twice[0][0]}].id", "is that of another image too")
        self._db.register("named", {"category": np.array(sorted(names), np.int64)})
        lost = self._db.execute("SELECT min(i) FROM coco_labels ANTI JOIN named USING (category)").fetchall()
        self._db.unregister("named")
        if lost[0][0] is not None:
            raise Malformed(f"annotations[{lost[0][0]}].category_id", "is none of the categories")
        ((lost_image,),) = self._db.execute(
            "SELECT min(i) FROM coco_labels l ANTI JOIN coco_images c ON c.id = l.image"
        ).fetchall()
        if lost_image is not None:
            raise Malformed(f"annotations[{lost_image}].image_id", "is none of the images")


def _entries(
    db: Connection, photos: Mapping[int, int], first: int
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """The matched images from number ``first`` on with their labels; where a size lacks, ours stands in."""
    span = {"first": first, "last": first + BATCH}
    sizes = upright_sizes(db, list(photos.values()))
    labels: dict[int, list[dict[str, Any]]] = {}
    for row in rows(
        db,
        "SELECT c.n, l.* FROM coco_labels l JOIN coco_images c ON c.id = l.image"
        " WHERE c.n >= $first AND c.n < $last ORDER BY l.i",
        span,
    ):
        labels.setdefault(row["n"], []).append(row)
    for image in rows(db, "SELECT * FROM coco_images WHERE n >= $first AND n < $last ORDER BY n", span):
        if image["n"] in photos:
            if not (image["width"] and image["height"]):
                image["width"], image["height"] = sizes.get(photos[image["n"]], (None, None))
            yield image, labels.get(image["n"], [])


def _word(
    image: Mapping[str, Any],
    labels: list[dict[str, Any]],
    image_id: int,
    names: Mapping[int, str],
    known: Mapping[str, ClassInfo],
    author: str,
    sha256: str,
) -> Word | Problem | None:
    """What the file says of a photo, why that can't be taken, or None where it says nothing."""
    if not labels or image["corrupt"]:
        return None
    boxes = []
    for label in labels:
        name = fold(names[label["category"]])
        if label["category"] == 0 or name in NOTHING:
            continue
        if name not in known:
            raise Malformed(
                f"annotations[{label['i']}].category_id",
                f'names the class "{printable(names[label["category"]])}", which trailcam doesn\'t know;'
                " name it in the configuration, under [classes.NAME]",
            )
        if label["x"] is None:  # DuckDB takes numpy's NaN for NULL
            return Problem(image["n"], image["path"], UNLABELLED_BOX)
        if not (image["width"] and image["height"]):
            return Problem(image["n"], image["path"], NO_SIZE)
        boxes.append(_box(label, image, known[name]))
    uid = f"coco {sha256}/{image['n']}"
    return Word(image["n"], image["path"], Judgement(image_id, tuple(boxes), True, utc_now(), uid), author)


def _box(label: Mapping[str, Any], image: Mapping[str, Any], info: ClassInfo) -> JudgedBox:
    wide, high = image["width"], image["height"]
    left, top = label["x"] / wide, label["y"] / high
    right, bottom = left + label["w"] / wide, top + label["h"] / high
    if min(left, top) < -_SLACK or max(right, bottom) > 1 + _SLACK:
        raise Malformed(f"annotations[{label['i']}].bbox", f"leaves its image of {wide:g} x {high:g} pixels")
    left, top, right, bottom = (min(max(side, 0.0), 1.0) for side in (left, top, right, bottom))
    if right <= left or bottom <= top:
        raise Malformed(f"annotations[{label['i']}].bbox", "has no extent")
    return JudgedBox(info, left, top, right - left, bottom - top)


def _storable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _id(value: object, place: str) -> str:
    """An id: text by the standard, whole numbers in many files."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return _storable(as_text(value, place))


def _whole(value: object, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise Malformed(place, "must be a whole number")
    return value
