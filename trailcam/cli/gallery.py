"""``trailcam gallery``."""

from __future__ import annotations

from enum import StrEnum
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
from trailcam.domain import AgeClass
from trailcam.errors import ExitCode
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.gallery.make_gallery import GalleryReport
    from trailcam.settings.config import Settings

_NAMED = 10  # photos without a picture that are named one by one


class Sort(StrEnum):
    """What comes first."""

    NEWEST = "newest"
    SURE = "sure"


class Blur(StrEnum):
    """What can be made unrecognisable."""

    PEOPLE = "people"


def gallery(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE.html", help="The page to write.", show_default=False),
    ],
    months: Months = None,
    season: SeasonOpt = None,
    since: Since = None,
    until: Until = None,
    station: Stations = None,
    include_undated: IncludeUndated = False,
    class_: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            help="Only photos of this class (deer, buck, doe, coyote ...); may be repeated.",
            show_default=False,
        ),
    ] = None,
    age: Annotated[
        list[AgeClass] | None,
        typer.Option("--age", help="Only photos of bucks of this age class; may be repeated."),
    ] = None,
    sort: Annotated[Sort, typer.Option("--sort", help="Which visits come first.")] = Sort.NEWEST,
    confidence: Annotated[
        float | None,
        typer.Option(
            "--confidence",
            min=0,
            max=1,
            help="Where the page's slider starts.",
            show_default="what the weights recommend, else 0.5",
        ),
    ] = None,
    lowest: Annotated[
        float,
        typer.Option(
            "--lowest", min=0, max=1, help="How far down the slider goes; lower makes a larger page."
        ),
    ] = 0.25,
    gap: Annotated[
        str | None,
        typer.Option("--gap", help="A longer pause begins a new visit: 30m, 1h.", show_default="30m"),
    ] = None,
    blur: Annotated[
        Blur | None,
        typer.Option(
            "--blur", help="Make the people that the model found unrecognisable.", show_default=False
        ),
    ] = None,
    split: Annotated[
        bool,
        typer.Option(
            "--split", help="Put the pictures into a folder beside the page: for more than 800 photos."
        ),
    ] = False,
    cache: Annotated[
        bool, typer.Option("--cache/--no-cache", help="Keep the small pictures for the next page.")
    ] = True,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Write an offline page of the visits: their best photos, with filters and statistics."""
    from trailcam.gallery.make_gallery import GalleryOptions, build_gallery
    from trailcam.pages.pictures import default_cache

    context = app_context(db, config, quiet, verbose, {"report.confidence": confidence, "report.gap": gap})
    settings = context.settings
    selection = build_selection(settings, months, season, since, until, station, include_undated)
    options = GalleryOptions(
        confidence=settings.report.confidence,
        lowest=lowest,
        gap=settings.report.gap,
        seasons=settings.seasons,
        first_month=_first_month(settings, season),
        blur_people=blur is Blur.PEOPLE,
        split=split,
        cache=default_cache() if cache else None,
        classes=[*(class_ or ()), *(one.value for one in age or ())],
        surest_first=sort is Sort.SURE,
    )
    with console.progress("Pictures", quiet=quiet) as progress:
        report = build_gallery(context.database, selection, output, options, progress)
    _show(report, context.verbose)
    if report.problems:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _first_month(settings: Settings, season: str | None) -> int:
    """The month that begins a season-year: that of the season asked for, else September."""
    from trailcam.words.months import DEFAULT_FIRST_MONTH

    if season is None:
        return DEFAULT_FIRST_MONTH
    found = settings.season(season)
    return found.first_month if found.wraps else 1


def _show(report: GalleryReport, verbose: bool) -> None:
    where = f" and {printable(str(report.folder))}" if report.folder else ""
    console.out.print(
        f"{printable(str(report.path))}{where}: {count(report.n_photos, 'photo')} in"
        f" {count(report.n_visits, 'visit')} at {count(report.n_stations, 'station')},"
        f" {report.size_bytes / 1e6:.1f} MB.",
        markup=False,
        soft_wrap=True,
    )
    if report.too_many:
        console.say("So many photos make one file too large for large pictures: --split adds them.")
    for problem in report.problems if verbose else report.problems[:_NAMED]:
        console.say(f"No picture of {problem}")
    if len(report.problems) > _NAMED and not verbose:
        console.say(f"... and {len(report.problems) - _NAMED:,} more; -v names them all.")
