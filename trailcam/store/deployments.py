"""Deployments: a camera at a station from start to end, as the photos say.

Nobody writes down when a camera was hung up and taken away, but its photos bound both: they name the camera
(serial number, make and model, where the file says), and a long break means that it was gone or dead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from trailcam.store.database import Connection, query, rows
from trailcam.store.temp_tables import TempTables


@dataclass(frozen=True, slots=True)
class Deployment:
    """One camera at one station without a long break.

    ``deployment_id`` is unique, made of the station's name and the first day, and stays the same in later
    scans as long as no earlier photo turns up. ``start`` and ``end`` are the first and the last capture
    time (camera's clock, local, without zone): the camera stood there at least that long. ``photos`` counts
    those with a capture time that is not in doubt, copies once. ``serial``, ``make`` and ``model`` are None
    where no photo says.
    """

    number: int
    deployment_id: str
    station_id: int
    station: str
    start: datetime
    end: datetime
    photos: int
    serial: str | None
    make: str | None
    model: str | None

    @property
    def camera(self) -> str | None:
        """The camera in words, ``RECONYX HF2 PRO (H600HF04123456)``; None if no photo names it."""
        kind = " ".join(part for part in (self.make, self.model) if part)
        if self.serial and kind:
            return f"{kind} ({self.serial})"
        return self.serial or kind or None


@dataclass(frozen=True, slots=True)
class Deployments(TempTables):
    """All deployments, by station and start; two cameras at one station make deployments that overlap.

    The table ``deployment_photos`` has their photos: image_id, number (that of the deployment, the place in
    the list), station_id and captured_at. Images without a capture time, with one in doubt, and exact copies
    are in none.
    """

    listed: list[Deployment]
    DROPS: ClassVar[str] = (
        "DROP TABLE deployments; DROP TABLE deployment_photos; DROP TABLE deployment_cameras"
    )

    def count_left_out(self) -> int:
        """How many photos of the library are in none."""
        ((n,),) = self.db.execute(
            "SELECT count(*) FROM images WHERE duplicate_of IS NULL"
            " AND (captured_at IS NULL OR captured_at_suspect IS NOT NULL)"
        ).fetchall()
        return int(n)


def find_deployments(db: Connection, *, silent_days: int) -> Deployments:
    """A break of more than ``silent_days`` whole days without a photo of the camera ends one.

    (The setting ``report.silent_days``, ``SILENT_DAYS`` by default.) Works on a read-only connection.
    """
    # DuckDB binds parameters to one statement alone, and this is several.
    db.execute(query("deployments").replace("$silent_days", str(int(silent_days))))
    found = rows(db, "SELECT * FROM deployments ORDER BY number")
    used: dict[str, int] = {}
    listed = []
    for row in found:
        name = f"{row['station']} {row['first_at'].date()}"
        used[name] = used.get(name, 0) + 1
        listed.append(
            Deployment(
                number=int(row["number"]),
                deployment_id=name if used[name] == 1 else f"{name} #{used[name]}",
                station_id=int(row["station_id"]),
                station=str(row["station"]),
                start=row["first_at"],
                end=row["last_at"],
                photos=int(row["photos"]),
                serial=row["serial"],
                make=row["make"],
                model=row["model"],
            )
        )
    return Deployments(db, listed)
