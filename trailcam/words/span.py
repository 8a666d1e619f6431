"""Spans of time as people write them: a duration (``30m``), and by how much a clock was wrong (``+1y2h``)."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from trailcam.errors import UsageError
from trailcam.words.text import printable

_AMOUNT = re.compile(
    r"([+-])?(?:(\d+)y)?(?:(\d+)mo)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?:in)?)?(?:(\d+)s)?",
    re.IGNORECASE | re.ASCII,
)
_DURATION_HINT = "Write a number with its unit: 90s, 30m, 2h, 1h30m or 1d."
_DURATION = re.compile(
    r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+(?:\.[0-9]{1,6})?)s)?", re.IGNORECASE
)
_AMOUNT_HINT = (
    "Write it as +1y2h, -12h, +3d or +1h30m: y, mo (months), w, d, h, m (minutes) and s, the largest first."
)


@dataclass(frozen=True, slots=True)
class Amount:
    """``months`` by the calendar, ``rest`` by the clock; both of one sign."""

    months: int
    rest: timedelta

    def after(self, at: datetime) -> datetime:
        """``at`` moved by this; 29 February becomes the 28th in a common year.

        Raises UsageError for a moment outside the years 1 to 9999.
        """
        try:
            year, month = divmod(at.year * 12 + at.month - 1 + self.months, 12)
            day = min(at.day, calendar.monthrange(year, month + 1)[1])
            return at.replace(year=year, month=month + 1, day=day) + self.rest
        except (ValueError, OverflowError):
            raise UsageError("The result is outside the years 1 to 9999.", _AMOUNT_HINT) from None


def parse_duration(text: str) -> timedelta:
    """A span above zero: ``"90s"``, ``"0.5s"``, ``"30m"``, ``"1h30m"``, ``"1d"``. Raises UsageError.

    A bare number is refused: nothing says whether it means seconds or minutes.
    """
    shown = printable(text.strip())
    match = _DURATION.fullmatch("".join(text.split()))
    if match is None or not any(match.groups()):
        what = "has no unit" if shown.isdecimal() else "isn't a length of time"
        raise UsageError(f'"{shown}" {what}.', _DURATION_HINT)
    try:
        days, hours, minutes = (int(group or 0) for group in match.groups()[:3])
        span = timedelta(days=days, hours=hours, minutes=minutes, seconds=float(match[4] or 0))
    except (ValueError, OverflowError):
        raise UsageError(f'"{shown[:40]}" is too long a time.', _DURATION_HINT) from None
    if not span:
        raise UsageError(f'"{shown}" is zero; give a longer time.', _DURATION_HINT)
    return span


def parse_amount(text: str) -> Amount:
    """``"+1y2h"`` -> twelve months and two hours; without a sign it is a plus. Raises UsageError."""
    match = _AMOUNT.fullmatch("".join(text.split()))
    if match is None or not any(match.groups()[1:]):
        raise UsageError(f'Cannot read "{printable(text.strip())}" as a length of time.', _AMOUNT_HINT)
    sign = -1 if match[1] == "-" else 1
    try:
        years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups()[1:])
        rest = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except (ValueError, OverflowError):  # ValueError: more digits than Python converts
        raise UsageError(f'"{printable(text.strip()[:40])}" is too long a time.', _AMOUNT_HINT) from None
    return Amount(sign * (12 * years + months), sign * rest)


def format_seconds(seconds: int) -> str:
    """Seconds as days, hours, minutes and seconds with a sign: ``+366d 2h``."""
    rest, parts = abs(seconds), []
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        n, rest = divmod(rest, size)
        if n:
            parts.append(f"{n}{unit}")
    return ("-" if seconds < 0 else "+") + (" ".join(parts) or "0s")


def in_words(seconds: float) -> str:
    """``4.2 s``, ``44 s``, ``3 min 20 s``, ``1 h 12 min``."""
    whole = round(seconds)
    if whole < 10:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
