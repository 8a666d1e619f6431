"""``trailcam times shift``, ``undo`` and ``list``."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import typer

from trailcam.cli.groups import Only, with_options
from trailcam.cli.options import LibraryOpts, OutputOpts, SelectionGroup, WritingOpts
from trailcam.errors import UsageError
from trailcam.selection import Selection
from trailcam.words.text import count

_SelectionOpts = Annotated[Selection, SelectionGroup, Only("since", "until")]


@with_options
def shift(
    *,
    station: Annotated[list[str], typer.Option("--station", help="Whose clock was wrong; may be repeated.")],
    selection: _SelectionOpts,
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
    apply: Annotated[
        bool, typer.Option("--apply", help="Make the change; without this, only show it.")
    ] = False,
    note: Annotated[str | None, typer.Option("--note", help="Any text, for `times list`.")] = None,
    output: OutputOpts,
    library: WritingOpts,
) -> None:
    """Correct the times of a camera whose clock was wrong. Shows the change; --apply makes it.

    No file is touched. The times that were read are kept, and `times undo` restores them.
    """
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
    selection = replace(selection, stations=tuple(station))
    now = datetime.now().astimezone().replace(tzinfo=None)
    shift_id = None
    if apply:
        with library.writing() as db:
            plan = plan_shift(db, selection, folder, asked, amount, moment)
            shift_id = apply_shift(db, plan, note, now)
            check_stale(db, library.settings.timezone)
    else:
        with library.read() as db:
            plan = plan_shift(db, selection, folder, asked, amount, moment)
    filters = {**selection.describe(), "folder": folder}
    output.write(shift_plan(plan, filters, now=now, shift_id=shift_id))


@with_options
def undo(
    shift_id: Annotated[
        int | None,
        typer.Argument(metavar="SHIFT", help="Its number from `times list`.", show_default="the latest"),
    ] = None,
    *,
    library: WritingOpts,
) -> None:
    """Undo a shift of times, the latest by default: its photos get their old times back."""
    from trailcam.clock.check_clocks import check_stale
    from trailcam.clock.shift import take_back

    now = datetime.now().astimezone().replace(tzinfo=None)
    with library.writing() as db:
        undone, n_photos = take_back(db, shift_id, now)
        check_stale(db, library.settings.timezone)
    library.say(f"Shift {undone} of {count(n_photos, 'photo')} is undone.")


@with_options
def list_(*, output: OutputOpts, library: LibraryOpts) -> None:
    """List all shifts of times, also those undone."""
    from trailcam.reports.shift_list import shift_list

    with library.read() as db:
        report = shift_list(db)
    output.write(report)


def _moment(text: str) -> datetime:
    """A moment to the minute or second. Raises UsageError, also for a whole day."""
    from trailcam.words.dates import parse_date

    at = parse_date(text)
    if not re.search(r"\d:\d", text):
        raise UsageError(
            f"--to {text} is a whole day.", "Give the moment to the minute: --to 2024-11-03T17:15."
        )
    return at
