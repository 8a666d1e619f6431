"""Dates as people write them: a year, a month, a day or a moment, each with its first and last instant."""

from __future__ import annotations

import calendar
import re
from datetime import datetime

from trailcam.errors import UsageError
from trailcam.words.text import printable

_DATE_HINT = "Write 2024-11-03, 2024-11-03T17:15, 2024-11 or 2024, in the camera's own clock time (no zone)."
_DATE = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})"
    r"(?:-(?P<day>[0-9]{2})(?:[T ](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?)?)?)?",
    re.IGNORECASE,
)


def parse_date(text: str) -> datetime:
    """The first moment of a year, month, day or minute, for ``--since``: naive, in the camera's own time.

    ``"2024-11"`` -> 2024-11-01 00:00:00. Raises UsageError.
    """
    return _date_bounds(text)[0]


def parse_until(text: str) -> datetime:
    """The last microsecond of a year, month, day, minute or second, for ``--until``, which is inclusive.

    ``"2024-11"`` -> 2024-11-30 23:59:59.999999; compare with ``<=``. Raises UsageError.
    """
    return _date_bounds(text)[1]


def _date_bounds(text: str) -> tuple[datetime, datetime]:
    """First and last microsecond of the year, month, day, minute or second that ``text`` names."""
    match = _DATE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f'Cannot read "{printable(text)}" as a date.', _DATE_HINT)
    part = match.groupdict()
    year, month = int(part["year"]), part["month"]
    try:
        last_day = calendar.monthrange(year, int(month or 12))[1]
        start = datetime.fromisoformat(
            f"{part['year']}-{month or '01'}-{part['day'] or '01'}"
            f"T{part['hour'] or '00'}:{part['minute'] or '00'}:{part['second'] or '00'}"
        )
        end = datetime.fromisoformat(
            f"{part['year']}-{month or '12'}-{part['day'] or last_day}"
            f"T{part['hour'] or '23'}:{part['minute'] or '59'}:{part['second'] or '59'}.999999"
        )
    except ValueError:  # calendar.IllegalMonthError is one
        raise UsageError(f'There is no date "{printable(text)}".', _DATE_HINT) from None
    return start, end
