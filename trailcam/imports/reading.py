"""Files of other programs, read without trust: what is wrong is named with its place.

A file whose structure is broken is refused whole (:class:`Malformed` to the top). An entry that is wrong in
itself costs that entry: the importer catches Malformed for it and names it among the problems.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from trailcam.errors import UsageError
from trailcam.imports.recognise import recognise
from trailcam.words.text import printable

_CHUNK = 1 << 20  # characters read at once
_LONGEST = 1 << 26  # characters of one value: an entry of a photo has a few hundred
_BLANKS = re.compile(r"[ \t\r\n]*")
_TEXT = 10_000
_ROUNDING = 1e-3  # how far a share may miss 0..1
_OUTSIDE = 0.1  # of a side: how far a box may stand out of its photo and be cut at the edge


class ImportFileError(UsageError):
    """A file that can't be imported; names the place. Nothing was changed."""


class Malformed(Exception):
    """Something at ``place`` of a file isn't what the format asks for; ``what`` says what it must be."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(place, what)
        self.place = place
        self.what = what

    def __str__(self) -> str:
        return f"{self.place} {self.what}" if self.place else self.what


class Member(NamedTuple):
    """A member of the outermost object. ``number`` counts the elements of a list that is read one by one.

    Before its elements such a list comes once itself, with the number None and an empty list.
    """

    key: str
    number: int | None
    value: Any


@contextmanager
def refusing(path: Path, expected: str) -> Iterator[None]:
    """Turn what is wrong with ``path`` into an ImportFileError. ``expected``: what it should be.

    What the file seems to be is said too, unless it begins as ``expected`` does.
    """
    hint = f"Nothing was changed. It must be {expected}."
    try:
        yield
    except Malformed as error:
        said = f"{printable(str(path))} can't be imported: {printable(str(error))}."
        raise ImportFileError(said + recognise(path, expected), hint) from error
    except UnicodeDecodeError as error:
        said = f"{printable(str(path))} is not UTF-8 text."
        raise ImportFileError(said + recognise(path, expected), hint) from error


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file. Raises ImportFileError where it can't be read, as a pipe: once only."""
    try:
        if path.exists() and not path.is_dir() and not path.is_file():
            raise OSError("it is no file, but a pipe or a device")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ImportFileError(
            f"{printable(str(path))} can't be read: {error.strerror or error}.",
            "Is the name right? Nothing was changed.",
        ) from error


def members(path: Path, lists: frozenset[str]) -> Iterator[Member]:
    """The members of the JSON object in a file; ``lists`` come element by element.

    So memory holds one element at a time, whatever the file's size. Raises Malformed with the line.
    """
    with path.open(encoding=encoding_of(path), newline="") as file:
        reader = _Reader(file)
        if reader.peek() == "[":
            raise Malformed("", "it holds a list, not an object")
        reader.take("{")
        seen: set[str] = set()
        more = reader.peek() != "}"
        if not more:
            reader.take("}")
        while more:
            key = reader.value()
            if not isinstance(key, str) or key in seen:
                raise Malformed(f"line {reader.line_at(reader.pos)}", "names a member twice, or not by text")
            seen.add(key)
            reader.take(":")
            if key in lists and reader.peek() == "[":
                yield Member(key, None, [])
                yield from _elements(reader, key)
            else:
                yield Member(key, None, reader.value(key))
            more = reader.take(",}") == ","
        if reader.peek():
            raise Malformed(f"line {reader.line_at(reader.pos)}", "continues after the end of the object")


def _elements(reader: _Reader, key: str) -> Iterator[Member]:
    reader.take("[")
    if reader.peek() == "]":
        reader.take("]")
        return
    n = 0
    while True:
        yield Member(key, n, reader.value(f"{key}[{n}]"))
        n += 1
        if reader.take(",]") == "]":
            return


def encoding_of(path: Path) -> str:
    """UTF-8, or UTF-16 where a byte order mark says so, as Windows PowerShell writes with ``>``."""
    with path.open("rb") as file:
        return "utf-16" if file.read(2) in (BOM_UTF16_LE, BOM_UTF16_BE) else "utf-8-sig"


def _nothing(_: str) -> None:
    """NaN and Infinity aren't JSON; pandas writes NaN where it has no value."""


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < 400 else math.inf


