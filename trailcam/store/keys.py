"""What photos, visits and camera-days are counted by: month, season-year, station and hour, as columns."""

from __future__ import annotations

from collections.abc import Sequence


def key_columns(
    keys: Sequence[str], first_month: int, column: str = "captured_at", station: str = "station"
) -> str:
    """``strftime(...) AS month, `` and so on for the keys month, season, station and hour, in that order.

    Each ends with a comma, so that what is counted can follow; without keys it is nothing. ``column`` is the
    date or time they are made of; ``first_month`` (1..12) begins a season-year.
    """
    start = f"year({column}) - (month({column}) < {int(first_month)})::INTEGER"
    season = (
        f"printf('%04d', {start})"
        if first_month == 1
        else f"printf('%04d-%02d', {start}, ({start} + 1) % 100)"
    )
    known = {
        "month": f"strftime({column}, '%Y-%m')",
        "season": f"CASE WHEN {column} IS NOT NULL THEN {season} END",
        "station": station,
        "hour": f"hour({column})::INTEGER",
    }
    return "".join(f"{known[key]} AS {key}, " for key in keys)
