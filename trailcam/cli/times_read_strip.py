"""``trailcam times read-strip``, and the reading that ``scan --read-strip`` ends with."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.groups import Only, with_options
from trailcam.cli.options import OutputOpts, SelectionGroup, WritingOpts
from trailcam.cli.times_check import check_new_times
from trailcam.errors import ExitCode
from trailcam.selection import Selection
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from trailcam.cli.open_library import Library
    from trailcam.strip.read_library import StripOptions, StripReport

_SelectionOpts = Annotated[Selection, SelectionGroup, Only("months", "season", "since", "until", "station")]


class Order(StrEnum):
    """In which order a camera writes a date of three numbers."""

    YMD = "ymd"
    MDY = "mdy"
    DMY = "dmy"


@with_options
def read_strip(
    *,
    selection: _SelectionOpts,
    all_: Annotated[bool, typer.Option("--all", help="Also photos with a time from EXIF: compare.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Also photos that were read before.")] = False,
    date_order: Annotated[
        Order | None,
        typer.Option(
            "--date-order",
            help="How these cameras write dates, if the photos leave it open: mdy is 11/30/2024.",
            show_default="from the photos",
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Cores to use.", show_default="all")
    ] = None,
    output: OutputOpts,
    library: WritingOpts,
) -> None:
    """Read date and time from the strips in pictures, for photos without an EXIF time.

    Needs the extra: pip install "trailcam[ocr]". Photos are read once; a stopped run continues. Photos
    without a time are included whatever --months and similar options say.
    """
    from trailcam.cli.signals import stoppable
    from trailcam.machine import usable_cores
    from trailcam.reports.strips import strips
    from trailcam.strip.ocr import check_available
    from trailcam.strip.read_library import StripOptions
    from trailcam.strip.records import DateOrder

    check_available()
    selection = replace(selection, include_undated=True)
    order = DateOrder(date_order.value) if date_order else None
    options = StripOptions(with_exif=all_, again=again, order=order, threads=workers or usable_cores())
    with (
        library.locked(),
        stoppable("Stopping after the current photos; press again to stop at once.") as stop,
    ):
        report = read_strips(library, selection, options, stop)
        check_new_times(library)
    with library.read() as db:
        answer = strips(db, selection, with_exif=all_)
    output.write(answer)
    if report.unreadable:
        raise typer.Exit(ExitCode.SOME_FAILED)


def read_strips(
    library: Library, selection: Selection, options: StripOptions, stop: Callable[[], bool]
) -> StripReport:
    """Read strips with progress, and say on stderr what was done. The caller holds the lock."""
    from trailcam.strip import read_library
    from trailcam.strip.ocr import Ocr

    with console.progress("Reading strips", quiet=library.quiet) as progress:
        report = read_library.read_strips(
            library.database, selection, options, Ocr(), progress=progress, stop=stop
        )
    before = f"; {report.n_before:,} were read before" if report.n_before else ""
    library.say(
        f"Read the strips of {count(report.n_read, 'photo')}{before}."
        f" {count(report.n_dated, 'undated photo')} got a time."
    )
    if report.unreadable and not library.quiet:
        console.say(f"{count(len(report.unreadable), 'file')} can't be decoded:")
        library.name_some([f"  {printable(path)}" for path in report.unreadable])
    return report
