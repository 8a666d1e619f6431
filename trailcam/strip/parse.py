"""The text of a strip -> date, time and temperature. Pure functions.

A date of three numbers is not decided here: which of them is the day is a property of the camera, found from
all of its photos (see order.py). A format that leaves a doubt about which digits belong to what is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time

from trailcam.strip.records import DateOrder

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMED = rf"(?P<name>{'|'.join(_MONTHS)})[a-z]*"
_SEP = r" ?(?P<sep>[-/.]) ?"
_SEP2 = r" ?(?P=sep) ?"
_DATES = (
    rf"(?<!\d)(?P<a>20\d\d){_SEP}(?P<b>\d\d?){_SEP2}(?P<c>\d\d?)",
    rf"(?<!\d)(?P<a>\d\d?){_SEP}(?P<b>\d\d?){_SEP2}(?P<c>20\d\d|\d\d)",
    rf"(?<![\da-z])(?P<a>\d\d?)[-/. ]?{_NAMED}[-/., ]{{0,2}}(?P<c>20\d\d)",
    rf"(?<![a-z]){_NAMED}[-/. ]?(?P<a>\d\d?)[-/., ]{{1,2}}(?P<c>20\d\d)",
)
_HALF = r"(?:(?P<half>(?<=\d)[ap](?![a-z.])| ?[ap]\.?m(?![a-z])))?"
# A lone A or P after the time is an AM or PM cut short, and AMM is one that ran into the next word: better
# not read than half a day wrong.
_TIME = (
    r"(?P<hour>\d\d?) ?: ?(?P<minute>\d\d)(?: ?: ?(?P<second>\d\d))?(?!\d| ?:)"
    rf"{_HALF}(?! ?[ap]\.?(?:m|(?![a-z])))"
)
# Where the time follows the date without a space, the digits of the time show where the date ends.
_FORMS = tuple(
    re.compile(pattern, re.ASCII | re.IGNORECASE)
    for date in _DATES
    for pattern in (rf"{date}[ ,]{{0,3}}{_TIME}", rf"(?<![\d:]){_TIME}[ ,]{{1,3}}{date}(?!\d)")
)
_APART = tuple(re.compile(rf"{date}(?!\d)", re.ASCII | re.IGNORECASE) for date in _DATES)
_TIME_ALONE = re.compile(rf"(?<![\d:]){_TIME}", re.ASCII | re.IGNORECASE)
TEMPERATURE = re.compile(
    r"(?<![\d/:.])(?P<sign>[-+]?) ?(?P<value>\d{1,3}) ?°{0,2} ?(?P<unit>[CF])(?![a-z])",
    re.ASCII | re.IGNORECASE,
)
# What OCR makes of a digit between digits.
_DIGITS = str.maketrans({"O": "0", "o": "0", "I": "1", "l": "1"})
_DIGITLIKE = re.compile(r"(?<=[\d/:-])[OoIl](?=[\d/:-])|(?<=[/:-])[OoIl](?=\d)|(?<=\d)[OoIl](?=[/:-])")

_C_MIN, _C_MAX = -60.0, 70.0  # beyond what cameras survive
_AGREE_C = 1.2  # two scales, each rounded or cut to a whole degree


@dataclass(frozen=True, slots=True)
class Stamp:
    """A date and a time as written.

    ``numbers`` are the date's three numbers as written, ``orders`` the orders under which they are a date.
    ``shape`` describes the format; photos of one camera share it. ``span`` is where in the text it stands.
    ``padded`` tells whether the date and the hour write 5 as 05; None where both would look the same.
    """

    numbers: tuple[int, int, int]
    orders: tuple[DateOrder, ...]
    at: time
    shape: str
    span: tuple[int, int]
    padded: tuple[bool | None, bool | None] = (None, None)

    @property
    def is_12h(self) -> bool:
        """Whether the strip writes AM or PM."""
        return "12" in self.shape

    @property
    def has_seconds(self) -> bool:
        """Whether the strip shows seconds."""
        return "s" in self.shape

    def when(self, order: DateOrder) -> datetime | None:
        """The moment under ``order``, None where that is not a date."""
        return _datetime(self.numbers, order, self.at)


def clean(text: str) -> str:
    """``text`` with letters that can only be digits made digits; as long as before."""
    return _DIGITLIKE.sub(lambda m: m[0].translate(_DIGITS), text)


def find_stamp(text: str) -> Stamp | None:
    """The one date with a time in a line of text, or None for none or more than one."""
    text = clean(text)
    for form in _FORMS:
        found = list(form.finditer(text))
        if len(found) == 1:
            match = found[0]
            return _stamp(match, match, match.span(), "t" if match.start("hour") < match.start("a") else "")
        if found:
            return None
    dates = [match for form in _APART for match in form.finditer(text)]
    times = list(_TIME_ALONE.finditer(text))
    if len(dates) != 1 or len(times) != 1:
        return None
    date, clock = dates[0], times[0]
    if date.start() < clock.end() and clock.start() < date.end():
        return None
    return _stamp(date, clock, (min(date.start(), clock.start()), max(date.end(), clock.end())), "+")


def find_temperature(text: str) -> float | None:
    """Degrees Celsius; None for no temperature, an absurd one, or two that contradict each other."""
    celsius = []
    for match in TEMPERATURE.finditer(text):
        value = int(match["value"]) * (-1 if match["sign"] == "-" else 1)
        celsius.append((value - 32) / 1.8 if match["unit"] in "Ff" else float(value))
    if not celsius or max(celsius) - min(celsius) > _AGREE_C:
        return None
    # Celsius as written, where it is: Fahrenheit is rounded once more.
    units = [match["unit"] in "Cc" for match in TEMPERATURE.finditer(text)]
    chosen = celsius[units.index(True)] if True in units else celsius[0]
    return round(chosen, 1) if _C_MIN <= chosen <= _C_MAX else None


def _stamp(date: re.Match[str], clock: re.Match[str], span: tuple[int, int], place: str) -> Stamp | None:
    at = _clock(clock)
    if at is None:
        return None
    groups = date.groupdict()
    if groups.get("name"):
        named = _MONTHS.index(groups["name"].lower()[:3]) + 1
        numbers = (int(groups["a"]), named, int(groups["c"]))
        candidates: tuple[DateOrder, ...] = (DateOrder.DMY,)
        shape = "dNy" if date.start("a") < date.start("name") else "Ndy"
    else:
        numbers = (int(groups["a"]), int(groups["b"]), int(groups["c"]))
        if len(groups["a"]) == 4:
            candidates, shape = (DateOrder.YMD,), f"Y{groups['sep']}"
        elif len(groups["c"]) == 4:
            candidates, shape = (DateOrder.MDY, DateOrder.DMY), f"{groups['sep']}Y"
        else:
            candidates, shape = tuple(DateOrder), f"{groups['sep']}y"
    orders = tuple(order for order in candidates if _datetime(numbers, order, at) is not None)
    if not orders:
        return None
    shape += f" {'hms' if clock['second'] else 'hm'}{'12' if clock['half'] else '24'}{place}"
    days = [text for name in "abc" if (text := groups.get(name)) and len(text) <= 2]
    return Stamp(numbers, orders, at, shape, span, (_padded(days), _padded([clock["hour"]])))


def _padded(texts: Sequence[str]) -> bool | None:
    if any(len(text) == 1 for text in texts):
        return False
    return True if any(text.startswith("0") for text in texts) else None


def _clock(match: re.Match[str]) -> time | None:
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    if match["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if "p" in match["half"].lower() else 0)
    return time(hour, minute, second) if hour < 24 and minute < 60 and second < 60 else None


def _datetime(numbers: tuple[int, int, int], order: DateOrder, at: time) -> datetime | None:
    a, b, c = numbers
    year, month, day = {DateOrder.YMD: (a, b, c), DateOrder.MDY: (c, a, b), DateOrder.DMY: (c, b, a)}[order]
    if year < 100:
        year += 2000
    try:
        return datetime(year, month, day, at.hour, at.minute, at.second)  # noqa: DTZ001 - a camera's clock
    except ValueError:
        return None
