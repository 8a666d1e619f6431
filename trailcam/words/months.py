"""Months, and seasons that may wrap the year.

A season-year begins with the first month of its season and is named by the calendar years it touches:
January 2025 belongs to the season that began in September 2024, "2024-25".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trailcam.errors import UsageError
from trailcam.words.text import printable

# Where no season is named, a season-year runs from September to August. Antlers grow, harden and are shed
# inside one such year, and it is the year of Texas hunting licences (1 September to 31 August).
DEFAULT_FIRST_MONTH = 9

_NAMES = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_SHORT = tuple(name[:3].title() for name in _NAMES)
_MONTHS_HINT = "Write months as 9-1, 9,10,11, sep-jan or a mixture, 9-11,jan; a range may wrap the year."


@dataclass(frozen=True, slots=True)
class Season:
    """A named range of months, in the order in which the season runs: ``(9, 10, 11, 12, 1)``.

    ``months`` are 1..12, at least one, each once; the first begins the season. Raises ValueError otherwise.
    """

    name: str
    months: tuple[int, ...]

    def __post_init__(self) -> None:
        months = self.months
        if not months or len(set(months)) != len(months) or not all(1 <= month <= 12 for month in months):
            raise ValueError(f"a season needs distinct months from 1 to 12, not {months!r}")

    @property
    def first_month(self) -> int:
        """The month that begins the season, 1..12."""
        return self.months[0]

    @property
    def wraps(self) -> bool:
        """Whether the season runs into the next calendar year."""
        return min(self.months) < self.first_month

    @property
    def year_begins(self) -> int:
        """The month (1..12) that begins its season-years: January, unless the season wraps the year.

        A season-year lasts twelve months, so that days outside the season belong to exactly one as well.
        """
        return self.first_month if self.wraps else 1


def season_year_of(year: int, month: int, first_month: int = DEFAULT_FIRST_MONTH) -> str:
    """Name of the season-year of ``month`` (1..12) of the calendar ``year`` (1..9999).

    A season-year lasts the twelve months from ``first_month`` (1..12) and is named by both years it touches:
    ``"2024-25"``, ``"2099-00"`` at a century. One that begins in January is a calendar year: ``"2024"``.
    """
    if first_month == 1:
        return f"{year:04d}"
    start = year if month >= first_month else year - 1
    return f"{start:04d}-{(start + 1) % 100:02d}"


def parse_months(text: str) -> tuple[int, ...]:
    """Months (1..12) in the order given, each once: ``"9-1"`` -> ``(9, 10, 11, 12, 1)``.

    Takes numbers, English names or at least three letters of them in any case, ranges that may wrap the year,
    and any mixture separated by commas. Raises UsageError for anything else.
    """
    months: dict[int, None] = {}
    for part in text.split(","):
        ends = [_month(end, text) for end in re.split("[-\N{EN DASH}]", part)]
        if len(ends) > 2:
            raise _bad_months(text, f'"{printable(part.strip())}" isn\'t a range of months')
        first, last = ends[0], ends[-1]
        months.update(dict.fromkeys((first - 1 + step) % 12 + 1 for step in range((last - first) % 12 + 1)))
    return tuple(months)


def format_months(months: Sequence[int]) -> str:
    """``(9, 10, 11, 12, 1)`` -> ``"Sep-Jan"``; ``(9, 11, 12)`` -> ``"Sep, Nov-Dec"``.

    ``parse_months`` of the result gives ``months`` back, provided they are distinct.
    """
    runs: list[list[int]] = []
    for month in months:
        if runs and month == runs[-1][-1] % 12 + 1:
            runs[-1].append(month)
        else:
            runs.append([month])
    return ", ".join("-".join(_SHORT[m - 1] for m in dict.fromkeys((run[0], run[-1]))) for run in runs)


def _month(text: str, whole: str) -> int:
    word = text.strip().casefold()
    if re.fullmatch("[0-9]{1,2}", word):
        number = int(word)
        if not 1 <= number <= 12:
            raise _bad_months(whole, f"there is no month {number}")
        return number
    if len(word) >= 3:
        for number, name in enumerate(_NAMES, start=1):
            if name.startswith(word):
                return number
    raise _bad_months(whole, f'"{printable(word)}" isn\'t a month' if word else "a month is missing")


def _bad_months(text: str, why: str) -> UsageError:
    return UsageError(f'Cannot read "{printable(text)}" as months: {why}.', _MONTHS_HINT)
