"""The date and time of day in a file's name. Pure functions that never raise."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from trailcam.media.time_text import offset_min, wall_time


@dataclass(frozen=True, slots=True)
class NamedTime:
    """What a name tells: ``at`` is naive, ``utc_offset_min`` None where the name states none.

    ``is_sent``: the name is of a kind that messengers, screenshots and scanners give when they
    write the file.
    """

    at: datetime
    utc_offset_min: int | None = None
    is_sent: bool = False


# Year first only. "11-03-2024" is 11 March or 3 November: accepting just the days after the 12th
# would date half a folder and leave the other half, so no day-first or month-first form is read.
# A digit before or after means a longer number that happens to contain a date.
_DATE = r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<ds>[-_.:]?)(?P<month>\d\d)(?P=ds)(?P<day>\d\d)"
_JOIN = r"(?P<join>[-_. Tt]|__| - | at )"
_TIME = r"(?P<hour>\d\d)(?P<ts>[-_.:]?)(?P<minute>\d\d)(?P=ts)(?P<second>\d\d)"
_MILLISECONDS = r"(?:[.,]?\d{3})?"
# The offset that ISO 8601 puts behind a time, with what file systems allow in place of its colon.
_ZONE = r"(?:[ _]?(?P<utc>Z|UTC|GMT)(?![A-Za-z0-9])|(?P<gap> ?)(?P<signed>[+-]\d\d[:_.]?[0134][05])(?!\d))?"
_FORMS = (
    # Spaces that macOS puts before AM and PM are narrow ones.
    re.compile(
        rf"{_DATE}{_JOIN}(?P<hour>\d\d?)(?P<ts>[-_.:]?)(?P<minute>\d\d)(?P=ts)(?P<second>\d\d)"
        r"[ \u202f\u00a0_.-]?(?P<half>[APap])\.?[Mm](?![A-Za-z])"
    ),
    re.compile(rf"{_DATE}{_JOIN}{_TIME}{_MILLISECONDS}(?!\d){_ZONE}", re.ASCII),
    re.compile(
        r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)"
        rf"(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)(?:\d{{3}})?(?!\d){_ZONE}",
        re.ASCII,
    ),
)
_SENT = re.compile(
    r"(?:whatsapp|telegram|viber|messenger|skype|wechat|snapchat|line_album|adobe scan|camscanner"
    r"|screen[ _-]?shots?|bildschirmfoto|captura de pantalla|capture d.[ée]cran|schermafbeelding)(?![a-z])"
    # Words that may as well be a station's: only right before the date.
    r"|(?:signal(?:-attachment)?|image|photo|received|scan(?:ned)?|download)[ _-]?\d",
    re.IGNORECASE,
)
_PIXEL = "PXL_"  # Google's camera names photos in UTC


def parse_file_name(name: str) -> NamedTime | None:
    """The first year-first date and time of day in ``name``, or None. A date alone is no capture time."""
    found = (match for form in _FORMS for match in form.finditer(name))
    for match in sorted(found, key=lambda m: m.start()):  # stable: of two at one place, the one with AM or PM
        groups = match.groupdict()
        numbers = (int(groups[part]) for part in ("year", "month", "day", "hour", "minute", "second"))
        at = wall_time(numbers, groups.get("half"))
        if at is not None:
            return NamedTime(at, _offset(name, groups), _SENT.match(name) is not None)
    return None


def _offset(name: str, groups: dict[str, str | None]) -> int | None:
    if groups.get("utc") or name.startswith(_PIXEL):
        return 0
    signed = groups.get("signed")
    # "-0800" may as well be a file's number: it needs ISO's T before the time, or a space before itself.
    if not signed or (signed[0] == "-" and groups.get("join") != "T" and not groups["gap"]):
        return None
    return offset_min(signed.replace("_", ":").replace(".", ":"))
