"""What goes into reading strips and what comes out. Frozen records; nothing here reads or computes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path


class DateOrder(StrEnum):
    """In which order a camera writes a date of three numbers."""

    YMD = "ymd"
    MDY = "mdy"
    DMY = "dmy"


class Reason(StrEnum):
    """What a reading is worth. Only ``ok`` gives a photo its time."""

    OK = "ok"
    NOT_JUDGED = "not_judged"  # read, but the folder isn't finished
    UNREADABLE_FILE = "unreadable_file"
    NO_STRIP = "no_strip"  # no line of text with a date and a time was found at the edges
    ODD_FORMAT = "odd_format"  # not written as the folder's other photos are
    ORDER_UNKNOWN = "order_unknown"  # day and month can't be told apart
    HALF_UNKNOWN = "half_unknown"  # morning and evening can't be told apart
    UNSURE = "unsure"  # the characters were hard to read
    OUT_OF_ORDER = "out_of_order"  # contradicts the photos before and after it
    EXIF_DIFFERS = "exif_differs"  # contradicts the file's own EXIF time
    IMPOSSIBLE = "impossible"  # no such date, or one in the future


@dataclass(frozen=True, slots=True)
class StripImage:
    """One photo to read. ``name`` gives the place in the sequence, as a file browser would sort it.

    ``orientation`` is the EXIF value 1..8; ``exif_at`` the naive local time that EXIF states, if any.
    """

    name: str
    path: Path
    exif_at: datetime | None = None
    orientation: int = 1


@dataclass(frozen=True, slots=True)
class RawReading:
    """What one photo's strip shows, before the folder has spoken.

    ``text`` is the date and time as read, empty where there is none; ``certainty`` (0..1) that of its weakest
    character. ``failure`` says why there is no text. ``temperature_c`` is in degrees Celsius, None where none
    was read or where two scales contradict each other. ``layout`` names the size of the photo and the
    place of the strip.
    """

    name: str
    exif_at: datetime | None = None
    text: str = ""
    certainty: float = 0.0
    failure: Reason | None = None
    temperature_c: float | None = None
    layout: str | None = None


@dataclass(frozen=True, slots=True)
class StripReading:
    """What the strip of a photo is worth.

    ``read_at`` is the time that was read, naive local and to the second (to the minute where ``has_seconds``
    is false), None where there is none or day and month can't be told apart. It counts where ``reason`` is
    ok. ``confidence`` is 0..1, for the time alone.
    """

    raw: RawReading
    read_at: datetime | None
    confidence: float
    reason: Reason
    has_seconds: bool = True

    @property
    def captured_at(self) -> datetime | None:
        """The time, None unless it counts."""
        return self.read_at if self.reason is Reason.OK else None
