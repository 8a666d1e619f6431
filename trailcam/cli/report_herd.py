"""``trailcam report herd``."""

from __future__ import annotations

from enum import StrEnum
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
from trailcam.cli.report_options import ConfidencesOpt, GapOpt, answer_all, asked


class HerdKey(StrEnum):
    """What the rows of ``report herd`` can be grouped by."""

    MONTH = "month"
    SEASON = "season"
    STATION = "station"


def herd(
    months: Months = None,
    season: SeasonOpt = None,
    since: Since = None,
    until: Until = None,
    station: Stations = None,
    include_undated: IncludeUndated = False,
    confidence: ConfidencesOpt = None,
    by: Annotated[
        list[HerdKey] | None,
        typer.Option("--by", help="A key of the rows; may be repeated.", show_default="one row for all"),
    ] = None,
    gap: GapOpt = None,
    format_: FormatOpt = None,
    output: OutputOpt = None,
    db: DbOpt = None,
    config: ConfigOpt = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Bucks and fawns per 100 does, by event, with intervals and what is known of their bias."""
    from trailcam.cli.render import chosen_format, emit
    from trailcam.reports import herd as report

    chosen = chosen_format(format_, output)
    context, questions = asked(
        months, season, since, until, station, include_undated, confidence, gap, db, config, quiet, verbose
    )
    keys = [str(key) for key in by or ()]
    with context.database.read() as connection:
        answer = answer_all(
            questions,
            keys,
            lambda question: report.herd(connection, question, by=keys),
            names=report.COUNTED,
            shown=report.RATIOS,
        )
    emit(answer, chosen, output)


def register(app: typer.Typer) -> None:
    """Add the command to ``trailcam report``."""
    app.command("herd")(herd)
