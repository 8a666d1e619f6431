"""``stations import``: what a CSV file says of stations, checked as a whole before anything is written."""

from __future__ import annotations

import csv
import io
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from trailcam.errors import UsageError
from trailcam.reports.station_list import LIST_COLUMNS
from trailcam.settings.config import Settings
from trailcam.settings.schema import Refused, time_zone
from trailcam.store.database import Connection
from trailcam.store.station_facts import FACTS, Station, find_station, gps_place, match_station, set_facts
from trailcam.words.dates import parse_until
from trailcam.words.degrees import Axis, parse_degrees
from trailcam.words.text import FORMULA_STARTS, count, printable

Facts = dict[str, Any]

_NAMES = {"station": "station", "name": "station", "latitude": "latitude", "lat": "latitude"}
_NAMES |= {"longitude": "longitude", "lon": "longitude", "lng": "longitude", "notes": "notes"}
_NAMES |= {"until": "until"}
_NAMES |= {"timezone": "timezone", "time_zone": "timezone", "time zone": "timezone"}
# What `stations list --format csv` writes beside that: passed over, so that its file can be imported.
_IGNORED = {column.name for column in LIST_COLUMNS} - set(_NAMES)
_MAX_BYTES = 10_000_000
_WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # XLSX and ODS; XLS


def read_stations(path: Path) -> dict[str, Facts]:
    """Station -> its facts (latitude, longitude, timezone, notes, until), only those that the file gives.

    UTF-8, or UTF-16 with a byte order mark; a header line; commas, semicolons or tabs, as Excel writes them.
    An empty cell says nothing. Raises UsageError that names the line, also where the file says two things of
    one station.
    """
    text, above = _from_header(read_text(path))
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found: dict[str, Facts] = {}
    try:
        columns = _columns(next(reader, []), path)
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            _add(found, columns, cells, f"{printable(path.name)}, line {above + reader.line_num}")
    except csv.Error as error:
        where = f"{printable(str(path))}, line {above + reader.line_num}"
        raise UsageError(f"{where}: this is not CSV: {error}.", "Nothing was imported.") from None
    if not found:
        raise UsageError(f"{printable(str(path))} names no station.", "Nothing was imported.")
    return found


