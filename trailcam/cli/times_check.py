"""``trailcam times check``, and the check that follows whatever changes times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.groups import Only, with_options
from trailcam.cli.options import OutputOpts, SelectionGroup, WritingOpts
from trailcam.selection import Selection
from trailcam.words.text import count

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trailcam.cli.open_library import Library
    from trailcam.clock.check_clocks import Checked

_SelectionOpts = Annotated[Selection, SelectionGroup, Only("station")]


@with_options
def check(
    *,
    selection: _SelectionOpts,
    look: Annotated[
        bool,
        typer.Option("--look", help="Look at the photos not looked at yet: are they infrared?"),
    ] = False,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Cores to use for --look.", show_default="all")
    ] = None,
    output: OutputOpts,
    library: WritingOpts,
) -> None:
    """Where each station's times come from, which are doubtful and why, and when it was silent.

    Clocks are compared with file numbers, the sun (--look, and coordinates), and other times in the files.
    """
    from trailcam.clock.check_clocks import check as check_clocks
    from trailcam.clock.sun_check import INFRARED_BELOW
    from trailcam.reports.clocks import times_check
    from trailcam.reports.common import Question
    from trailcam.store.clock_facts import clock_stations
    from trailcam.store.station_facts import find_station

    timezone = library.settings.timezone
    with library.read() as db:
        names = [find_station(db, name).name for name in selection.stations]
    if look:
        _look(library, names, workers)
    with library.read() as db:
        asked = clock_stations(db, names)
        checked = check_clocks(db, asked, timezone, library.settings.place.known)
    _note(library, checked)
    with library.read() as db:
        report = times_check(
            db,
            [one.name for one in asked],
            checked.findings,
            Question(
                silent_days=library.settings.report.silent_days,
                timezone=timezone,
                place=library.settings.place.known,
            ),
            infrared_below=INFRARED_BELOW,
        )
    output.write(report)


def check_new_times(library: Library) -> None:
    """Check the clocks of stations with new photos, and say what was found. The caller holds the lock."""
    from trailcam.clock.check_clocks import check_new

    doubted = check_new(library.database, library.settings.timezone, library.settings.place.known)
    if doubted:
        library.say(
            f"The capture times of {count(doubted, 'photo')} are in doubt: `trailcam times check` says why."
        )


def _look(library: Library, names: Sequence[str], workers: int | None) -> None:
    from trailcam.cli.signals import stoppable
    from trailcam.clock.infrared import look
    from trailcam.machine import usable_cores

    with (
        library.locked() as database,
        stoppable("Stopping after the current photos; press again to stop at once.") as stop,
        console.progress("Looking", quiet=library.quiet) as progress,
    ):
        seen = look(database, names, workers or usable_cores(), progress=progress, stop=stop)
    library.say(f"Looked at {count(seen, 'photo')}.")


def _note(library: Library, checked: Checked) -> None:
    """Save what was found; if another trailcam is working, leave that to the next check."""
    from trailcam.clock.check_clocks import save
    from trailcam.errors import TrailcamError

    if not checked.changed:
        return
    try:
        with library.writing() as db:
            save(db, checked)
    except TrailcamError:
        library.say("Another trailcam is working: reports show these doubts after the next check.")
