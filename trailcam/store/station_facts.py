"""Stations: what is known of them, and what people made of the names that folders gave.

``images.scanned_station`` is the name that a scan read from the path. ``station_aliases`` says which station
such a name means where people changed names; a scan asks it first. So what was renamed or merged stays so in
later scans, and a change can be taken back: the last one first, as each builds on those before it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Any

from trailcam.errors import UsageError
from trailcam.store.columns import next_id
from trailcam.store.database import Connection, one, query, rows, utc_now
from trailcam.words.text import count, printable

FACTS = ("latitude", "longitude", "timezone", "notes", "until")
GPS_SPREAD_M = 500.0
"""Nine in ten GPS positions of a station lie within this of their middle, or they name no one place."""

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Station:
    """A station as the database knows it. Degrees of WGS 84; ``timezone`` is IANA's name.

    ``until`` is the last day of a station that was given up: no effort and no silence counts after it.
    """

    station_id: int
    name: str
    latitude: float | None
    longitude: float | None
    timezone: str | None
    notes: str | None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A rename or merge: ``name`` became, or went into, ``into``."""

    kind: str
    name: str
    into: str


def find_station(db: Connection, name: str) -> Station:
    """The station of that name, in any case where only one fits. Raises UsageError with a near name."""
    found = match_station(db, name)
    if found is not None:
        return found
    by_fold = {str(n).casefold(): str(n) for (n,) in db.execute("SELECT name FROM stations").fetchall()}
    near = get_close_matches(name.casefold(), by_fold, n=1)
    guess = f"Did you mean {printable(by_fold[near[0]])}? " if near else ""
    listed = (
        ", ".join(printable(n) for n in sorted(by_fold.values())) or "none yet: run `trailcam scan` first"
    )
    raise UsageError(f"There is no station {printable(name)!r}.", f"{guess}Known stations: {listed}.")


def list_stations(db: Connection) -> list[dict[str, Any]]:
    """Every station with what is known of it and its photos, as rows of ``station_list.sql``."""
    return rows(db, query("station_list"))


def gps_of_stations(db: Connection) -> list[dict[str, Any]]:
    """What the GPS of photos says of their stations, as rows of ``station_gps.sql``."""
    return rows(db, query("station_gps"))


def count_gps_unread(db: Connection) -> int:
    """How many photos were scanned by a trailcam that passed GPS over."""
    ((n,),) = db.execute(
        "SELECT count(*) FROM images WHERE status <> 'missing' AND latitude IS NULL AND scanned_at <"
        " (SELECT max(applied_at) FROM migrations WHERE name LIKE '%\\_stations' ESCAPE '\\')"
    ).fetchall()
    return int(n)


def station_places(db: Connection) -> list[dict[str, Any]]:
    """Every station: station_id, name, latitude, longitude and timezone (IANA), None where not known."""
    return rows(db, "SELECT station_id, name, latitude, longitude, timezone FROM stations ORDER BY name")


def list_zones(db: Connection) -> dict[str, str | None]:
    """Station -> the IANA name of its time zone, None where it is unknown."""
    return {str(n): zone for n, zone in db.execute("SELECT name, timezone FROM stations").fetchall()}


def match_station(db: Connection, name: str) -> Station | None:
    """As :func:`find_station`, None where there is none. Raises UsageError where several fit."""
    known = [Station(**row) for row in rows(db, f"SELECT station_id, name, {', '.join(FACTS)} FROM stations")]
    wanted = unicodedata.normalize("NFC", name)
    exact = [s for s in known if s.name == wanted]
    alike = exact or [s for s in known if s.name.casefold() == wanted.casefold()]
    if len(alike) == 1:
        return alike[0]
    if alike:
        names = ", ".join(sorted(printable(s.name) for s in alike))
        raise UsageError(f"{printable(name)!r} may be any of: {names}.", "Write it exactly as it is listed.")
    return None


