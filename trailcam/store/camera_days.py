"""On which days each station's camera worked, and when it fell silent: what rates are per."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from trailcam.selection import Selection
from trailcam.store.database import Connection, query, quoted, rows
from trailcam.store.keys import key_columns
from trailcam.store.temp_tables import TempTables

_DAYS_OF_SILENCE = (
    "SELECT station, first_day, reason, declared, unnest(list_transform("
    "range(last_day - first_day + 1), lambda n: first_day + n::INTEGER)) AS day FROM silences"
)


@dataclass(frozen=True, slots=True)
class CameraDays(TempTables):
    """The tables ``camera_days`` and ``silences``.

    camera_days: station, day. silences: station, first_day, last_day, reason and declared. A break of
    more than ``silent_days`` days without a photo is a camera that fell silent, for the reason "battery"
    where its voltage rose over the break, else "silent". What people declared (``store/effort_gaps.py``)
    is left out as well, photos or not. Two cameras at one station count as one: not every file names its
    camera.
    """

    silent_days: int
    DROPS: ClassVar[str] = (
        "DROP TABLE camera_days; DROP TABLE silences; DROP TABLE breaks; DROP TABLE declared_days;"
        " DROP TABLE photo_days"
    )

    def by(self, selection: Selection, keys: Sequence[str], first_month: int) -> dict[tuple[Any, ...], int]:
        """Camera-days in the selection's stations and days by ``keys``, out of month, season and station.

        A day on which a selection begins or ends counts whole.
        """
        found = rows(
            self.db,
            f"SELECT {key_columns(keys, first_month, 'day')} count(*) AS n FROM camera_days"
            f" WHERE {_days_where(selection)} GROUP BY ALL",
        )
        return {tuple(row[key] for key in keys): int(row["n"]) for row in found}

    def days(self, selection: Selection, keys: Sequence[str], first_month: int) -> list[dict[str, Any]]:
        """Each of those days: station, day and ``keys``."""
        others = [key for key in keys if key != "station"]
        return rows(
            self.db,
            f"SELECT {key_columns(others, first_month, 'day')} station, day FROM camera_days"
            f" WHERE {_days_where(selection)}",
        )

    def silences(self) -> list[dict[str, Any]]:
        """All silences: station, first_day, last_day (ISO 8601) and days."""
        return rows(self.db, query("clock_gaps"))

    def silences_within(self, selection: Selection) -> list[dict[str, Any]]:
        """Silences, cut to the selection's dates; one that a selection of months interrupts counts once."""
        return rows(
            self.db,
            "SELECT station, min(day)::VARCHAR AS first_day, max(day)::VARCHAR AS last_day, count(*) AS days,"
            " any_value(reason) AS reason, any_value(declared) AS declared"
            f" FROM ({_DAYS_OF_SILENCE}) WHERE {_days_where(selection)}"
            " GROUP BY station, first_day ORDER BY station, first_day",
        )

    def silent_days_by(
        self, selection: Selection, keys: Sequence[str], first_month: int
    ) -> dict[tuple[Any, ...], list[int]]:
        """How many days of each silence, by ``keys``, within the selection's dates."""
        found: dict[tuple[Any, ...], list[int]] = {}
        for row in rows(
            self.db,
            f"SELECT {key_columns(keys, first_month, 'day')} first_day, count(*) AS days"
            f" FROM ({_DAYS_OF_SILENCE}) WHERE {_days_where(selection)} GROUP BY ALL",
        ):
            found.setdefault(tuple(row[key] for key in keys), []).append(row["days"])
        return found


def make_camera_days(db: Connection, silent_days: int) -> CameraDays:
    """Work them out, of all photos. Works on a read-only connection."""
    # DuckDB binds parameters to one statement alone, and this is several.
    db.execute(query("camera_days").replace("$silent_days", str(int(silent_days))))
    return CameraDays(db, silent_days)


def _days_where(selection: Selection) -> str:
    """The selection's stations and dates as a condition on ``station`` and ``day``."""
    terms = []
    if selection.months:
        terms.append(f"month(day) IN ({', '.join(str(int(m)) for m in selection.months)})")
    if selection.since:
        terms.append(f"day >= DATE '{selection.since.date().isoformat()}'")
    if selection.until:
        terms.append(f"day <= DATE '{selection.until.date().isoformat()}'")
    if selection.stations:
        names = ", ".join(quoted(name.lower()) for name in selection.stations)
        terms.append(f"lower(station) IN ({names})")
    return " AND ".join(terms) or "true"
