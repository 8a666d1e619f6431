"""``trailcam report summary``: one page to print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trailcam.cli import console
from trailcam.cli.groups import with_options
from trailcam.cli.options import CacheOpt, LibraryOpts, QuestionOpts
from trailcam.errors import ExitCode
from trailcam.words.text import printable


@with_options
def summary(
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE.html", help="The page to write.", show_default=False),
    ],
    question: QuestionOpts,
    cache: CacheOpt = True,
    library: LibraryOpts,
) -> None:
    """One page to print: bucks by season, hour and station, and the six best photos."""
    from trailcam.pages.pictures import default_cache
    from trailcam.summary_page.make_summary import build_summary

    with console.progress("Pictures", quiet=library.quiet) as progress:
        made = build_summary(
            library.database, question, output, cache=default_cache() if cache else None, progress=progress
        )
    console.out.print(
        f"{printable(str(made.path))}: one page, {made.size_bytes / 1e6:.1f} MB.",
        markup=False,
        soft_wrap=True,
    )
    for problem in made.problems:
        console.say(f"No picture of {problem}")
    if made.problems:
        raise typer.Exit(ExitCode.SOME_FAILED)
