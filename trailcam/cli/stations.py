"""``trailcam stations``: what is known of stations, and what they are called."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trailcam.cli import console
from trailcam.cli.groups import with_options
from trailcam.cli.options import LibraryOpts, OutputOpts, WritingOpts
from trailcam.errors import UsageError
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.cli.open_library import Library
    from trailcam.store.station_facts import Change, Station

app = typer.Typer(help="Stations: places, time zones, names and cameras.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="A station.", show_default=False)]


class GapReason(StrEnum):
    """Why a camera didn't work."""

    BATTERY = "battery"
    CARD = "card"
    LENS = "lens"
    MOVED = "moved"
    STOLEN = "stolen"
    OTHER = "other"


class Clear(StrEnum):
    """What can be forgotten of a station."""

    COORDINATES = "coordinates"
    TIMEZONE = "timezone"
    NOTES = "notes"
    UNTIL = "until"


@app.command("list")
@with_options
def list_(*, output: OutputOpts, library: LibraryOpts) -> None:
    """All stations: photos, place, time zone, notes, and what the photos' GPS offers."""
    from trailcam.reports.station_list import station_list

    with library.read() as db:
        report = station_list(db, library.settings.stations, library.settings.timezone)
    output.write(report)


@app.command("deployments")
@with_options
def deployments(*, output: OutputOpts, library: LibraryOpts) -> None:
    """Which camera stood where, from when to when, by its photos. Camtrap DP packages hold the same."""
    from trailcam.reports.station_list import deployment_list

    with library.read() as db:
        report = deployment_list(db, library.settings.report.silent_days)
    output.write(report)


@app.command("set")
@with_options
def set_(
    name: _Name,
    *,
    latitude: Annotated[
        str | None, typer.Option("--latitude", help="30.2565, or 30°15'23.4\"N.", show_default=False)
    ] = None,
    longitude: Annotated[
        str | None, typer.Option("--longitude", help="-97.75, or 97°45'00\"W.", show_default=False)
    ] = None,
    from_gps: Annotated[
        bool, typer.Option("--from-gps", help="Take the place from the photos' GPS.")
    ] = False,
    timezone: Annotated[
        str | None, typer.Option("--timezone", help="Such as America/Chicago.", show_default=False)
    ] = None,
    notes: Annotated[str | None, typer.Option("--notes", help="Any text.", show_default=False)] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until",
            metavar="DATE",
            help="The last day of a station that is given up: no camera-days and no alarms after it.",
            show_default=False,
        ),
    ] = None,
    clear: Annotated[
        list[Clear] | None, typer.Option("--clear", help="Remove this; may be repeated.", show_default=False)
    ] = None,
    library: WritingOpts,
) -> None:
    """Set a station's place, time zone, notes and last day. What isn't named stays as it is."""
    from trailcam.imports.stations_csv import check_facts, set_station

    given = {"latitude": latitude, "longitude": longitude, "timezone": timezone, "notes": notes}
    given["until"] = until
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
            "There is nothing to set.", "Give --latitude and --longitude, --timezone, --notes or --until."
        )
    with library.writing() as db:
        station = set_station(db, library.settings, name, facts, from_gps=from_gps)
    library.say(_told(station))


@app.command("import")
@with_options
def import_(
    file: Annotated[
        Path, typer.Argument(metavar="CSV", help="Columns: station,latitude,longitude,timezone,notes,until.")
    ],
    *,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Skip names that are not stations here.")
    ] = False,
    library: WritingOpts,
) -> None:
    """Take places, time zones and notes from a CSV file: all of it or nothing. Empty cells change nothing."""
    from trailcam.imports.stations_csv import import_stations, read_stations

    table = read_stations(file)
    with library.writing() as db:
        done = import_stations(db, library.settings, table, skip_unknown=skip_unknown)
    skipped = f" {len(done.unknown):,} unknown names skipped." if done.unknown else ""
    library.say(f"Read {count(done.named, 'station')}, {done.changed:,} changed.{skipped}")