def set_facts(db: Connection, station_id: int, facts: Mapping[str, Any]) -> None:
    """Write those of :data:`FACTS` that are named; None clears. Latitude and longitude come together."""
    for column in FACTS:
        if column in facts:
            db.execute(f"UPDATE stations SET {column} = ? WHERE station_id = ?", [facts[column], station_id])
    _check_clocks_again(db, station_id)


def gps_place(db: Connection, station: Station) -> tuple[float, float]:
    """The middle of what the GPS of the station's photos says. Raises UsageError where it is no one place."""
    found = [row for row in gps_of_stations(db) if row["station_id"] == station.station_id]
    if not found:
        raise UsageError(
            f"No photo of {printable(station.name)} has a GPS position.",
            "Give it with --latitude and --longitude; few trail cameras have GPS.",
        )
    row = found[0]
    if row["gps_spread_m"] > GPS_SPREAD_M:
        raise UsageError(
            f"The GPS positions of {count(row['gps_photos'], 'photo')} of {printable(station.name)} lie"
            f" as much as {row['gps_spread_m']:,.0f} m from their middle.",
            "That is not one place. Give it with --latitude and --longitude.",
        )
    return float(row["gps_latitude"]), float(row["gps_longitude"])


def rename(db: Connection, name: str, new_name: str) -> Change:
    """Give a station another name, for later scans too. Raises UsageError; then nothing has changed."""
    station = find_station(db, name)
    new = _checked_name(new_name)
    if new == station.name:
        raise UsageError(f"The station is called {printable(new)} already.", "Nothing was changed.")
    for (other,) in db.execute(
        "SELECT name FROM stations WHERE lower(name) = lower(?) AND station_id <> ?",
        [new, station.station_id],
    ).fetchall():
        raise UsageError(
            f"There is a station {printable(str(other))} already.",
            "If they are one: trailcam stations merge FROM INTO. Nothing was changed.",
        )
    _pin_folders(db, station.station_id, station.station_id)
    db.execute("UPDATE stations SET name = ? WHERE station_id = ?", [new, station.station_id])
    _record(db, kind="rename", station_id=station.station_id, name=station.name, into_name=new)
    return Change("rename", station.name, new)


def merge(db: Connection, name: str, into_name: str) -> Change:
    """Give all photos of a station, later scans' too, to another, and the facts that that one lacks.

    Raises UsageError; then nothing has changed.
    """
    station, into = find_station(db, name), find_station(db, into_name)
    if station.station_id == into.station_id:
        raise UsageError("A station can't be merged into itself.", "Name two stations.")
    _pin_folders(db, into.station_id, into.station_id)
    folders = _pin_folders(db, station.station_id, into.station_id)
    moved = [station.station_id, into.station_id]
    db.execute("UPDATE images SET station_id = $2 WHERE station_id = $1", moved)
    db.execute(
        "INSERT INTO digest_silences BY NAME"
        " SELECT digest_id, $2::INTEGER AS station_id, last_day FROM digest_silences WHERE station_id = $1"
        " EXCEPT SELECT digest_id, station_id, last_day FROM digest_silences",
        moved,
    )
    filled = _fill(db, station, into)
    _check_clocks_again(db, into.station_id)
    db.execute("DELETE FROM stations WHERE station_id = ?", [station.station_id])
    _record(
        db,
        kind="merge",
        station_id=station.station_id,
        name=station.name,
        into_id=into.station_id,
        into_name=into.name,
        folders=folders,
        filled=filled,
        **{fact: getattr(station, fact) for fact in FACTS},
    )
    return Change("merge", station.name, into.name)


