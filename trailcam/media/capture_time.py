"""When a photo was taken, from what the file says of itself. Pure functions; no file is touched.

The order of evidence: a correction, EXIF DateTimeOriginal, DateTimeDigitized, the camera's maker note, the
strip in the picture, EXIF DateTime, a date-time in the file name, and then nothing. A file's modification
time is never asked: copying, unzipping and cloud drives all rewrite it.

Formats: EXIF 2.32 / CIPA DC-008, section 4.6.5 (``YYYY:MM:DD HH:MM:SS``, sub-seconds as a string of
decimal digits, offsets as ``+HH:MM``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trailcam.domain import CaptureTime, TimeSource


@dataclass(frozen=True, slots=True)
class ExifTime:
    """One EXIF time as written: the date-time, its sub-seconds, its UTC offset; None where absent."""

    at: str | None = None
    subsec: str | None = None
    offset: str | None = None


NO_TIME = ExifTime()


@dataclass(frozen=True, slots=True)
class ExifTimes:
    """The three times EXIF knows: shutter, digitisation, last change of the file."""

    original: ExifTime = NO_TIME
    digitized: ExifTime = NO_TIME
    modified: ExifTime = NO_TIME


NO_TIMES = ExifTimes()

BEFORE_2000 = "before_2000"
FUTURE = "future"
CLOCK_RESET = "clock_reset"

# Where a camera's clock restarts when it loses power. 2000: the zero of real-time clock chips that
# keep two digits of the year. 2010 and 2015: observed on trail cameras. Earlier zeros (1970, 1980)
# are before_2000 anyway. More years would only accuse more honest New Year photos.
RESET_DATES = (datetime(2000, 1, 1), datetime(2010, 1, 1), datetime(2015, 1, 1))  # noqa: DTZ001 - camera time
# A camera that lost its clock runs on for weeks, but past the first two days nothing tells its photos
# from real ones.
RESET_WINDOW = timedelta(days=2)
# Shortly after such a date, a photo of that day is simply new.
RESET_MIN_AGE = timedelta(days=365)
# Cameras and computers may stand in different zones (at most 26 h apart) or have a clock a bit fast.
FUTURE_SLACK = timedelta(days=1)

# The strip is drawn seconds after the shutter, or shows minutes only.
SAME_MOMENT = timedelta(seconds=90)

CORRECTED = "corrected"
ONLY_READING = "only_reading"
READINGS_AGREE = "readings_agree"
MOST_TRUSTED = "most_trusted"  # the readings differ
_UNDATED = CaptureTime(None, TimeSource.UNKNOWN)
_TRUST = {source: n for n, source in enumerate(TimeSource)}

# Lenient where cameras are: other separators, ISO's T, a space in place of a leading zero, fractions
# and an offset appended.
_EXIF = re.compile(
    r"\s*(\d{4})[:/.-] ?(\d{1,2})[:/.-] ?(\d{1,2})[ T]+(\d{1,2}): ?(\d{1,2}): ?(\d{1,2})"
    r"(?:\.(\d+))?\s*(Z|[+-]\d\d:?\d\d)?\s*",
    re.ASCII,
)
_OFFSET = re.compile(r"\s*(?:(Z)|([+-])(\d\d):?(\d\d))\s*", re.ASCII)
_SUBSEC = re.compile(r"\s*(\d+)\s*", re.ASCII)

# Year first only. "11-03-2024" is 11 March or 3 November: accepting just the days after the 12th
# would date half a folder and leave the other half, so no day-first or month-first form is read.
# A digit before or after means a longer number that happens to contain a date.
_DATE = r"(?P<year>(?:19|20)\d\d)(?P<ds>[-_.:]?)(?P<month>\d\d)(?P=ds)(?P<day>\d\d)"
_TIME = r"(?P<hour>\d\d)(?P<ts>[-_.:]?)(?P<minute>\d\d)(?P=ts)(?P<second>\d\d)"
_NAME_PATTERNS = (
    re.compile(rf"(?<!\d){_DATE}(?:[-_. Tt]|__| - | at ){_TIME}(?!\d)", re.ASCII),
    re.compile(
        r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)"
        r"(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)(?!\d)",
        re.ASCII,
    ),
)


def best(found: Sequence[CaptureTime]) -> tuple[CaptureTime, str | None]:
    """The reading that goes first, and why: corrected, only_reading, readings_agree or most_trusted.

    The reason is None where there is none.

    A strip may show minutes only: where a less trusted source confirms it, that one's seconds are taken.
    """
    ranked = sorted(found, key=lambda reading: _TRUST[reading.source])
    if not ranked:
        return _UNDATED, None
    first, *others = ranked
    if first.source is TimeSource.CORRECTION:
        return first, CORRECTED
    alike = [other for other in others if _agree(first, other)]
    if first.source is TimeSource.STRIP and alike:
        first = alike[0]
    if not others:
        return first, ONLY_READING
    return first, READINGS_AGREE if len(alike) == len(others) else MOST_TRUSTED


def _agree(a: CaptureTime, b: CaptureTime) -> bool:
    return a.at is not None and b.at is not None and abs(a.at - b.at) <= SAME_MOMENT


def readings(
    exif: ExifTimes, file_name: str, now: datetime, noted: datetime | None = None
) -> list[CaptureTime]:
    """Every capture time that a file states, the most trusted first.

    ``noted`` is the time in the maker note. ``file_name`` is the last part of the path, with or without its
    suffix. ``now`` bounds the future; of an aware one the wall clock is taken, as cameras run on local time.
    Never raises.
    """
    found = []
    for source, written in (
        (TimeSource.EXIF, exif.original),
        (TimeSource.EXIF_DIGITIZED, exif.digitized),
        (TimeSource.EXIF_MODIFIED, exif.modified),
    ):
        parsed = parse_exif(written)
        if parsed is not None:
            at, offset = parsed
            found.append(CaptureTime(at, source, suspicion(at, now), offset))
    others = ((TimeSource.MAKER_NOTE, noted), (TimeSource.FILENAME, parse_file_name(file_name)))
    found += [CaptureTime(at, source, suspicion(at, now)) for source, at in others if at is not None]
    return sorted(found, key=lambda reading: _TRUST[reading.source])


def suspicion(at: datetime, now: datetime) -> str | None:
    """Why the naive local time ``at`` is hard to believe: one of the words of CaptureTime, or None."""
    now = now.replace(tzinfo=None)
    if at.year < 2000:
        return BEFORE_2000
    if at > now + FUTURE_SLACK:
        return FUTURE
    for reset in RESET_DATES:
        if timedelta(0) <= at - reset < RESET_WINDOW and now - reset > RESET_MIN_AGE:
            return CLOCK_RESET
    return None


def parse_exif(written: ExifTime) -> tuple[datetime, int | None] | None:
    """Naive local time and UTC offset in minutes (None: not stated), or None for no valid date-time."""
    found = _EXIF.fullmatch(written.at or "")
    if found is None:
        return None
    try:
        at = datetime(*(int(part) for part in found.groups()[:6]))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None
    subsec = _SUBSEC.fullmatch(written.subsec or "")
    digits = subsec[1] if subsec else found[7] or ""
    at = at.replace(microsecond=int(digits[:6].ljust(6, "0")))
    offset = _offset_min(written.offset)
    return at, _offset_min(found[8]) if offset is None else offset


def _offset_min(text: str | None) -> int | None:
    found = _OFFSET.fullmatch(text or "")
    if found is None:
        return None
    if found[1]:
        return 0
    hours, minutes = int(found[3]), int(found[4])
    offset = (hours * 60 + minutes) * (-1 if found[2] == "-" else 1)
    # The zones in use run from -12:00 to +14:00.
    return offset if minutes < 60 and -12 * 60 <= offset <= 14 * 60 else None


def parse_file_name(name: str) -> datetime | None:
    """The first year-first date and time of day in ``name``, or None. A date alone is no capture time."""
    found = (match for pattern in _NAME_PATTERNS for match in pattern.finditer(name))
    for match in sorted(found, key=lambda m: m.start()):
        parts = (match[part] for part in ("year", "month", "day", "hour", "minute", "second"))
        try:
            return datetime(*(int(part) for part in parts))  # type: ignore[arg-type]  # noqa: DTZ001
        except ValueError:
            continue
    return None
