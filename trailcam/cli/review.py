"""``trailcam review``: a page to judge photos on, and its answers into the database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.options import (
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
from trailcam.errors import ExitCode, UsageError
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.pages.shown import PageReport
    from trailcam.review.apply import Applied

app = typer.Typer(invoke_without_command=True)
_NAMED = 10  # photos without a picture that are named one by one


@app.callback()
def review(
    called: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.html", help="The page to write.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many photos.")] = 150,
    random: Annotated[
        bool,
        typer.Option("--random", help="Draw the photos at random: the basis of unbiased `report accuracy`."),
    ] = False,
    months: Months = None,
    season: SeasonOpt = None,
    since: Since = None,
    until: Until = None,
    station: Stations = None,
    include_undated: IncludeUndated = False,
    gap: Annotated[
        str | None,
        typer.Option("--gap", help="A longer pause begins a new visit: 30m, 1h.", show_default="30m"),
    ] = None,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Keep the small pictures for the next page.")
    ] = True,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write an offline page to judge photos on, the most useful first; `review apply` takes its answers."""
    if called.invoked_subcommand is not None:
        if output is not None:
            raise UsageError(
                "-o doesn't go with apply.", "Give the file that the page saved: review apply FILE"
            )
        return
    if output is None:
        raise UsageError(
            "It isn't said where to write the page.",
            "Name a file: trailcam review -o review.html. The page's answers: trailcam review apply FILE",
        )
    from trailcam.pages.pictures import default_cache
    from trailcam.review.make_review import ReviewOptions, build_review

    context = app_context(db, config, quiet, verbose, {"report.gap": gap})
    settings = context.settings
    selection = build_selection(settings, months, season, since, until, station, include_undated)
    options = ReviewOptions(
        gap=settings.report.gap,
        limit=limit,
        random=random,
        rules=settings.classes,
        cache=default_cache() if cache else None,
    )
    with console.progress("Pictures", quiet=quiet) as progress:
        report = build_review(context.database, selection, output, options, progress)
    _show_page(report, verbose)
    if report.problems:
        raise typer.Exit(ExitCode.SOME_FAILED)


@app.command("apply")
def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What the page saved.")],
    author: Annotated[
        str | None, typer.Option("--author", help="Who says so.", show_default="the name given on the page")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Let these answers go before what others said since.")
    ] = False,
    wait: Annotated[
        float, typer.Option("--wait", min=0, help="Seconds to wait for another trailcam to finish.")
    ] = 0,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Record the answers that a review page saved; once recorded, they change nothing any more."""
    from trailcam.cli.correct import user_name
    from trailcam.files.lock import WriterLock
    from trailcam.review.answers import read_answers
    from trailcam.review.apply import apply_answers

    context = app_context(db, config, quiet, verbose)
    answers = read_answers(file)
    with context.database.read():  # says that there is none, rather than making one
        pass
    who = author or answers.author.strip() or user_name()
    with WriterLock(context.settings.db, "review apply").acquire(wait):
        done = apply_answers(
            context.database, answers, author=who, rules=context.settings.classes, overwrite=overwrite
        )
    _show_applied(done, who)
    if done.conflicts:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _show_page(report: PageReport, verbose: bool) -> None:
    console.out.print(
        f"{printable(str(report.path))}: {count(report.n_photos, 'photo')} of {report.candidates:,} to"
        f" review, {report.size_bytes / 1e6:.1f} MB.",
        markup=False,
        soft_wrap=True,
    )
    for problem in report.problems if verbose else report.problems[:_NAMED]:
        console.say(f"No picture of {problem}")
    if len(report.problems) > _NAMED and not verbose:
        console.say(f"... and {len(report.problems) - _NAMED:,} more; -v names them all.")


def _show_applied(done: Applied, who: str) -> None:
    parts = [f"Recorded {count(done.recorded, 'answer')} of {printable(who)}"]
    if done.known:
        parts.append(f"{done.known:,} known before")
    if done.agreed:
        parts.append(f"{done.agreed:,} already said by another")
    if done.conflicts:
        parts.append(f"{count(len(done.conflicts), 'conflict')} left out")
    console.out.print("; ".join(parts) + ".", markup=False, soft_wrap=True)
    for conflict in done.conflicts:
        console.say(f"{conflict.name}: {conflict.why}")
    if done.conflicts:
        console.say("--overwrite lets these answers go before what others said.")
