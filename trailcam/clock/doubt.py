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
    CLOCK_RESET: "the clock started anew where the camera's default is, or ran on from there",
    BEFORE_2000: "before 2000",
    FUTURE: "in the future",
    YEAR_OFF: "a whole year beside the photos numbered before and after",
    DAY_FOR_MONTH: "with day and month swapped it fits the photos numbered before and after",
    HALF_DAY_OFF: "twelve hours off: morning taken for evening",
    HOUR_OFF: "an hour off, as from summer time",
    OUT_OF_ORDER: "contradicts the photos numbered before and after",
    FROZEN: "many photos of one second: the clock stood still",
    LIGHT_DIFFERS: "infrared by day or colour by night, by the sun at the station",
    STRIP_DIFFERS: "the strip in the picture says another time than EXIF",
    SOURCES_DIFFER: "what the file says of itself in two places differs",
    OFFSET_DIFFERS: "the UTC offset in the file is hours from the station's: the sun goes without it",
    ORIGINAL_UNREADABLE: "the original time is there but can't be read: this one was written later",
    SENT_OR_SAVED: "when a program sent or saved the file, not when the photo was taken",
    NUMBERS_BACKWARDS: "the later the photo, the lower its number: nothing can be told from the order",
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """``word`` is a key of :data:`MEANING`; ``by``: what `times shift --by` would probably mend it."""

    word: str
    by: str | None = None
