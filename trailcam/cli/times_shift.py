"""``trailcam times shift``, ``undo`` and ``list``."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import typer

from trailcam.cli import console
from trailcam.cli.options import (
    ConfigOpt,
    DbOpt,
    Quiet,
    Since,
    Until,
    Verbose,
    app_context,
    build_selection,
    writing,
)
from trailcam.cli.output_options import FormatOpt, OutputOpt
from trailcam.errors import UsageError
from trailcam.words.text import count

_Wait = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait for another trailcam to finish.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``trailcam times``."""
    app.command("shift")(shift)
    app.command("undo")(undo)
    app.command("list")(list_)


def shift(
    station: Annotated[list[str], typer.Option("--station", help="Whose clock was wrong; may be repeated.")],
    since: Since = None,
    until: Until = None,
    folder: Annotated[
        str | None,
        typer.Option("--folder", help="Only photos below this folder, relative to the library's own."),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", help="Add this: +1y2h, -12h, +1h; 0h: the times are right.", show_default=False),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option("--to", help="The first photo's true time: 2024-11-03T17:15.", show_default=False),
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without this, only show it.")] = False,
    note: Annotated[str | None, typer.Option("--note", help="Any text, for `times list`.")] = None,
    wait: _Wait = 0,
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Correct the times of a camera whose clock was wrong. Shows what it would do, and with --apply does it.

    No file is touched. The photos keep what was read of them, and `times undo` goes back to it.
    """
    from trailcam.cli.render import chosen_format, emit
    from trailcam.clock.check_clocks import check_stale
    from trailcam.clock.shift import apply_shift, plan_shift
    from trailcam.reports.shift_list import shift_plan
    from trailcam.words.span import parse_amount

    if (by is None) == (to is None):
        raise UsageError(
            "Give either --by or --to.", "--by +1y2h adds; --to says when the first photo was taken."
        )
    asked = f"by {by}" if by is not None else f"to {to}"
    amount = parse_amount(by) if by is not None else None
    moment = _moment(to) if to is not None else None
    chosen = chosen_format(format_, output)
    context = app_context(db, config, quiet, verbose)
    selection = build_selection(context.settings, None, None, since, until, station, False)
    now = datetime.now().astimezone().replace(tzinfo=None)
    shift_id = None
    if apply:
        with writing(context, "times shift", wait) as connection:
            plan = plan_shift(connection, selection, folder, asked, amount, moment)
            shift_id = apply_shift(connection, plan, note, now)
            check_stale(connection, context.settings.timezone)
    else:
        with context.database.read() as connection:
            plan = plan_shift(connection, selection, folder, asked, amount, moment)
    filters = {**selection.describe(), "folder": folder}
    emit(shift_plan(plan, filters, now=now, shift_id=shift_id), chosen, output)


def undo(
    shift_id: Annotated[
        int | None,
        typer.Argument(metavar="[SHIFT]", help="Its number from `times list`.", show_default="the newest"),
    ] = None,
    wait: _Wait = 0,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Take back a shift of times, the newest by default: its photos get back the times of before."""
    from trailcam.clock.check_clocks import check_stale
    from trailcam.clock.shift import take_back

    context = app_context(db, config, quiet, verbose)
    now = datetime.now().astimezone().replace(tzinfo=None)
    with writing(context, "times undo", wait) as connection:
        undone, n_photos = take_back(connection, shift_id, now)
        check_stale(connection, context.settings.timezone)
    if not quiet:
        console.say(f"Shift {undone} of {count(n_photos, 'photo')} is taken back.")


def list_(
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """All shifts of times, also those taken back."""
    from trailcam.cli.render import chosen_format, emit
    from trailcam.reports.shift_list import shift_list

    chosen = chosen_format(format_, output)
    context = app_context(db, config, quiet, verbose)
    with context.database.read() as connection:
        report = shift_list(connection)
    emit(report, chosen, output)


def _moment(text: str) -> datetime:
    """A moment to the minute or second. Raises UsageError, also for a whole day."""
    from trailcam.words.dates import parse_date

    at = parse_date(text)
    if not re.search(r"\d:\d", text):
        raise UsageError(
            f"--to {text} is a whole day.", "Give the moment to the minute: --to 2024-11-03T17:15."
        )
    return at
