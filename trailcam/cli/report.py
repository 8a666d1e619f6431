"""``trailcam report``: questions to the database."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from trailcam.cli import report_accuracy, report_digest, report_herd
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
from trailcam.errors import UsageError
from trailcam.reports.base import Key

app = typer.Typer(help="Answers from the database, each with its coverage.", no_args_is_help=True)
register(app)


@app.callback()
def _reports() -> None:
    """Answers from the database, each with its coverage."""


class BuckPart(StrEnum):
    """What ``report bucks`` is made of."""

    COUNTS = "counts"
    SEASONS = "seasons"
    CONFIDENCE = "confidence"
    HOURS = "hours"
    NIGHTS = "nights"


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
    part: Annotated[
        list[BuckPart] | None,
        typer.Option(
            "--part",
            help="Only this part of the report; may be repeated. CSV and Parquet hold one.",
            show_default="all; counts in CSV, Parquet and at several confidences",
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
    """Bucks by age class, with coverage; season-years compared, in legal light or not, hours and nights."""
    from trailcam.cli.render import chosen_format, emit
    from trailcam.reports import buck_parts as report
    from trailcam.reports.bucks import DEFAULT_BY
    from trailcam.reports.formats import Format

    chosen = chosen_format(format_, output)
    context, questions = asked(
        months, season, since, until, station, include_undated, confidence, gap, db, config, quiet, verbose
    )
    keys = [str(key) for key in by] if by else list(DEFAULT_BY)
    one_table = chosen in (Format.CSV, Format.PARQUET)
    parts = [str(name) for name in part or ([BuckPart.COUNTS] if one_table else BuckPart)]
    if len(questions) > 1:
        if part and parts != [report.COUNTS]:
            raise UsageError("Only the counts stand beside each other at several confidences.", "Give one.")
        parts = [report.COUNTS]
    with context.database.read() as connection:
        answer = answer_all(
            questions,
            keys,
            lambda question: report.buck_report(connection, question, by=keys, parts=parts),
        )
    emit(report.as_rows(answer) if one_table else answer, chosen, output)


report_digest.register(app)
report_herd.register(app)
report_accuracy.register(app)
