"""The files that pages save, read without trust: JSON whose every value is checked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from trailcam.errors import UsageError
from trailcam.store.corrections import is_place
from trailcam.words.text import printable

_LARGEST = 256 * 1024 * 1024  # bytes: a million answers have less
_TEXT = 200
Read = TypeVar("Read")


class SavedFileError(UsageError):
    """A page's file that can't be used; says where. Nothing was changed."""


class MalformedFile(Exception):
    """What is wrong at which place of a file."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(place, what)
        self.place = place
        self.what = what


def read_saved(path: Path, parse: Callable[[object], Read], command: str) -> Read:
    """What ``parse`` makes of a file's JSON. ``command`` is what made the page. Raises SavedFileError."""
    hint = f"Nothing was changed. Give the file that the page of `{command}` saved, unchanged."
    shown = printable(str(path))
    try:
        if path.stat().st_size > _LARGEST:
            raise SavedFileError(f"{shown} is too large for a page's answers.", hint)
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it isn't UTF-8 text"
        raise SavedFileError(f"{shown} can't be read: {why or error}.", hint) from error
    try:
        document = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise SavedFileError(f"{shown} isn't JSON: {printable(str(error))}.", hint) from error
    try:
        return parse(document)
    except MalformedFile as error:
        raise SavedFileError(f"{shown} can't be used: {error.place} {error.what}.", hint) from error


def check_form(document: object, form: str, version: int) -> Mapping[str, Any]:
    """The whole of a file of the format ``form``. Raises MalformedFile."""
    top = as_object(document, "the whole")
    if top.get("format") != form:
        raise MalformedFile("format", f'must be "{form}"')
    if isinstance(top.get("version"), bool) or top.get("version") != version:
        raise MalformedFile("version", f"must be {version}: another trailcam wrote the file")
    return top


def as_object(value: object, place: str) -> Mapping[str, Any]:
    """A JSON object. Raises MalformedFile."""
    if not isinstance(value, dict):
        raise MalformedFile(place, "must be an object")
    return value


def as_list(row: Mapping[str, Any], key: str, place: str, of: str = "") -> list[Any]:
    """A list. Raises MalformedFile."""
    value = row.get(key)
    if not isinstance(value, list):
        raise MalformedFile(_at(place, key), f"must be a list{of}")
    return value


def as_text(
    row: Mapping[str, Any], key: str, place: str, *, may_be_empty: bool = False, longest: int = _TEXT
) -> str:
    """A text that a database can hold. Raises MalformedFile."""
    value = row.get(key)
    where = _at(place, key)
    if not isinstance(value, str) or len(value) > longest or not (may_be_empty or value.strip()):
        raise MalformedFile(where, f"must be text of at most {longest:,} characters")
    try:
        value.encode()
    except UnicodeEncodeError:  # half a character, which no database holds
        raise MalformedFile(where, "holds half a character") from None
    return value


def as_flag(row: Mapping[str, Any], key: str, place: str = "") -> bool:
    """True or false. Raises MalformedFile."""
    value = row.get(key)
    if not isinstance(value, bool):
        raise MalformedFile(_at(place, key), "must be true or false")
    return value


def as_whole(row: Mapping[str, Any], key: str, place: str) -> int:
    """A whole number from 0 on. Raises MalformedFile."""
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise MalformedFile(_at(place, key), "must be a whole number")
    return value


def as_time(row: Mapping[str, Any], key: str, place: str) -> datetime:
    """A time with its zone, as UTC without zone. Raises MalformedFile."""
    value = row.get(key)
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
        utc = at.astimezone(UTC).replace(tzinfo=None) if at and at.tzinfo else None
    except (ValueError, OverflowError):
        utc = None
    if utc is None or not 1970 <= utc.year < 2262:
        raise MalformedFile(_at(place, key), "must be a time with its zone, as 2026-11-24T05:06:07.890Z")
    return utc


def as_box(row: Mapping[str, Any], key: str, place: str) -> tuple[float, float, float, float]:
    """A box, ``xywhn``. Raises MalformedFile."""
    where = _at(place, key)
    sides = row.get(key)
    if not isinstance(sides, list) or len(sides) != 4:
        raise MalformedFile(where, "must be a list of left, top, width and height")
    for n, side in enumerate(sides):
        # Compared, not math.isfinite(): JSON may hold whole numbers that no float can.
        if isinstance(side, bool) or not isinstance(side, (int, float)) or not abs(side) < 1e9:
            raise MalformedFile(f"{where}[{n}]", "must be a number from 0 to 1")
    x, y, w, h = (float(side) for side in sides)
    if not is_place(x, y, w, h):
        raise MalformedFile(where, "isn't a place on the photo: write shares from 0 to 1")
    return x, y, w, h


def _at(place: str, key: str) -> str:
    return f"{place}.{key}" if place else key


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} isn't a number")
