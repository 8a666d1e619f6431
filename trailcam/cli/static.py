"""``trailcam static``: boxes that stay where they are, and areas in which nothing counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.groups import with_options
from trailcam.cli.lazy import SubcommandGroup
from trailcam.cli.options import (
    AnsweredOpts,
    AuthorOpt,
    CacheOpt,
    ConfidenceOpts,
    LibraryOpts,
    OutputOpts,
    WritingOpts,
)
from trailcam.errors import ExitCode, UsageError
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.static_boxes.apply_static import StaticApplied

app = typer.Typer(help="Leave out what never moves: stumps, feeders, areas.", no_args_is_help=True)
area_app = typer.Typer(
    cls=SubcommandGroup, help="Areas of a station's pictures in which nothing counts.", no_args_is_help=True
)
app.add_typer(area_app, name="area")

_Stations = Annotated[list[str] | None, typer.Option("--station", help="Only this station; may be repeated.")]
_Station = Annotated[str, typer.Argument(metavar="STATION", help="A station.", show_default=False)]


@app.command("find")
@with_options
def find(
    *,
    station: _Stations = None,
    page: Annotated[
        Path | None,
        typer.Option("--page", metavar="FILE.html", help="Write an offline page to answer on."),
    ] = None,
    areas: Annotated[
        bool, typer.Option("--areas", help="Show every station on the page, to draw areas on.")
    ] = False,
    counting: ConfidenceOpts,
    cache: CacheOpt = True,
    output: OutputOpts,
    library: WritingOpts,
) -> None:
    """List places where a camera has the same box in many photos over days. Nothing is hidden by it.

    Without [static] auto in the configuration, only `static apply` takes boxes out of the counts.
    """
    from trailcam.pages.pictures import default_cache
    from trailcam.reports.static_list import static_found
    from trailcam.static_boxes.find_static import find_static
    from trailcam.static_boxes.make_static_page import build_page, plan_page

    if areas and page is None:
        raise UsageError("--areas goes with --page.", "It shows every station on the page.")
    names = tuple(station or ())
    with library.writing() as db:
        found = find_static(db, counting.confidence, stations=names, auto=library.settings.static.auto)
        plan = plan_page(db, found.proposals, stations=names, every_station=areas) if page else None
    output.write(static_found(found, names))
    if plan is None or page is None:
        return
    with console.progress("Pictures", quiet=library.quiet) as progress:
        made = build_page(plan, page, default_cache() if cache else None, progress)
    library.say(
        f"{printable(str(made.path))}: {count(made.n_photos, 'place')}, {made.size_bytes / 1e6:.1f} MB."
        " What it saves goes to `trailcam static apply FILE`."
    )
    library.name_some([f"No picture of {problem}" for problem in made.problems])
    if made.problems:
        raise typer.Exit(ExitCode.SOME_FAILED)


@app.command("list")
@with_options
def list_(*, output: OutputOpts, library: LibraryOpts) -> None:
    """List all places that were found or answered for, and what is hidden at each."""
    from trailcam.reports.static_list import static_list

    with library.read() as db:
        report = static_list(db)
    output.write(report)


@app.command("show")
@with_options
def show(
    place: Annotated[int, typer.Argument(metavar="PLACE", help="Its number from `static list`.")],
    *,
    output: OutputOpts,
    library: LibraryOpts,
) -> None:
    """Show one place: its photos, and who said what of it."""
    from trailcam.reports.static_list import static_place

    with library.read() as db:
        report = static_place(db, place)
    output.write(report)


@app.command("apply")
@with_options
def apply(
    *,
    answered: AnsweredOpts,
    library: WritingOpts,
) -> None:
    """Record the answers that the page saved. Recording a file twice changes nothing."""
    from trailcam.static_boxes.apply_static import apply_static
    from trailcam.static_boxes.static_answers import read_static

    answers = read_static(answered.file)
    who = answered.who(answers.author)
    confidence = library.settings.report.confidence
    with library.writing() as db:
        done = apply_static(db, answers, author=who, confidence=confidence, overwrite=answered.overwrite)
    _show_applied(done, who)
    if done.conflicts:
        raise typer.Exit(ExitCode.SOME_FAILED)


@app.command("undo")
@with_options
def undo(
    place: Annotated[
        int | None,
        typer.Argument(
            metavar="PLACE", help="Its number from `static list`.", show_default="all that came last"
        ),
    ] = None,
    *,
    author: AuthorOpt = None,
    library: WritingOpts,
) -> None:
    """Take back the newest answer on a place, or all that was recorded last at once."""
    from trailcam.machine import user_name
    from trailcam.static_boxes.apply_static import undo_static

    with library.writing() as db:
        done = undo_static(db, place, author or user_name(), library.settings.report.confidence)
    parts = [f"{count(len(done.places), 'answer')} on places"] if done.places else []
    parts += [count(done.areas, "area")] if done.areas else []
    library.say(f"Taken back: {' and '.join(parts)}.")


@area_app.command("add")
@with_options
def area_add(
    station: _Station,
    *,
    points: Annotated[
        str,
        typer.Option(
            "--points",
            help='Its corners as shares of the photo, from the top left: "0,0 0.3,0 0.3,0.2".',
        ),
    ],
    author: AuthorOpt = None,
    library: WritingOpts,
) -> None:
    """Exclude an area: a box counts nowhere if its centre and most of it lie there.

    The page of `static find --page FILE.html --areas` lets you draw them.
    """
    from trailcam.machine import user_name
    from trailcam.static_boxes.areas import add_area
    from trailcam.static_boxes.polygon import parse_points

    corners = parse_points(points)
    with library.writing() as db:
        number, name = add_area(db, station, corners, author or user_name())
    library.say(
        f"Area {number}: nothing in it counts at {printable(name)}."
        f" `trailcam static area remove {printable(name)} {number}` takes it back."
    )


@area_app.command("list")
@with_options
def area_list(
    station: Annotated[
        str | None, typer.Argument(metavar="STATION", help="A station.", show_default="all")
    ] = None,
    *,
    output: OutputOpts,
    library: LibraryOpts,
) -> None:
    """List the excluded areas."""
    from trailcam.reports.static_list import area_list as report

    with library.read() as db:
        answer = report(db, station)
    output.write(answer)


@area_app.command("remove")
@with_options
def area_remove(
    station: _Station,
    number: Annotated[
        int | None,
        typer.Argument(metavar="AREA", help="Its number from `static area list`.", show_default="all"),
    ] = None,
    *,
    author: AuthorOpt = None,
    library: WritingOpts,
) -> None:
    """Let boxes in a station's areas, or in one of them, count again."""
    from trailcam.machine import user_name
    from trailcam.static_boxes.areas import drop_areas

    with library.writing() as db:
        removed = drop_areas(db, station, number, author or user_name())
    library.say(f"{count(removed, 'area')} removed: boxes there count again.")


def _show_applied(done: StaticApplied, who: str) -> None:
    parts = [count(done.things, "thing"), count(done.animals, "animal"), count(done.areas, "area")]
    tail = f"; {done.known:,} known before" if done.known else ""
    tail += f"; {count(len(done.conflicts), 'conflict')} left out" if done.conflicts else ""
    console.out.print(f"Recorded {', '.join(parts)} of {printable(who)}{tail}.", markup=False, soft_wrap=True)
    for conflict in done.conflicts:
        console.say(conflict)
    if done.conflicts:
        console.say("--overwrite replaces the other answers with these.")