@app.command("effort")
@with_options
def effort(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A station.", show_default=False)] = None,
    *,
    first: Annotated[
        str | None, typer.Option("--from", help="The first day without a working camera.", show_default=False)
    ] = None,
    last: Annotated[str | None, typer.Option("--to", help="The last such day.", show_default=False)] = None,
    reason: Annotated[
        GapReason, typer.Option("--reason", help="Why.", show_default=GapReason.OTHER.value)
    ] = GapReason.OTHER,
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove what was declared from --from to --to.")
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option(
            "--import", metavar="CSV", help="Columns: station,first_day,last_day,reason.", show_default=False
        ),
    ] = None,
    look: Annotated[
        bool, typer.Option("--look", help="Find days of black or grey photos, and declare them (lens).")
    ] = False,
    output: OutputOpts,
    library: WritingOpts,
) -> None:
    """When cameras didn't work, and why: list it, declare it. Camera-days and rates leave these days out."""
    from trailcam.imports.effort_csv import make_gap, read_gaps
    from trailcam.machine import user_name
    from trailcam.reports.effort import effort as report
    from trailcam.scan.covered_lens import find_covered
    from trailcam.store.effort_gaps import declare
    from trailcam.store.effort_gaps import remove as take_back

    if (name is not None or first is not None or last is not None) and not (name and first and last):
        raise UsageError(
            "A gap needs a station, --from and --to.", "Name all three, or none to see the list."
        )
    if remove and not name:
        raise UsageError("--remove needs a station, --from and --to.", "They name the gap to remove.")
    if name and first and last:
        gap = make_gap(name, first, last, reason.value)
        with library.writing() as db:
            if remove:
                n = take_back(db, name, gap.first_day, gap.last_day)
                library.say(f"Removed {count(n, 'gap')}.")
            else:
                declare(db, [gap], user_name())
    if file is not None:
        gaps = read_gaps(file)
        with library.writing() as db:
            n = declare(db, gaps, user_name())
        library.say(f"Read {count(len(gaps), 'gap')}, {n:,} new.")
    if look:
        with console.progress("Blank days", quiet=library.quiet) as progress:
            gaps = find_covered(library.database, progress)
        with library.writing() as db:
            n = declare(db, gaps, "trailcam")
        library.say(f"{count(n, 'gap')} with a covered lens.")
    with library.read() as db:
        answer = report(db, library.settings.report.silent_days)
    output.write(answer)


@app.command("rename")
@with_options
def rename(
    name: _Name,
    new_name: Annotated[str, typer.Argument(metavar="NEW_NAME", help="What to call it.", show_default=False)],
    *,
    library: WritingOpts,
) -> None:
    """Rename a station, for later scans too. No folder is touched; `stations undo` undoes it."""
    from trailcam.store.station_facts import rename as change

    with library.writing() as db:
        made = change(db, name, new_name)
    _say_changed(library, made, f"{printable(made.name)} is now called {printable(made.into)}.")


@app.command("merge")
@with_options
def merge(
    name: _Name,
    into: Annotated[
        str,
        typer.Argument(metavar="INTO", help="The station that takes over its photos.", show_default=False),
    ],
    *,
    library: WritingOpts,
) -> None:
    """Make two stations one, in later scans too. No folder is touched; `stations undo` separates them."""
    from trailcam.store.station_facts import merge as change

    with library.writing() as db:
        made = change(db, name, into)
    _say_changed(library, made, f"{printable(made.name)} is now part of {printable(made.into)}.")


@app.command("undo")
@with_options
def undo(
    *,
    library: WritingOpts,
) -> None:
    """Undo the latest rename or merge; run it again for the one before."""
    from trailcam.store.station_facts import undo as take_back

    with library.writing() as db:
        made = take_back(db)
    name, into = printable(made.name), printable(made.into)
    library.say(
        f"{into} is called {name} again."
        if made.kind == "rename"
        else f"{name} is a station of its own again, separate from {into}."
    )


def _say_changed(library: Library, made: Change, text: str) -> None:
    library.say(f"{text} `trailcam stations undo` undoes it.")
    if any(name.casefold() == made.name.casefold() for name in library.settings.stations):
        library.say(
            f"The configuration's [stations] still names {printable(made.name)}, which is no station"
            " now: correct it there."
        )


def _told(station: Station) -> str:
    from trailcam.reports.station_list import place

    where = place(station.latitude, station.longitude) or "no coordinates"
    zone = station.timezone or "no time zone of its own"
    notes = f"; {printable(station.notes)}" if station.notes else ""
    ended = f"; given up after {station.until}" if station.until else ""
    return f"{printable(station.name)}: {where}; {zone}{notes}{ended}"