def read_text(path: Path) -> str:
    """A text file of UTF-8 or UTF-16, up to 10 MB. Raises UsageError."""
    shown = printable(str(path))
    try:
        if path.is_fifo():  # nobody may ever write to it
            raise OSError("it is a pipe")
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError(f"{shown} is larger than 10 MB.", "Is it the right file?")
        data = path.read_bytes()
        if data.startswith(_WORKBOOK):
            raise UsageError(f"{shown} is a workbook or a ZIP file.", 'Save it as "CSV UTF-8".')
        text = data.decode("utf-16" if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{shown} is not UTF-8 text.", 'Save it as "CSV UTF-8".') from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        why = getattr(error, "strerror", None) or error
        raise UsageError(f"Cannot read {shown}: {why}.", "Check the path.") from None
    if "\0" in text:  # UTF-16 without its mark, or no text at all
        raise UsageError(f"{shown} is not UTF-8 text.", 'Save it as "CSV UTF-8".')
    return text


def _from_header(text: str) -> tuple[str, int]:
    """The text from its header line on, and how many lines stand above: empty ones, and Excel's ``sep=;``."""
    lines = text.splitlines(keepends=True)
    above = 0
    while above < len(lines) and (not lines[above].strip() or lines[above].lower().startswith("sep=")):
        above += 1
    return "".join(lines[above:]), above


def _columns(head: list[str], path: Path) -> list[str | None]:
    """For each column of the file the fact it holds, None for one to pass over."""
    columns: list[str | None] = []
    for title in head:
        name = title.strip().casefold()
        if name not in _NAMES and name not in _IGNORED:
            near = get_close_matches(name, _NAMES, n=1)
            guess = f'Did you mean "{near[0]}"? ' if near else ""
            raise UsageError(
                f'{printable(str(path))} has a column "{printable(title)}" that trailcam doesn\'t know.',
                f"{guess}Known: station, latitude, longitude, timezone, notes, until. Nothing was imported.",
            )
        columns.append(_NAMES.get(name))
    known = [name for name in columns if name]
    if "station" not in known or len(known) != len(set(known)) or len(known) < 2:
        raise UsageError(
            f"{printable(str(path))} doesn't begin with a line that names its columns, each once.",
            "It must read: station,latitude,longitude,timezone,notes (station and at least one other).",
        )
    return columns


def _add(found: dict[str, Facts], columns: list[str | None], cells: list[str], where: str) -> None:
    if len(cells) > len(columns):
        raise UsageError(
            f"{where}: more cells than columns.", "Text with commas needs quotes. Nothing was imported."
        )
    row = {
        name: _unquoted(cell.strip())
        for name, cell in zip(columns, cells, strict=False)
        if name and cell.strip()
    }
    station = row.pop("station", None)
    if station is None:
        raise UsageError(f"{where}: no station is named.", "Nothing was imported.")
    try:
        facts = check_facts(row)
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", f"{error.hint} Nothing was imported.") from None
    before = found.setdefault(station, {})
    for fact, value in facts.items():
        if before.setdefault(fact, value) != value:
            raise UsageError(
                f"{where}: contradicts a line above about the {fact} of {printable(station)}.",
                "Nothing was imported.",
            )


def check_facts(texts: dict[str, str]) -> Facts:
    """Facts from text: degrees, a time zone of the IANA database, notes, a day. Raises UsageError."""
    facts: Facts = {}
    if ("latitude" in texts) != ("longitude" in texts):
        raise UsageError("A latitude or a longitude, but not both.", "Give both, or leave both out.")
    for axis in Axis:
        if axis.label in texts:
            facts[axis.label] = parse_degrees(texts[axis.label], axis)
    if "timezone" in texts:
        facts["timezone"] = _zone(texts["timezone"])
    if "notes" in texts:
        facts["notes"] = texts["notes"]
    if "until" in texts:
        facts["until"] = parse_until(texts["until"]).date()
    return facts


def _zone(text: str) -> object:
    try:
        return time_zone().check(text, None)
    except Refused as refused:
        raise UsageError(
            f'"{printable(text)}" is not a time zone of the IANA database.',
            str(refused) or "Write it as America/Chicago.",
        ) from None


def _unquoted(cell: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from running a cell."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(FORMULA_STARTS) else cell


def set_station(db: Connection, settings: Settings, name: str, facts: Facts, *, from_gps: bool) -> Station:
    """Write ``facts`` of a station (None clears), with ``from_gps`` its place too; returns it as it is then.

    Raises UsageError where there is no such station, no such place, or the configuration says something else.
    """
    station = find_station(db, name)
    if from_gps:
        latitude, longitude = gps_place(db, station)
        facts = {**facts, "latitude": latitude, "longitude": longitude}
    _refuse_configured(settings, station, facts)
    set_facts(db, station.station_id, facts)
    return find_station(db, station.name)


@dataclass(frozen=True, slots=True)
class ImportedStations:
    """How many stations the file named, how many of them changed, and the names that are not stations."""

    named: int
    changed: int
    unknown: list[str]


def import_stations(
    db: Connection, settings: Settings, table: Mapping[str, Facts], *, skip_unknown: bool
) -> ImportedStations:
    """Write what :func:`read_stations` read. Raises UsageError; in its transaction nothing changes then."""
    found, unknown = _find_all(db, table)
    if unknown and not skip_unknown:
        names = ", ".join(printable(name) for name in unknown)
        unlike = "is no station" if len(unknown) == 1 else "are no stations"
        raise UsageError(
            f"{count(len(unknown), 'name')} in the file {unlike} here: {names}.",
            "Nothing was imported. Fix the names (trailcam stations list), or add --skip-unknown.",
        )
    changed = 0
    for station, facts in found.values():
        _refuse_configured(settings, station, facts)
        changed += any(getattr(station, f) != facts[f] for f in FACTS if f in facts)
        set_facts(db, station.station_id, facts)
    return ImportedStations(len(found), changed, unknown)


def _find_all(
    db: Connection, table: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[int, tuple[Station, dict[str, Any]]], list[str]]:
    """The stations of a table by id, and its names that are none. Raises UsageError for two words on one."""
    found: dict[int, tuple[Station, dict[str, Any]]] = {}
    unknown = []
    for name, facts in table.items():
        station = match_station(db, name)
        if station is None:
            unknown.append(name)
            continue
        _, before = found.setdefault(station.station_id, (station, {}))
        for fact, value in facts.items():
            if before.setdefault(fact, value) != value:
                raise UsageError(
                    f"The file contradicts itself about the {fact} of {printable(station.name)}.",
                    "Nothing was imported.",
                )
    return found, unknown


def _refuse_configured(settings: Settings, station: Station, facts: Mapping[str, Any]) -> None:
    """The configuration overrides the database at each scan: what it says can't be changed here for long."""
    for name, configured in settings.stations.items():
        if name.casefold() != station.name.casefold():
            continue
        for fact, value in facts.items():
            said = getattr(configured, fact)
            if said is not None and said != value:
                raise UsageError(
                    f"The configuration sets the {fact} of {printable(station.name)}: [stations] in"
                    f" {printable(str(settings.source))}.",
                    "Change it there or remove it: that file overrides the database. Nothing was changed.",
                )
