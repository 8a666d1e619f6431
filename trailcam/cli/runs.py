"""``trailcam runs``: what models said, run by run, and which of them counts."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.options import (
    AppContext,
    ConfigOpt,
    DbOpt,
    IncludeUndated,
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
from trailcam.errors import ExitCode, UsageError
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.selection import Selection

_NAMED = 10  # photos without a picture that are named one by one

app = typer.Typer(help="Runs: what each model said, and which of them counts.", no_args_is_help=True)


class Part(StrEnum):
    """What of a comparison is written where there is room for one table."""

    CLASSES = "classes"
    CHANGES = "changes"
    BOXES = "boxes"


RunArg = Annotated[int, typer.Argument(metavar="RUN", help="A run's number, as `runs list` shows it.")]
WaitOpt = Annotated[
    float, typer.Option("--wait", min=0, help="Seconds to wait for another trailcam to finish.")
]


@app.callback()
def _runs() -> None:
    """Runs: what each model said, and which of them counts."""


@app.command("list")
def list_(
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """List all runs, the newest first, and for how many photos each counts."""
    _list(app_context(db, config, quiet, verbose), format_, output, counting_only=False)


@app.command("show")
def show(
    run: RunArg,
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Show one run: its classes with their boxes, its weights, settings, versions and times."""
    from trailcam.cli.render import chosen_format, emit
    from trailcam.files.lock import WriterLock
    from trailcam.reports.run_list import run_show

    context = app_context(db, config, quiet, verbose)
    chosen = chosen_format(format_, output)
    working = WriterLock(context.settings.db, "runs").held()
    with context.database.read() as connection:
        report = run_show(connection, run, working=working)
    emit(report, chosen, output)


