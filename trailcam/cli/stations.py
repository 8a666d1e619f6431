"""``trailcam stations``: what is known of stations, and what they are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trailcam.cli import console
from trailcam.cli.options import AppContext, ConfigOpt, DbOpt, Quiet, Verbose, app_context, writing
from trailcam.cli.output_options import FormatOpt, OutputOpt
from trailcam.errors import UsageError
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.reports.base import Report
    from trailcam.reports.formats import Format
    from trailcam.store.database import Connection
    from trailcam.store.station_facts import Change, Station

app = typer.Typer(help="Stations: places, time zones, names, and the cameras there.", no_args_is_help=True)

_Wait = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait for another trailcam to finish.")
]
_Name = Annotated[str, typer.Argument(help="A station.", show_default=False)]


class Clear(StrEnum):
    """What can be forgotten of a station."""

    COORDINATES = "coordinates"
    TIMEZONE = "timezone"
    NOTES = "notes"


@app.callback()
def _stations() -> None:
    """Stations: places, time zones, names, and the cameras there."""


@app.command("list")
def list_(
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """All stations: photos, place, time zone, notes, and what the photos' GPS offers."""
    from trailcam.reports.station_list import station_list

    context = app_context(db, config, quiet, verbose)
    settings = context.settings
    _answer(context, format_, output, lambda db: station_list(db, settings.stations, settings.timezone))


@app.command("deployments")
def deployments(
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Which camera stood where from when to when, as the photos tell; Camtrap DP packages hold the same."""
    from trailcam.reports.station_list import deployment_list

    context = app_context(db, config, quiet, verbose)
    _answer(context, format_, output, lambda db: deployment_list(db, context.settings.report.silent_days))


@app.command("set")
def set_(
    name: _Name,
    latitude: Annotated[
        str | None, typer.Option("--latitude", help="30.2565, or 30°15'23.4\"N.", show_default=False)
    ] = None,
    longitude: Annotated[
        str | None, typer.Option("--longitude", help="-97.75, or 97°45'00\"W.", show_default=False)
    ] = None,
    from_gps: Annotated[
        bool, typer.Option("--from-gps", help="Take the place that the photos' GPS tells.")
    ] = False,
    timezone: Annotated[
        str | None, typer.Option("--timezone", help="As America/Chicago.", show_default=False)
    ] = None,
    notes: Annotated[str | None, typer.Option("--notes", help="Any text.", show_default=False)] = None,
    clear: Annotated[
        list[Clear] | None, typer.Option("--clear", help="Forget this; may be repeated.", show_default=False)
    ] = None,
    wait: _Wait = 0,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Say where a station is, its time zone, and notes. What isn't named stays as it is."""
    from trailcam.imports.stations_csv import check_facts
    from trailcam.store.station_facts import find_station, gps_place, set_facts

    given = {"latitude": latitude, "longitude": longitude, "timezone": timezone, "notes": notes}
    facts: dict[str, Any] = check_facts({key: text for key, text in given.items() if text is not None})
    if from_gps and latitude is not None:
        raise UsageError("--from-gps and --latitude exclude each other.", "Give one of them.")
    for what in clear or []:
        columns = ("latitude", "longitude") if what is Clear.COORDINATES else (what.value,)
        if any(column in facts for column in columns) or (from_gps and "latitude" in columns):
            raise UsageError(f"--clear {what.value} contradicts another option.", "Give one of them.")
        facts |= dict.fromkeys(columns)
    if not facts and not from_gps:
        raise UsageError(
            "There is nothing to set.", "Give --latitude and --longitude, --timezone or --notes."
        )
    context = app_context(db, config, quiet, verbose)
    with writing(context, "stations set", wait) as connection:
        station = find_station(connection, name)
        if from_gps:
            facts["latitude"], facts["longitude"] = gps_place(connection, station)
        _refuse_configured(context, station, facts)
        set_facts(connection, station.station_id, facts)
        after = find_station(connection, station.name)
    if not quiet:
        console.say(_told(after))


@app.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="CSV", help="Columns: station,latitude,longitude,timezone,notes.")
    ],
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Pass over names that are no station here.")
    ] = False,
    wait: _Wait = 0,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Take places, time zones and notes from a CSV file: all of it or nothing. Empty cells change nothing."""
    from trailcam.imports.stations_csv import read_stations
    from trailcam.store.station_facts import FACTS, set_facts

    table = read_stations(file)
    context = app_context(db, config, quiet, verbose)
    with writing(context, "stations import", wait) as connection:
        found, unknown = _find_all(connection, table)
        if unknown and not skip_unknown:
            names = ", ".join(printable(name) for name in unknown)
            raise UsageError(
                f"{count(len(unknown), 'name')} in {printable(file.name)} are no stations here: {names}.",
                "Nothing was imported. Mend the names (trailcam stations list), or add --skip-unknown.",
            )
        n_changed = 0
        for station, facts in found.values():
            _refuse_configured(context, station, facts)
            n_changed += any(getattr(station, f) != facts[f] for f in FACTS if f in facts)
            set_facts(connection, station.station_id, facts)
    if not quiet:
        skipped = f" {len(unknown):,} unknown passed over." if unknown else ""
        console.say(f"Read {count(len(found), 'station')}, {n_changed:,} changed.{skipped}")


@app.command("rename")
def rename(
    name: _Name,
    new_name: Annotated[str, typer.Argument(help="What to call it.", show_default=False)],
    wait: _Wait = 0,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Call a station something else, in later scans too. No folder is touched; `stations undo` reverts it."""
    from trailcam.store.station_facts import rename as change

    context = app_context(db, config, quiet, verbose)
    with writing(context, "stations rename", wait) as connection:
        made = change(connection, name, new_name)
    _say_changed(context, made, f"{printable(made.name)} is called {printable(made.into)} now.")


