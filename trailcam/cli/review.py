"""``trailcam review``: a page to judge photos on, and its answers into the database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.groups import with_options
from trailcam.cli.options import AnsweredOpts, CacheOpt, GapOpt, LibraryOpts, SelectionOpts, WritingOpts
from trailcam.errors import ExitCode, UsageError
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.cli.open_library import Library
    from trailcam.pages.shown import PageReport
    from trailcam.review.apply import Applied

app = typer.Typer(invoke_without_command=True)


@app.callback()
@with_options
def review(
    called: typer.Context,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.html", help="The page to write.", show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most this many photos.")] = 150,
    random: Annotated[
        bool,
        typer.Option("--random", help="Choose the photos at random, so that `report accuracy` is unbiased."),
    ] = False,
    selection: SelectionOpts,
    gap: GapOpt = None,
    cache: CacheOpt = True,
    library: LibraryOpts,
) -> None:
    """Write a page to check photos on, and record its answers. `review apply` records them."""
    if called.invoked_subcommand is not None:
        if output is not None:
            raise UsageError(
                "-o doesn't go with apply.", "Give the file that the page saved: review apply FILE"
            )
        return
    if output is None:
        raise UsageError(
            "No file was named for the page.",
            "Name a file: trailcam review -o review.html. The page's answers: trailcam review apply FILE",
        )
    from trailcam.pages.pictures import default_cache
    from trailcam.review.make_review import ReviewOptions, build_review

    settings = library.settings
    options = ReviewOptions(
        gap=settings.report.gap,
        limit=limit,
        random=random,
        rules=settings.classes,
        cache=default_cache() if cache else None,
    )
    with console.progress("Pictures", quiet=library.quiet) as progress:
        report = build_review(library.database, selection, output, options, progress)
    _show_page(report, library)
    if report.problems:
        raise typer.Exit(ExitCode.SOME_FAILED)


@app.command("apply")
@with_options
def apply(
    *,
    answered: AnsweredOpts,
    library: WritingOpts,
) -> None:
    """Record the answers that a review page saved. Recording a file twice changes nothing."""
    from trailcam.review.answers import read_answers
    from trailcam.review.apply import apply_answers

    answers = read_answers(answered.file)
    who = answered.who(answers.author)
    with library.locked() as database:
        done = apply_answers(
            database, answers, author=who, rules=library.settings.classes, overwrite=answered.overwrite
        )
    _show_applied(done, who)
    if done.conflicts:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _show_page(report: PageReport, library: Library) -> None:
    console.out.print(
        f"{printable(str(report.path))}: {count(report.n_photos, 'photo')} of {report.candidates:,} to"
        f" review, {report.size_bytes / 1e6:.1f} MB.",
        markup=False,
        soft_wrap=True,
    )
    library.name_some([f"No picture of {problem}" for problem in report.problems])


def _show_applied(done: Applied, who: str) -> None:
    parts = [f"Recorded {count(done.recorded, 'answer')} of {printable(who)}"]
    if done.known:
        parts.append(f"{done.known:,} known before")
    if done.agreed:
        parts.append(f"{done.agreed:,} already had this answer")
    if done.conflicts:
        parts.append(f"{count(len(done.conflicts), 'conflict')} left out")
    console.out.print("; ".join(parts) + ".", markup=False, soft_wrap=True)
    for conflict in done.conflicts:
        console.say(f"{conflict.name}: {conflict.why}")
    if done.conflicts:
        console.say("--overwrite replaces the other corrections with these answers.")
