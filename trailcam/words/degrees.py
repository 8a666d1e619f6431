"""Latitudes and longitudes as people write them: decimal degrees, or degrees, minutes and seconds.

Read are ``30.2565``, ``-97.75``, ``30°15'23.4"N``, ``N 30 15.39`` and ``97:45:00 W``, with the primes and
minus signs of any keyboard. Written is the form with seconds and a letter, as on maps (ISO 6709, annex D).
"""

from __future__ import annotations

import re
from enum import Enum

from trailcam.errors import UsageError
from trailcam.words.text import printable

# Ordinal indicator and ring for the degree; primes, quotes and accents; minus sign and dash.
_ALIKE = str.maketrans(
    {
        **dict.fromkeys("\u00ba\u02da", "°"),
        **dict.fromkeys("\u2032\u2018\u2019\u02b9\u00b4`", "'"),
        **dict.fromkeys("\u2033\u201c\u201d\u02ba", '"'),
        **dict.fromkeys("\u2212\u2013", "-"),
    }
)
# A separator stands between the parts, or 305 could be read as 30 degrees 5 minutes.
_WRITTEN = re.compile(
    r"""(?P<before>[NSEW])?\ ?(?P<sign>[+-])?\ ?
    (?P<degrees>[0-9]{1,3}(?:\.[0-9]+)?)
    (?:(?:\ ?[°:]\ ?|\ )(?P<minutes>[0-9]{1,2}(?:\.[0-9]+)?)
      (?:(?:\ ?[':]\ ?|\ )(?P<seconds>[0-9]{1,2}(?:\.[0-9]+)?)\ ?"?|\ ?'?)
    |\ ?°?)
    \ ?(?P<after>[NSEW])?""",
    re.VERBOSE,
)
_TENTHS = 36_000  # tenths of a second in a degree; 3 m on the ground


class Axis(Enum):
    """Which of the two: its name, the letters for positive and negative, and the largest value."""

    LATITUDE = ("latitude", "N", "S", 90)
    LONGITUDE = ("longitude", "E", "W", 180)

    def __init__(self, label: str, positive: str, negative: str, most: int) -> None:
        self.label = label
        self.positive = positive
        self.negative = negative
        self.most = most


def parse_degrees(text: str, axis: Axis) -> float:
    """Degrees of WGS 84, north and east positive. Raises UsageError that says what is wrong."""
    plain = re.sub(r"\s+", " ", text.translate(_ALIKE).replace("''", '"')).strip().upper()
    found = _WRITTEN.fullmatch(plain)
    if found is None:
        raise _refusal(text, axis, "write a decimal point, not a comma" if "," in plain else None)
    letters = {letter for letter in (found["before"], found["after"]) if letter}
    if letters and (found["sign"] or (found["before"] and found["after"])):
        raise _refusal(text, axis, "a letter or a sign, once")
    if letters - {axis.positive, axis.negative}:
        raise _refusal(text, axis, f"{axis.positive} or {axis.negative} goes with a {axis.label}")
    parts = [part for part in (found["degrees"], found["minutes"], found["seconds"]) if part]
    if any("." in part for part in parts[:-1]):
        raise _refusal(text, axis, "a fraction only in the last part")
    if any(float(part) >= 60 for part in parts[1:]):
        raise _refusal(text, axis, "minutes and seconds are less than 60")
    value = sum(float(part) / (1, 60, 3600)[place] for place, part in enumerate(parts))
    if value > axis.most:
        raise _refusal(text, axis, f"at most {axis.most} degrees")
    is_negative = found["sign"] == "-" or axis.negative in letters
    return -value if is_negative and value else value


def format_degrees(value: float, axis: Axis) -> str:
    """``30°15'23.4"N``: to a tenth of a second, which is 3 m."""
    tenths = round(abs(value) * _TENTHS)
    letter = axis.negative if value < 0 and tenths else axis.positive
    degrees, rest = divmod(tenths, _TENTHS)
    minutes, rest = divmod(rest, 600)
    return f"{degrees}°{minutes:02d}'{rest // 10:02d}.{rest % 10}\"{letter}"


def _refusal(text: str, axis: Axis, why: str | None) -> UsageError:
    example = "30.2565 or 30°15'23.4\"N" if axis is Axis.LATITUDE else "-97.75 or 97°45'00.0\"W"
    reason = f": {why}" if why else ""
    return UsageError(f'"{printable(text)}" isn\'t a {axis.label}{reason}.', f"Write {example}.")
