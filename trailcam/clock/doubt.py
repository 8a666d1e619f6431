"""The words for what may be wrong with a capture time. What is doubted is kept and shown."""

from __future__ import annotations

from dataclasses import dataclass

from trailcam.media.capture_time import (
    BEFORE_2000,
    CLOCK_RESET,
    FUTURE,
    ORIGINAL_UNREADABLE,
    SENT_OR_SAVED,
    STRIP_DIFFERS,
)

SOURCES_DIFFER = "sources_differ"
OFFSET_DIFFERS = "offset_differs"
YEAR_OFF = "year_off"
DAY_FOR_MONTH = "day_for_month"
HALF_DAY_OFF = "half_day_off"
HOUR_OFF = "hour_off"
OUT_OF_ORDER = "out_of_order"
FROZEN = "frozen"
LIGHT_DIFFERS = "light_differs"
NUMBERS_BACKWARDS = "numbers_backwards"  # of file names
ACCUSE_NO_CLOCK = frozenset({OFFSET_DIFFERS, NUMBERS_BACKWARDS})
"""What a check tells of photos whose times are in no doubt for it."""

MEANING = {
    CLOCK_RESET: "the clock restarted at the camera's default date, or ran on from there",
    BEFORE_2000: "before 2000",
    FUTURE: "in the future",
    YEAR_OFF: "a whole year off from the photos numbered before and after",
    DAY_FOR_MONTH: "fits the photos numbered before and after if day and month are swapped",
    HALF_DAY_OFF: "twelve hours off: AM and PM mixed up",
    HOUR_OFF: "an hour off, as with summer time",
    OUT_OF_ORDER: "contradicts the photos numbered before and after",
    FROZEN: "many photos in one second: the clock stood still",
    LIGHT_DIFFERS: "infrared by day or colour by night, compared with the sun at the station",
    STRIP_DIFFERS: "the strip in the picture shows another time than EXIF",
    SOURCES_DIFFER: "two places in the file state different times",
    OFFSET_DIFFERS: "the UTC offset in the file is hours from the station's: it is ignored for the sun",
    ORIGINAL_UNREADABLE: "the original time is there but can't be read: this one was written later",
    SENT_OR_SAVED: "when a program sent or saved the file, not when the photo was taken",
    NUMBERS_BACKWARDS: "the later the photo, the lower its number: the order shows nothing",
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """``word`` is a key of :data:`MEANING`; ``by``: what `times shift --by` would probably fix it."""

    word: str
    by: str | None = None
