"""``trailcam review apply``: a page's answers into the database, each once, none over somebody else's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trailcam.domain import ClassInfo, Kind
from trailcam.errors import UsageError
from trailcam.geometry import iou, xywhn_to_xyxy
from trailcam.review.answers import Answer, Answers, AnswersError
from trailcam.settings.classmap import ClassRule, fold
from trailcam.store.corrections import JudgedBox, Judgement, find_class, known_classes, record
from trailcam.store.database import Connection, Database
from trailcam.store.judged import SAME
from trailcam.store.paths import from_db
from trailcam.store.review_rows import known_uids, library_id, person_says, photos_by_id
from trailcam.words.text import printable

SOURCE = "review"
SOURCE_RANDOM = "review random"
"""What the history says of answers on photos that ``review --random`` drew."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """An answer that was not taken. ``name`` is the photo's, printable; ``why`` begins in lower case."""

    name: str
    why: str


@dataclass(slots=True)
class Applied:
    """What became of a file's answers: ``recorded`` new ones, ``known`` before, ``agreed`` with another's."""

    recorded: int = 0
    known: int = 0
    agreed: int = 0
    conflicts: list[Conflict] = field(default_factory=list)


def apply_answers(
    database: Database,
    given: Answers,
    *,
    author: str,
    rules: Mapping[str, ClassRule],
    overwrite: bool = False,
) -> Applied:
    """Record ``given`` as corrections by ``author``, all in one transaction.

    An answer that was recorded before changes nothing. One on a photo that somebody corrected since the page
    was made is left out and reported, unless it says the same or ``overwrite`` is given. Raises
    UsageError for a file of another database and AnswersError for an unknown class; then nothing is changed.
    """
    with database.write() as db:
        if given.library != library_id(db):
            raise UsageError(
                "These answers are on the photos of another database.",
                "Nothing was changed. Name the database that the page was made from with --db.",
            )
        infos = _class_infos(db, given.answers, rules)
        done = Applied()
        new = _new(db, given, author, overwrite, done)
        judgements = [
            Judgement(
                answer.image_id,
                tuple(JudgedBox(infos[fold(box.class_name)], *box.box) for box in answer.shows),
                True,
                answer.decided_at,
                answer.uid,
            )
            for answer in new
        ]
        done.recorded = record(
            db, judgements, author=author, source=SOURCE_RANDOM if given.random else SOURCE
        )
    return done


def _class_infos(
    db: Connection, answers: Sequence[Answer], rules: Mapping[str, ClassRule]
) -> dict[str, ClassInfo]:
    known = known_classes(db, rules)
    infos: dict[str, ClassInfo] = {}
    for box in (box for answer in answers for box in answer.shows):
        if box.is_new:
            known.setdefault(fold(box.class_name), ClassInfo(0, box.class_name.strip(), Kind.ANIMAL))
        try:
            infos[fold(box.class_name)] = find_class(known, box.class_name)
        except UsageError as error:
            raise AnswersError(
                f"{box.place}.class: {error.message} Nothing was changed.", error.hint
            ) from error
    return infos


def _new(db: Connection, given: Answers, author: str, overwrite: bool, done: Applied) -> list[Answer]:
    """The answers to record; counts and names the others in ``done``."""
    recorded = known_uids(db, [answer.uid for answer in given.answers])
    ids = [answer.image_id for answer in given.answers]
    photos = photos_by_id(db, ids)
    said = person_says(db, ids)
    new = []
    for answer in given.answers:
        photo = photos.get(answer.image_id)
        if answer.uid in recorded:
            done.known += 1
        elif photo is None or not _is_same(photo, answer):
            name = printable(from_db(answer.path))
            done.conflicts.append(Conflict(name, "this database has no such photo"))
        elif overwrite or not _said_since(photo, answer, given.review, author):
            new.append(answer)
        elif _agrees(answer, *said[answer.image_id]):
            done.agreed += 1
        else:
            done.conflicts.append(_conflict(photo, said[answer.image_id][1]))
    return new


def _is_same(photo: Mapping[str, Any], answer: Answer) -> bool:
    """Whether a photo's number still means the photo that was shown: a moved file keeps its size."""
    return bool(photo["path"] == answer.path or photo["size_bytes"] == answer.size_bytes)


def _said_since(photo: Mapping[str, Any], answer: Answer, review: str, author: str) -> bool:
    """Whether somebody judged the photo after the page was made, other than this author on the same page."""
    last = photo["judgement_id"]
    if last is None or last == answer.based_on:
        return False
    same_page = str(photo["uid"] or "").startswith(f"{review}/") and photo["author"] == author
    # What it was based on may have been taken back since: then an older one is in force again.
    return not same_page and (answer.based_on is None or last > answer.based_on)


def _agrees(answer: Answer, whole: bool, boxes: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the photo's corrections say the same as the answer: the same classes at the same places."""
    if not whole or len(boxes) != len(answer.shows):
        return False
    left = list(boxes)
    for seen in answer.shows:
        for box in left:
            places = np.array([seen.box, [box[side] for side in "xywh"]], np.float32)
            pair = xywhn_to_xyxy(places, 1, 1)
            if fold(box["class"]) == fold(seen.class_name) and iou(pair[:1], pair[1:])[0, 0] >= SAME:
                left.remove(box)
                break
        else:
            return False
    return True


def _conflict(photo: Mapping[str, Any], boxes: Sequence[Mapping[str, Any]]) -> Conflict:
    what = ", ".join(sorted(printable(box["class"]) for box in boxes)) or "no animal"
    return Conflict(
        printable(from_db(photo["path"])),
        f"{printable(photo['author'])} has recorded since the page was made: {what}"
        f" ({photo['made_at']:%Y-%m-%d %H:%M} UTC)",
    )
