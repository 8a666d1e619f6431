"""``trailcam times``: commands about when photos were taken."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console, times_check, times_shift
from trailcam.cli.options import (
    AppContext,
    ConfigOpt,
    DbOpt,
    Months,
    Quiet,
    SeasonOpt,
    Since,
    Stations,
    Until,
    Verbose,
    app_context,
    build_selection,
)
from trailcam.cli.output_options import FormatOpt, OutputOpt
from trailcam.errors import ExitCode
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from trailcam.selection import Selection
    from trailcam.strip.read_library import StripOptions, StripReport

_SHOWN = 10
app = typer.Typer(help="When photos were taken: check, correct, read strips.", no_args_is_help=True)
times_shift.register(app)
times_check.register(app)


class Order(StrEnum):
    """In which order a camera writes a date of three numbers."""

    YMD = "ymd"
    MDY = "mdy"
    DMY = "dmy"


@app.callback()
def _times() -> None:
    """When photos were taken: check, correct, read strips."""


@app.command("read-strip")
def read_strip(
    months: Months = None,
    season: SeasonOpt = None,
    since: Since = None,
    until: Until = None,
    station: Stations = None,
    all_: Annotated[
        bool,
        typer.Option(
            "--all", help="Also photos with a time from EXIF: compare.", rich_help_panel="Which photos"
        ),
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="Also photos that were read before.", rich_help_panel="Which photos"),
    ] = False,
    date_order: Annotated[
        Order | None,
        typer.Option(
            "--date-order",
            help="How these cameras write dates, where nothing in the photos tells: mdy is 11/30/2024.",
            show_default="from evidence",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Cores to use.", show_default="all")
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
    """Read date and time from the strips in pictures, for photos without an EXIF time.

    Needs the extra: pip install 'trailcam[ocr]'. Photos are read once; a stopped run carries on. Of --months
    and the like, photos without a time stay in: it's their time that is looked for.
    """
    from trailcam.cli.render import chosen_format, emit
    from trailcam.cli.signals import stoppable
    from trailcam.files.lock import WriterLock
    from trailcam.reports.strips import strips
    from trailcam.strip.ocr import check_available
    from trailcam.strip.read_library import StripOptions
    from trailcam.strip.records import DateOrder

    check_available()
    chosen = chosen_format(format_, output)
    context = app_context(db, config, quiet, verbose)
    selection = build_selection(context.settings, months, season, since, until, station, True)
    order = DateOrder(date_order.value) if date_order else None
    options = StripOptions(with_exif=all_, again=again, order=order, threads=workers or cores())
    with (
        WriterLock(context.settings.db, "times read-strip").acquire(wait),
        stoppable("Stopping after the photos in hand; press again to stop at once.") as stop,
    ):
        report = run(context, selection, options, stop)
        times_check.check_new(context)
    with context.database.read() as connection:
        answer = strips(connection, selection, with_exif=all_)
    emit(answer, chosen, output)
    if report.unreadable:
        raise typer.Exit(ExitCode.SOME_FAILED)


def run(
    context: AppContext, selection: Selection, options: StripOptions, stop: Callable[[], bool]
) -> StripReport:
    """Read strips with progress, and say on stderr what was done. The caller holds the lock."""
    from trailcam.strip.ocr import Ocr
    from trailcam.strip.read_library import read_strips

    ocr = Ocr()
    with console.progress("Reading strips", quiet=context.quiet) as progress:
        report = read_strips(context.database, selection, options, ocr, progress=progress, stop=stop)
    if not context.quiet:
        _say(report, context.verbose)
    return report


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _say(report: StripReport, verbose: bool) -> None:
    before = f"; {report.n_before:,} were read before" if report.n_before else ""
    console.say(
        f"Read the strips of {count(report.n_read, 'photo')}{before}."
        f" {count(report.n_dated, 'undated photo')} got a time."
    )
    if not report.unreadable:
        return
    console.say(f"{count(len(report.unreadable), 'file')} can't be decoded:")
    for path in report.unreadable if verbose else report.unreadable[:_SHOWN]:
        console.say(f"  {printable(path)}")
    if not verbose and len(report.unreadable) > _SHOWN:
        console.say(f"  ... and {len(report.unreadable) - _SHOWN:,} more (-v names them all)")
