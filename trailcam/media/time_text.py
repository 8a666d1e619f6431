"""A date and a time of day as files write them. Pure functions that never raise.

Formats: EXIF 2.32 / CIPA DC-008, section 4.6.5 (``YYYY:MM:DD HH:MM:SS``, sub-seconds as a string of decimal
digits, offsets as ``+HH:MM``); ISO 8601 as XMP uses it; RFC 2822 as PNG recommends; and what cameras and
programs were seen to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ExifTime:
    """One time as written: the date-time, its sub-seconds, its UTC offset; None where absent."""

    at: str | None = None
    subsec: str | None = None
    offset: str | None = None


NO_TIME = ExifTime()

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*"
# Lenient where cameras are: other separators, a space in place of a leading zero, no seconds, AM and PM.
# One digit of minutes at the end is a time cut short.
_TIME = (
    r"(?P<hour>\d{1,2})(?P<sep>[:.]) ?(?P<minute>\d\d|\d(?=[:.]))"
    r"(?:(?P=sep) ?(?P<second>\d{1,2})(?:[.,](?P<fraction>\d*))?)?"
    r"(?:\s*(?P<half>[ap])\.? ?m\.?)?"
)
# The name of a zone (CST) says no offset: three parts of the world have one of that name.
_ZONE = r"\s*(?:(?:utc|gmt)(?=[+-]))?(?P<offset>z|utc|gmt|[+-]\d\d(?::?\d\d)?)?(?:\s+[a-z]{1,3}[sd]?t)?\s*"
# Nearly every time there is; the other forms together take six times as long to try.
_PLAIN = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)", re.ASCII)
_FORMS = tuple(
    re.compile(form, re.ASCII | re.IGNORECASE)
    for form in (
        rf"\s*(?P<year>\d{{4}})[:/._-] ?(?P<month>\d{{1,2}}|(?:{'|'.join(_MONTHS)})[a-z]*)[:/._-] ?"
        rf"(?P<day>\d{{1,2}})(?:,? +|[ t]+|[:,]){_TIME}{_ZONE}",
        r"\s*(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)[ t]*(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?"
        rf"(?:\.(?P<fraction>\d+))?(?P<half>){_ZONE}",
        rf"\s*(?P<year>\d{{4}})(?P<month>\d\d)(?P<day>\d\d)[ t]+{_TIME}{_ZONE}",
        # "Sun Oct 03 07:15:44 2021", as C's ctime writes it, and "Sun, 03 Oct 2021 07:15:44 +0000".
        rf"\s*(?:[a-z]{{3,9}},? +)?{_MONTH} +(?P<day>\d{{1,2}}),? +{_TIME}"
        r"(?: +[a-z]{3,4})? +(?P<year>\d{4})(?P<offset>)\s*",
        rf"\s*(?:[a-z]{{3,9}},? +)?(?P<day>\d{{1,2}})[ -]{_MONTH}[ -](?P<year>\d{{4}}),? +{_TIME}{_ZONE}",
    )
)
_OFFSET = re.compile(r"\s*(?:(z|utc|gmt)|([+-])(\d\d)(?::?(\d\d))?)\s*", re.ASCII | re.IGNORECASE)
_SUBSEC = re.compile(r"\s*(\d+)\s*", re.ASCII)
_CONTROLS = "".join(map(chr, range(32)))
# The zones in use run from -12:00 to +14:00.
_WEST_MIN, _EAST_MIN = -12 * 60, 14 * 60


def is_stated(written: ExifTime) -> bool:
    """Whether a time is there at all, readable or not: blanks or zeros between colons mean "unknown"."""
    return bool((written.at or "").strip(" :0\0"))


def parse_exif(written: ExifTime) -> tuple[datetime, int | None] | None:
    """Naive local time and UTC offset in minutes (None: not stated), or None for no valid date-time."""
    if not written.at:
        return None
    offset = offset_min(written.offset)
    plain = _PLAIN.fullmatch(written.at)
    if plain:
        at, fraction = wall_time(map(int, plain.groups())), None
    else:
        text = written.at.strip(_CONTROLS)
        found = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
        if found is None:
            return None
        month, fraction = found["month"], found["fraction"]
        of_year = int(month) if month.isdecimal() else _MONTHS.index(month[:3].lower()) + 1
        rest = (int(found[name] or 0) for name in ("day", "hour", "minute", "second"))
        at = wall_time((int(found["year"]), of_year, *rest), found["half"])
        offset = offset_min(found["offset"]) if offset is None else offset
    if at is None:
        return None
    subsec = _SUBSEC.fullmatch(written.subsec) if written.subsec else None
    digits = subsec[1] if subsec else fraction
    return at.replace(microsecond=int(digits[:6].ljust(6, "0"))) if digits else at, offset


def wall_time(numbers: Iterable[int], half: str | None = None) -> datetime | None:
    """The moment that a clock shows, None where no clock shows it. ``half`` begins with A or P, as in AM.

    ``numbers`` are year, month, day, hour, minute and second. Some cameras call the hour after midnight 24,
    on the new date; a leap second is taken for the one before.
    """
    year, month, day, hour, minute, second = numbers
    if half:
        is_pm = half[0] in "Pp"
        if hour > 23 or (hour > 12 and not is_pm):
            return None
        hour = hour % 12 + 12 * is_pm
    hour, second = 0 if hour == 24 else hour, 59 if second == 60 else second
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - camera time
    except ValueError:
        return None


def offset_min(text: str | None) -> int | None:
    """A UTC offset (``Z``, ``+HH:MM``, ``+HH``) in minutes; None where none is written, or no zone has it."""
    found = _OFFSET.fullmatch(text) if text else None
    if found is None:
        return None
    if found[1]:
        return 0
    hours, minutes = int(found[3]), int(found[4] or 0)
    offset = (hours * 60 + minutes) * (-1 if found[2] == "-" else 1)
    return offset if minutes < 60 and _WEST_MIN <= offset <= _EAST_MIN else None
