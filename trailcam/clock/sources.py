"""What a file says of itself in several places. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from trailcam.clock.doubt import SOURCES_DIFFER, Doubt
from trailcam.media.capture_time import SAME_MOMENT

# Programs that copy or edit write times of other zones, which are at most 26 hours apart.
_ZONES_APART = timedelta(hours=26)
_HOUR = timedelta(hours=1)
_MOSTLY = 0.9
_FEW = 5


@dataclass(frozen=True, slots=True)
class FileTimes:
    """The times of one file: by the camera (``own``: EXIF, maker note or strip), in the camera's maker note
    beside EXIF, at its last change, in its name with the UTC offset that the name states (minutes)."""

    own: datetime | None
    noted: datetime | None
    modified: datetime | None
    named: datetime | None
    named_offset_min: int | None = None


def judge_sources(said: Sequence[FileTimes], zone: ZoneInfo | None) -> dict[int, Doubt]:
    """Places of files of one camera whose sources contradict each other.

    Editing makes the last change later, never earlier. A name may be given when a photo arrives, within a
    day; whole hours beside the camera's own time, or more than a day, are no delay. Names that are all in UTC
    contradict nothing, and neither does one that states its offset and says the same moment.
    """
    in_utc = _names_in_utc(said, zone)
    found = {}
    for i, one in enumerate(said):
        base = one.own or one.modified
        edited_before = one.own and one.modified and one.modified < one.own - _ZONES_APART
        misnamed = base and _misnamed(one, base, zone, in_utc)
        noted_else = one.own and one.noted and abs(one.noted - one.own) > SAME_MOMENT
        if edited_before or misnamed or noted_else:
            found[i] = Doubt(SOURCES_DIFFER)
    return found


def _misnamed(one: FileTimes, base: datetime, zone: ZoneInfo | None, in_utc: bool) -> bool:
    """Whether the name says another moment than ``base``, the camera's own time."""
    if one.named is None or not _contradicts(one.named - base):
        return False
    if one.named_offset_min is None:
        return not in_utc
    moment = one.named - timedelta(minutes=one.named_offset_min)
    if zone is None:  # any hours may be those between the name's offset and the camera's
        return abs(moment - base) > _ZONES_APART
    apart = moment + (base.replace(tzinfo=zone).utcoffset() or timedelta()) - base
    # Names know summer time, and many cameras don't.
    return _contradicts(apart) and abs(apart) > _HOUR + SAME_MOMENT


def _contradicts(apart: timedelta) -> bool:
    if abs(apart) > _ZONES_APART:
        return True
    hours = round(apart / _HOUR)
    return hours != 0 and abs(apart - hours * _HOUR) <= SAME_MOMENT


def _names_in_utc(said: Sequence[FileTimes], zone: ZoneInfo | None) -> bool:
    """Whether names that state no offset are in UTC.

    Without a known zone: all the same few hours beside the camera's time.
    """
    pairs = [
        (base, one.named)
        for one in said
        if (base := one.own or one.modified) and one.named and one.named_offset_min is None
    ]
    if len(pairs) < _FEW:
        return False
    if zone is not None:
        fits = sum(
            abs(named - base + (base.replace(tzinfo=zone).utcoffset() or timedelta())) <= SAME_MOMENT
            for base, named in pairs
        )
        return fits >= _MOSTLY * len(pairs)
    apart = sorted(named - base for base, named in pairs)
    middle = apart[len(apart) // 2]
    same = sum(abs(one - middle) <= _HOUR + SAME_MOMENT for one in apart)  # an hour: summer time
    return 2 * _HOUR <= abs(middle) < 12 * _HOUR and same >= _MOSTLY * len(apart)
