"""``trailcam report``: questions to the database."""

from __future__ import annotations

from typing import Annotated

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
)
from trailcam.cli.output_options import FormatOpt, OutputOpt
from trailcam.cli.report_more import register
from trailcam.cli.report_options import ConfidencesOpt, GapOpt, answer_all, asked
from trailcam.reports.model import Key

app = typer.Typer(help="Answers from the database, each with its coverage.", no_args_is_help=True)
register(app)


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
    confidence: ConfidencesOpt = None,
    by: Annotated[
        list[Key] | None,
        typer.Option(
            "--by",
            help="A key of the rows; may be repeated.",
            show_default="month and age",
        ),
    ] = None,
    gap: GapOpt = None,
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
    context, questions = asked(
        months, season, since, until, station, include_undated, confidence, gap, db, config, quiet, verbose
    )
    keys = [str(key) for key in by] if by else list(report.DEFAULT_BY)
    with context.database.read() as connection:
        answer = answer_all(
            questions,
            keys,
            lambda question: report.bucks(
                connection,
                question.selection,
                confidence=question.confidence,
                gap=question.gap,
                by=keys,
                first_month=question.first_month,
                silent_days=question.silent_days,
            ),
        )
    emit(answer, chosen, output)
