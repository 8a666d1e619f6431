"""The file that a review page saves, read without trust: docs/review.md describes it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from trailcam.errors import UsageError
from trailcam.store.corrections import is_place
from trailcam.words.text import printable

FORMAT = "trailcam review"
VERSION = 1
_LARGEST = 256 * 1024 * 1024  # bytes: a million answers have less
_TEXT = 200


class AnswersError(UsageError):
    """A file of answers that can't be used; says where. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class SeenBox:
    """What a person saw where: a class's name and ``xywhn``. ``place`` is where in the file it stands.

    ``is_new``: the person named an animal that the page's library didn't know.
    """

    class_name: str
    box: tuple[float, float, float, float]
    place: str
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """One person's answer about one photo: it shows ``shows`` and nothing else.

    ``path`` is as the database holds it. ``based_on``: the newest judgement when the page was made.
    ``decided_at`` is UTC without zone.
    """

    uid: str
    image_id: int
    path: str
    size_bytes: int
    based_on: int | None
    decided_at: datetime
    shows: tuple[SeenBox, ...]


@dataclass(frozen=True, slots=True)
class Answers:
    """A whole file. ``author`` is empty where nobody wrote a name on the page."""

    review: str
    library: str
    author: str
    random: bool
    answers: tuple[Answer, ...]


def read_answers(path: Path) -> Answers:
    """Read and check all of a file. Raises AnswersError."""
    try:
        if path.stat().st_size > _LARGEST:
            raise AnswersError(f"{printable(str(path))} is too large for a review's answers.", _HINT)
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it isn't UTF-8 text"
        raise AnswersError(f"{printable(str(path))} can't be read: {why or error}.", _HINT) from error
    try:
        document = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise AnswersError(f"{printable(str(path))} isn't JSON: {printable(str(error))}.", _HINT) from error
    try:
        return _answers(document)
    except _Malformed as error:
        raise AnswersError(
            f"{printable(str(path))} can't be used: {error.place} {error.what}.", _HINT
        ) from error


_HINT = "Nothing was changed. Give the file that the page of `trailcam review` saved, unchanged."


class _Malformed(Exception):
    def __init__(self, place: str, what: str) -> None:
        super().__init__(place, what)
        self.place = place
        self.what = what


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} isn't a number")


def _answers(document: object) -> Answers:
    top = _object(document, "the whole")
    if top.get("format") != FORMAT:
        raise _Malformed("format", f'must be "{FORMAT}"')
    if isinstance(top.get("version"), bool) or top.get("version") != VERSION:
        raise _Malformed("version", f"must be {VERSION}: another trailcam wrote the file")
    review = _text(top, "review", "")
    listed = top.get("answers")
    if not isinstance(listed, list):
        raise _Malformed("answers", "must be a list")
    answers = []
    photos: dict[int, int] = {}
    for n, entry in enumerate(listed):
        answer = _answer(entry, f"answers[{n}]", review)
        if answer.image_id in photos:
            raise _Malformed(f"answers[{n}].image_id", f"repeats that of answers[{photos[answer.image_id]}]")
        photos[answer.image_id] = n
        answers.append(answer)
    return Answers(
        review=review,
        library=_text(top, "library", ""),
        author=_text(top, "author", "", may_be_empty=True),
        random=_flag(top, "random"),
        answers=tuple(answers),
    )


def _answer(entry: object, place: str, review: str) -> Answer:
    row = _object(entry, place)
    image_id = _whole(row, "image_id", place)
    based_on = None if row.get("based_on") is None else _whole(row, "based_on", place)
    decided_at = _time(row, place)
    shows = row.get("shows")
    if not isinstance(shows, list):
        raise _Malformed(f"{place}.shows", "must be a list of boxes (empty: no animal)")
    return Answer(
        uid=f"{review}/{image_id}/{decided_at.isoformat(timespec='milliseconds')}",
        image_id=image_id,
        path=_text(row, "path", place, longest=10_000),
        size_bytes=_whole(row, "size_bytes", place),
        based_on=based_on,
        decided_at=decided_at,
        shows=tuple(_seen(box, f"{place}.shows[{n}]") for n, box in enumerate(shows)),
    )


def _seen(entry: object, place: str) -> SeenBox:
    row = _object(entry, place)
    sides = row.get("box")
    if not isinstance(sides, list) or len(sides) != 4:
        raise _Malformed(f"{place}.box", "must be a list of left, top, width and height")
    for n, side in enumerate(sides):
        if isinstance(side, bool) or not isinstance(side, (int, float)) or not math.isfinite(side):
            raise _Malformed(f"{place}.box[{n}]", "must be a number from 0 to 1")
    x, y, w, h = (float(side) for side in sides)
    if not is_place(x, y, w, h):
        raise _Malformed(f"{place}.box", "isn't a place on the photo: write shares from 0 to 1")
    is_new = "new" in row and _flag(row, "new", place)
    return SeenBox(_text(row, "class", place), (x, y, w, h), place, is_new)


def _object(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _Malformed(place, "must be an object")
    return value


def _text(
    row: Mapping[str, Any], key: str, place: str, *, may_be_empty: bool = False, longest: int = _TEXT
) -> str:
    value = row.get(key)
    where = f"{place}.{key}" if place else key
    if not isinstance(value, str) or len(value) > longest or not (may_be_empty or value.strip()):
        raise _Malformed(where, f"must be text of at most {longest:,} characters")
    try:
        value.encode()
    except UnicodeEncodeError:  # half a character, which no database holds
        raise _Malformed(where, "holds half a character") from None
    return value


def _flag(row: Mapping[str, Any], key: str, place: str = "") -> bool:
    value = row.get(key)
    if not isinstance(value, bool):
        raise _Malformed(f"{place}.{key}" if place else key, "must be true or false")
    return value


def _whole(row: Mapping[str, Any], key: str, place: str) -> int:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise _Malformed(f"{place}.{key}", "must be a whole number")
    return value


def _time(row: Mapping[str, Any], place: str) -> datetime:
    value = row.get("decided_at")
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        utc = at.astimezone(UTC).replace(tzinfo=None) if at and at.tzinfo else None
    except (ValueError, OverflowError):
        utc = None
    if utc is None or not 1970 <= utc.year < 2262:
        raise _Malformed(f"{place}.decided_at", "must be a time with its zone, as 2026-11-24T05:06:07.890Z")
    return utc
