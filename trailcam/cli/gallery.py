"""``trailcam gallery``."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trailcam.cli import console
from trailcam.cli.groups import Sets, with_options
from trailcam.cli.options import CacheOpt, GapOpt, LibraryOpts, PerOpt, SelectionOpts
from trailcam.domain import AgeClass
from trailcam.errors import ExitCode
from trailcam.words.text import count, printable

if TYPE_CHECKING:
    from trailcam.cli.open_library import Library
    from trailcam.gallery.make_gallery import GalleryReport


class Sort(StrEnum):
    """What comes first."""

    NEWEST = "newest"
    SURE = "sure"


class Blur(StrEnum):
    """What can be made unrecognisable."""

    PEOPLE = "people"


@with_options
def gallery(
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE.html", help="The page to write.", show_default=False),
    ],
    selection: SelectionOpts,
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
        Sets("report.confidence"),
    ] = None,
    lowest: Annotated[
        float,
        typer.Option(
            "--lowest", min=0, max=1, help="How far down the slider goes; lower makes a larger page."
        ),
    ] = 0.25,
    gap: GapOpt = None,
    per: PerOpt = None,
    blur: Annotated[
        Blur | None,
        typer.Option("--blur", help="Blur the people that the model found.", show_default=False),
    ] = None,
    split: Annotated[
        bool,
        typer.Option(
            "--split", help="Put the pictures into a folder beside the page: for more than 800 photos."
        ),
    ] = False,
    cache: CacheOpt = True,
    library: LibraryOpts,
) -> None:
    """Write an offline page of visits, each with its best photo. With filters and statistics."""
    from trailcam.gallery.gallery_options import GalleryOptions
    from trailcam.gallery.make_gallery import build_gallery
    from trailcam.pages.pictures import default_cache

    settings = library.settings
    options = GalleryOptions(
        confidence=settings.report.confidence,
        lowest=lowest,
        gap=settings.report.gap,
        seasons=settings.seasons,
        first_month=settings.first_month(selection.season),
        blur_people=blur is Blur.PEOPLE,
        split=split,
        cache=default_cache() if cache else None,
        classes=[*(class_ or ()), *(one.value for one in age or ())],
        surest_first=sort is Sort.SURE,
        per_visit=settings.report.per_visit,
    )
    with console.progress("Pictures", quiet=library.quiet) as progress:
        report = build_gallery(library.database, selection, output, options, progress)
    _show(report, library)
    if report.problems:
        raise typer.Exit(ExitCode.SOME_FAILED)


def _show(report: GalleryReport, library: Library) -> None:
    where = f" and {printable(str(report.folder))}" if report.folder else ""
    console.out.print(
        f"{printable(str(report.path))}{where}: {count(report.n_photos, 'photo')} in"
        f" {count(report.n_visits, 'visit')} at {count(report.n_stations, 'station')},"
        f" {report.size_bytes / 1e6:.1f} MB.",
        markup=False,
        soft_wrap=True,
    )
    if report.too_many:
        console.say("With this many photos, one file has no room for large pictures: --split adds them.")
    library.name_some([f"No picture of {problem}" for problem in report.problems])
