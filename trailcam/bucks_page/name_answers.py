"""The file that the page of bucks saves, read without trust: docs/bucks.md describes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trailcam.errors import UsageError
from trailcam.pages.saved_file import (
    MalformedFile,
    as_box,
    as_list,
    as_object,
    as_text,
    as_time,
    as_whole,
    check_form,
    read_saved,
)
from trailcam.store.clean_name import clean_name

FORMAT = "trailcam bucks"
VERSION = 1


@dataclass(frozen=True, slots=True)
class NameAnswer:
    """Which buck a person saw in a box of a photo; ``name`` None: nobody can tell.

    ``path`` is as the database holds it; ``decided_at`` is UTC without zone.
    """

    uid: str
    image_id: int
    path: str
    size_bytes: int
    box: tuple[float, float, float, float]
    name: str | None
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class NameAnswers:
    """A whole file. ``based_on`` is the newest naming when the page was made, 0 where there was none.

    ``author`` is empty where nobody wrote a name on the page.
    """

    page: str
    library: str
    author: str
    based_on: int
    answers: tuple[NameAnswer, ...]


def read_answers(path: Path) -> NameAnswers:
    """Read and check all of a file. Raises SavedFileError."""
    return read_saved(path, _answers, "trailcam bucks page")


def _answers(document: object) -> NameAnswers:
    top = check_form(document, FORMAT, VERSION)
    page = as_text(top, "page", "")
    listed = as_list(top, "answers", "")
    return NameAnswers(
        page=page,
        library=as_text(top, "library", ""),
        author=as_text(top, "author", "", may_be_empty=True),
        based_on=as_whole(top, "based_on", ""),
        answers=tuple(_answer(entry, f"answers[{n}]", page) for n, entry in enumerate(listed)),
    )


def _answer(entry: object, place: str, page: str) -> NameAnswer:
    row = as_object(entry, place)
    image_id = as_whole(row, "image_id", place)
    box = as_box(row, "box", place)
    decided_at = as_time(row, "decided_at", place)
    name = None
    if row.get("name") is not None:
        try:
            name = clean_name(as_text(row, "name", place))
        except UsageError as error:
            raise MalformedFile(f"{place}.name", f"is no name: {error.message}") from None
    where = ",".join(f"{side:.4f}" for side in box)
    return NameAnswer(
        uid=f"{page}/{image_id}/{where}/{decided_at.isoformat(timespec='milliseconds')}",
        image_id=image_id,
        path=as_text(row, "path", place, longest=10_000),
        size_bytes=as_whole(row, "size_bytes", place),
        box=box,
        name=name,
        decided_at=decided_at,
    )
