"""``stations list`` and ``stations deployments``: what is known of stations and of the cameras at them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trailcam.reports.base import CellType, Column, Report, Row, laid_out
from trailcam.store.database import Connection
from trailcam.store.deployments import find_deployments
from trailcam.store.station_facts import (
    FACTS,
    GPS_SPREAD_M,
    count_gps_unread,
    gps_of_stations,
    list_stations,
)
from trailcam.words.degrees import Axis, format_degrees
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.settings.config import StationSettings

LIST_COLUMNS = (
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("photos", "photos", CellType.COUNT),
    Column("first_date", "first", CellType.TEXT, spare=3),
    Column("last_date", "last", CellType.TEXT, spare=4),
    Column("undated", "undated", CellType.COUNT, hide_zero=True),
    Column("cameras", "cameras", CellType.COUNT, shown=False),
    Column("latitude", "latitude", CellType.NUMBER, shown=False),
    Column("longitude", "longitude", CellType.NUMBER, shown=False),
    Column("place", "place", CellType.TEXT),
    Column("timezone", "time zone", CellType.TEXT),
    Column("notes", "notes", CellType.TEXT, null="", spare=2, wraps=True),
    Column("folders", "also folders", CellType.TEXT, null="", spare=1, wraps=True),
    Column("gps_photos", "photos with GPS", CellType.COUNT, hide_zero=True),
    Column("gps_latitude", "GPS latitude", CellType.NUMBER, shown=False),
    Column("gps_longitude", "GPS longitude", CellType.NUMBER, shown=False),
    Column("gps_spread_m", "GPS spread, m", CellType.NUMBER, shown=False),
    Column("until", "given up after", CellType.TEXT, null=""),
)
_DEPLOYMENT_COLUMNS = (
    Column("deployment", "deployment", CellType.TEXT, wraps=True),
    Column("station", "station", CellType.TEXT, wraps=True),
    Column("start", "start", CellType.TEXT),
    Column("end", "end", CellType.TEXT),
    Column("days", "days", CellType.COUNT),
    Column("photos", "photos", CellType.COUNT),
    Column("camera", "camera", CellType.TEXT, null="unknown", wraps=True),
    Column("serial", "serial", CellType.TEXT, shown=False),
)


def station_list(db: Connection, configured: Mapping[str, StationSettings], timezone: str | None) -> Report:
    """Every station. ``configured`` and ``timezone`` are the configuration's: notes say where it differs."""
    gps = {row["station_id"]: row for row in gps_of_stations(db)}
    found: list[Row] = []
    for row in list_stations(db):
        told = gps.get(row.pop("station_id"), {})
        found.append(
            {
                **row,
                "place": place(row["latitude"], row["longitude"]),
                "gps_photos": told.get("gps_photos", 0),
                **{name: told.get(name) for name in ("gps_latitude", "gps_longitude", "gps_spread_m")},
            }
        )
    return Report(
        name="station_list",
        title="Stations",
        filters={},
        coverage={"photos": sum(row["photos"] for row in found)},
        columns=LIST_COLUMNS,
        rows=laid_out(found, LIST_COLUMNS),
        notes=[
            *_gps_notes(found),
            *_unread_notes(db),
            *_lacking_notes(found, timezone),
            *_configured_notes(found, configured),
        ],
    )


def deployment_list(db: Connection, silent_days: int) -> Report:
    """Every deployment, as `export camtrap-dp` has them; see :mod:`trailcam.store.deployments`."""
    with find_deployments(db, silent_days=silent_days) as made:
        found, left_out = made.listed, made.count_left_out()
    notes = [
        f"A break of more than {count(silent_days, 'day')} without a photo ends a deployment"
        " (report.silent_days in the configuration)."
    ]
    if left_out:
        belong = "belongs" if left_out == 1 else "belong"
        notes.append(f"{count(left_out, 'photo')} without a trustworthy capture time {belong} to none.")
    return Report(
        name="deployments",
        title="Deployments",
        filters={"silent_days": silent_days},
        coverage={"photos": sum(d.photos for d in found)},
        columns=_DEPLOYMENT_COLUMNS,
        rows=[
            {
                "deployment": d.deployment_id,
                "station": d.station,
                "start": d.start.isoformat(sep=" ", timespec="seconds"),
                "end": d.end.isoformat(sep=" ", timespec="seconds"),
                "days": (d.end.date() - d.start.date()).days + 1,
                "photos": d.photos,
                "camera": d.camera,
                "serial": d.serial,
            }
            for d in found
        ],
        notes=notes,
    )


def place(latitude: float | None, longitude: float | None) -> str | None:
    """Both in degrees, minutes and seconds; None of none."""
    if latitude is None or longitude is None:
        return None
    return f"{format_degrees(latitude, Axis.LATITUDE)} {format_degrees(longitude, Axis.LONGITUDE)}"


def _gps_notes(found: list[Row]) -> list[str]:
    """What the photos' GPS offers to stations without a place."""
    notes = []
    for row in found:
        if row["latitude"] is not None or not row["gps_photos"]:
            continue
        name = printable(row["station"])
        what = f"GPS in {count(row['gps_photos'], 'photo')} of {name}"
        if row["gps_spread_m"] > GPS_SPREAD_M:
            notes.append(f"{what} is not one place: as much as {row['gps_spread_m']:,.0f} m from the middle.")
        else:
            where = place(row["gps_latitude"], row["gps_longitude"])
            notes.append(f'{what} says {where}. To take it: trailcam stations set "{name}" --from-gps')
    return notes


def _unread_notes(db: Connection) -> list[str]:
    """How many photos were scanned by a trailcam that didn't read GPS."""
    n = count_gps_unread(db)
    return [f"{count(n, 'photo')} scanned by an older trailcam: their GPS was never read."] if n else []


def _lacking_notes(found: list[Row], timezone: str | None) -> list[str]:
    notes = []
    if placeless := sum(row["latitude"] is None for row in found):
        notes.append(
            f"{count(placeless, 'station')} without coordinates: no sun times and no Camtrap DP package."
        )
    if zoneless := sum(row["timezone"] is None for row in found):
        have = "has" if zoneless == 1 else "have"
        default = f"the default, {timezone}, applies" if timezone else "no default zone is set"
        notes.append(f"{count(zoneless, 'station')} {have} no time zone, and {default}.")
    return notes


def _configured_notes(found: list[Row], configured: Mapping[str, StationSettings]) -> list[str]:
    """Where the configuration contradicts the database, or names no station."""
    by_name = {str(row["station"]).casefold(): row for row in found}
    notes = []
    for name, settings in configured.items():
        row = by_name.get(name.casefold())
        if row is None:
            notes.append(
                f"The configuration's [stations] names {printable(name)}, but there is no such station."
            )
        elif any(str(said) != str(row[f]) for f in FACTS if (said := getattr(settings, f)) is not None):
            notes.append(
                f"The configuration differs for {printable(name)}: its values apply from the next scan on."
            )
    return notes
