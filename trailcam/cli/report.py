"""``trailcam report``: questions to the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

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
from trailcam.cli.output_options import FormatOpt, OutputOpt
from trailcam.reports.model import Key

if TYPE_CHECKING:
    from trailcam.config import Settings

app = typer.Typer(help="Answers from the database, each with its coverage.", no_args_is_help=True)


@app.callback()
def _reports() -> None:
    """Answers from the database, each with its coverage."""


@app.command("bucks")
def bucks(
    months: Months = None,
    season: SeasonOpt = None,
    since: Since = None,
    until: Until = None,
    station: Stations = None,
    include_undated: IncludeUndated = False,
    confidence: Annotated[
        float | None,
        typer.Option(
            "--confidence",
            min=0,
            max=1,
            help="Count boxes from this confidence on.",
            show_default="what the weights recommend, else 0.5",
        ),
    ] = None,
    by: Annotated[
        list[Key] | None,
        typer.Option(
            "--by",
            help="A key of the rows; may be repeated.",
            show_default="month and age",
        ),
    ] = None,
    gap: Annotated[
        str | None,
        typer.Option("--gap", help="A longer pause begins a new event: 30m, 1h.", show_default="30m"),
    ] = None,
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Photos, detections and events of bucks by age class, with the share of photos looked at."""
    from trailcam.cli.render import chosen_format, emit
    from trailcam.reports import bucks as report

    chosen = chosen_format(format_, output)
    context = app_context(db, config, quiet, verbose, {"report.confidence": confidence, "report.gap": gap})
    settings = context.settings
    selection = build_selection(settings, months, season, since, until, station, include_undated)
    threshold = settings.report.confidence
    with context.database.read() as connection:
        answer = report.bucks(
            connection,
            selection,
            confidence=threshold,
            gap=settings.report.gap,
            by=by or report.DEFAULT_BY,
            first_month=_first_month(settings, season),
        )
    emit(answer, chosen, output)


def _first_month(settings: Settings, season: str | None) -> int:
    """The month that begins a season-year: that of the season asked for, else September."""
    from trailcam.months import DEFAULT_FIRST_MONTH

    if season is None:
        return DEFAULT_FIRST_MONTH
    found = settings.season(season)
    return found.first_month if found.wraps else 1
