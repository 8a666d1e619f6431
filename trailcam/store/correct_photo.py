"""One photo's boxes as ``correct`` and ``show`` number them, and a correction that names one of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from trailcam.errors import UsageError
from trailcam.selection import Selection
from trailcam.settings.classmap import ClassRule
from trailcam.store.corrections import (
    JudgedBox,
    Judgement,
    ShownBox,
    faint_boxes,
    find_class,
    is_place,
    known_classes,
    record,
    shown_boxes,
    undo,
)
from trailcam.store.counted import count_boxes
from trailcam.store.database import Connection, one, utc_now
from trailcam.store.paths import from_db
from trailcam.store.select import select
from trailcam.words.text import count, printable


@dataclass(frozen=True, slots=True)
class Correction:
    """What a user says of a photo.

    ``class_`` None: nothing is there. ``box`` numbers the boxes from 1, in the list whose code is ``seen``;
    ``place`` is a box that nobody saw, "x,y,w,h" as shares of the photo. Without both: the whole photo.
    """

    class_: str | None = None
    box: int | None = None
    place: str | None = None
    seen: str | None = None


def boxes_of(db: Connection, image_id: int) -> tuple[tuple[ShownBox, ...], tuple[ShownBox, ...]]:
    """The boxes of a photo that count, and those below; numbers run through both."""
    with select(db, Selection()) as photos, count_boxes(photos, None) as counted:
        return shown_boxes(counted, [image_id]).get(image_id, ()), faint_boxes(counted, image_id)


def hidden_of(db: Connection, image_id: int) -> list[str]:
    """What is said of boxes of a photo that static places and areas take out of the counts."""
    with select(db, Selection()) as photos, count_boxes(photos, None) as counted:
        return counted.hidden_counts(timedelta(0), image_id).in_words(visits=False)


def path_of(db: Connection, image_id: int) -> str:
    """The photo's path below its scanned folder. Raises LookupError where there is no such photo."""
    found = one(db, "SELECT path FROM images WHERE image_id = ?", [image_id])
    if found is None:
        raise LookupError(image_id)
    return from_db(found[0])


def list_code(boxes: tuple[ShownBox, ...]) -> str:
    """Six letters that tell one list of boxes from another."""
    told = repr([(box.info.name, *(round(side, 6) for side in box[1:6])) for box in boxes])
    return hashlib.blake2b(told.encode(), digest_size=3).hexdigest()


def correct_photo(
    db: Connection, image_id: int, correction: Correction, *, author: str, rules: Mapping[str, ClassRule]
) -> None:
    """Record a correction. Call it in a transaction.

    Raises UsageError for an unknown class, a box that isn't there, a place off the photo, and where the boxes
    are no longer those of the list that ``seen`` names.
    """
    info = find_class(known_classes(db, rules), correction.class_) if correction.class_ else None
    shown, faint = boxes_of(db, image_id)
    boxes = shown + faint
    if correction.seen and correction.seen != list_code(boxes):
        raise UsageError(
            "The boxes of the photo have changed since they were listed.",
            "Nothing was changed. List them again: trailcam correct PHOTO",
        )
    places: tuple[JudgedBox, ...] = ()
    if correction.place:
        places = (JudgedBox(info, *_place(correction.place)),)
    elif correction.box:
        if correction.box > len(boxes):
            raise UsageError(
                f"The photo has no box {correction.box}.", f"It has {count(len(boxes), 'box', 'boxes')}."
            )
        at = boxes[correction.box - 1]
        places = (JudgedBox(info, at.x, at.y, at.w, at.h),)
    judgement = Judgement(image_id, places, not places, utc_now())
    record(db, [judgement], author=author, source="correct")


def take_back(db: Connection, image_id: int, author: str) -> None:
    """Undo the newest correction of a photo in force. Raises UsageError where there is none."""
    if undo(db, image_id, author) is None:
        raise UsageError("There is no correction of this photo to undo.", "Nothing was changed.")


def _place(text: str) -> tuple[float, float, float, float]:
    try:
        x, y, w, h = (float(part) for part in text.split(","))
    except ValueError:
        x = y = w = h = -1.0
    if not is_place(x, y, w, h):
        raise UsageError(
            f'--add "{printable(text)}" is not a place on a photo.',
            "Give the left and upper edge, width and height as shares of the photo: 0.1,0.2,0.3,0.3",
        )
    return x, y, w, h