def undo(db: Connection) -> Change:
    """Take back the newest change in force. Raises UsageError where there is none, or its name is taken."""
    found = rows(db, "SELECT * FROM station_changes WHERE undone_at IS NULL ORDER BY change_id DESC LIMIT 1")
    if not found:
        raise UsageError("No station was renamed or merged.", "There is nothing to undo.")
    (change,) = found
    taken = one(
        db,
        "SELECT name FROM stations WHERE lower(name) = lower(?) AND station_id <> ?",
        [change["name"], change["station_id"]],
    )
    if taken:
        raise UsageError(
            f"The name {printable(change['name'])} now belongs to another station.",
            "Rename that one first. Nothing was changed.",
        )
    if change["kind"] == "rename":
        db.execute(
            "UPDATE stations SET name = ? WHERE station_id = ?", [change["name"], change["station_id"]]
        )
    else:
        _undo_merge(db, change)
    db.execute(
        "UPDATE station_changes SET undone_at = ? WHERE change_id = ?", [utc_now(), change["change_id"]]
    )
    return Change(change["kind"], change["name"], change["into_name"])


def _check_clocks_again(db: Connection, station_id: int) -> None:
    """The sun and the time zone, or the photos together, may give another result than before."""
    db.execute("UPDATE stations SET clock_checked_at = NULL WHERE station_id = ?", [station_id])


def _undo_merge(db: Connection, change: Mapping[str, Any]) -> None:
    own, into = change["station_id"], change["into_id"]
    for fact in change["filled"] or ():
        db.execute(
            f"UPDATE stations SET {fact} = NULL WHERE station_id = ? AND {fact} = ?", [into, change[fact]]
        )
    db.execute(
        f"INSERT INTO stations BY NAME SELECT station_id, name, {', '.join(FACTS)}"
        " FROM station_changes WHERE change_id = ?",
        [change["change_id"]],
    )
    _check_clocks_again(db, into)
    both = [own, into, change["folders"]]
    db.execute(
        "UPDATE station_aliases SET station_id = $1"
        " WHERE station_id = $2 AND list_contains($3::VARCHAR[], name)",
        both,
    )
    db.execute(
        "UPDATE images SET station_id = $1"
        " WHERE station_id = $2 AND list_contains($3::VARCHAR[], scanned_station)",
        both,
    )


def _pin_folders(db: Connection, station_id: int, means: int) -> list[str]:
    """Let every folder's name of a station's photos mean the station ``means``; returns the names."""
    found = db.execute(
        "SELECT scanned_station FROM images WHERE station_id = $1 AND scanned_station IS NOT NULL"
        " UNION SELECT name FROM station_aliases WHERE station_id = $1 ORDER BY ALL",
        [station_id],
    ).fetchall()
    names = [str(name) for (name,) in found]
    db.execute("DELETE FROM station_aliases WHERE list_contains($1::VARCHAR[], name)", [names])
    db.execute(
        "INSERT INTO station_aliases BY NAME"
        " SELECT unnest($1::VARCHAR[]) AS name, $2::INTEGER AS station_id, $3::TIMESTAMP AS made_at",
        [names, means, utc_now()],
    )
    return names


def _fill(db: Connection, station: Station, into: Station) -> list[str]:
    """Give ``into`` what it lacks and ``station`` knows; a place whole or not at all. Returns the columns."""
    lacks_place = into.latitude is None and station.latitude is not None
    filled = ["latitude", "longitude"] if lacks_place else []
    filled += [
        fact
        for fact in ("timezone", "notes")
        if getattr(into, fact) is None and getattr(station, fact) is not None
    ]
    set_facts(db, into.station_id, {fact: getattr(station, fact) for fact in filled})
    return filled


def _record(db: Connection, **values: object) -> None:
    row = {"change_id": next_id(db, "station_changes", "change_id"), "made_at": utc_now(), **values}
    columns = ", ".join(f"? AS {name}" for name in row)
    db.execute(f"INSERT INTO station_changes BY NAME SELECT {columns}", list(row.values()))


def _checked_name(text: str) -> str:
    name = unicodedata.normalize("NFC", text).strip()
    if not name or printable(name) != name or len(name) > _LONGEST_NAME:
        raise UsageError(
            f"{printable(text[:_LONGEST_NAME])!r} can't be a station's name.",
            f"Give 1 to {_LONGEST_NAME} characters that can be printed.",
        )
    return name
