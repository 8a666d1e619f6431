"""Sunrise and sunset by the library astral, to compare trailcam's with."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from astral import Observer
from astral.sun import sunrise, sunset


def astral_day(latitude: float, longitude: float, on: date) -> tuple[datetime, datetime] | None:
    """Sunrise and sunset on the day ``on`` of local mean time; None unless the sun does both."""
    # Asked in UTC, astral takes a day of UTC, in which a sunset of Texas can be missing.
    local = timezone(timedelta(hours=longitude / 15))
    try:
        rises, sets = (event(Observer(latitude, longitude), on, local) for event in (sunrise, sunset))
    except ValueError:
        return None
    return (rises.astimezone(UTC), sets.astimezone(UTC)) if rises < sets else None


def astral_errs(latitude: float, longitude: float, moment: datetime) -> bool:
    """Whether the sun crosses the horizon close to midnight UTC, within a day of ``moment``.

    There astral takes the sun's place a day later, and is wrong by as much as sunrise moves in a day; or it
    finds no crossing at all. Beside the polar day and night, that is a quarter of an hour.
    """
    for day in range(-1, 2):
        for back in range(-1, 2):
            found = astral_day(latitude, longitude, (moment + timedelta(days=day + 2 * back)).date())
            for at in found or ():
                from_midnight = (at - at.replace(hour=0, minute=0, second=0, microsecond=0)) / timedelta(
                    hours=1
                )
                if min(from_midnight, 24 - from_midnight) < (0.5 if abs(latitude) < 60 else 2):
                    return True
    return False
