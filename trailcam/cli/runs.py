"""``trailcam runs``: what models found, run by run, and which of them counts."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trailcam.cli import console
from trailcam.cli.groups import with_options
from trailcam.cli.options import LibraryOpts, OutputOpts, SelectionOpts, WritingOpts
from trailcam.errors import ExitCode, UsageError
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.cli.open_library import Library
    from trailcam.cli.options import Output
    from trailcam.selection import Selection

app = typer.Typer(help="Runs: what each model found, and which of them counts.", no_args_is_help=True)


class Part(StrEnum):
    """What of a comparison is written where there is room for one table."""

    CLASSES = "classes"
    CHANGES = "changes"
    BOXES = "boxes"


RunArg = Annotated[int, typer.Argument(metavar="RUN", help="A run's number, as `runs list` shows it.")]


@app.command("list")
@with_options
def list_(*, output: OutputOpts, library: LibraryOpts) -> None:
    """List all runs, the newest first, and for how many photos each counts."""
    _list(library, output, counting_only=False)


@app.command("show")
@with_options
def show(run: RunArg, *, output: OutputOpts, library: LibraryOpts) -> None:
    """Show one run: its classes with their boxes, its weights, settings, versions and times."""
    from trailcam.reports.run_list import run_show

    in_use = library.in_use()
    with library.read() as db:
        report = run_show(db, run, working=in_use)
    output.write(report)


@app.command("current")
@with_options
def current(
    run: Annotated[
        int | None,
        typer.Argument(metavar="RUN", help="The run whose model is to count.", show_default=False),
    ] = None,
    *,
    newest: Annotated[bool, typer.Option("--newest", help="Let the newest run count again.")] = False,
    output: OutputOpts,
    library: WritingOpts,
) -> None:
    """Show which runs count in reports, galleries and exports, or choose one.

    A chosen run's model counts on every photo that it completed, and overrides later runs.
    """
    from trailcam.store.run_choice import choose_run

    if run is not None and newest:
        raise UsageError("A run and --newest exclude each other.", "Give one of them.")
    if run is not None or newest:
        with library.writing() as db:
            choose_run(db, run)
    _list(library, output, counting_only=True)


@app.command("delete")
@with_options
def delete(
    run: RunArg,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also a run that counts.")] = False,
    library: WritingOpts,
) -> None:
    """Delete a run with its boxes. All corrections stay."""
    from trailcam.store.run_choice import check_deletable, delete_run

    with library.read() as db:
        found = check_deletable(db, run, force=force)
    if not yes and not _confirmed(found):
        console.say("Nothing was changed.")
        return
    with library.writing() as db:
        gone = delete_run(db, run, force=force)
    console.out.print(
        f"Deleted run {run}: {count(gone.results, 'result')}, {count(gone.detections, 'box')}."
        f" {count(gone.handed_on, 'photo')} now counted by another run, {gone.left:,} by none."
        " No correction was changed.",
        markup=False,
        soft_wrap=True,
    )


@app.command("compare")
@with_options
def compare(
    a: Annotated[int, typer.Argument(metavar="A", help="The run to start from.")],
    b: Annotated[int, typer.Argument(metavar="B", help="The run to compare with it.")],
    *,
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
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many photos on the page.")] = 150,
    selection: SelectionOpts,
    output: OutputOpts,
    library: LibraryOpts,
) -> None:
    """Compare two runs on the photos that both completed: boxes gained, lost and changed, by class."""
    from trailcam.reports.compare_runs import comparison_report

    with library.read() as db:
        report = comparison_report(db, selection, a, b, confidence, part)
    output.write(report)
    if page is not None:
        _write_page(library, selection, page, (a, b), confidence, limit)


def _list(library: Library, output: Output, *, counting_only: bool) -> None:
    from trailcam.reports.run_list import runs_list

    in_use = library.in_use()
    with library.read() as db:
        report = runs_list(db, working=in_use, counting_only=counting_only)
    output.write(report)


def _confirmed(run: dict[str, Any]) -> bool:
    if not sys.stdin.isatty():
        raise UsageError(
            f"Run {run['run_id']} was not deleted: there is no terminal to ask on.",
            "Give --yes to delete without asking.",
        )
    name = printable(run["weights_name"] or "no weights named")
    return typer.confirm(
        f"Delete run {run['run_id']} ({name}): {count(run['n_completed'], 'photo')},"
        f" {count(run['n_detections'], 'box')}?",
        err=True,
    )


def _write_page(
    library: Library,
    selection: Selection,
    target: Path,
    runs: tuple[int, int],
    confidence: float | None,
    limit: int,
) -> None:
    """The page, what was made of it on stderr, and 1 where a photo has no picture."""
    from trailcam.compare_page.make_comparison import ComparisonOptions, build_comparison
    from trailcam.pages.pictures import default_cache

    options = ComparisonOptions(runs, confidence, limit, default_cache())
    with console.progress("Pictures", quiet=library.quiet) as progress:
        made = build_comparison(library.database, selection, target, options, progress)
    library.say(
        f"{printable(str(made.path))}: {made.n_photos:,} of {count(made.candidates, 'photo')}"
        f" that differ, {made.size_bytes / 1e6:.1f} MB."
    )
    library.name_some([f"No picture of {problem}" for problem in made.problems])
    if made.problems:
        raise typer.Exit(ExitCode.SOME_FAILED)