@app.command("merge")
def merge(
    name: _Name,
    into: Annotated[str, typer.Argument(help="The station that takes over its photos.", show_default=False)],
    wait: _Wait = 0,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Make two stations one, in later scans too. No folder is touched; `stations undo` parts them."""
    from trailcam.store.station_facts import merge as change

    context = app_context(db, config, quiet, verbose)
    with writing(context, "stations merge", wait) as connection:
        made = change(connection, name, into)
    _say_changed(context, made, f"{printable(made.name)} is part of {printable(made.into)} now.")


@app.command("undo")
def undo(
    wait: _Wait = 0,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Take back the newest rename or merge that is in force; run again for the one before."""
    from trailcam.store.station_facts import undo as take_back

    context = app_context(db, config, quiet, verbose)
    with writing(context, "stations undo", wait) as connection:
        made = take_back(connection)
    if not quiet:
        name, into = printable(made.name), printable(made.into)
        console.say(
            f"{into} is called {name} again."
            if made.kind == "rename"
            else f"{name} is a station of its own again, apart from {into}."
        )


def _answer(
    context: AppContext,
    format_: Format | None,
    output: str | None,
    ask: Callable[[Connection], Report],
) -> None:
    from trailcam.cli.render import chosen_format, emit

    chosen = chosen_format(format_, output)
    with context.database.read() as connection:
        report = ask(connection)
    emit(report, chosen, output)


def _find_all(
    db: Connection, table: Mapping[str, Mapping[str, Any]]
) -> tuple[dict[int, tuple[Station, dict[str, Any]]], list[str]]:
    """The stations of a table by id, and its names that are none. Raises UsageError for two words on one."""
    from trailcam.store.station_facts import match_station

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
                    f"The file says two things of the {fact} of {printable(station.name)}.",
                    "Nothing was imported.",
                )
    return found, unknown


def _refuse_configured(context: AppContext, station: Station, facts: Mapping[str, Any]) -> None:
    """The configuration goes first at each scan: what it says can't be changed here for long."""
    for name, settings in context.settings.stations.items():
        if name.casefold() != station.name.casefold():
            continue
        for fact, value in facts.items():
            said = getattr(settings, fact)
            if said is not None and said != value:
                raise UsageError(
                    f"The configuration says the {fact} of {printable(station.name)}: [stations] in"
                    f" {printable(str(context.settings.source))}.",
                    "Change it there or take it out: what it says goes first. Nothing was changed.",
                )


def _say_changed(context: AppContext, made: Change, text: str) -> None:
    if context.quiet:
        return
    console.say(f"{text} `trailcam stations undo` takes it back.")
    if any(name.casefold() == made.name.casefold() for name in context.settings.stations):
        console.say(
            f"The configuration's [stations] still names {printable(made.name)}, and no station is called so"
            " now: mend it there."
        )


def _told(station: Station) -> str:
    from trailcam.reports.station_list import place

    where = place(station.latitude, station.longitude) or "no coordinates"
    zone = station.timezone or "no time zone of its own"
    notes = f"; {printable(station.notes)}" if station.notes else ""
    return f"{printable(station.name)}: {where}; {zone}{notes}"
