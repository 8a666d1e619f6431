"""When a photo was taken, from what the file says of itself. Pure functions; no file is touched.

The order of evidence: a correction, EXIF DateTimeOriginal, DateTimeDigitized, the camera's maker note, the
strip in the picture, what programs keep beside EXIF (XMP, IPTC, PNG text), EXIF DateTime, a date-time in the
file name, the satellites' time, and then nothing. A file's modification time is never asked: copying,
unzipping and cloud drives all rewrite it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trailcam.domain import CaptureTime, TimeSource
from trailcam.media.time_in_name import parse_file_name
from trailcam.media.time_text import NO_TIME, ExifTime, is_stated, parse_exif


@dataclass(frozen=True, slots=True)
class ExifTimes:
    """The three times EXIF knows: shutter, digitisation, last change of the file; and those found beside it.

    ``gps`` is in UTC. ``xmp_saved``: the time in XMP is when a program made the file.
    """

    original: ExifTime = NO_TIME
    digitized: ExifTime = NO_TIME
    modified: ExifTime = NO_TIME
    xmp: ExifTime = NO_TIME
    iptc: ExifTime = NO_TIME
    png_text: ExifTime = NO_TIME
    gps: ExifTime = NO_TIME
    xmp_saved: bool = False


NO_TIMES = ExifTimes()

BEFORE_2000 = "before_2000"
FUTURE = "future"
CLOCK_RESET = "clock_reset"
ORIGINAL_UNREADABLE = "original_unreadable"
SENT_OR_SAVED = "sent_or_saved"
STRIP_DIFFERS = "strip_differs"

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

# Years in which cameras ran or may run. Beyond them a time is in doubt, and nothing is calculated from it.
_FIRST_YEAR, _LAST_YEAR = 1970, 2069

# The strip is drawn seconds after the shutter, or shows minutes only.
SAME_MOMENT = timedelta(seconds=90)

CORRECTED = "corrected"
ONLY_READING = "only_reading"
READINGS_AGREE = "readings_agree"
MOST_TRUSTED = "most_trusted"  # the readings differ
_UNDATED = CaptureTime(None, TimeSource.UNKNOWN)
_TRUST = {source: n for n, source in enumerate(TimeSource)}
_ORIGINAL = frozenset({TimeSource.EXIF, TimeSource.XMP, TimeSource.IPTC, TimeSource.PNG_TEXT})


def in_reach(at: datetime | None) -> bool:
    """Whether a time may be compared with others and moved by hours: a camera could have run in its year."""
    return at is None or _FIRST_YEAR <= at.year <= _LAST_YEAR


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
    found: dict[TimeSource, tuple[datetime, int | None]] = {}
    for source, written in _written(exif):
        parsed = parse_exif(written) if written.at else None
        if parsed is not None:
            found[source] = parsed
    if noted is not None:
        found[TimeSource.MAKER_NOTE] = (noted, None)
    named = parse_file_name(file_name)
    if named is not None:
        found[TimeSource.FILENAME] = (named.at, named.utc_offset_min)
    doubts = _doubts(exif, found, is_sent=named is not None and named.is_sent)
    times = [
        CaptureTime(at, source, suspicion(at, now) or doubts.get(source), offset)
        for source, (at, offset) in found.items()
    ]
    return sorted(times, key=lambda reading: _TRUST[reading.source])


def _written(exif: ExifTimes) -> tuple[tuple[TimeSource, ExifTime], ...]:
    return (
        (TimeSource.EXIF, exif.original),
        (TimeSource.EXIF_DIGITIZED, exif.digitized),
        (TimeSource.EXIF_MODIFIED, exif.modified),
        (TimeSource.XMP, exif.xmp),
        (TimeSource.IPTC, exif.iptc),
        (TimeSource.PNG_TEXT, exif.png_text),
        (TimeSource.GPS, exif.gps),
    )


def _doubts(
    exif: ExifTimes, found: dict[TimeSource, tuple[datetime, int | None]], *, is_sent: bool
) -> dict[TimeSource, str]:
    """The sources whose time may be another than the shutter's, and why; their dates may well be possible."""
    doubts: dict[TimeSource, str] = {}
    if is_sent:  # a screenshot's own texts are as young as its name
        doubts |= dict.fromkeys((TimeSource.FILENAME, TimeSource.PNG_TEXT), SENT_OR_SAVED)
    if exif.xmp_saved:
        doubts[TimeSource.XMP] = SENT_OR_SAVED
    # Beside an original time that can't be read (or is a date alone) the camera's own words are as good;
    # what another program wrote later is not.
    for source, written in _written(exif):
        if source in _ORIGINAL and is_stated(written) and source not in found:
            weaker = {other for other in found if _TRUST[other] > _TRUST[source]} - {TimeSource.MAKER_NOTE}
            doubts |= dict.fromkeys(weaker, ORIGINAL_UNREADABLE)
    return doubts


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
