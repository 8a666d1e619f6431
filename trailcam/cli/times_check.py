"""``trailcam times check``, and the check that follows whatever changes times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.options import AppContext, ConfigOpt, DbOpt, Quiet, Stations, Verbose, app_context
from trailcam.cli.output_options import FormatOpt, OutputOpt
from trailcam.words.text import count

if TYPE_CHECKING:
    from trailcam.clock.check_clocks import Checked


def register(app: typer.Typer) -> None:
    """Add the command to ``trailcam times``."""
    app.command("check")(check)


def check(
    station: Stations = None,
    look: Annotated[
        bool,
        typer.Option("--look", help="Look at photos that nobody has looked at: are they infrared?"),
    ] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Cores to use for --look.", show_default="all")
    ] = None,
    wait: Annotated[
        float, typer.Option("--wait", min=0, help="Seconds to wait for another trailcam to finish.")
    ] = 0,
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Where each station's times come from, which are in doubt and why, and when it was silent.

    Clocks are held against file numbers, the sun (--look, and coordinates), and what files say elsewhere.
    """
    from trailcam.cli.render import chosen_format, emit
    from trailcam.clock.check_clocks import check as check_clocks
    from trailcam.clock.sun_check import INFRARED_BELOW
    from trailcam.reports.clocks import times_check
    from trailcam.selection import Selection
    from trailcam.store.clock_facts import clock_stations
    from trailcam.store.select import make_selected

    chosen = chosen_format(format_, output)
    context = app_context(db, config, quiet, verbose)
    names = tuple(station or ())
    with context.database.read() as connection:
        make_selected(connection, Selection(stations=names))  # refuses a name that is no station
    if look:
        _look(context, names, workers, wait)
    with context.database.read() as connection:
        asked = clock_stations(connection, names)
        checked = check_clocks(connection, asked, context.settings.timezone)
    _note(context, checked)
    with context.database.read() as connection:
        report = times_check(
            connection,
            [one.name for one in asked],
            checked.findings,
            silent_days=context.settings.report.silent_days,
            timezone=context.settings.timezone,
            infrared_below=INFRARED_BELOW,
        )
    emit(report, chosen, output)


def check_new(context: AppContext) -> None:
    """Check the clocks of stations with anything new, and say what came out. The caller holds the lock."""
    from trailcam.clock.check_clocks import check_stale

    with context.database.write() as connection:
        checked = check_stale(connection, context.settings.timezone)
    new = sum(word is not None for word in checked.changed.values())
    if new and not context.quiet:
        console.say(
            f"The capture times of {count(new, 'photo')} are in doubt: `trailcam times check` says why."
        )


def _look(context: AppContext, names: tuple[str, ...], workers: int | None, wait: float) -> None:
    from trailcam.cli.signals import stoppable
    from trailcam.cli.times import cores
    from trailcam.clock.infrared import look
    from trailcam.files.lock import WriterLock

    with (
        WriterLock(context.settings.db, "times check --look").acquire(wait),
        stoppable("Stopping after the photos in hand; press again to stop at once.") as stop,
        console.progress("Looking", quiet=context.quiet) as progress,
    ):
        seen = look(context.database, names, workers or cores(), progress=progress, stop=stop)
    if not context.quiet:
        console.say(f"Looked at {count(seen, 'photo')}.")


def _note(context: AppContext, checked: Checked) -> None:
    """Keep what was found; while another trailcam works, the next check does."""
    from trailcam.clock.check_clocks import save
    from trailcam.errors import TrailcamError
    from trailcam.files.lock import WriterLock

    if not checked.changed:
        return
    try:
        lock = WriterLock(context.settings.db, "times check").acquire(0)
        with lock, context.database.write() as connection:
            save(connection, checked)
    except TrailcamError:
        if not context.quiet:
            console.say("Another trailcam is at work: reports take over these doubts after the next check.")
