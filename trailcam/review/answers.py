"""The file that a review page saves, read without trust: docs/review.md describes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trailcam.pages.saved_file import (
    MalformedFile,
    SavedFileError,
    as_box,
    as_flag,
    as_list,
    as_object,
    as_text,
    as_time,
    as_whole,
    check_form,
    read_saved,
)

FORMAT = "trailcam review"
VERSION = 1
AnswersError = SavedFileError


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
    return read_saved(path, _answers, "trailcam review")


def _answers(document: object) -> Answers:
    top = check_form(document, FORMAT, VERSION)
    review = as_text(top, "review", "")
    answers = []
    photos: dict[int, int] = {}
    for n, entry in enumerate(as_list(top, "answers", "")):
        answer = _answer(entry, f"answers[{n}]", review)
        if answer.image_id in photos:
            raise MalformedFile(
                f"answers[{n}].image_id", f"repeats that of answers[{photos[answer.image_id]}]"
            )
        photos[answer.image_id] = n
        answers.append(answer)
    return Answers(
        review=review,
        library=as_text(top, "library", ""),
        author=as_text(top, "author", "", may_be_empty=True),
        random=as_flag(top, "random"),
        answers=tuple(answers),
    )


def _answer(entry: object, place: str, review: str) -> Answer:
    row = as_object(entry, place)
    image_id = as_whole(row, "image_id", place)
    based_on = None if row.get("based_on") is None else as_whole(row, "based_on", place)
    decided_at = as_time(row, "decided_at", place)
    shows = as_list(row, "shows", place, " of boxes (empty: no animal)")
    return Answer(
        uid=f"{review}/{image_id}/{decided_at.isoformat(timespec='milliseconds')}",
        image_id=image_id,
        path=as_text(row, "path", place, longest=10_000),
        size_bytes=as_whole(row, "size_bytes", place),
        based_on=based_on,
        decided_at=decided_at,
        shows=tuple(_seen(box, f"{place}.shows[{n}]") for n, box in enumerate(shows)),
    )


def _seen(entry: object, place: str) -> SeenBox:
    row = as_object(entry, place)
    box = as_box(row, "box", place)
    is_new = "new" in row and as_flag(row, "new", place)
    return SeenBox(as_text(row, "class", place), box, place, is_new)