@app.command("current")
def current(
    run: Annotated[
        int | None,
        typer.Argument(metavar="[RUN]", help="Let this run's model count.", show_default=False),
    ] = None,
    newest: Annotated[
        bool, typer.Option("--newest", help="Let the newest run count again, whatever was chosen.")
    ] = False,
    wait: WaitOpt = 0,
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Show which runs count in reports, galleries and exports, or choose one.

    A chosen run's model counts wherever it completed a photo, also before runs that come later.
    """
    from trailcam.files.lock import WriterLock
    from trailcam.store.run_choice import choose_run

    if run is not None and newest:
        raise UsageError("A run and --newest exclude each other.", "Give one of them.")
    context = app_context(db, config, quiet, verbose)
    if run is not None or newest:
        with context.database.read():  # says that there is none, rather than making one
            pass
        with (
            WriterLock(context.settings.db, "runs current").acquire(wait),
            context.database.write() as connection,
        ):
            choose_run(connection, run)
    _list(context, format_, output, counting_only=True)


@app.command("delete")
def delete(
    run: RunArg,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also a run that counts.")] = False,
    wait: WaitOpt = 0,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Delete a run with its boxes. Corrections stay, whatever run they were made on."""
    from trailcam.files.lock import WriterLock
    from trailcam.store.run_choice import delete_run

    context = app_context(db, config, quiet, verbose)
    with context.database.read():
        pass
    with WriterLock(context.settings.db, "runs delete").acquire(wait):
        _check_deletable(context, run, force=force)
        if not yes and not _confirmed(context, run):
            console.say("Nothing was changed.")
            return
        with context.database.write() as connection:
            gone = delete_run(connection, run)
    console.out.print(
        f"Deleted run {run}: {count(gone.results, 'result')}, {count(gone.detections, 'box')}."
        f" {count(gone.handed_on, 'photo')} handed on to other runs,"
        f" {gone.left:,} without any run now. No correction was touched.",
        markup=False,
        soft_wrap=True,
    )


def _list(context: AppContext, format_: FormatOpt, output: OutputOpt, *, counting_only: bool) -> None:
    from trailcam.cli.render import chosen_format, emit
    from trailcam.files.lock import WriterLock
    from trailcam.reports.run_list import runs_list

    chosen = chosen_format(format_, output)
    working = WriterLock(context.settings.db, "runs").held()
    with context.database.read() as connection:
        report = runs_list(connection, working=working, counting_only=counting_only)
    emit(report, chosen, output)


def _check_deletable(context: AppContext, run: int, *, force: bool) -> None:
    """Raises UsageError for no run, and without ``force`` for one that counts or was chosen."""
    from trailcam.store.run_choice import check_run, list_runs

    with context.database.read() as connection:
        chosen = check_run(connection, run)["chosen_at"] is not None
        counting = next(row["counting"] for row in list_runs(connection) if row["run_id"] == run)
    if force or not (counting or chosen):
        return
    why = f"counts for {count(counting, 'photo')}" if counting else "was chosen by hand"
    raise UsageError(
        f"Run {run} {why}; it was not deleted.",
        "Let another count first: `trailcam runs current RUN`. --force deletes it all the same:"
        " the photos then go to their next run, or are pending again.",
    )


def _confirmed(context: AppContext, run: int) -> bool:
    from trailcam.store.run_choice import check_run

    if not sys.stdin.isatty():
        raise UsageError(
            f"Run {run} was not deleted: nobody can be asked here.", "Give --yes to delete without asking."
        )
    with context.database.read() as connection:
        found = check_run(connection, run)
    name = printable(found["weights_name"] or "no weights named")
    return typer.confirm(
        f"Delete run {run} ({name}): {count(found['n_completed'], 'photo')},"
        f" {count(found['n_detections'], 'box')}?",
        err=True,
    )


@app.command("compare")
def compare(
    a: Annotated[int, typer.Argument(metavar="A", help="The run to start from.")],
    b: Annotated[int, typer.Argument(metavar="B", help="The run to hold against it.")],
    part: Annotated[
        Part | None,
        typer.Option("--part", help="Only this part. CSV and Parquet hold one.", show_default="classes"),
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(
            "--confidence",
            min=0,
            max=1,
            help="From where boxes count, in both runs.",
            show_default="what the weights recommend, else 0.5",
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--page",
            metavar="FILE.html",
            help="Also write an offline page of the photos that differ.",
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many photos on the page.")] = 150,
    months: Months = None,
    season: SeasonOpt = None,
    since: Since = None,
    until: Until = None,
    station: Stations = None,
    include_undated: IncludeUndated = False,
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Compare two runs on the photos that both completed: boxes gained, lost and changed, by class."""
    from trailcam.cli.render import chosen_format, emit
    from trailcam.reports.compare_runs import comparison_report

    context = app_context(db, config, quiet, verbose)
    chosen = chosen_format(format_, output)
    selection = build_selection(context.settings, months, season, since, until, station, include_undated)
    with context.database.read() as connection:
        report = comparison_report(connection, selection, a, b, confidence, part)
    emit(report, chosen, output)
    if page is not None:
        _write_page(context, selection, (a, b), page, confidence, limit)


def _write_page(
    context: AppContext,
    selection: Selection,
    runs: tuple[int, int],
    target: Path,
    confidence: float | None,
    limit: int,
) -> None:
    """The page, what was made of it on stderr, and 1 where a photo has no picture."""
    from trailcam.compare_page.make_comparison import build_page
    from trailcam.pages.pictures import default_cache

    with console.progress("Pictures", quiet=context.quiet) as progress:
        made = build_page(
            context.database,
            selection,
            runs,
            target,
            confidence=confidence,
            limit=limit,
            cache=default_cache(),
            progress=progress,
        )
    if not context.quiet:
        console.say(
            f"{printable(str(made.path))}: {made.n_photos:,} of {count(made.candidates, 'photo')}"
            f" that differ, {made.size_bytes / 1e6:.1f} MB."
        )
    for problem in made.problems if context.verbose else made.problems[:_NAMED]:
        console.say(f"No picture of {problem}")
    if made.problems:
        raise typer.Exit(ExitCode.SOME_FAILED)