class _Reader:
    """JSON values out of a file, of which a window is held."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self.pos = 0
        self._lines = 1
        self._ended = False
        self._decoder = json.JSONDecoder(parse_constant=_nothing, parse_int=_integer)

    def line_at(self, pos: int) -> int:
        """The line of a place in the window."""
        return self._lines + self._text.count("\n", 0, pos)

    def peek(self) -> str:
        """The next character that is not a blank, "" at the end."""
        while True:
            found = _BLANKS.match(self._text, self.pos)
            self.pos = found.end() if found else self.pos
            if self.pos < len(self._text) or self._ended:
                return self._text[self.pos : self.pos + 1]
            self._more()

    def take(self, wanted: str) -> str:
        """The next character, which must be one of ``wanted``."""
        found = self.peek()
        if not found or found not in wanted:
            what = f'must go on with {" or ".join(wanted)}, not "{found}"' if found else "ends too early"
            raise Malformed(f"line {self.line_at(self.pos)}", f"is not JSON: it {what}")
        self.pos += 1
        return found

    def value(self, place: str = "") -> Any:  # noqa: ANN401 - JSON
        """The next value, whole."""
        self.peek()
        while True:
            end, why, at = -1, "it is too long", self.pos
            try:
                value, end = self._decoder.raw_decode(self._text, self.pos)
            except RecursionError:
                raise Malformed(self._at(place, self.pos), "is nested too deep") from None
            except json.JSONDecodeError as error:
                why, at = error.msg, error.pos
            if end >= 0 and (end < len(self._text) or self._ended):
                self.pos = end
                return value
            if self._ended or len(self._text) - self.pos > _LONGEST:
                raise Malformed(self._at(place, at), f"is not JSON: {why}")
            self._more()

    def _at(self, place: str, pos: int) -> str:
        line = f"line {self.line_at(pos)}"
        return f"{place} ({line})" if place else line

    def _more(self) -> None:
        self._lines += self._text.count("\n", 0, self.pos)
        rest = self._text[self.pos :]
        fresh = self._file.read(max(_CHUNK, len(rest)))
        self._text, self.pos, self._ended = rest + fresh, 0, not fresh


def as_object(value: object, place: str) -> Mapping[str, Any]:
    """``value`` as an object. Raises Malformed."""
    if not isinstance(value, dict):
        raise Malformed(place, "must be an object")
    return value


def as_list(value: object, place: str) -> list[Any]:
    """``value`` as a list. Raises Malformed."""
    if not isinstance(value, list):
        raise Malformed(place, "must be a list")
    return value


def as_text(value: object, place: str) -> str:
    """``value`` as text that isn't blank. Raises Malformed."""
    if not isinstance(value, str) or not value.strip() or len(value) > _TEXT or "\0" in value:
        raise Malformed(place, f"must be text of 1 to {_TEXT:,} characters")
    return value


def as_number(value: object, place: str, low: float = -math.inf, high: float = math.inf) -> float:
    """``value`` as a finite number of ``low`` to ``high``. Raises Malformed."""
    if not isinstance(value, bool) and isinstance(value, (int, float)):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number) and low <= number <= high:
            return number
    span = f" from {low:g} to {high:g}" if math.isfinite(low + high) else ""
    raise Malformed(place, f"must be a number{span}")


def as_box(
    value: object, place: str, width: float = 1.0, height: float = 1.0
) -> tuple[float, float, float, float]:
    """``value``, a list of left, top, width and height, as ``xywhn`` of a photo of ``width`` x ``height``.

    What stands out by a tenth of the photo or less is cut at the edge: many programs round, and people draw
    over it. Sides may be 0. Raises Malformed.
    """
    sides = as_list(value, place)
    if len(sides) != 4:
        raise Malformed(place, "must be a list of left, top, width and height")
    x, y, w, h = (as_number(side, f"{place}[{n}]") for n, side in enumerate(sides))
    left, top, right, bottom = x / width, y / height, (x + w) / width, (y + h) / height
    if w < 0 or h < 0 or min(left, top) < -_OUTSIDE or max(right, bottom) > 1 + _OUTSIDE:
        unit = "shares from 0 to 1" if width == height == 1 else f"{width:g} x {height:g} pixels"
        raise Malformed(place, f"lies outside of its photo ({unit})")
    left, top, right, bottom = (min(max(side, 0.0), 1.0) for side in (left, top, right, bottom))
    return left, top, right - left, bottom - top


def as_share(value: object, place: str) -> float:
    """``value`` as a number of 0 to 1, a rounding error beyond it cut off. Raises Malformed."""
    try:
        return min(max(as_number(value, place, -_ROUNDING, 1 + _ROUNDING), 0.0), 1.0)
    except Malformed:
        raise Malformed(place, "must be a number from 0 to 1") from None


def as_id(value: object, place: str) -> str:
    """An id as text; programs write whole numbers, too, and 3.0 for 3. Raises Malformed."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return as_text(value, place)
